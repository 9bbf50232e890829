"""What a store of events is."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Protocol

from hpcopt.core.events import Event


class Store(Protocol):
    """An append-only sequence of events, safe against death at any instant.

    Once ``append`` has returned, the events survive a crash of the process, and one of
    the machine as far as the file system honours ``fsync``. Before that, each of them
    is either there whole or not at all, and none is there without those that precede
    it.
    """

    def read(self) -> Iterator[Event]:
        """Yield every event, in order; needs no lease and changes nothing.

        Raises:
            JournalDamagedError: An event that others follow cannot be read; the
                message says where.
        """

    def append(self, events: Sequence[Event]) -> None:
        """Append events together and durably; no events check the right to append.

        Raises:
            LeaseLostError: Another driver owns the store now; nothing was added.
            StorageError: The events could not be written; nothing was added.
        """

    def close(self) -> None:
        """Close the store; it may be closed twice."""
