"""The states of packed attempts, from their files and from the job of the pack.

The state of the job tells nothing about a single attempt, whose exit code is in its own
folder. Only where an attempt was cut off does the end of the job say why. One attempt
can be stopped while the rest of its pack goes on.
"""

from __future__ import annotations

import signal
from collections.abc import Callable, Sequence
from pathlib import Path

from hpcopt.core.trials.cost import ACCOUNTING
from hpcopt.core.trials.trial import Attempt, AttemptState, Cause, Phase
from hpcopt.core.types import JSONValue
from hpcopt.runners.script.attempt_folder import (
    NEVER_RUN,
    AttemptFiles,
    AttemptFolder,
    Stopped,
    folder_of,
    read_files,
)
from hpcopt.runners.script.exit_status import failure

#: What a program that has exceeded its memory is killed with.
_KILLED = 128 + signal.SIGKILL

#: Ends of a job that end what runs in it.
_CUTTING_OFF = (Cause.TIME, Cause.MEMORY, Cause.INFRASTRUCTURE, Cause.USER)


#: Facts of a job that are about all of it.
_OF_PACK = ("elapsed_s", ACCOUNTING)

#: How long after the end of a pack the files of its node may still appear.
_LAST_WORD_S = 5.0


class PackedAttempts:
    """Derives the states of packed attempts, counts their jobs, and stops them."""

    def __init__(
        self, pack_folder: Callable[[str], Path], clock: Callable[[], float]
    ) -> None:
        """Begin without having seen any pack.

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
        self, attempt: Attempt, files: AttemptFiles, job_id: str, job: AttemptState
    ) -> AttemptState:
        """Return the state of an attempt whose files are not conclusive.

        Args:
            attempt: The attempt.
            files: Its files, read before ``job`` was determined.
            job_id: The id of its pack's job.
            job: The state of that job.
        """
        if job.phase is Phase.RUNNING:
            self._begun.add(attempt.name)
        if job.phase is not Phase.ENDED:
            return state(files, job)
        since = self._over_since.setdefault(job_id, self._clock())
        files = read_files(attempt)
        found = own_end(files) or state(files, job)
        is_late = not 0 <= self._clock() - since < _LAST_WORD_S
        if found.cause is Cause.INFRASTRUCTURE and not is_late:
            why = f"job {job_id} has ended; waiting for the last words of its trials"
            return AttemptState(Phase.UNKNOWN, None, why)
        return found

    def n_queued_jobs(self, waiting: Sequence[Attempt]) -> int:
        """Return how many jobs the given packed attempts wait in."""
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
            folder in asked or own_end(AttemptFolder(folder).read()) is not None
            for folder in folders
        )


def is_packed(attempt: Attempt) -> bool:
    """Whether an attempt that was submitted is one of a pack."""
    return bool((attempt.metadata or {}).get("pack"))


def own_end(files: AttemptFiles) -> AttemptState | None:
    """Return how an attempt ended, if its files are conclusive.

    They are not after a signal, which may have ended the whole job.
    """
    if files.started is not None and files.started.job_id == NEVER_RUN:
        return AttemptState(Phase.ENDED, Cause.USER, "it was stopped before it began")
    code = files.exit_code
    if code is None or code >= 128 or files.last_signal:
        return None
    facts: dict[str, JSONValue] = {"job_id": "", "exit_code": code}
    if files.started is not None:
        facts |= {"job_id": files.started.job_id, "node": files.started.host}
    facts |= files.run_facts
    return _ended(code, files, facts)


def state(files: AttemptFiles, job: AttemptState) -> AttemptState:
    """Return the state of an attempt whose files are not conclusive.

    Args:
        files: Its files, read *before* ``job`` was determined.
        job: The state of the pack's job.
    """
    # How long the whole pack ran, and what it cost, is not about this attempt.
    facts = {k: v for k, v in job.facts.items() if k not in _OF_PACK}
    facts |= files.run_facts
    code = files.exit_code
    if code is not None:
        facts["exit_code"] = code
    if job.phase is not Phase.ENDED or job.cause is None:
        return _live(files, job, facts)
    if files.stopped is not None:
        return AttemptState(Phase.ENDED, Cause.USER, "it was stopped", facts)
    if code is not None and job.cause not in _CUTTING_OFF:
        return _ended(code, files, facts)
    is_begun = files.started is not None
    if job.cause in _CUTTING_OFF and (is_begun or job.cause is Cause.USER):
        return AttemptState(Phase.ENDED, job.cause, job.reason, facts)
    what = "it was cut off" if is_begun else "its turn had not come"
    return AttemptState(
        Phase.ENDED,
        Cause.INFRASTRUCTURE,
        f"{what} when its pack ended: {job.reason}",
        facts,
    )


def _live(
    files: AttemptFiles, job: AttemptState, facts: dict[str, JSONValue]
) -> AttemptState:
    """Return the state of an attempt whose pack has not ended."""
    if job.phase is not Phase.RUNNING or job.reason:
        return job  # with a reason, such as completing, it is about to end
    if files.started is None:
        return AttemptState(Phase.WAITING, None, "its pack runs, its turn comes", facts)
    if files.exit_code is not None and files.stopped is not None:
        return AttemptState(Phase.ENDED, Cause.USER, "it was stopped", facts)
    if files.exit_code is None or files.exit_code == _KILLED:
        return job  # the end of the pack will say whether memory was the reason
    # A job whose end Slurm has begun is not running: this signal was the attempt's own.
    return job if files.last_signal else _ended(files.exit_code, files, facts)


def _ended(code: int, files: AttemptFiles, facts: dict[str, JSONValue]) -> AttemptState:
    if code == 0:
        return AttemptState(Phase.ENDED, Cause.SUCCESS, "exit code 0", facts)
    reason, more = failure(code, files.error)
    return AttemptState(Phase.ENDED, Cause.TRIAL, reason, {**facts, **more})
