"""What became of the attempts of a pack, from their folders and from its job.

The job tells nothing about a single attempt, which writes down itself how it ended.
Only for one that was cut off does the end of the job say why.
"""

from __future__ import annotations

import signal

from hpcopt.core.trials.trial import AttemptState, Cause, Phase
from hpcopt.core.types import JSONValue
from hpcopt.runners.script.attempt_folder import NEVER_RUN, Look
from hpcopt.runners.script.exit_status import exit_reason

#: What a program that has exceeded its memory is killed with.
_KILLED = 128 + signal.SIGKILL

#: Ends of a job that end what runs in it.
_CUTTING_OFF = (Cause.TIME, Cause.MEMORY, Cause.INFRASTRUCTURE, Cause.USER)


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
    return _ended(code, facts)


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
        return _ended(code, facts)
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
    return job if look.last_signal else _ended(look.exit_code, facts)


def _ended(code: int, facts: dict[str, JSONValue]) -> AttemptState:
    if code == 0:
        return AttemptState(Phase.ENDED, Cause.SUCCESS, "exit code 0", facts)
    return AttemptState(Phase.ENDED, Cause.TRIAL, exit_reason(code), facts)
