"""The states of jobs, from what squeue and sacct say together.

squeue is asked once for all jobs, sacct only for those that it lists as ended or lists
no more. A terminal word of sacct counts only for these: while a job is requeued, sacct
shows a terminal word for about a second, and squeue does not.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from itertools import groupby

from hpcopt.core.errors import PollError
from hpcopt.core.trials.cost import ACCOUNTING
from hpcopt.core.trials.retry_policy import BAD_NODE
from hpcopt.core.trials.trial import (
    HELD,
    STUCK,
    UNSTARTABLE,
    AttemptState,
    Cause,
    Phase,
)
from hpcopt.core.types import JSONValue
from hpcopt.slurm import states
from hpcopt.slurm.job_record import JobRecord, job_records
from hpcopt.slurm.queue import IDS_PER_CALL, SlurmQueue
from hpcopt.slurm.tables import AccountingRow, QueueRow, WatchedJob, match

logger = logging.getLogger(__name__)

#: The index of an attempt's trial, and its number.
_Key = tuple[int, int]

#: How long a job may be in neither place before it is given up as lost.
LOST_AFTER_S = 300.0

#: How long to wait for the accounting to say more about an end that is known already.
DETAILS_WITHIN_S = 30.0

#: How long sacct may say of a job that is requeued that it has ended; measured: 1 s.
_REQUEUED_WITHIN_S = 2.0


class JobWatch:
    """Determines the states of jobs, and remembers how long one has been missing."""

    def __init__(
        self,
        queue: SlurmQueue,
        clock: Callable[[], float] = time.time,
        *,
        lost_after_s: float = LOST_AFTER_S,
        details_within_s: float = DETAILS_WITHIN_S,
    ) -> None:
        self._queue = queue
        self._clock = clock
        self._lost_after_s = lost_after_s
        self._details_within_s = details_within_s
        self._missing_since: dict[str, float] = {}
        self._ended_since: dict[str, float] = {}
        self._strange: set[str] = set()
        self._unaccounted: dict[str, tuple[WatchedJob, _Key]] = {}
        """Jobs that have ended, of which the accounting may yet tell what they cost."""
        self._asks_for_others = True
        """Whether such jobs are asked for too: not after a call that failed, as longer
        answers may be the reason."""
        self._told_late: dict[_Key, dict[str, JSONValue]] = {}
        """What it has told of such jobs, and nobody has asked for yet."""
        self._blamed: dict[str, str] = {}
        """The nodes on which jobs could not be started; empty where none is known."""

    def look(self, jobs: Iterable[WatchedJob]) -> dict[str, AttemptState]:
        """Return the state of each job by its id, in few calls for all.

        Raises:
            PollError: The controller did not answer: nothing follows for any job.
        """
        found: dict[str, AttemptState] = {}
        by_cluster = sorted(jobs, key=lambda job: job.cluster)
        for cluster, group in groupby(by_cluster, key=lambda job: job.cluster):
            found |= self._look_at(cluster, list(group))
        return found

    def ended_by_itself(self, job: WatchedJob, key: _Key) -> None:
        """Take down a job of whose end files told, so that Slurm is not asked of it.

        Where the accounting is asked of others later, the same call is about it, too.

        Args:
            job: The job.
            key: Of the attempt that it ran.
        """
        self._unaccounted[job.job_id] = job, key
        if len(self._unaccounted) > IDS_PER_CALL:
            del self._unaccounted[next(iter(self._unaccounted))]

    def told_late(self) -> dict[_Key, dict[str, JSONValue]]:
        """Return what the attempts of such jobs cost, as far as it is told; each once.

        By the keys of the attempts.
        """
        told, self._told_late = self._told_late, {}
        return told

    def _look_at(
        self, cluster: str, jobs: Sequence[WatchedJob]
    ) -> dict[str, AttemptState]:
        try:
            queued = match(jobs, self._queue.jobs(cluster))
        except PollError:
            # An outage is not counted against a job, here as below.
            self._missing_since.clear()
            raise
        found: dict[str, AttemptState] = {}
        over: list[WatchedJob] = []
        for job in jobs:
            row = queued.get(job.job_id)
            phase = Phase.ENDED if row is None else self._phase(row.word)
            if row is None or phase is Phase.ENDED:
                over.append(job)
                continue
            self._forget(job)
            found[job.job_id] = _alive(job, row, phase)
        self._blame_node(cluster, found)
        if over:
            recorded, is_answered = self._recorded(cluster, over)
            for job in over:
                row = queued.get(job.job_id)
                found[job.job_id] = self._over(job, row, recorded, is_answered)
        return found

    def _recorded(
        self, cluster: str, jobs: Sequence[WatchedJob]
    ) -> tuple[dict[str, JobRecord] | None, bool]:
        """Return what the accounting has on jobs, and whether it could be asked."""
        # As many others as fit into the calls that are made for these.
        n_free = -len(jobs) % IDS_PER_CALL if self._asks_for_others else 0
        others = [j for j, _ in self._unaccounted.values() if j.cluster == cluster]
        others = others[:n_free]
        asked = [*jobs, *others]
        try:
            rows = self._queue.accounts(
                (job.job_id for job in asked), cluster, with_steps=True
            )
        except PollError as exc:
            logger.warning("no verdict on jobs that left the queue: %s", exc)
            self._asks_for_others = False
            return {}, False
        self._asks_for_others = True
        if rows is None:
            self._unaccounted.clear()
            return None, True
        records = job_records(asked, rows)
        for job in others:
            record = records.get(job.job_id)
            if record is not None and self._phase(record.row.word) is Phase.ENDED:
                _, key = self._unaccounted.pop(job.job_id)
                self._told_late[key] = record.facts
        return records, True

    def _over(
        self,
        job: WatchedJob,
        row: QueueRow | None,
        recorded: Mapping[str, JobRecord] | None,
        is_answered: bool,
    ) -> AttemptState:
        """Return the state of a job that the queue does not list as alive."""
        record = (recorded or {}).get(job.job_id)
        if record is not None and self._phase(record.row.word) is Phase.ENDED:
            if row is None and self._may_run_again(job, record.row):
                word = record.row.word.lower()
                return _unknown(job, f"is {word}, and may be requeued; looking again")
            self._forget(job)
            return _ended(job, record)
        if row is not None or job.exit_code is not None:
            # It is known to have ended, and the accounting may say how.
            since = self._ended_since.setdefault(job.job_id, self._clock())
            if recorded is not None and not self._is_late(
                since, self._details_within_s
            ):
                return _unknown(job, "has ended; waiting for the accounting to say how")
            self._forget(job)
            return _ended_undocumented(job, row)
        if not is_answered:
            # Only a row of answers from both places counts against a job.
            self._missing_since.pop(job.job_id, None)
            return _unknown(job, "is not in the queue, and sacct does not answer")
        since = self._missing_since.setdefault(job.job_id, self._clock())
        if not self._is_late(since, self._lost_after_s):
            return _unknown(job, "is not in the queue, and not ended in the accounting")
        self._forget(job)
        return AttemptState(
            Phase.ENDED,
            Cause.INFRASTRUCTURE,
            f"lost: job {job.job_id} was for {self._lost_after_s:g} s neither in the "
            "queue nor ended in the accounting",
            {"job_id": job.job_id},
        )

    def _may_run_again(self, job: WatchedJob, record: AccountingRow) -> bool:
        """Whether the end of a job that squeue does not show may be that of one run.

        An answer of squeue that was cut short may lack a job that is requeued just
        now, of which sacct says for about a second what it says of a job that ended.
        """
        word = states.read_word(record.word)
        if states.cause_of(word) is not Cause.INFRASTRUCTURE:
            return False
        since = self._ended_since.setdefault(job.job_id, self._clock())
        return not self._is_late(since, _REQUEUED_WITHIN_S)

    def _blame_node(self, cluster: str, found: dict[str, AttemptState]) -> None:
        """Find out on which nodes jobs were that Slurm could not start, once each."""
        unstartable = [job_id for job_id, s in found.items() if s.is_unstartable]
        asked = [job_id for job_id in unstartable if job_id not in self._blamed]
        if asked:
            try:
                rows = self._queue.accounts(asked, cluster, with_earlier=True)
            except PollError as exc:
                logger.warning("where jobs could not be started is not known: %s", exc)
                rows = None
            for job_id in asked:
                nodes = [row.node for row in rows or () if row.job.covers(job_id)]
                nodes = [node for node in nodes if states.is_one_node(node)]
                self._blamed[job_id] = nodes[-1] if nodes else ""
        for job_id in unstartable:
            if node := self._blamed[job_id]:
                facts = {**found[job_id].facts, BAD_NODE: node}
                found[job_id] = replace(found[job_id], facts=facts)

    def _phase(self, text: str) -> Phase:
        word = states.read_word(text)
        if not states.is_known(word) and word not in self._strange:
            self._strange.add(word)
            logger.warning("unknown state %r of a job: waiting for another one", text)
        return states.phase_of(word)

    def _is_late(self, since: float, patience_s: float) -> bool:
        return self._clock() - since >= patience_s

    def _forget(self, job: WatchedJob) -> None:
        self._missing_since.pop(job.job_id, None)
        self._ended_since.pop(job.job_id, None)


def _alive(job: WatchedJob, row: QueueRow, phase: Phase) -> AttemptState:
    facts: dict[str, JSONValue] = {"job_id": job.job_id, "node": row.node}
    if phase is Phase.WAITING:
        facts["pending_reason"] = row.reason
        if states.is_stuck(row.word, row.reason):
            facts[STUCK] = True
        if states.is_held(row.reason):
            facts[HELD] = True
        if states.is_unstartable(row.reason):
            facts[UNSTARTABLE] = True
        return AttemptState(
            phase, None, states.why_waiting(row.word, row.reason), facts
        )
    if phase is Phase.UNKNOWN:
        return AttemptState(phase, None, f"Slurm says {row.word}", facts)
    why = "" if row.word == "RUNNING" else row.word.lower()
    return AttemptState(phase, None, why, facts)


def _ended(job: WatchedJob, record: JobRecord) -> AttemptState:
    row = record.row
    word = states.read_word(row.word)
    cause = states.cause_of(word)
    code = row.exit_code or job.exit_code
    why = states.why_ended(row.word, code, row.signal)
    facts: dict[str, JSONValue] = {"job_id": job.job_id, "node": row.node}
    if row.elapsed_s is not None:
        facts["elapsed_s"] = row.elapsed_s
    if code is not None:
        facts["exit_code"] = code
    if row.signal:
        facts["signal"] = row.signal
    if (node := states.bad_node(word, row.node)) is not None:
        facts[BAD_NODE] = node
    facts[ACCOUNTING] = record.facts
    if word == "FAILED" and record.has_step_out_of_memory:
        cause, why = Cause.MEMORY, "a step of the job ran out of memory"
    return AttemptState(Phase.ENDED, cause, why, facts)


def _unknown(job: WatchedJob, what: str) -> AttemptState:
    return AttemptState(Phase.UNKNOWN, None, f"job {job.job_id} {what}")


def _ended_undocumented(job: WatchedJob, row: QueueRow | None) -> AttemptState:
    """Return the end of a job about which the accounting keeps silent."""
    facts: dict[str, JSONValue] = {"job_id": job.job_id}
    if job.exit_code is not None:
        facts["exit_code"] = job.exit_code
    if row is None:
        cause = Cause.TRIAL if job.exit_code else Cause.SUCCESS
        return AttemptState(Phase.ENDED, cause, f"exit code {job.exit_code}", facts)
    facts["node"] = row.node
    word = states.read_word(row.word)
    if (node := states.bad_node(word, row.node)) is not None:
        facts[BAD_NODE] = node
    return AttemptState(
        Phase.ENDED,
        states.cause_of(word),
        states.why_ended(row.word, job.exit_code, 0),
        facts,
    )
