"""submitit, with job scripts for pickles and with verdicts that can be trusted.

submitit gives the frame: an executor whose hooks make the submission command and read
the job's id from the answer, and futures that ask a watcher. What is replaced, and why:

* It submits a pickled function, which the job waits for after its driver may have died.
  Here the script is all there is, and is on disk before sbatch is called.
* It runs sbatch without a time-out and does not tell refusals from lost answers.
* Its arrays drop a subclass's script. Here an array is one script as well.
* Its watcher asks sacct alone and takes requeued and suspended jobs for ended ones.
* It waits 0.2 s between submissions.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from submitit import SlurmExecutor, SlurmJob
from submitit.core.core import Job
from submitit.core.utils import DelayedSubmission, UncompletedJobError
from submitit.slurm.slurm import SlurmInfoWatcher
from typing_extensions import override

from hpcopt.core.errors import (
    PollError,
    RunnerError,
    SubmissionDeferredError,
    SubmissionRefusedError,
    SubmissionUnknownError,
)
from hpcopt.core.trials.trial import AttemptState, Cause, Phase
from hpcopt.host.durable import cannot_write, is_lasting
from hpcopt.slurm.call_log import Call, CallLog, parse_answer
from hpcopt.slurm.commands import SlurmCommands
from hpcopt.slurm.matching import WatchedJob
from hpcopt.slurm.messages import submission_error
from hpcopt.slurm.queue import SlurmQueue
from hpcopt.slurm.watch import JobWatch


@dataclass(frozen=True)
class BatchScript:
    """A job script, and how to submit it."""

    path: Path
    options: tuple[str, ...]
    """What goes on sbatch's command line, before the script."""
    log: Path
    """Where the job writes to; ``%a`` stands for the array task."""
    is_array: bool = False


class TrialWatcher(SlurmInfoWatcher):
    """submitit's interface to a ``JobWatch``."""

    def __init__(self, watch: JobWatch, name: str) -> None:
        super().__init__(delay_s=60)
        self._watch = watch
        self._name = name
        self.cluster = ""
        self._states: dict[str, AttemptState] = {}

    @override
    def update(self) -> None:
        live = self._registered - self._finished
        jobs = [WatchedJob(job_id, self._name, self.cluster) for job_id in live]
        if not jobs:
            return
        self._num_calls += 1
        self._states |= self._watch.look(jobs)
        self._finished |= {
            job_id for job_id in live if self.known(job_id).phase is Phase.ENDED
        }

    @override
    def get_state(self, job_id: str, mode: str = "standard") -> str:
        self.get_info(job_id, mode=mode)
        return self.known(job_id).phase.value.upper()

    @override
    def is_done(self, job_id: str, mode: str = "standard") -> bool:
        return self.get_state(job_id, mode) == Phase.ENDED.value.upper()

    def known(self, job_id: str) -> AttemptState:
        """Return the state that was seen last."""
        return self._states.get(job_id, AttemptState(Phase.UNKNOWN))


class TrialJob(SlurmJob[Any]):
    """The future of one attempt's job; its result is that it succeeded."""

    def __init__(
        self,
        folder: Path | str,
        job_id: str,
        tasks: Sequence[int] = (0,),
        *,
        watcher: TrialWatcher,
        queue: SlurmQueue,
        log: Path,
    ) -> None:
        # submitit shares one watcher among all jobs of the process.
        self.watcher: TrialWatcher = watcher
        self._queue = queue
        self._log = log
        super().__init__(folder, job_id, tasks)

    @override
    def done(self, force_check: bool = False) -> bool:
        """Whether the job has ended for good. A controller that is away ends none."""
        try:
            return self.watcher.is_done(
                self.job_id, mode="force" if force_check else "standard"
            )
        except PollError:
            return False

    @override
    def cancel(self, check: bool = True) -> None:
        """Ask for the job to be ended."""
        self._queue.cancel([self.job_id], self.watcher.cluster)

    @override
    def _get_logs_string(self, name: str) -> str | None:
        task = self.job_id.partition("_")[2]
        log = Path(str(self._log).replace("%a", task)) if task else self._log
        return log.read_text(errors="replace") if log.exists() else None

    @override
    def _get_outcome_and_result(self) -> tuple[str, None]:
        state = self.watcher.known(self.job_id)
        if state.cause is not Cause.SUCCESS:
            raise UncompletedJobError(f"job {self.job_id}: {state.reason}")
        return "success", None


class TrialExecutor(SlurmExecutor):
    """Submits one job script by submitit's hooks."""

    job_class: type[SlurmJob[Any]] = TrialJob

    def __init__(
        self,
        script: BatchScript,
        call: Call,
        commands: SlurmCommands,
        watcher: TrialWatcher,
    ) -> None:
        """Prepare one call of sbatch.

        Args:
            script: What to submit.
            call: What to write down about it beforehand.
            commands: Slurm's commands.
            watcher: Who tells the jobs' states.
        """
        super().__init__(script.path.parent)
        self._throttling = 0.0
        self._script = script
        self._call = call
        self._commands = commands
        self._watcher = watcher

    @override
    @classmethod
    def affinity(cls) -> int:
        """Return that it may be made; submitit asks for srun, which is not needed."""
        return 2

    def submit_script(self) -> list[TrialJob]:
        """Run sbatch, and return one future a task.

        Raises:
            SubmissionRefusedError: Nothing was submitted, nor would it ever be.
            SubmissionDeferredError: Nothing was submitted; it may be possible later.
            SubmissionUnknownError: Something may have been submitted.
        """
        job_id = self._run(self._make_submission_command(self._script.path))
        ids = [job_id]
        if self._script.is_array:
            tasks = range(self._call.first, self._call.last + 1)
            ids = [f"{job_id}_{task}" for task in tasks]
        queue = SlurmQueue(self._commands)
        return [
            TrialJob(
                self.folder,
                each,
                watcher=self._watcher,
                queue=queue,
                log=self._script.log,
            )
            for each in ids
        ]

    def _run(self, command: list[str]) -> str:
        """Run sbatch and return the job's id, or say what its failure means."""
        log = CallLog(self._script.path.parent)
        try:
            output = log.begin(self._call)
        except OSError as exc:
            if is_lasting(exc):
                raise cannot_write(Path(exc.filename or self.folder), exc) from exc
            raise SubmissionDeferredError(f"cannot write sbatch.log: {exc}") from exc
        try:
            answer = self._commands.sbatch(command[1:], output)
        except OSError as exc:
            _end(output, "sbatch could not be started\n")
            missing = isinstance(exc, FileNotFoundError)
            kind = SubmissionRefusedError if missing else SubmissionDeferredError
            raise kind(f"sbatch cannot be run: {exc}") from exc
        _end(output, "" if answer.code is not None else "sbatch was killed: time-out\n")
        try:
            text = log.read()[-1].text
        except OSError as exc:
            raise SubmissionUnknownError(f"sbatch.log is not legible: {exc}") from exc
        found = parse_answer(text)
        if answer.code != 0 and found is None:
            raise submission_error(text, answer.code)
        self._watcher.cluster = found[1] if found else ""
        return self._get_job_id_from_submission_command(text)

    @override
    def _make_submission_command(self, submission_file_path: Path) -> list[str]:
        options = self._script.options
        return ["sbatch", "--parsable", *options, str(submission_file_path)]

    @override
    @staticmethod
    def _get_job_id_from_submission_command(string: bytes | str) -> str:
        text = string if isinstance(string, str) else string.decode()
        found = parse_answer(text)
        if found is None:
            raise SubmissionUnknownError(
                f"expected sbatch to print a job id, found {text!r}"
            )
        return found[0]

    @override
    def _internal_process_submissions(
        self, delayed_submissions: list[DelayedSubmission]
    ) -> list[Job[Any]]:
        raise RunnerError("a TrialExecutor submits its script, not functions")


def _end(output: int, note: str) -> None:
    """Add a note to what sbatch said, and close it."""
    # A full disk changes nothing of what sbatch did; the note only shortens a search.
    with suppress(OSError):
        os.write(output, note.encode())
    with suppress(OSError):
        os.close(output)
