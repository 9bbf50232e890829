"""The states of attempts that are Slurm jobs: from their files, else from Slurm."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace

from hpcopt.core.errors import PollError
from hpcopt.core.trials.retry_policy import BAD_NODE
from hpcopt.core.trials.trial import DISK_FULL, Attempt, AttemptState, Cause, Phase
from hpcopt.core.types import JSONValue
from hpcopt.runners.script.attempt_folder import (
    AttemptFiles,
    folder_of,
    metadata_text,
    read_files,
)
from hpcopt.runners.script.exit_status import disk_was_full, exit_reason, failure
from hpcopt.runners.slurm.packs import PackedAttempts, is_packed, own_end
from hpcopt.slurm.batch_job import job_name
from hpcopt.slurm.futures import Outcome, TrialJob
from hpcopt.slurm.tables import WatchedJob
from hpcopt.slurm.watch import JobWatch

logger = logging.getLogger(__name__)

_Key = tuple[int, int]


class AttemptWatch:
    """Determines the states of attempts; files that are conclusive cost no call."""

    def __init__(
        self,
        watch: JobWatch,
        packs: PackedAttempts,
        note_end: Callable[[], None],
        requeues: Callable[[int], bool],
    ) -> None:
        """Watch attempts.

        Args:
            watch: Asks Slurm about jobs.
            packs: Derives the state of a packed attempt from that of its job.
            note_end: Called for each job that has ended by its attempt's files.
            requeues: Whether Slurm requeues jobs that end with an exit code.
        """
        self._requeues = requeues
        self._watch = watch
        self._packs = packs
        self._note_end = note_end
        self._waits_again: set[_Key] = set()
        """The attempts that have begun, and whose jobs were requeued and wait."""
        self._unexplained: set[_Key] = set()
        """Those whose end only Slurm can explain, and that were reported as such."""
        self._taken_over: dict[_Key, str] = {}
        """The ids of jobs that run attempts in place of those submitted for them."""

    def job_id(self, attempt: Attempt) -> str:
        """Return the id of the job that runs the attempt, as far as is known."""
        return self._taken_over.get(attempt.key) or metadata_text(attempt, "job_id")

    def poll_files(self, attempts: Sequence[Attempt]) -> Mapping[_Key, AttemptState]:
        """Return what the attempts' files tell; see ``AttemptRunner.poll_files``."""
        found: dict[_Key, AttemptState] = {}
        for attempt in attempts:
            files = read_files(attempt)
            end = self._own_end(attempt, files)
            if end is not None:
                found[attempt.key] = end
            elif is_packed(attempt):
                continue  # that it has begun tells nothing of when its pack did
            elif files.exit_code is not None:
                if attempt.key not in self._unexplained:
                    self._unexplained.add(attempt.key)
                    found[attempt.key] = AttemptState(Phase.UNKNOWN)
            elif (begun := self._beginning(attempt, files)) is not None:
                found[attempt.key] = begun
        return found

    def poll(self, attempts: Sequence[Attempt]) -> Mapping[_Key, AttemptState]:
        """Return the state of each attempt.

        Raises:
            PollError: Slurm does not answer, and no attempt's files are conclusive.
        """
        all_files = {attempt.key: read_files(attempt) for attempt in attempts}
        found: dict[_Key, AttemptState] = {}
        jobs: dict[_Key, WatchedJob] = {}
        for attempt in attempts:
            files = all_files[attempt.key]
            end = self._own_end(attempt, files)
            if end is not None:
                found[attempt.key] = end
            else:
                jobs[attempt.key] = self._watched(attempt, files)
        # The attempts of a pack are one job.
        states = self._ask(dict.fromkeys(jobs.values()), is_all=not found)
        for attempt in attempts:
            if (job := jobs.get(attempt.key)) is not None:
                state = self._checked(attempt, states[job.job_id])
                if is_packed(attempt):
                    files = all_files[attempt.key]
                    state = self._packs.state(attempt, files, job.job_id, state)
                found[attempt.key] = state
        self._waits_again = {
            key
            for key in jobs
            if all_files[key].started is not None and found[key].phase is Phase.WAITING
        }
        return found

    def accounted(self) -> dict[_Key, Mapping[str, JSONValue]]:
        """Return what attempts cost that had ended by their files, each once."""
        return dict(self._watch.told_late())

    def _own_end(self, attempt: Attempt, files: AttemptFiles) -> AttemptState | None:
        """Return the end of an attempt, if its files are conclusive."""
        if is_packed(attempt):
            return own_end(files)
        code = files.exit_code
        # One that was told to end may be requeued: Slurm has to say.
        if code is None or files.last_signal:
            return None
        job_id = self.job_id(attempt)
        future = TrialJob(folder_of(attempt).path, job_id, lambda: self._left(files))
        if not future.done():
            return None
        self._note_end()
        facts: dict[str, JSONValue] = {"job_id": job_id, "exit_code": code}
        if files.started is not None:
            facts["node"] = files.started.host
        facts |= files.run_facts
        error = future.exception()
        state = AttemptState(Phase.ENDED, Cause.SUCCESS, "exit code 0", facts)
        if error is not None:
            failed = replace(state, cause=Cause.TRIAL, reason=str(error))
            state = _failed(attempt, failed, code)
        if state.phase is Phase.ENDED:  # why it failed may not be legible yet
            self._watch.ended_by_itself(self._watched(attempt, files), attempt.key)
        return state

    def _left(self, files: AttemptFiles) -> Outcome | None:
        """Return the outcome of a job by its files; ``None`` if Slurm must be asked."""
        if files.exit_code == 0:
            return Outcome()
        code, error = files.exit_code, files.error
        if code is None or error is None or error.may_be_memory or self._requeues(code):
            return None
        return Outcome(error.message, error.traceback)

    def _beginning(self, attempt: Attempt, files: AttemptFiles) -> AttemptState | None:
        """Return that an attempt runs, if it waited until now, and was not requeued."""
        started, job_id = files.started, self.job_id(attempt)
        if (
            started is None
            or started.job_id != job_id
            or attempt.phase is not Phase.WAITING
            or attempt.key in self._waits_again
        ):
            return None
        facts: dict[str, JSONValue] = {"job_id": job_id, "node": started.host}
        return AttemptState(Phase.RUNNING, facts=facts)

    def _watched(self, attempt: Attempt, files: AttemptFiles) -> WatchedJob:
        """Return the job of an attempt, for ``JobWatch``."""
        return WatchedJob(
            self.job_id(attempt),
            job_name(attempt.name),
            metadata_text(attempt, "cluster"),
            None if is_packed(attempt) else files.exit_code,
        )

    def _ask(
        self, jobs: Iterable[WatchedJob], *, is_all: bool
    ) -> Mapping[str, AttemptState]:
        """Return the state of each job by its id; all unknown if Slurm does not answer.

        Args:
            jobs: The jobs.
            is_all: Whether nothing else is known of any attempt.

        Raises:
            PollError: Slurm does not answer, and nothing else is known.
        """
        jobs = list(jobs)
        if not jobs:
            return {}
        try:
            return self._watch.look(jobs)
        except PollError as exc:
            if is_all:
                raise
            logger.warning("poll failed, only files tell something: %s", exc)
            unknown = AttemptState(Phase.UNKNOWN, None, str(exc))
            return dict.fromkeys((job.job_id for job in jobs), unknown)

    def _checked(self, attempt: Attempt, state: AttemptState) -> AttemptState:
        """Return the state, unless another job has run the attempt instead."""
        if state.phase is not Phase.ENDED:
            return state
        job_id = self.job_id(attempt)
        try:
            started = folder_of(attempt).read_started()
        except OSError as exc:
            # Whether it was this job that ran the attempt is not known.
            return AttemptState(Phase.UNKNOWN, None, f"job {job_id} has ended; {exc}")
        if started is not None and started.job_id != job_id:
            self._taken_over[attempt.key] = started.job_id
            return AttemptState(
                Phase.UNKNOWN,
                None,
                f"job {job_id} has left the attempt to job {started.job_id}",
            )
        if state.cause is Cause.USER and attempt.is_unstartable:
            return _not_started(attempt, state)
        exit_code = state.facts.get("exit_code")
        if state.cause is Cause.TRIAL and isinstance(exit_code, int) and exit_code:
            return _failed(attempt, state, exit_code)
        return state


def _not_started(attempt: Attempt, state: AttemptState) -> AttemptState:
    """Return the end of an attempt that was cancelled as Slurm could not start it.

    That Slurm could not is known from the journal, as the driver that has cancelled it
    may be another one.
    """
    why = attempt.reason.removeprefix("waits: ")
    facts = dict(state.facts)
    if BAD_NODE in attempt.facts:
        facts[BAD_NODE] = attempt.facts[BAD_NODE]
    return replace(
        state,
        cause=Cause.INFRASTRUCTURE,
        reason=f"it could not be started, and was cancelled: {why}",
        facts=facts,
    )


def _failed(attempt: Attempt, state: AttemptState, exit_code: int) -> AttemptState:
    """Return the state of an attempt whose program failed, with the reason."""
    folder = folder_of(attempt)
    try:
        reason, facts = failure(exit_code, folder.read_error())
        is_full = disk_was_full(folder, exit_code)
    except OSError as exc:
        return AttemptState(Phase.UNKNOWN, None, f"{exit_reason(exit_code)}; {exc}")
    state = replace(state, reason=reason, facts={**state.facts, **facts})
    if not is_full:
        return state
    return replace(
        state,
        cause=Cause.INFRASTRUCTURE,
        reason=f"{reason}: no space was left to write to",
        facts={**state.facts, DISK_FULL: True},
    )
