"""How many more attempts may be submitted now, and if none, why."""

from __future__ import annotations

import math
from dataclasses import dataclass

from hpcopt.core.experiment import Experiment
from hpcopt.core.trials.trial import Attempt, Cause, Phase
from hpcopt.driver.limits import Limits
from hpcopt.driver.planning import typical_duration_s
from hpcopt.driver.polling import settling_s
from hpcopt.host.clock import Clock
from hpcopt.runners.protocol import AttemptRunner


@dataclass(frozen=True)
class Room:
    """Room for attempts."""

    n: int
    """How many more may be submitted."""
    why: str = ""
    """What leaves no room, where it is not simply that enough trials are live."""


class Places:
    """The places for attempts that the limits of a run leave."""

    def __init__(self, limits: Limits, runner: AttemptRunner, clock: Clock) -> None:
        self._limits = limits
        self._runner = runner
        self._clock = clock
        self._submitted_at = -math.inf

    def note_submission(self, now: float) -> None:
        """Note that attempts were submitted."""
        self._submitted_at = now

    def room(self, experiment: Experiment) -> Room:
        """Return how many more attempts may be submitted now."""
        if self._is_settling(experiment):
            return Room(0)
        return room(experiment, self._limits, self._runner)

    def _is_settling(self, experiment: Experiment) -> bool:
        """Whether free places wait for others, to be filled by one submission."""
        if not self._runner.is_shared or not experiment.live_attempts():
            return False
        since_s = self._clock.now() - self._submitted_at
        return 0 <= since_s < settling_s(typical_duration_s(experiment))

    def n_wanted(self, experiment: Experiment, room: Room, n_ready: int) -> int:
        """Return how many new trials may be generated now.

        None while too few places are free for a whole job, if others will become free.

        Args:
            experiment: As it stands.
            room: The places that are free.
            n_ready: How many attempts are ready to take them.
        """
        n = room.n - n_ready
        n_left = self._limits.max_trials - experiment.n_trials
        n_whole = min(self._runner.trials_per_job, n_left)
        return 0 if n < n_whole and experiment.open_trials() else n


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
    n_accepted = runner.site_capacity()
    if n_accepted is None or n <= n_accepted:
        return Room(n)
    return Room(n_accepted, "" if n_accepted else runner.why_no_capacity())


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
