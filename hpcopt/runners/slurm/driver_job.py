"""The driver as a Slurm job that is followed by another one before its time is over.

The jobs of one experiment have one name and depend on being the only one of that name
that runs: a successor is submitted while its predecessor lives, and begins when that
has ended. Each has a folder, ``driver/0001`` and on, in which all that is known of its
submission is kept, as it is for a trial's job: an answer of sbatch that was lost is
looked for before anything is submitted again.
"""

from __future__ import annotations

import hashlib
import json
import shlex
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from hpcopt.core.errors import (
    ConfigError,
    PollError,
    StorageError,
    SubmissionDeferredError,
    SubmissionUnknownError,
)
from hpcopt.core.trials.trial import Phase
from hpcopt.host.durable import make_folder_durably, write_text_durably
from hpcopt.runners.script.job_spec import MANAGED_OPTIONS, SlurmValue, option_names
from hpcopt.runners.script.template import ShellText, render_script
from hpcopt.runners.script.time_limit import parse_slurm_time
from hpcopt.slurm.batch_job import BatchJob, job_name
from hpcopt.slurm.commands import SlurmCommands
from hpcopt.slurm.driver_job_folders import CANCELLED, DRIVER_JOBS, latest
from hpcopt.slurm.queue import SlurmQueue
from hpcopt.slurm.site import SiteLimits
from hpcopt.slurm.states import phase_of
from hpcopt.slurm.submission import JobSubmitter

#: What makes one job follow the other, and is not the user's to set.
_MANAGED = MANAGED_OPTIONS | {"chdir", "dependency", "no-requeue", "requeue", "signal"}

#: How long before its end a job is told, unless it is told otherwise: an orderly stop
#: takes seconds, but sbatch may take two minutes on a busy cluster.
_LONGEST_HANDOVER_S = 300
_USUAL_HANDOVER_S = 120
_SHORTEST_HANDOVER_S = 30

_RETRY_AFTER_S = 3.0

_OVERRIDES = "options.json"


@dataclass(frozen=True)
class DriverJobSpec:
    """What the driver's jobs are like."""

    template: Path
    setup: tuple[str, ...]
    slurm: Mapping[str, SlurmValue]
    """Options of sbatch by their long names; underscores are read as dashes."""
    overrides: Mapping[str, SlurmValue]
    """Those that were asked for when the first job was submitted: they go before."""
    handover_s: int | None
    """How long before its end a job submits its successor; ``None`` for the usual."""
    config: Path

    def options(self) -> dict[str, str | None]:
        """Return the options for sbatch's command line; ``None`` for a flag.

        Raises:
            ConfigError: One is no option, or not the user's to set.
        """
        users = option_names(self.slurm, "driver.slurm", _MANAGED)
        users |= option_names(self.overrides, "submit", _MANAGED)
        return {
            **{k: None if v is True else str(v) for k, v in users.items()},
            "signal": f"B:USR1@{self._handover_s(users.get('time'))}",
            "dependency": "singleton",
            # A node that fails takes the driver down, and Slurm begins it anew.
            "requeue": None,
        }

    def _handover_s(self, limit: SlurmValue) -> int:
        if self.handover_s is not None:
            return self.handover_s
        if limit is None:
            return _USUAL_HANDOVER_S
        seconds = parse_slurm_time(str(limit), "driver.slurm.time")
        tenth = _LONGEST_HANDOVER_S if seconds is None else int(seconds / 10)
        return max(_SHORTEST_HANDOVER_S, min(_LONGEST_HANDOVER_S, tenth))

    def script(self, folder: Path) -> str:
        """Return the batch script of the job whose folder is ``folder``.

        Raises:
            ConfigError: The template is wrong.
        """
        words = ["-m", "hpcopt", "run", str(self.config), "--slurm"]
        command = [sys.executable, *words, "--driver-job", str(folder)]
        names = {
            "setup": ShellText("\n".join(self.setup)),
            "command": ShellText(shlex.join(command)),
        }
        script = render_script(self.template, names)
        if not script.startswith("#!"):
            raise ConfigError(f"{self.template}, line 1: expected a shebang")
        return script


class DriverJobs:
    """The jobs that drive one experiment, one after another."""

    def __init__(
        self,
        name: str,
        folder: Path,
        commands: SlurmCommands | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """Look after the jobs of an experiment.

        Args:
            name: The experiment's name.
            folder: The experiment's folder, absolute.
            commands: Runs Slurm's commands.
            clock: Returns the seconds since the epoch.
        """
        # Two experiments of one name, in two folders, must not wait for each other.
        place = hashlib.sha256(str(folder).encode()).hexdigest()[:8]
        self.name = job_name(f"hpcopt:{name}:driver:{place}")
        self._folder = folder / DRIVER_JOBS
        commands = commands or SlurmCommands()
        self._queue = SlurmQueue(commands)
        self._submitter = JobSubmitter(commands, SiteLimits(commands), clock)
        self._clock = clock

    def in_queue(self, own_id: str = "") -> str:
        """Return the id of a job that drives the experiment, or waits to.

        Args:
            own_id: One that is not meant: the job that asks.

        Raises:
            PollError: Slurm does not answer.
        """
        ids = [
            row.job.base
            for row in self._queue.jobs()
            if row.name == self.name
            and row.job.base != own_id
            and phase_of(row.word) is not Phase.ENDED
        ]
        return max(ids, key=int, default="")

    def submit(self, spec: DriverJobSpec, own_id: str = "") -> str:
        """Submit a job, unless there is one already; return the id of the one or other.

        Raises:
            SubmissionRefusedError: Slurm would never accept it.
            SubmissionDeferredError: It may be accepted later.
            SubmissionUnknownError: It may have been submitted.
            PollError: Slurm does not answer.
            ConfigError: The template or an option is wrong.
            StorageError: The job's folder cannot be written.
        """
        options = spec.options()
        last = latest(self._folder.parent)
        if last is not None and not last.job_id:
            # Its answer was lost, or its sbatch never called.
            self._submitter.settle(self.name, last.folder, [""])
        if there := self.in_queue(own_id):
            return there
        number = 1 if last is None else last.number + 1
        folder = self._folder / f"{number:04d}"
        try:
            make_folder_durably(folder)
            overrides = json.dumps(dict(spec.overrides))
            write_text_durably(folder / _OVERRIDES, overrides, sync_parent=False)
            write_text_durably(folder / "job.sh", spec.script(folder), mode=0o755)
        except OSError as exc:
            raise StorageError(f"{folder}: cannot be written: {exc.strerror}") from exc
        job = BatchJob(self.name, folder, options, is_array=False, is_placed=True)
        self._submitter.submit(job, [0])
        return self._submitter.accepted(folder)[0].job_id

    def submit_within(
        self,
        seconds: float,
        spec: DriverJobSpec,
        own_id: str = "",
        sleep: Callable[[float], None] = time.sleep,
    ) -> str:
        """Submit a job as ``submit`` does, trying for a while.

        Raises:
            HpcoptError: As ``submit``, when the time is over.
        """
        deadline = self._clock() + seconds
        while True:
            try:
                return self.submit(spec, own_id)
            except (SubmissionDeferredError, SubmissionUnknownError, PollError):
                if self._clock() >= deadline:
                    raise
            sleep(_RETRY_AFTER_S)

    def cancel(self, job_id: str) -> None:
        """Ask for a job that has not begun to be ended, and note that it was.

        Raises:
            PollError: Slurm does not answer.
        """
        self._queue.cancel([job_id])
        job = latest(self._folder.parent)
        if job is not None and job.job_id == job_id:
            (job.folder / CANCELLED).touch()


def overrides_of(folder: Path) -> dict[str, SlurmValue]:
    """Return the options that were asked for when the job in ``folder`` was submitted.

    Raises:
        StorageError: They cannot be read.
    """
    path = folder / _OVERRIDES
    try:
        options = json.loads(path.read_bytes())
    except (OSError, ValueError) as exc:
        raise StorageError(f"{path}: expected the options of a job: {exc}") from exc
    if not isinstance(options, dict):
        raise StorageError(f"{path}: expected an object, found {options!r}")
    return options
