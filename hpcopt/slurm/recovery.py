"""Adopt before retry: finding the job of an sbatch whose answer is not known.

sbatch can report a time-out for a job that exists and runs ("ghost submission"): the
controller, frozen or busy for a while, works its backlog off later. So a job is only
said to be absent when the queue and the accounting have both been seen without it, once
and again after a while.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass, replace
from pathlib import Path

from hpcopt.core.errors import PollError
from hpcopt.slurm.call_log import AnsweredCall, Call, answer_text, this_machine
from hpcopt.slurm.commands import SlurmCommands, is_running
from hpcopt.slurm.queue import SlurmQueue
from hpcopt.slurm.site import SiteLimits
from hpcopt.slurm.tables import AccountingRow, QueueRow

#: The accounting hears of a job this long after the controller accepted it.
_LAG_S = 5.0

#: No sbatch lives longer: it is killed after 150 s, and by itself tries for 120 s and
#: one message. Where its machine cannot be looked at, this is how long to wait for it.
_LONGEST_SBATCH_S = 180.0

#: How far the controller's clock may be behind the driver's.
_CLOCK_SKEW_S = 60.0


@dataclass(frozen=True)
class FoundJob:
    """A job that some sbatch made."""

    job_id: str
    cluster: str


class Recovery:
    """Looks for jobs whose ids got lost."""

    def __init__(
        self,
        commands: SlurmCommands,
        limits: SiteLimits,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._queue = SlurmQueue(commands)
        self._limits = limits
        self._clock = clock
        self._absent_since: dict[tuple[str, Call], float] = {}

    def find(
        self,
        name: str,
        script: Path,
        answered: AnsweredCall,
        *,
        known: Collection[str],
        clusters: Iterable[str] = ("",),
    ) -> FoundJob | None:
        """Return the job that the call made; ``None`` if it certainly made none.

        Args:
            name: The job's name.
            script: What was submitted.
            answered: The call, with what it said before it was cut off.
            known: Ids of jobs of the same name that other calls have made.
            clusters: Where it may be.

        Raises:
            PollError: That cannot be told yet.
        """
        call = answered.call
        is_here = call.machine == this_machine()
        if is_here and is_running(script):
            raise PollError(f"{name}: its sbatch is still running")
        for cluster in clusters:
            ids = self._search(name, call, cluster) - set(known)
            if ids:
                return FoundJob(min(ids, key=int), cluster)
        now = self._clock()
        if not is_here and now < call.time + _LONGEST_SBATCH_S:
            raise PollError(
                f"{name}: its sbatch may still be running on another machine"
            )
        since = self._absent_since.setdefault((name, call), now)
        if now - since < self._patience_s(answered, is_here):
            raise PollError(
                f"{name}: not found in Slurm; looking once more before it is submitted"
            )
        del self._absent_since[name, call]
        return None

    def find_unlogged(
        self, name: str, script: Path, since: Call, clusters: Iterable[str] = ("",)
    ) -> list[AnsweredCall]:
        """Return the calls that may have been made and whose log is gone.

        Args:
            name: The jobs' name.
            script: What may have been submitted.
            since: One call for all tasks, at a time before any that was made.
            clusters: Where the jobs may be.

        Raises:
            PollError: That cannot be told yet.
        """
        unknown = AnsweredCall(since, "")
        found = self.find(name, script, unknown, known=(), clusters=clusters)
        if found is None:
            return []
        tasks: dict[str, set[int]] = {}
        for row in self._rows(name, since, found.cluster):
            seen = tasks.setdefault(row.job.base, set())
            seen.update(task for span in row.job.tasks for task in span)
        return [
            AnsweredCall(
                replace(since, first=min(seen, default=0), last=max(seen, default=0)),
                answer_text(job_id, found.cluster),
            )
            for job_id, seen in sorted(tasks.items(), key=lambda item: int(item[0]))
        ]

    def _patience_s(self, answered: AnsweredCall, is_here: bool) -> float:
        """Return how long a job may take to appear that was sent before the look."""
        if is_here and not answered.text.strip():
            # It was killed, or never begun, with its driver; the controller is prompt.
            return _LAG_S
        # The controller was late once: give it the time that it gives its clients.
        return self._limits.message_timeout_s + _LAG_S

    def _search(self, name: str, call: Call, cluster: str) -> set[str]:
        """Return the ids of the jobs that the call may have made.

        squeue forgets jobs soon after their end, and sacct does not tell those that are
        held by their name: both are asked.
        """
        queued = self._queued(name, call, cluster)
        rows = queued or self._recorded(name, call, cluster)
        return {row.job.base for row in rows}

    def _rows(
        self, name: str, call: Call, cluster: str
    ) -> list[QueueRow | AccountingRow]:
        """Return all that Slurm knows of the jobs that the call may have made."""
        queued = self._queued(name, call, cluster)
        return [*queued, *self._recorded(name, call, cluster)]

    def _queued(self, name: str, call: Call, cluster: str) -> list[QueueRow]:
        rows = self._queue.jobs(cluster)
        return [row for row in rows if _is_made_by(call, name, row)]

    def _recorded(self, name: str, call: Call, cluster: str) -> list[AccountingRow]:
        ago = int(max(0.0, self._clock() - call.time) + _CLOCK_SKEW_S)
        rows = self._queue.accounts_named(name, ago, cluster) or []
        return [row for row in rows if _is_made_by(call, name, row)]


def _is_made_by(call: Call, name: str, row: QueueRow | AccountingRow) -> bool:
    if row.name != name or row.job.component or row.job.step:
        return False
    if call.folder and row.folder != call.folder:
        return False  # an experiment of the same name, in another folder
    if (
        row.submitted_at is not None
        and row.submitted_at < int(call.time) - _CLOCK_SKEW_S
    ):
        return False  # of an experiment that was in this folder before
    return all(
        call.first <= span[0] and span[-1] <= call.last for span in row.job.tasks
    )
