"""How many more attempts may be submitted now, and if none, why."""

from __future__ import annotations

from dataclasses import dataclass

from hpcopt.core.experiment import Experiment
from hpcopt.core.trial import Attempt, Cause, Phase
from hpcopt.driver.limits import Limits
from hpcopt.runners.protocol import AttemptRunner


@dataclass(frozen=True)
class Room:
    """Room for attempts."""

    n: int
    """How many more may be submitted."""
    why: str = ""
    """What leaves no room, where it is not simply that enough trials are live."""


def room(experiment: Experiment, limits: Limits, runner: AttemptRunner) -> Room:
    """Return how much room the limits of the run and of the site leave.

    A trial keeps its place until its result is read: what is about to be known should
    be known to the next suggestion.
    """
    attempts = [
        trial.attempt for trial in experiment.open_trials() if trial.attempt is not None
    ]
    n_taken = sum(a.is_live or a.cause is Cause.SUCCESS for a in attempts)
    n = limits.parallelism - n_taken
    if why := _stuck(attempts):
        return Room(0, why)
    if n <= 0:
        return Room(0)
    if limits.max_queued_jobs is not None:
        waiting = [a for a in attempts if a.phase is Phase.WAITING]
        n_queued = runner.n_queued_jobs(waiting)
        whose = "of this experiment"
        if limits.count == "user":
            n_queued += runner.n_queued_elsewhere()
            whose = "of yours"
        if n_queued >= limits.max_queued_jobs:
            # No count: a line that changes at each look says no more.
            return Room(
                0,
                f"max_queued_jobs: {limits.max_queued_jobs} or more jobs {whose} wait "
                "in the queue",
            )
        n = min(n, (limits.max_queued_jobs - n_queued) * runner.trials_per_job)
    n_accepted = runner.site_room()
    if n_accepted is None or n <= n_accepted:
        return Room(n)
    return Room(n_accepted, "" if n_accepted else runner.why_no_room())


def _stuck(attempts: list[Attempt]) -> str:
    """Return what to do about attempts that cannot start, if there are any."""
    stuck = [attempt for attempt in attempts if attempt.is_stuck]
    if not stuck:
        return ""
    first = stuck[0]
    others = f" (and {len(stuck) - 1} more)" if len(stuck) > 1 else ""
    return (
        f"paused: trial {first.trial_index}{others} {first.reason}; nothing is "
        "submitted until it can start or is cancelled"
    )


def why_held(experiment: Experiment) -> str:
    """Return which trials people have wait, in one line; empty where there is none."""
    held = [attempt for attempt in experiment.live_attempts() if attempt.is_held]
    if not held:
        return ""
    others = f" (and {len(held) - 1} more)" if len(held) > 1 else ""
    return f"trial {held[0].trial_index}{others} {held[0].reason}"
