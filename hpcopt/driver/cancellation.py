"""Ends the attempts of trials that people cancelled, and those that cannot start."""

from __future__ import annotations

import logging

from hpcopt.core.errors import RunnerError
from hpcopt.core.experiment import Experiment
from hpcopt.host.clock import Clock
from hpcopt.runners.protocol import AttemptRunner

logger = logging.getLogger(__name__)

#: A job that has not ended after this long is asked again: the first time may have come
#: while it was requeued. It is longer than Slurm gives a job to end (``KillWait``).
_AGAIN_AFTER_S = 90.0

#: So long nothing is asked of a runner that could not be asked.
_HOLD_S = 5.0


class Canceller:
    """Has the runner end the live attempts of cancelled trials, all in one call.

    So are those ended whose start failed and that only hold their place: the same
    parameters are run again then, elsewhere.
    """

    def __init__(self, runner: AttemptRunner, clock: Clock) -> None:
        self.note = ""
        """Why attempts could not be ended, in one line."""
        self._runner = runner
        self._clock = clock
        self._asked_at: dict[tuple[int, int], float] = {}
        self._held_at: float | None = None

    def step(self, experiment: Experiment) -> bool:
        """Ask for what is due, and return whether anything was asked for."""
        now = self._clock.now()
        due = [
            attempt
            for attempt in experiment.live_attempts()
            if (
                attempt.is_unstartable
                or experiment.trial(attempt.trial_index).cancelled_by
            )
            and not _is_within(now, self._asked_at.get(attempt.key), _AGAIN_AFTER_S)
        ]
        if not due or _is_within(now, self._held_at, _HOLD_S):
            return False
        try:
            self._runner.stop(due)
        except RunnerError as exc:
            logger.warning("cancelling on hold: %s", exc)
            self.note, self._held_at = str(exc), now
            return False
        self.note, self._held_at = "", None
        self._asked_at |= {attempt.key: now for attempt in due}
        return True


def _is_within(now: float, since: float | None, seconds: float) -> bool:
    # A clock that was set back must hold nothing up.
    return since is not None and 0 <= now - since < seconds
