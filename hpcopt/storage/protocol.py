"""What a store of events is."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Protocol

from hpcopt.core.events import Event


class Store(Protocol):
    """An append-only sequence of events, safe against death at any instant.

    When ``append`` has returned, the events survive the process, and the machine as
    far as the file system keeps its promises. When it has not, each of them is either
    there whole or not at all, and none is there before one that precedes it.
    """

    def read(self) -> Iterator[Event]:
        """Yield every event, in order. Needs no lease and changes nothing.

        Raises:
            JournalDamagedError: An event that others follow cannot be read; the
                message says where.
        """

    def append(self, events: Sequence[Event]) -> None:
        """Add events at the end, together and durably; none to see that one could.

        Raises:
            LeaseLostError: Another driver owns the store now; nothing was added.
            StorageError: The events could not be written; nothing was added.
        """

    def close(self) -> None:
        """Let go of the store."""
