"""What became of the attempts of a pack, from their folders and from its job.

The job tells nothing about a single attempt, which writes down itself how it ended.
Only for one that was cut off does the end of the job say why. Such an attempt is also
stopped by itself, as long as others of its pack go on.
"""

from __future__ import annotations

import signal
from collections.abc import Callable, Sequence
from pathlib import Path

from hpcopt.core.trials.trial import Attempt, AttemptState, Cause, Phase
from hpcopt.core.types import JSONValue
from hpcopt.runners.script.attempt_folder import (
    NEVER_RUN,
    AttemptFolder,
    Look,
    Stopped,
    folder_of,
    look_at,
)
from hpcopt.runners.script.exit_status import failure

#: What a program that has exceeded its memory is killed with.
_KILLED = 128 + signal.SIGKILL

#: Ends of a job that end what runs in it.
_CUTTING_OFF = (Cause.TIME, Cause.MEMORY, Cause.INFRASTRUCTURE, Cause.USER)


#: How long after the end of a pack the files of its node may still appear.
_LAST_WORD_S = 5.0


class PackedAttempts:
    """The attempts of packs: their states, their number of jobs, and their stops."""

    def __init__(
        self, pack_folder: Callable[[str], Path], clock: Callable[[], float]
    ) -> None:
        """Know nothing yet.

        Args:
            pack_folder: Returns the folder of the pack of a name.
            clock: Returns the seconds since the epoch.
        """
        self._pack_folder = pack_folder
        self._clock = clock
        self._begun: set[str] = set()
        """The names of the packs that were seen running."""
        self._over_since: dict[str, float] = {}
        """When packs, by the id of their job, were first seen to have ended."""

    def state(
        self, attempt: Attempt, look: Look, job_id: str, job: AttemptState
    ) -> AttemptState:
        """Return the state of an attempt whose own word is not enough.

        Args:
            attempt: The attempt.
            look: What was written down of it before the job was looked at.
            job_id: The job of its pack.
            job: The state of that job.
        """
        if job.phase is Phase.RUNNING:
            self._begun.add(attempt.name)
        if job.phase is not Phase.ENDED:
            return state(look, job)
        since = self._over_since.setdefault(job_id, self._clock())
        look = look_at(attempt)
        found = own_end(look) or state(look, job)
        is_late = not 0 <= self._clock() - since < _LAST_WORD_S
        if found.cause is Cause.INFRASTRUCTURE and not is_late:
            why = f"job {job_id} has ended; waiting for the last words of its trials"
            return AttemptState(Phase.UNKNOWN, None, why)
        return found

    def n_queued_jobs(self, waiting: Sequence[Attempt]) -> int:
        """Return how many jobs wait, given the attempts of packs that do."""
        return len({attempt.name for attempt in waiting} - self._begun)

    def stop_alone(self, attempts: Sequence[Attempt]) -> list[Attempt]:
        """Stop attempts whose packs have others to run.

        Returns:
            Those of packs that are to be stopped as a whole.
        """
        asked = {folder_of(attempt).path.resolve() for attempt in attempts}
        whole: list[Attempt] = []
        for attempt in attempts:
            if self._is_all_of_pack(attempt, asked):
                whole.append(attempt)
            elif not (folder := folder_of(attempt)).forbid_start():
                folder.write_stopped(Stopped(Cause.USER, self._clock()))
        return whole

    def _is_all_of_pack(self, attempt: Attempt, asked: set[Path]) -> bool:
        """Whether no attempt of a pack is left but those that are to be stopped."""
        links = self._pack_folder(attempt.name).iterdir()
        folders = [link.resolve() for link in links if link.is_symlink()]
        return all(
            folder in asked or own_end(AttemptFolder(folder).look()) is not None
            for folder in folders
        )


def is_packed(attempt: Attempt) -> bool:
    """Whether an attempt that was submitted is one of a pack."""
    return bool((attempt.metadata or {}).get("pack"))


def own_end(look: Look) -> AttemptState | None:
    """Return how an attempt ended, if its own word is enough.

    It is not after a signal, which may have been the end of the whole job.
    """
    if look.started is not None and look.started.job_id == NEVER_RUN:
        return AttemptState(Phase.ENDED, Cause.USER, "it was stopped before it began")
    code = look.exit_code
    if code is None or code >= 128 or look.last_signal:
        return None
    job_id = look.started.job_id if look.started else ""
    facts: dict[str, JSONValue] = {"job_id": job_id, "exit_code": code}
    if look.run_s is not None:
        facts["elapsed_s"] = look.run_s
    return _ended(code, look, facts)


def state(look: Look, job: AttemptState) -> AttemptState:
    """Return the state of an attempt whose own word is not enough.

    Args:
        look: What was written down *before* the job was looked at.
        job: The state of the job of the pack.
    """
    facts, code = dict(job.facts), look.exit_code
    if code is not None:
        facts["exit_code"] = code
    if job.phase is not Phase.ENDED or job.cause is None:
        return _live(look, job, facts)
    if look.stopped is not None:
        return AttemptState(Phase.ENDED, Cause.USER, "it was stopped", facts)
    if code is not None and job.cause not in _CUTTING_OFF:
        return _ended(code, look, facts)
    is_begun = look.started is not None
    if job.cause in _CUTTING_OFF and (is_begun or job.cause is Cause.USER):
        return AttemptState(Phase.ENDED, job.cause, job.reason, facts)
    what = "it was cut off" if is_begun else "its turn had not come"
    return AttemptState(
        Phase.ENDED,
        Cause.INFRASTRUCTURE,
        f"{what} when its pack ended: {job.reason}",
        facts,
    )


def _live(look: Look, job: AttemptState, facts: dict[str, JSONValue]) -> AttemptState:
    """Return the state of an attempt whose pack has not ended."""
    if job.phase is not Phase.RUNNING or job.reason:
        return job  # with a reason, such as completing, it is about to end
    if look.started is None:
        return AttemptState(Phase.WAITING, None, "its pack runs, its turn comes", facts)
    if look.exit_code is not None and look.stopped is not None:
        return AttemptState(Phase.ENDED, Cause.USER, "it was stopped", facts)
    if look.exit_code is None or look.exit_code == _KILLED:
        return job  # the end of the pack will say whether memory was the reason
    # A job whose end Slurm has begun is not running: this signal was the attempt's own.
    return job if look.last_signal else _ended(look.exit_code, look, facts)


def _ended(code: int, look: Look, facts: dict[str, JSONValue]) -> AttemptState:
    if code == 0:
        return AttemptState(Phase.ENDED, Cause.SUCCESS, "exit code 0", facts)
    reason, more = failure(code, look.error)
    return AttemptState(Phase.ENDED, Cause.TRIAL, reason, {**facts, **more})
