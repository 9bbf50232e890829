"""Sees what is new in an experiment's folder, with few calls of the file system."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from pathlib import Path

from hpcopt.cli.views.driver_state import DriverState, driver_state
from hpcopt.cli.watch.progress import NO_PROGRESS, Progress, progress_of
from hpcopt.core.errors import HpcoptError, StorageError
from hpcopt.core.experiment import Experiment
from hpcopt.experiment.folder import JOURNAL
from hpcopt.storage.journal_tail import JournalTail


@dataclass(frozen=True)
class Seen:
    """What was seen at one moment; nothing changes it afterwards."""

    now: float
    """When, in seconds since the epoch."""
    experiment: Experiment | None = None
    """As it stood when its journal could be read last; ``None`` before that."""
    progress: Progress = NO_PROGRESS
    driver: DriverState | None = None
    problem: str = ""
    """Why the journal, or the lease, cannot be read now, in a sentence."""
    version: int = 0
    """Another one whenever the experiment is another."""

    @property
    def is_driven(self) -> bool:
        """Whether a driver runs, or may run."""
        return self.driver is not None and self.driver.state in ("running", "silent")

    @property
    def elapsed_s(self) -> float:
        """How long ago the experiment began; up to its last event if nobody drives."""
        if self.experiment is None:
            return 0.0
        until = self.now if self.is_driven else self.experiment.last_event_time
        return max(0.0, until - self.experiment.begun.time)

    @property
    def until(self) -> float:
        """Up to when what is live has lasted, as far as anybody knows."""
        if self.experiment is None or self.is_driven:
            return self.now
        return self.experiment.last_event_time


class Observer:
    """Looks at an experiment's folder, again and again.

    What was added to the journal is read from where the last look ended, and no folder
    of a trial is listed.
    """

    def __init__(self, folder: Path) -> None:
        """Look at the experiment in ``folder``."""
        self.folder = folder
        self._path = folder / JOURNAL
        self._tail = JournalTail(self._path)
        self._refused: tuple[tuple[int, int, int], StorageError] | None = None
        """The journal whose content is wrong, and how."""
        self._seen = Seen(0.0)

    def look(self, now: float) -> Seen:
        """Return what there is at ``now``, in seconds since the epoch."""
        seen, problem = dataclasses.replace(self._seen, now=now), ""
        try:
            if self._update() and self._tail.experiment is not None:
                experiment = self._tail.experiment.copy()
                seen = dataclasses.replace(
                    seen,
                    experiment=experiment,
                    progress=progress_of(experiment),
                    version=seen.version + 1,
                )
        except HpcoptError as exc:
            problem = str(exc)
        driver = seen.driver
        if seen.experiment is not None:
            try:
                driver = driver_state(self.folder, seen.experiment, now)
            except StorageError as exc:
                problem = problem or str(exc)
        problem = problem.replace(f"{self.folder}/", "")  # which the header names
        self._seen = dataclasses.replace(seen, driver=driver, problem=problem)
        return self._seen

    def _update(self) -> bool:
        """Read what was added to the journal; return whether there was anything.

        A journal whose content is wrong is read again only once it is another: it may
        be large, and it is read from its beginning.

        Raises:
            StorageError: It cannot be read, or is still the one that could not be.
        """
        signature = _signature(self._path)
        if self._refused is not None and signature == self._refused[0]:
            raise self._refused[1]
        self._refused = None
        try:
            return bool(self._tail.update())
        except StorageError as exc:
            if signature is not None and not isinstance(exc.__cause__, OSError):
                self._refused = signature, exc
            raise


def _signature(path: Path) -> tuple[int, int, int] | None:
    """Return what changes when a file does; ``None`` if it cannot be told."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_ino, found.st_size, found.st_mtime_ns
