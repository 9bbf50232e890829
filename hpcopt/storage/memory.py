"""A store that lasts as long as the process."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from typing_extensions import override

from hpcopt.core.events import Event
from hpcopt.storage.frames import decode, encode
from hpcopt.storage.protocol import Store


class MemoryStore(Store):
    """Events in memory, in the form in which a file would hold them."""

    def __init__(self) -> None:
        self._payloads: list[bytes] = []

    @override
    def read(self) -> Iterator[Event]:
        return map(decode, self._payloads)

    @override
    def append(self, events: Sequence[Event]) -> None:
        self._payloads += [encode(event) for event in events]

    @override
    def close(self) -> None:
        """Keep the events: whoever holds the store may go on reading it."""
