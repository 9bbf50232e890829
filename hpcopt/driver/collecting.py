"""What became of the live attempts: what files tell, what a poll tells, what is new."""

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
_News = ev.AttemptEnded | ev.AttemptObserved


class Collector:
    """Looks and asks when it is time to, and writes down what has changed."""

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
        """Learn what became of live attempts: from files often, at times by a poll.

        Returns:
            Whether any has ended.

        Raises:
            StorageError: The journal could not be written.
        """
        begun_at = self._clock.now()
        if self._schedule.is_due(begun_at):
            self.note = ""
            # What files tell is no reason to poll again soon.
            told = self._look(self._poll_files)
            asked = self._look(self._runner.poll)
            self._schedule.polled(
                self._clock.now(),
                has_changed=bool(asked),
                typical_s=typical_duration_s(self._journal.experiment),
            )
            return any(isinstance(event, ev.AttemptEnded) for event in told + asked)
        if not self._schedule.is_file_poll_due(begun_at):
            return False
        told = self._look(self._poll_files)
        now = self._clock.now()
        typical_s = typical_duration_s(self._journal.experiment)
        self._schedule.files_polled(now, took_s=now - begun_at, typical_s=typical_s)
        return any(isinstance(event, ev.AttemptEnded) for event in told)

    def _look(self, ask: Callable[[Sequence[Attempt]], _States]) -> list[_News]:
        """Write down what is new of the live attempts, and return it."""
        live = self._journal.experiment.live_attempts()
        states: _States = {}
        if live:
            try:
                states = ask(live)
            except PollError as exc:
                self.note = str(exc)
                logger.warning("poll failed, nothing follows from it: %s", exc)
        news = [
            event
            for attempt in live
            if (state := states.get(attempt.key)) is not None
            and (event := self._event(attempt, state)) is not None
        ]
        if news:
            self._journal.append(*news)
        return news

    def _poll_files(self, live: Sequence[Attempt]) -> _States:
        states = self._runner.poll_files(live) or {}
        if any(state.phase is Phase.UNKNOWN for state in states.values()):
            self._schedule.poll_soon(self._clock.now())
        return states

    def _event(self, attempt: Attempt, state: AttemptState) -> _News | None:
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
    before = attempt.is_stuck, attempt.is_held, attempt.is_unstartable
    now = state.is_stuck, state.is_held, state.is_unstartable
    return before != now or (any(now) and state.reason != attempt.reason)
