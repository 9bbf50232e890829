"""submitit's executor, with job scripts for pickles.

submitit gives the frame: an executor whose hooks make the submission command and read
the job's id from the answer. What is replaced, and why:

* It submits a pickled function, which the job waits for after its driver may have died.
  Here the script is all there is, and is on disk before sbatch is called.
* It runs sbatch without a time-out and does not tell refusals from lost answers.
* Its arrays drop a subclass's script. Here an array is one script as well.
* It waits 0.2 s between submissions.

Its futures are in ``futures.py``.
"""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path
from typing import Any

from submitit import SlurmExecutor
from submitit.core.core import Job
from submitit.core.utils import DelayedSubmission
from typing_extensions import override

from hpcopt.core.errors import (
    RunnerError,
    SubmissionDeferredError,
    SubmissionRefusedError,
    SubmissionUnknownError,
)
from hpcopt.host.durable import cannot_write, is_lasting
from hpcopt.slurm.batch_job import BatchJob
from hpcopt.slurm.call_log import Call, CallLog, parse_answer
from hpcopt.slurm.commands import SlurmCommands
from hpcopt.slurm.messages import submission_error


class TrialExecutor(SlurmExecutor):
    """Submits one job script by submitit's hooks."""

    def __init__(self, job: BatchJob, call: Call, commands: SlurmCommands) -> None:
        """Prepare one call of sbatch.

        Args:
            job: What to submit.
            call: What to write down about it beforehand; its tasks are submitted.
            commands: Slurm's commands.
        """
        super().__init__(job.folder)
        self._job = job
        self._call = call
        self._commands = commands

    @override
    @classmethod
    def affinity(cls) -> int:
        """Return that it may be made; submitit asks for srun, which is not needed."""
        return 2

    def submit_script(self) -> str:
        """Run sbatch, and return the id of the job or the job array.

        Raises:
            SubmissionRefusedError: Nothing was submitted, nor would it ever be.
            SubmissionDeferredError: Nothing was submitted; it may be possible later.
            SubmissionUnknownError: Something may have been submitted.
        """
        log = CallLog(self._job.folder)
        try:
            output = log.begin(self._call)
        except OSError as exc:
            if is_lasting(exc):
                raise cannot_write(Path(exc.filename or self.folder), exc) from exc
            raise SubmissionDeferredError(f"cannot write sbatch.log: {exc}") from exc
        command = self._make_submission_command(self._job.script)
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
        if answer.code != 0 and parse_answer(text) is None:
            raise submission_error(text, answer.code)
        return self._get_job_id_from_submission_command(text)

    @override
    def _make_submission_command(self, submission_file_path: Path) -> list[str]:
        tasks = range(self._call.first, self._call.last + 1)
        options = self._job.sbatch_options(tasks)
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
