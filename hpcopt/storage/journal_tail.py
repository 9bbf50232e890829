"""An experiment that follows its journal, to which a driver appends meanwhile."""

from __future__ import annotations

import itertools
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from hpcopt.core.errors import StorageError
from hpcopt.core.events import Event
from hpcopt.core.experiment import Experiment
from hpcopt.core.many_objects import without_garbage_collection
from hpcopt.storage.journal_cache import is_worth_keeping, read_cache, write_cache
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

    def __init__(self, path: Path, *, keeps_cache: bool = False) -> None:
        """Follow a journal.

        Args:
            path: The journal's file.
            keeps_cache: Whether a cache is written beside it where it would have saved
                time, and may be written. One that is there is used in any case.
        """
        self._path = path
        self._keeps_cache = keeps_cache
        self._forget()

    def _forget(self) -> None:
        self._experiment: Experiment | None = None
        self._offset = 0
        self._n_lines = 0
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
        return Position(self._offset, self._n_lines)

    def update(self) -> News:
        """Read what was added since the last update, and return it.

        Raises:
            StorageError: The journal cannot be read. Where it could not be opened the
                experiment stays as it was.
            JournalDamagedError: It is damaged.
        """
        data, owner = self._read()
        try:
            if self._experiment is not None:
                return News(self._follow(self._experiment, data))
            with without_garbage_collection():
                self._experiment = self._begin(data, owner)
        except StorageError:
            self._forget()  # the experiment may know a part of what was added
            raise
        return News(is_anew=self._experiment is not None)

    def _read(self) -> tuple[bytes, int]:
        """Return what follows and the file's owner; forget all where it does not."""
        try:
            with self._path.open("rb") as file:
                status = os.fstat(file.fileno())
                if (
                    self._experiment is None
                    or status.st_ino != self._inode
                    or not self._is_after_known(file)
                ):
                    self._forget()
                    self._inode = status.st_ino
                    file.seek(0)
                return file.read(), status.st_uid
        except OSError as exc:
            raise cannot_read(self._path, exc) from exc

    def _is_after_known(self, file: BinaryIO) -> bool:
        """Move to where the last update ended; return whether what precedes is it."""
        file.seek(self._offset - len(self._before))
        return file.read(len(self._before)) == self._before

    def _begin(self, data: bytes, owner: int) -> Experiment | None:
        """Return the experiment of a journal that holds ``data``."""
        cached = read_cache(self._path, data, owner)
        if cached is not None:
            experiment, position = cached
            n_cached = experiment.n_events
            self._offset, self._n_lines = position.offset, position.n_lines
            for event in self._events(data[self._offset :]):
                experiment.apply(event)
        else:
            n_cached = 0
            events = self._events(data)
            first = next(events, None)
            if first is None:
                return None
            experiment = Experiment.from_events(itertools.chain([first], events))
        self._before = data[max(0, self._offset - _N_COMPARED) : self._offset]
        if self._keeps_cache and is_worth_keeping(experiment.n_events, n_cached):
            write_cache(self._path, data, owner, experiment, self.position)
        return experiment

    def _follow(self, experiment: Experiment, data: bytes) -> tuple[Event, ...]:
        """Apply and return the events in ``data``, which follows what was read."""
        start = self._offset
        events = tuple(self._events(data))
        for event in events:
            experiment.apply(event)
        self._before = (self._before + data[: self._offset - start])[-_N_COMPARED:]
        return events

    def _events(self, data: bytes) -> Iterator[Event]:
        """Yield the events in ``data``, which follows what was read, and move on."""
        payloads, start = self._payloads(data), self.position
        if start == BEGINNING:
            next(payloads, None)  # the header
            start = AFTER_HEADER
        return events_of(self._path, payloads, start)

    def _payloads(self, data: bytes) -> Iterator[bytes]:
        for end, payload in frames_in(self._path, data, self.position):
            self._offset = end
            self._n_lines += 1
            yield payload
