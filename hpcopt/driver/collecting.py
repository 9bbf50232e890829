"""What became of the live attempts: one poll for all of them, and what is new of it."""

from __future__ import annotations

import logging
from collections.abc import Mapping

from hpcopt.core import events as ev
from hpcopt.core.errors import PollError
from hpcopt.core.trial import Attempt, AttemptState, Phase
from hpcopt.driver.clock import Clock
from hpcopt.driver.limits import PollSchedule
from hpcopt.runners.protocol import AttemptRunner
from hpcopt.storage.journal import Journal

logger = logging.getLogger(__name__)


class Collector:
    """Polls when it is time to, and writes down what has changed."""

    def __init__(
        self,
        journal: Journal,
        runner: AttemptRunner,
        clock: Clock,
        schedule: PollSchedule,
    ) -> None:
        self.note = ""
        """Why something is not known, in one line."""
        self._journal = journal
        self._runner = runner
        self._clock = clock
        self._schedule = schedule

    def collect(self) -> bool:
        """Learn what became of the live attempts; return whether any has ended.

        Raises:
            StorageError: The journal could not be written.
        """
        if not self._schedule.is_due(self._clock.now()):
            return False
        self.note = ""
        live = self._journal.experiment.live_attempts()
        states: Mapping[tuple[int, int], AttemptState] = {}
        if live:
            try:
                states = self._runner.poll(live)
            except PollError as exc:
                self.note = str(exc)
                logger.warning("poll failed, nothing follows from it: %s", exc)
        news = [
            event
            for attempt in live
            if (state := states.get(attempt.key)) is not None
            and (event := self._news(attempt, state)) is not None
        ]
        if news:
            self._journal.append(*news)
        self._schedule.polled(self._clock.now(), has_changed=bool(news))
        return any(isinstance(event, ev.AttemptEnded) for event in news)

    def _news(
        self, attempt: Attempt, state: AttemptState
    ) -> ev.AttemptEnded | ev.AttemptObserved | None:
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
    """Whether an attempt that waited still waits, but in vain now, or not any more."""
    if state.is_stuck and state.reason != attempt.reason:
        return True
    return state.is_stuck is not attempt.is_stuck
