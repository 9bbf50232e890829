"""What became of attempts that are Slurm jobs: what their files say, and then Slurm."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace

from hpcopt.core.errors import PollError
from hpcopt.core.trials.retry_policy import BAD_NODE
from hpcopt.core.trials.trial import DISK_FULL, Attempt, AttemptState, Cause, Phase
from hpcopt.core.types import JSONValue
from hpcopt.runners.script.attempt_folder import Look, folder_of, look_at, metadata_text
from hpcopt.runners.script.exit_status import disk_was_full, exit_reason, failure
from hpcopt.runners.slurm.packs import PackedAttempts, is_packed, own_end
from hpcopt.slurm.batch_job import job_name
from hpcopt.slurm.futures import Outcome, TrialJob
from hpcopt.slurm.tables import WatchedJob
from hpcopt.slurm.watch import JobWatch

logger = logging.getLogger(__name__)

_Key = tuple[int, int]


class AttemptWatch:
    """Tells the states of attempts; the end of one that went well costs no call."""

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
            packs: Knows what the job of a pack says of each of its attempts.
            note_end: Called for each job whose end its own files tell.
            requeues: Whether Slurm runs jobs again that end with an exit code.
        """
        self._requeues = requeues
        self._watch = watch
        self._packs = packs
        self._note_end = note_end
        self._waits_again: set[_Key] = set()
        """The attempts that have begun and wait again, in the queue."""
        self._unexplained: set[_Key] = set()
        """Those that ended in a way that only Slurm can explain, as was said."""
        self._taken_over: dict[_Key, str] = {}
        """The jobs that run attempts in place of those that were to."""

    def job_id(self, attempt: Attempt) -> str:
        """Return the id of the job that runs the attempt, as far as it is known."""
        return self._taken_over.get(attempt.key) or metadata_text(attempt, "job_id")

    def poll_files(self, attempts: Sequence[Attempt]) -> Mapping[_Key, AttemptState]:
        """Return what files tell; see ``AttemptRunner.poll_files``."""
        found: dict[_Key, AttemptState] = {}
        for attempt in attempts:
            look = look_at(attempt)
            end = self._own_end(attempt, look)
            if end is not None:
                found[attempt.key] = end
            elif is_packed(attempt):
                continue  # that it has begun tells nothing of when its pack did
            elif look.exit_code is not None:
                if attempt.key not in self._unexplained:
                    self._unexplained.add(attempt.key)
                    found[attempt.key] = AttemptState(Phase.UNKNOWN)
            elif (begun := self._beginning(attempt, look)) is not None:
                found[attempt.key] = begun
        return found

    def poll(self, attempts: Sequence[Attempt]) -> Mapping[_Key, AttemptState]:
        """Return the state of each attempt.

        Raises:
            PollError: Slurm does not answer, and no file tells anything.
        """
        looks = {attempt.key: look_at(attempt) for attempt in attempts}
        found: dict[_Key, AttemptState] = {}
        jobs: dict[_Key, WatchedJob] = {}
        for attempt in attempts:
            look = looks[attempt.key]
            end = self._own_end(attempt, look)
            if end is not None:
                found[attempt.key] = end
            else:
                jobs[attempt.key] = self._watched(attempt, look)
        # The attempts of a pack are one job.
        states = self._ask(dict.fromkeys(jobs.values()), is_all=not found)
        for attempt in attempts:
            if (job := jobs.get(attempt.key)) is not None:
                state = self._checked(attempt, states[job.job_id])
                if is_packed(attempt):
                    look = looks[attempt.key]
                    state = self._packs.state(attempt, look, job.job_id, state)
                found[attempt.key] = state
        self._waits_again = {
            key
            for key in jobs
            if looks[key].started is not None and found[key].phase is Phase.WAITING
        }
        return found

    def _own_end(self, attempt: Attempt, look: Look) -> AttemptState | None:
        """Return the end of an attempt, if its own word is enough."""
        if is_packed(attempt):
            return own_end(look)
        code = look.exit_code
        # One that was told to end may be requeued: Slurm has to say.
        if code is None or look.last_signal:
            return None
        job_id = self.job_id(attempt)
        future = TrialJob(folder_of(attempt).path, job_id, lambda: self._left(look))
        if not future.done():
            return None
        self._note_end()
        facts: dict[str, JSONValue] = {"job_id": job_id, "exit_code": code}
        if look.run_s is not None:
            facts["elapsed_s"] = look.run_s
        error = future.exception()
        if error is None:
            return AttemptState(Phase.ENDED, Cause.SUCCESS, "exit code 0", facts)
        state = AttemptState(Phase.ENDED, Cause.TRIAL, str(error), facts)
        return _failed(attempt, state, code)

    def _left(self, look: Look) -> Outcome | None:
        """Return what a job has left, if that and its exit code are the last word."""
        if look.exit_code == 0:
            return Outcome()
        code, error = look.exit_code, look.error
        if code is None or error is None or error.may_be_memory or self._requeues(code):
            return None
        return Outcome(error.message, error.traceback)

    def _beginning(self, attempt: Attempt, look: Look) -> AttemptState | None:
        """Return that an attempt runs, if it waited so far, and not once again."""
        started, job_id = look.started, self.job_id(attempt)
        if (
            started is None
            or started.job_id != job_id
            or attempt.phase is not Phase.WAITING
            or attempt.key in self._waits_again
        ):
            return None
        facts: dict[str, JSONValue] = {"job_id": job_id, "node": started.host}
        return AttemptState(Phase.RUNNING, facts=facts)

    def _watched(self, attempt: Attempt, look: Look) -> WatchedJob:
        """Return the job of an attempt, to be looked at."""
        return WatchedJob(
            self.job_id(attempt),
            job_name(attempt.name),
            metadata_text(attempt, "cluster"),
            None if is_packed(attempt) else look.exit_code,
        )

    def _ask(
        self, jobs: Iterable[WatchedJob], *, is_all: bool
    ) -> Mapping[str, AttemptState]:
        """Return the state of each job by its id, all unknown if Slurm does not answer.

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
        """Return the state, unless it is that of a job that left the attempt alone."""
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
    """Return what the failure of an attempt's own program means."""
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
