"""Writes down what the driver has to say, so that others can read it at any time."""

from __future__ import annotations

from collections.abc import Mapping

from hpcopt.core import events as ev
from hpcopt.host.clock import Clock
from hpcopt.storage.journal import Journal

#: A note that changes again and again is written down no more often than this.
_SECONDS_BETWEEN_NOTES = 5.0

#: How many of the calls since the latest note a killed driver may take with it.
_SECONDS_BETWEEN_COUNTS = 300.0


class Notes:
    """The journal's entries on why nothing is submitted, and on calls so far."""

    def __init__(self, journal: Journal, clock: Clock) -> None:
        self._journal = journal
        self._clock = clock
        self._written_at = clock.now() - _SECONDS_BETWEEN_NOTES
        self._counted_at = clock.now()

    def take(self, note: str, calls: Mapping[str, int]) -> None:
        """Write ``note`` down if it is new, and the calls from time to time.

        Raises:
            StorageError: The journal cannot be written.
        """
        now = self._clock.now()
        activity = self._journal.experiment.driver_activity
        is_new = note != activity.note and _is_over(
            _SECONDS_BETWEEN_NOTES, self._written_at, now
        )
        is_due = dict(calls) != dict(activity.present_calls) and _is_over(
            _SECONDS_BETWEEN_COUNTS, self._counted_at, now
        )
        if is_new or is_due:
            self._journal.append(ev.DriverNoted(now, note, dict(calls)))
            self._written_at = self._counted_at = now


def _is_over(seconds: float, since: float, now: float) -> bool:
    # A clock that was set back must not silence the driver.
    return not 0 <= now - since < seconds
