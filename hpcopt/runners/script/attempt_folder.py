"""The folder of one attempt: what is in it, and how it is read and written.

The folder is often on a network file system that lags. So a file is written under
another name, synced and renamed, and a folder is listed before a file in it is opened:
listing makes an NFS client ask the server, which a mere look-up may not.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from hpcopt.core.trials.cost import STARTED_AT
from hpcopt.core.trials.trial import Attempt, Cause
from hpcopt.core.types import JSONValue
from hpcopt.host.durable import write_text_durably
from hpcopt.host.process import Process, boot_id, host_name
from hpcopt.runners.script.worker_error import ERROR_FILE, WorkerError, parse_error

logger = logging.getLogger(__name__)

#: The job id in ``started`` of an attempt that was stopped before it began.
NEVER_RUN = "never-run"


@dataclass(frozen=True)
class Started:
    """The job that runs, or ran, an attempt: the content of ``started``."""

    job_id: str
    """Slurm's job id (``13_1`` for an array task), or the local runner's token."""
    host: str
    pid: int
    """The process of the wrapper ``job.sh``; it leads the session of a local trial."""
    boot_id: str
    """Tells one boot of a machine from the next, and one machine from another."""
    start_time: str
    """When the process began, in the kernel's ticks: tells a reused pid."""

    @classmethod
    def by(cls, process: Process, job_id: str) -> Started:
        """Return what a process writes down of an attempt that it runs."""
        start_time = str(process.start_time)
        return cls(job_id, process.host, process.pid, process.boot_id, start_time)

    def to_line(self) -> str:
        """Return the content of ``started``; ``wrapper.py`` writes the same in bash."""
        words = (self.job_id, self.host, self.pid, self.boot_id, self.start_time)
        return " ".join(map(str, words)) + "\n"


@dataclass(frozen=True)
class Stopped:
    """That a local attempt was asked to end: the content of ``stopped``."""

    cause: Cause
    """``Cause.USER`` or ``Cause.TIME``."""
    time: float
    """When, in seconds since the epoch."""


@dataclass(frozen=True)
class AttemptFiles:
    """What the files of an attempt say, read at one time."""

    started: Started | None
    """``None`` if it has not begun, or not yet legibly."""
    exit_code: int | None
    """``None`` if its job has not ended by itself."""
    last_signal: str
    """The last signal that an ended job has passed on to its script, if any."""
    stopped: Stopped | None
    run_facts: Mapping[str, JSONValue] = field(default_factory=dict, compare=False)
    """When its script began and how long it ran, where that has ended by itself."""
    error: WorkerError | None = None
    """What went wrong, where a Python trial's worker has told."""


NO_FILES = AttemptFiles(None, None, "", None)


@dataclass(frozen=True)
class AttemptFolder:
    """The files of one attempt."""

    path: Path

    @property
    def parameters(self) -> Path:
        """The parameterization, as a JSON object."""
        return self.path / "parameters.json"

    @property
    def script(self) -> Path:
        """The rendered template."""
        return self.path / "script.sh"

    @property
    def job(self) -> Path:
        """What is submitted: the wrapper that runs ``script``."""
        return self.path / "job.sh"

    @property
    def log(self) -> Path:
        """Standard output and standard error."""
        return self.path / "log.txt"

    @property
    def started(self) -> Path:
        """Exists from the job's first act on."""
        return self.path / "started"

    @property
    def ended(self) -> Path:
        """Holds the exit code, and a signal before it, in one line: the last act."""
        return self.path / "ended"

    @property
    def stopped(self) -> Path:
        """Exists once a local attempt was asked to end."""
        return self.path / "stopped"

    def read(self) -> AttemptFiles:
        """Return what the job and the runner have written so far."""
        # Listed first: see the module's docstring.
        names = self._names()
        started, ended, stopped, error = (
            self._read(name) if name in names else ""
            for name in ("started", "ended", "stopped", ERROR_FILE)
        )
        run_facts = self.run_facts() if started and ended else {}
        return AttemptFiles(
            _started(started),
            *_ended(ended),
            _stopped(stopped),
            run_facts,
            parse_error(error, started),
        )

    def run_facts(self) -> dict[str, JSONValue]:
        """Return when the script began and how long it ran, for an attempt's facts.

        Nothing unless it has ended by itself. It is by the clock of the file system, as
        the files may be read much later.
        """
        try:
            begun_at = self.started.stat().st_mtime
            run_s = max(0.0, self.ended.stat().st_mtime - begun_at)
        except FileNotFoundError:
            return {}
        return {STARTED_AT: round(begun_at, 3), "elapsed_s": round(run_s, 3)}

    def read_started(self) -> Started | None:
        """Return who runs the attempt; ``None`` if nobody, or not yet legible."""
        return _started(self._listed("started"))

    def read_ended(self) -> int | None:
        """Return the exit code; ``None`` if the job has not ended by itself."""
        return _ended(self._listed("ended"))[0]

    def read_error(self) -> WorkerError | None:
        """Return what a Python trial's worker says went wrong; ``None`` if nothing."""
        return parse_error(self._listed(ERROR_FILE), self._listed("started"))

    def read_stopped(self) -> Stopped | None:
        """Return why and when a local attempt was asked to end; ``None`` if not."""
        return _stopped(self._listed("stopped"))

    def write_stopped(self, stopped: Stopped) -> None:
        """Note that the attempt is asked to end, before it is."""
        write_text_durably(self.stopped, f"{stopped.cause} {stopped.time}\n")

    def forbid_start(self) -> bool:
        """Make the attempt one that can never start; return whether it had not."""
        never = Started(NEVER_RUN, host_name(), 0, boot_id(), "0")
        try:
            with self.started.open("x") as file:
                file.write(never.to_line())
        except FileExistsError:
            return False
        return True

    def _names(self) -> list[str]:
        try:
            return os.listdir(self.path)  # noqa: PTH208 - names, not paths
        except FileNotFoundError:
            return []

    def _listed(self, name: str) -> str:
        return self._read(name) if name in self._names() else ""

    def _read(self, name: str) -> str:
        try:
            return (self.path / name).read_text(encoding="utf-8", errors="replace")
        except FileNotFoundError:
            return ""


def folder_of(attempt: Attempt) -> AttemptFolder:
    """Return the folder of a submitted attempt."""
    return AttemptFolder(Path(metadata_text(attempt, "folder")))


def read_files(attempt: Attempt) -> AttemptFiles:
    """Return the files of a submitted attempt; ``NO_FILES`` if they cannot be read."""
    folder = folder_of(attempt)
    try:
        return folder.read()
    except OSError as exc:
        # A file system that fails just now says nothing about the trial.
        logger.warning("%s: cannot be looked into: %s", folder.path, exc.strerror)
        return NO_FILES


def metadata_text(attempt: Attempt, key: str) -> str:
    """Return a fact from the metadata of a submitted attempt."""
    return str((attempt.metadata or {})[key])


def ended_ns(folder: Path) -> int | None:
    """Return when the attempt in ``folder`` wrote its end down; ``None`` if it has not.

    In nanoseconds, by the clock of the file system: to compare with other files of it.
    """
    attempt = AttemptFolder(folder)
    if attempt.read_ended() is None:
        return None
    try:
        return attempt.ended.stat().st_mtime_ns
    except FileNotFoundError:  # it runs once more
        return None


def _started(text: str) -> Started | None:
    words = text.split()
    if len(words) != 5 or not words[2].isdecimal():
        return None
    job_id, host, pid, boot_id, start_time = words
    return Started(job_id, host, int(pid), boot_id, start_time)


def _ended(text: str) -> tuple[int | None, str]:
    words = text.split()
    if not text.endswith("\n") or not words or not words[0].isdecimal():
        return None, ""
    return int(words[0]), "".join(words[1:])


def _stopped(text: str) -> Stopped | None:
    words = text.split()
    return Stopped(Cause(words[0]), float(words[1])) if words else None


def attempt_folder(
    experiment_folder: Path, trial_index: int, number: int
) -> AttemptFolder:
    """Return the folder of attempt ``number`` of a trial: ``trials/0007/attempt-0``."""
    trial = experiment_folder / "trials" / f"{trial_index:04d}"
    return AttemptFolder(trial / f"attempt-{number}")
