"""Why a local attempt ended, from its files and the processes of this machine."""

from __future__ import annotations

from hpcopt.core.trials.trial import DISK_FULL, AttemptState, Cause, Phase
from hpcopt.core.types import JSONValue
from hpcopt.runners.local.session_processes import Machine, machine_of
from hpcopt.runners.script.attempt_folder import NEVER_RUN, AttemptFolder, Started
from hpcopt.runners.script.exit_status import disk_was_full, failure


def ended_state(
    folder: AttemptFolder, started: Started, code: int | None
) -> AttemptState:
    """Return the state of an attempt that has ended.

    Args:
        folder: The attempt's.
        started: The wrapper that ran it, which lives no more.
        code: The exit code that it wrote down, if it did.

    Raises:
        OSError: The folder cannot be read just now.
    """
    cause, reason, more = _why(folder, started, code)
    facts: dict[str, JSONValue] = {"host": started.host, "exit_code": code}
    facts |= folder.run_facts()
    return AttemptState(Phase.ENDED, cause, reason, {**facts, **more})


def _why(
    folder: AttemptFolder, started: Started, code: int | None
) -> tuple[Cause, str, dict[str, JSONValue]]:
    if started.job_id == NEVER_RUN:
        return Cause.USER, "it was stopped before it began", {}
    stopped = folder.read_stopped()
    if stopped is not None and stopped.cause is Cause.TIME:
        return Cause.TIME, "it reached its time limit and was ended", {}
    if stopped is not None:
        return Cause.USER, "it was stopped", {}
    if code != 0 and disk_was_full(folder, code):
        why = "no space was left to write to"
        return Cause.INFRASTRUCTURE, why, {DISK_FULL: True}
    if code == 0:
        return Cause.SUCCESS, "", {}
    if code is not None:
        return Cause.TRIAL, *failure(code, folder.read_error())
    if machine_of(started) is Machine.REBOOTED:
        return Cause.INFRASTRUCTURE, f"{started.host} was started anew meanwhile", {}
    return (
        Cause.TRIAL,
        f"its process {started.pid} is gone without an exit code: it was killed, "
        "perhaps for lack of memory",
        {},
    )
