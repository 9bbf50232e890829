"""Submits a batch script: each task once, in parts where a limit requires it."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from hpcopt.core.errors import PollError
from hpcopt.slurm.batch_job import SINGLE, BatchJob, job_name
from hpcopt.slurm.call_log import Call, CallLog, this_machine
from hpcopt.slurm.commands import SlurmCommands
from hpcopt.slurm.messages import (
    SubmitLimitError,
    advice,
    is_denied,
    submission_error,
)
from hpcopt.slurm.recovery import FoundJob, Recovery
from hpcopt.slurm.site import SiteLimits
from hpcopt.slurm.submit_limit import SubmitLimit

#: A larger array saves nothing, and holds back all of its tasks when one is refused.
_LARGEST_ARRAY = 1000


class JobSubmitter:
    """Calls sbatch, and remembers on disk what was asked and answered."""

    def __init__(
        self,
        commands: SlurmCommands,
        site: SiteLimits,
        clock: Callable[[], float] = time.time,
        *,
        limit: SubmitLimit | None = None,
    ) -> None:
        """Submit to a site.

        Args:
            commands: Runs Slurm's commands.
            site: The site's configuration.
            clock: Returns the seconds since the epoch.
            limit: Is told of what was submitted, and of refusals.
        """
        self._commands = commands
        self._limit = limit
        self._clock = clock
        self._site = site
        self._recovery = Recovery(commands, site, clock)
        self._n_accepted = _LARGEST_ARRAY
        """The largest array that the limit on submitted jobs allows, as it seems."""

    def max_array_size(self) -> int:
        """Return how many tasks to put into one array."""
        try:
            return min(self._n_accepted, self._site.max_array_size)
        except PollError:
            return 1  # single jobs are right at every site

    def accepted(self, folder: Path) -> dict[int, FoundJob]:
        """Return which job each task of the script became; 0 is a single job."""
        return {
            task: FoundJob(answered.job_id, answered.cluster)
            for answered in CallLog(folder).read()
            if answered.job_id
            for task in range(answered.call.first, answered.call.last + 1)
        }

    def was_tried(self, folder: Path) -> bool:
        """Whether sbatch may ever have been called for the script."""
        return bool(CallLog(folder).read())

    def submit(self, job: BatchJob, tasks: Sequence[int]) -> None:
        """Submit tasks of the script that are not submitted yet.

        An array that exceeds the limit on submitted jobs is submitted in parts, the
        later ones by later calls: as a whole it would be deferred for ever.

        Raises:
            SubmissionRefusedError: The first part would never be accepted.
            SubmissionDeferredError: The rest may be accepted later.
            SubmissionUnknownError: A part may have been submitted.
        """
        for span in _spans(tasks):
            left = span
            while left:
                part = left[: self._n_accepted] if job.is_array else left
                try:
                    self._sbatch(job, part)
                except SubmitLimitError:
                    if not job.is_array or len(part) == 1:
                        if self._limit is not None:
                            self._limit.refused()
                        raise
                    self._n_accepted = len(part) // 2
                else:
                    left = left[len(part) :]
                    if self._limit is not None:
                        self._limit.accepted(len(part) if job.is_array else 1)
                    self._n_accepted = min(_LARGEST_ARRAY, 2 * self._n_accepted)

    def test_only(self, job: BatchJob, script: str) -> str:
        """Return what sbatch says about when a job would start; submit nothing.

        Args:
            job: The job.
            script: The text of its script, which need not be written.

        Raises:
            SubmissionRefusedError: Slurm would not accept it, and says why.
            SubmissionDeferredError: Slurm would not accept it now.
            SubmissionUnknownError: Slurm says something else.
        """
        with tempfile.NamedTemporaryFile("w", suffix=".sh", encoding="utf-8") as file:
            file.write(script)
            file.flush()
            options = job.sbatch_options(SINGLE)
            answer = self._commands.dry_run([*options, file.name])
        text = f"{answer.out}{answer.err}"
        if answer.code != 0:
            words = "; ".join(filter(None, map(str.strip, text.splitlines())))
            found = f"sbatch --test-only exited {answer.code}: {words or 'no message'}"
            what_to_do = advice(text)
            kind = type(submission_error(text, answer.code))
            raise kind(f"{found}; {what_to_do}" if what_to_do else found)
        return text.strip().removeprefix("sbatch: ")

    def settle(self, name: str, folder: Path, clusters: Iterable[str]) -> None:
        """Learn the fate of the latest call of sbatch for a script, if it is not known.

        Afterwards, a task that is not ``accepted`` is not submitted.

        Raises:
            PollError: That cannot be told yet.
        """
        log = CallLog(folder)
        calls = log.read()
        if not calls or calls[-1].job_id or is_denied(calls[-1].text):
            return
        found = self._recovery.find(
            job_name(name),
            folder / "job.sh",
            calls[-1],
            known={call.job_id for call in calls},
            clusters=clusters,
        )
        if found is None:
            return
        try:
            log.adopt(calls[-1].call, found.job_id, found.cluster)
        except OSError as exc:
            raise PollError(f"cannot write sbatch.log: {exc}") from exc

    def settle_unlogged(
        self,
        job: BatchJob,
        tasks: range,
        since: float,
        clusters: Iterable[str],
    ) -> None:
        """Learn which tasks of a script were submitted whose folder got lost.

        Afterwards, a task that is not ``accepted`` is not submitted.

        Args:
            job: The script.
            tasks: All of its tasks.
            since: A time before it can have been submitted, in seconds since the epoch.
            clusters: Where it may have been submitted to.

        Raises:
            PollError: That cannot be told yet.
        """
        # A folder gets lost later than any sbatch ends: none runs on another machine.
        call = self._call(job, tasks, since)
        found = self._recovery.find_unlogged(
            job_name(job.name), job.script, call, clusters
        )
        if not found:
            return
        try:
            CallLog(job.folder).restore(found)
        except OSError as exc:
            raise PollError(f"cannot write sbatch.log: {exc}") from exc

    def _call(self, job: BatchJob, tasks: range, time: float) -> Call:
        return Call(
            time=time,
            first=tasks[0],
            last=tasks[-1],
            folder=str(job.folder) if job.is_placed else "",
            machine=this_machine(),
        )

    def _sbatch(self, job: BatchJob, tasks: range) -> None:
        # submitit is loaded by those who submit, not by those who only look.
        from hpcopt.slurm.executor import TrialExecutor

        call = self._call(job, tasks, self._clock())
        TrialExecutor(job, call, self._commands).submit_script()


def _spans(tasks: Sequence[int]) -> list[range]:
    """Return the runs of neighbours among ascending numbers."""
    spans: list[range] = []
    for task in tasks:
        if spans and task == spans[-1].stop:
            spans[-1] = range(spans[-1].start, task + 1)
        else:
            spans.append(range(task, task + 1))
    return spans
