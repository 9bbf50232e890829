"""Records the driver's status in the journal, for others to read at any time."""

from __future__ import annotations

from collections.abc import Mapping

from hpcopt.core import events as ev
from hpcopt.host.clock import Clock
from hpcopt.storage.journal import Journal

#: The least time between two records of a note that keeps changing.
_SECONDS_BETWEEN_NOTES = 5.0

#: The least time between two records of the calls: of a driver that is killed, the
#: calls since the latest one are lost.
_SECONDS_BETWEEN_COUNTS = 300.0


class DriverNotes:
    """Records why nothing is submitted, and the scheduler calls so far."""

    def __init__(self, journal: Journal, clock: Clock) -> None:
        self._journal = journal
        self._clock = clock
        self._written_at = clock.now() - _SECONDS_BETWEEN_NOTES
        self._counted_at = clock.now()

    def record(self, note: str, calls: Mapping[str, int]) -> None:
        """Record ``note`` if it is new, and the calls from time to time.

        Args:
            note: Why nothing is submitted or known, in one line; else empty.
            calls: How often each command was run, by command.

        Raises:
            StorageError: The journal cannot be written.
        """
        now = self._clock.now()
        activity = self._journal.experiment.driver_activity
        is_new = note != activity.note and _has_elapsed(
            _SECONDS_BETWEEN_NOTES, self._written_at, now
        )
        is_due = dict(calls) != dict(activity.present_calls) and _has_elapsed(
            _SECONDS_BETWEEN_COUNTS, self._counted_at, now
        )
        if is_new or is_due:
            self._journal.append(ev.DriverNoted(now, note, dict(calls)))
            self._written_at = self._counted_at = now


def _has_elapsed(seconds: float, since: float, now: float) -> bool:
    # A clock that was set back must not silence the driver.
    return not 0 <= now - since < seconds
