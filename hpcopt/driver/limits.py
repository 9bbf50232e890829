"""The limits of a run, which a user may change from run to run."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

from hpcopt.core.errors import ConfigError
from hpcopt.core.trials.retry_policy import DEFAULT_POLICIES, RetryPolicies


@dataclass(frozen=True)
class Limits:
    """The limits of a run."""

    max_trials: int
    """How many trials there shall be in all, over all runs of the experiment."""
    parallelism: int = 1
    """How many trials may be live at once."""
    max_queued_jobs: int | None = None
    """How many of the live ones may be waiting to start; ``None`` for no limit."""
    count: Literal["own", "user"] = "own"
    """Whose waiting jobs ``max_queued_jobs`` counts: this experiment's, or all of this
    user's."""
    tolerated_trial_failure_rate: float = 0.5
    """The run stops when a larger share of the ended trials has failed."""
    max_identical_failures: int | None = 4
    """The run stops when so many trials in a row failed immediately and in the same
    way, and none has succeeded in it; ``None`` to go on."""
    initial_seconds_between_polls: float = 1.0
    """The interval after a change; it grows while nothing happens."""
    min_seconds_between_polls: float = 0.0
    """The least interval, as a site may ask for."""
    result_grace_s: float = 2.0
    """How long the result of a trial that succeeded may still be missing."""
    policies: RetryPolicies = DEFAULT_POLICIES
    """How failed attempts are retried."""

    def __post_init__(self) -> None:
        for name, smallest in (
            ("max_trials", 1),
            ("parallelism", 1),
            ("max_queued_jobs", 1),
            ("max_identical_failures", 2),
        ):
            value = getattr(self, name)
            if value is not None and value < smallest:
                raise ConfigError(f"{name}: expected at least {smallest}, got {value}")
        if not 0 <= self.tolerated_trial_failure_rate <= 1:
            raise ConfigError(
                "tolerated_trial_failure_rate: expected a share between 0 and 1, "
                f"got {self.tolerated_trial_failure_rate}"
            )
        for name in (
            "initial_seconds_between_polls",
            "min_seconds_between_polls",
            "result_grace_s",
        ):
            seconds = getattr(self, name)
            if not (math.isfinite(seconds) and seconds >= 0):
                raise ConfigError(
                    f"{name}: expected a number of seconds, got {seconds}"
                )
