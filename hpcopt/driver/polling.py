"""When to poll the scheduler, when to poll files, and when to submit.

Polls burden the scheduler, which users share: they become ever rarer while nothing
happens, and the rarer, the longer trials last. Polls of files cost it nothing: ends and
results are seen there first, and soon.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from hpcopt.core.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hpcopt.driver.limits import Limits

#: The site's least time between two polls, in seconds.
FLOOR_VARIABLE = "HPCOPT_MIN_SECONDS_BETWEEN_POLLS"

#: The longest interval between polls where files tell the rest: a share of a trial's
#: duration, within bounds. What only the scheduler can tell, such as the end of a job
#: that was killed, is seen so late.
_POLL_SHARE = 0.05
_LEAST_LONGEST_S = 30.0
_MOST_LONGEST_S = 300.0

#: The interval between polls of files: a share of a trial's duration, up to a bound.
_FILE_POLL_SHARE = 0.005
_LONGEST_FILE_POLL_S = 5.0

#: The share of its time that the driver may spend on polls of files.
_FILE_POLL_LOAD = 0.05

#: How long a free slot may wait for others, to be filled by one submission: a share of
#: a trial's duration. Shorter trials than `_SHORT_S` wait less than in proportion: they
#: would lose more than a call of the scheduler is worth.
_BATCHING_SHARE = 0.025
_SHORT_S = 600.0
_LONGEST_BATCHING_S = 90.0


def with_site_floor(limits: Limits, environment: Mapping[str, str]) -> Limits:
    """Return the limits with the site's least time between polls, if that is longer.

    Args:
        limits: The limits of the run.
        environment: Where ``FLOOR_VARIABLE`` is looked up.

    Raises:
        ConfigError: It is no number of seconds.
    """
    text = environment.get(FLOOR_VARIABLE, "").strip()
    if not text:
        return limits
    try:
        sites = replace(limits, min_seconds_between_polls=float(text))
    except (ValueError, ConfigError) as exc:
        raise ConfigError(
            f"{FLOOR_VARIABLE}: expected a number of seconds, found {text!r}"
        ) from exc
    return max(limits, sites, key=lambda one: one.min_seconds_between_polls)


def batching_delay_s(typical_s: float) -> float:
    """Return the least time between two submissions, in seconds.

    Args:
        typical_s: How long a trial lasts, in seconds; 0 if that is not known.
    """
    share = _BATCHING_SHARE * min(1.0, typical_s / _SHORT_S)
    return min(_LONGEST_BATCHING_S, share * typical_s)


@dataclass
class PollSchedule:
    """When to poll next: soon after a change, then with exponential back-off.

    All times are seconds since the epoch, by the driver's clock.
    """

    initial_s: float
    """The interval after a change."""
    floor_s: float = 0.0
    """The least interval, whatever happens."""
    has_file_polls: bool = False
    """Whether files tell most of what polls do, so that polls may be rare."""
    factor: float = 1.5
    """How much longer each interval without a change is than the one before."""
    next_poll_at: float = 0.0
    next_file_poll_at: float = 0.0
    _interval_s: float = 0.0
    _changed_at: float | None = field(default=None, repr=False)
    _polled_at: float | None = field(default=None, repr=False)
    _noted_at: float = field(default=0.0, repr=False)

    def is_poll_due(self, now: float) -> bool:
        """Whether it is time to poll."""
        # A clock that was set back must not hold polls up.
        return now >= self.next_poll_at or now < self._noted_at

    def is_file_poll_due(self, now: float) -> bool:
        """Whether it is time to poll files."""
        return self.has_file_polls and (
            now >= self.next_file_poll_at or now < self._noted_at
        )

    def next_due_at(self) -> float:
        """Return when the next poll, of the scheduler or of files, is due."""
        return (
            min(self.next_poll_at, self.next_file_poll_at)
            if self.has_file_polls
            else self.next_poll_at
        )

    def polled(self, now: float, *, has_changed: bool, typical_s: float = 0.0) -> None:
        """Note a poll of the scheduler.

        Args:
            now: The time.
            has_changed: Whether it found anything new.
            typical_s: How long a trial lasts, in seconds; 0 if that is not known.
        """
        if has_changed or self._changed_at is None or now < self._changed_at:
            self._changed_at = now
        longest_s = max(self._longest_s(now, typical_s), self.initial_s)
        if has_changed or self._interval_s == 0:
            self._interval_s = self.initial_s
        else:
            self._interval_s = min(longest_s, self._interval_s * self.factor)
        self._polled_at = self._noted_at = now
        self.next_poll_at = now + max(self.floor_s, self._interval_s)

    def _longest_s(self, now: float, typical_s: float) -> float:
        """Return the longest interval between polls of the scheduler."""
        if not self.has_file_polls:
            return _LEAST_LONGEST_S
        share_s = _POLL_SHARE * (typical_s or self._quiet_s(now))
        return min(_MOST_LONGEST_S, max(_LEAST_LONGEST_S, share_s))

    def _quiet_s(self, now: float) -> float:
        """Return for how long no poll has found anything new."""
        return 0.0 if self._changed_at is None else max(0.0, now - self._changed_at)

    def files_polled(self, now: float, *, took_s: float, typical_s: float) -> None:
        """Note a poll of files.

        Args:
            now: The time.
            took_s: How long the poll took, in seconds.
            typical_s: How long a trial lasts, in seconds; 0 if that is not known.
        """
        soonest_s = min(self.initial_s, 1.0)
        share_s = _FILE_POLL_SHARE * (typical_s or self._quiet_s(now))
        wait_s = min(_LONGEST_FILE_POLL_S, max(soonest_s, share_s))
        self.next_file_poll_at = now + max(wait_s, took_s / _FILE_POLL_LOAD)
        self._noted_at = now

    def submitted(self, now: float, *, typical_s: float) -> None:
        """Note a submission.

        It is worth a poll of its own unless files tell how attempts fare, and how long
        they last is known.
        """
        if not (self.has_file_polls and typical_s):
            self.poll_soon(now)

    def poll_soon(self, now: float) -> None:
        """Begin anew with the initial interval: only the scheduler can tell more."""
        self._interval_s = self.initial_s
        soon_at = now + self.initial_s
        if self._polled_at is not None and self._polled_at <= now:
            soon_at = max(soon_at, self._polled_at + self.floor_s)
        self.next_poll_at = min(self.next_poll_at, soon_at)
        self._noted_at = now
