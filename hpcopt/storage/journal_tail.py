"""An experiment that follows its journal, to which a driver appends meanwhile."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from hpcopt.core.errors import StorageError
from hpcopt.core.events import Event
from hpcopt.core.experiment import Experiment
from hpcopt.storage.journal_data import (
    AFTER_HEADER,
    BEGINNING,
    Position,
    cannot_read,
    events_of,
    frames_in,
)

#: So many bytes before the place where one stands are compared with what they were.
_N_COMPARED = 4096


@dataclass(frozen=True)
class News:
    """What an update of a ``JournalTail`` has found."""

    events: tuple[Event, ...] = ()
    """The new events, in order; none where the experiment ``is_anew``."""
    is_anew: bool = False
    """Whether the experiment is another object now, read from its first event on: for
    the first time, or because the journal was replaced, rewritten or cut back."""

    def __bool__(self) -> bool:
        """Whether anything is new."""
        return self.is_anew or bool(self.events)


class JournalTail:
    """Reads a journal, and then on from where it stands; needs no lease.

    The file is opened by its name each time, as a network file system tells its newest
    state then, and only what follows is read. Whether that still follows what was read
    before is told by the file's inode and by the bytes before that place. It may not:
    a writer that cannot finish an append takes it back, and a person may begin the
    experiment again.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._forget()

    def _forget(self) -> None:
        self._experiment: Experiment | None = None
        self._position = BEGINNING
        self._before = b""
        self._inode: int | None = None

    @property
    def experiment(self) -> Experiment | None:
        """The experiment as it was at the last update; ``None`` while not begun.

        It is the same object throughout, growing with ``update``, until one is anew.
        """
        return self._experiment

    @property
    def position(self) -> Position:
        """How far the journal was read."""
        return self._position

    def update(self) -> News:
        """Read what was added since the last update, and return it.

        Raises:
            StorageError: The journal cannot be read. Where it could not be opened the
                experiment stays as it was.
            JournalDamagedError: It is damaged.
        """
        data = self._read()
        had_one = self._experiment is not None
        try:
            events = self._follow(data)
        except StorageError:
            self._forget()  # the experiment may know a part of what was added
            raise
        if had_one:
            return News(events)
        return News(is_anew=self._experiment is not None)

    def _read(self) -> bytes:
        """Return what follows; forget everything if it does not."""
        try:
            with self._path.open("rb") as file:
                inode = os.fstat(file.fileno()).st_ino
                if inode != self._inode or not self._is_after_known(file):
                    self._forget()
                    self._inode = inode
                    file.seek(0)
                return file.read()
        except OSError as exc:
            raise cannot_read(self._path, exc) from exc

    def _is_after_known(self, file: BinaryIO) -> bool:
        """Move to where the last update ended; return whether what precedes is it."""
        file.seek(self._position.offset - len(self._before))
        return file.read(len(self._before)) == self._before

    def _follow(self, data: bytes) -> tuple[Event, ...]:
        """Apply the events in ``data``, which begins at the position."""
        start = self._position
        frames = list(frames_in(self._path, data, start))
        if not frames:
            return ()
        end, payloads = frames[-1][0], [payload for _, payload in frames]
        is_first = start == BEGINNING
        events = tuple(
            events_of(self._path, payloads[1:], AFTER_HEADER)
            if is_first
            else events_of(self._path, payloads, start)
        )
        if self._experiment is not None:
            for event in events:
                self._experiment.apply(event)
        elif events:
            self._experiment = Experiment.from_events(events)
        self._position = Position(end, start.n_lines + len(frames))
        known = self._before + data[: end - start.offset]
        self._before = known[-_N_COMPARED:]
        return events
