"""What became of attempts that are Slurm jobs: what their files say, and then Slurm."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from hpcopt.core.errors import PollError
from hpcopt.core.trial import Attempt, AttemptState, Cause, Phase
from hpcopt.core.types import JSONValue
from hpcopt.runners.exit_code import exit_reason
from hpcopt.runners.full_disk import had_no_room
from hpcopt.runners.trial_folder import AttemptFolder
from hpcopt.slurm.options import job_name
from hpcopt.slurm.watch import JobWatch, WatchedJob

logger = logging.getLogger(__name__)

_Key = tuple[int, int]


class AttemptWatch:
    """Tells the states of attempts; the end of one that went well costs no call."""

    def __init__(self, watch: JobWatch, note_end: Callable[[], None]) -> None:
        """Watch attempts.

        Args:
            watch: Asks Slurm about jobs.
            note_end: Called for each attempt whose end its own files tell.
        """
        self._watch = watch
        self._note_end = note_end
        self._taken_over: dict[_Key, str] = {}
        """The jobs that run attempts in place of those that were to."""

    def poll(
        self, attempts: Sequence[Attempt], *, is_all: bool = True
    ) -> Mapping[_Key, AttemptState]:
        """Return the state of each attempt.

        Args:
            attempts: The attempts.
            is_all: Whether nothing else is known of any other.

        Raises:
            PollError: Slurm does not answer, and no file tells anything.
        """
        found: dict[_Key, AttemptState] = {}
        watched: dict[_Key, WatchedJob] = {}
        for attempt in attempts:
            exit_code, is_success = _end_of(attempt)
            if is_success:
                self._note_end()
                facts: dict[str, JSONValue] = {
                    "job_id": self.job_id(attempt),
                    "exit_code": 0,
                }
                found[attempt.key] = AttemptState(
                    Phase.ENDED, Cause.SUCCESS, "exit code 0", facts
                )
            else:
                watched[attempt.key] = self.watched(attempt, exit_code)
        states = self.look(watched.values(), is_all=is_all and not found)
        for attempt in attempts:
            if (job := watched.get(attempt.key)) is not None:
                found[attempt.key] = self.checked(attempt, states[job.job_id])
        return found

    def watched(self, attempt: Attempt, exit_code: int | None = None) -> WatchedJob:
        """Return the job of an attempt, to be looked at."""
        return WatchedJob(
            self.job_id(attempt),
            job_name(attempt.name),
            attempt_text(attempt, "cluster"),
            exit_code,
        )

    def look(
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

    def checked(self, attempt: Attempt, state: AttemptState) -> AttemptState:
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
        exit_code = state.facts.get("exit_code")
        if state.cause is Cause.TRIAL and isinstance(exit_code, int) and exit_code:
            return _failed(attempt, state, exit_code)
        return state

    def job_id(self, attempt: Attempt) -> str:
        """Return the id of the job that runs the attempt, as far as it is known."""
        return self._taken_over.get(attempt.key) or attempt_text(attempt, "job_id")


def folder_of(attempt: Attempt) -> AttemptFolder:
    """Return the folder of a submitted attempt."""
    return AttemptFolder(Path(attempt_text(attempt, "folder")))


def attempt_text(attempt: Attempt, key: str) -> str:
    """Return a fact from the metadata of a submitted attempt."""
    return str((attempt.metadata or {})[key])


def _failed(attempt: Attempt, state: AttemptState, exit_code: int) -> AttemptState:
    """Return what the failure of an attempt's own program means."""
    reason = exit_reason(exit_code)
    try:
        if not had_no_room(folder_of(attempt), exit_code):
            return replace(state, reason=reason)
    except OSError as exc:
        return AttemptState(Phase.UNKNOWN, None, f"{reason}; {exc}")
    return replace(
        state,
        cause=Cause.INFRASTRUCTURE,
        reason=f"{reason}: no space was left to write to",
    )


def _end_of(attempt: Attempt) -> tuple[int | None, bool]:
    """Return the exit code, if there is one, and whether that is a success."""
    folder = folder_of(attempt)
    try:
        exit_code = folder.read_ended()
        # One that was told to end may be requeued: Slurm has to say.
        return exit_code, exit_code == 0 and not folder.read_signal()
    except OSError as exc:
        logger.warning("trial %d: cannot look: %s", attempt.trial_index, exc)
        return None, False
