"""Polls of the live attempts: of files often, of the scheduler rarely."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence

from hpcopt.core import events as ev
from hpcopt.core.errors import PollError
from hpcopt.core.trials.trial import Attempt, AttemptState, Phase
from hpcopt.driver.planning import typical_duration_s
from hpcopt.driver.polling import PollSchedule
from hpcopt.host.clock import Clock
from hpcopt.runners.protocol import AttemptRunner
from hpcopt.storage.journal import Journal

logger = logging.getLogger(__name__)

_States = Mapping[tuple[int, int], AttemptState]
_Change = ev.AttemptEnded | ev.AttemptObserved


class Collector:
    """Polls when that is due, and records in the journal what has changed."""

    def __init__(
        self,
        journal: Journal,
        runner: AttemptRunner,
        clock: Clock,
        schedule: PollSchedule,
    ) -> None:
        self.note = ""
        """Why the state of attempts is not known, in one line."""
        self._journal = journal
        self._runner = runner
        self._clock = clock
        self._schedule = schedule

    def collect(self) -> bool:
        """Poll the live attempts, if a poll is due.

        Returns:
            Whether any has ended.

        Raises:
            StorageError: The journal could not be written.
        """
        begun_at = self._clock.now()
        if self._schedule.is_poll_due(begun_at):
            self.note = ""
            # What files tell is no reason to poll the scheduler again soon.
            in_files = self._record(self._poll_files)
            polled = self._record(self._runner.poll)
            self._record_costs()
            self._schedule.polled(
                self._clock.now(),
                has_changed=bool(polled),
                typical_s=typical_duration_s(self._journal.experiment),
            )
            return any(isinstance(c, ev.AttemptEnded) for c in in_files + polled)
        if not self._schedule.is_file_poll_due(begun_at):
            return False
        changes = self._record(self._poll_files)
        now = self._clock.now()
        typical_s = typical_duration_s(self._journal.experiment)
        self._schedule.files_polled(now, took_s=now - begun_at, typical_s=typical_s)
        return any(isinstance(event, ev.AttemptEnded) for event in changes)

    def _record(self, poll: Callable[[Sequence[Attempt]], _States]) -> list[_Change]:
        """Poll the live attempts; record and return what has changed."""
        live = self._journal.experiment.live_attempts()
        states: _States = {}
        if live:
            try:
                states = poll(live)
            except PollError as exc:
                self.note = str(exc)
                logger.warning("poll failed, nothing follows from it: %s", exc)
        changes = [
            event
            for attempt in live
            if (state := states.get(attempt.key)) is not None
            and (event := self._event(attempt, state)) is not None
        ]
        if changes:
            self._journal.append(*changes)
        return changes

    def _record_costs(self) -> None:
        """Record what ended attempts cost, where the poll has told that."""
        now = self._clock.now()
        told = [
            ev.AttemptAccounted(now, *key, dict(accounting))
            for key, accounting in self._runner.accounted().items()
        ]
        if told:
            self._journal.append(*told)

    def _poll_files(self, live: Sequence[Attempt]) -> _States:
        states = self._runner.poll_files(live) or {}
        if any(state.phase is Phase.UNKNOWN for state in states.values()):
            self._schedule.poll_soon(self._clock.now())
        return states

    def _event(self, attempt: Attempt, state: AttemptState) -> _Change | None:
        now = self._clock.now()
        if state.phase is Phase.ENDED and state.cause is not None:
            return ev.AttemptEnded(
                now, *attempt.key, state.cause, state.reason, dict(state.facts)
            )
        if state.phase is Phase.UNKNOWN:
            self.note = state.reason
            return None
        if state.phase is attempt.phase and not _is_other_wait(attempt, state):
            return None
        return ev.AttemptObserved(
            now, *attempt.key, state.phase, state.reason, dict(state.facts)
        )


def _is_other_wait(attempt: Attempt, state: AttemptState) -> bool:
    """Whether a waiting attempt waits for another reason that a person must know."""
    before = attempt.is_stuck, attempt.is_held, attempt.is_unstartable
    now = state.is_stuck, state.is_held, state.is_unstartable
    return before != now or (any(now) and state.reason != attempt.reason)
