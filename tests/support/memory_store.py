"""A store in memory, for tests that need no file."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from typing_extensions import override

from hpcopt.core.events import Event
from hpcopt.storage.frames import decode_all, encode
from hpcopt.storage.protocol import Store


class MemoryStore(Store):
    """Events in memory, encoded as a journal's file would hold them."""

    def __init__(self) -> None:
        self._payloads: list[bytes] = []

    @override
    def read(self) -> Iterator[Event]:
        return decode_all(self._payloads)

    @override
    def append(self, events: Sequence[Event]) -> None:
        self._payloads += [encode(event) for event in events]

    @override
    def close(self) -> None:
        """Keep the events: the store can still be read."""
