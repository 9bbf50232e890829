"""How many more attempts may be submitted now, and if none, why."""

from __future__ import annotations

import math
from dataclasses import dataclass

from hpcopt.core.experiment import Experiment
from hpcopt.core.trials.trial import Attempt, Cause, Phase
from hpcopt.driver.limits import Limits
from hpcopt.driver.planning import typical_duration_s
from hpcopt.driver.polling import batching_delay_s
from hpcopt.host.clock import Clock
from hpcopt.runners.protocol import AttemptRunner


@dataclass(frozen=True)
class Capacity:
    """How many attempts may be submitted."""

    n_slots: int
    """The number of free slots: how many more attempts may be live."""
    reason: str = ""
    """Which limit leaves none, where it is not simply ``parallelism``."""


class CapacityMonitor:
    """Tells the capacity that the limits of the run and of the site leave.

    On a runner that is shared, free slots are held back for a while after each
    submission, so that one submission fills several (``batching_delay_s``).
    """

    def __init__(self, limits: Limits, runner: AttemptRunner, clock: Clock) -> None:
        self._limits = limits
        self._runner = runner
        self._clock = clock
        self._submitted_at = -math.inf

    def note_submission(self, now: float) -> None:
        """Note that attempts were submitted at ``now``."""
        self._submitted_at = now

    def capacity(self, experiment: Experiment) -> Capacity:
        """Return how many more attempts may be submitted now."""
        if self._is_batching(experiment):
            return Capacity(0)
        return free_capacity(experiment, self._limits, self._runner)

    def _is_batching(self, experiment: Experiment) -> bool:
        """Whether free slots are held back, to be filled by one submission."""
        if not self._runner.is_shared or not experiment.live_attempts():
            return False
        since_s = self._clock.now() - self._submitted_at
        return 0 <= since_s < batching_delay_s(typical_duration_s(experiment))

    def n_to_generate(
        self, experiment: Experiment, capacity: Capacity, n_ready: int
    ) -> int:
        """Return how many new trials may be generated now.

        None while too few slots are free for a whole job, if others will become free.

        Args:
            experiment: As it stands.
            capacity: The slots that are free.
            n_ready: How many attempts are ready to take them.
        """
        n = capacity.n_slots - n_ready
        n_left = self._limits.max_trials - experiment.n_trials
        n_whole_job = min(self._runner.trials_per_job, n_left)
        return 0 if n < n_whole_job and experiment.open_trials() else n


def free_capacity(
    experiment: Experiment, limits: Limits, runner: AttemptRunner
) -> Capacity:
    """Return the capacity that the limits of the run and of the site leave.

    A trial keeps its slot until its result is read: what is about to be known should
    be known to the next suggestion.
    """
    attempts = [
        trial.attempt for trial in experiment.open_trials() if trial.attempt is not None
    ]
    n_taken = sum(a.is_live or a.cause is Cause.SUCCESS for a in attempts)
    n = limits.parallelism - n_taken
    if reason := _stuck_reason(attempts):
        return Capacity(0, reason)
    if n <= 0:
        return Capacity(0)
    if limits.max_queued_jobs is not None:
        waiting = [a for a in attempts if a.phase is Phase.WAITING]
        n_queued = runner.n_queued_jobs(waiting)
        whose = "of this experiment"
        if limits.count == "user":
            n_queued += runner.n_queued_elsewhere()
            whose = "of yours"
        if n_queued >= limits.max_queued_jobs:
            # No count: a line that changes at each poll says no more.
            return Capacity(
                0,
                f"max_queued_jobs: {limits.max_queued_jobs} or more jobs {whose} wait "
                "in the queue",
            )
        n = min(n, (limits.max_queued_jobs - n_queued) * runner.trials_per_job)
    n_accepted = runner.site_capacity()
    if n_accepted is None or n <= n_accepted:
        return Capacity(n)
    return Capacity(n_accepted, "" if n_accepted else runner.why_no_capacity())


def _stuck_reason(attempts: list[Attempt]) -> str:
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


def held_reason(experiment: Experiment) -> str:
    """Return which trials people hold in the queue, in one line; empty if none."""
    held = [attempt for attempt in experiment.live_attempts() if attempt.is_held]
    if not held:
        return ""
    others = f" (and {len(held) - 1} more)" if len(held) > 1 else ""
    return f"trial {held[0].trial_index}{others} {held[0].reason}"
