"""Stops the attempts of trials that people cancelled, and those that cannot start."""

from __future__ import annotations

import logging

from hpcopt.core.errors import RunnerError
from hpcopt.core.experiment import Experiment
from hpcopt.host.clock import Clock
from hpcopt.runners.protocol import AttemptRunner

logger = logging.getLogger(__name__)

#: An attempt that has not ended after this long is stopped again: the first time its
#: job may just have been requeued. It is longer than Slurm gives a job to end
#: (``KillWait``).
_RETRY_AFTER_S = 90.0

#: The back-off after the runner could not be asked to stop attempts.
_BACK_OFF_S = 5.0


class Canceller:
    """Has the runner stop the live attempts of cancelled trials, all in one call.

    Attempts whose start failed, and that only keep their slot, are stopped as well: the
    same parameters are then submitted again, for other nodes.
    """

    def __init__(self, runner: AttemptRunner, clock: Clock) -> None:
        self.note = ""
        """Why attempts could not be stopped, in one line."""
        self._runner = runner
        self._clock = clock
        self._asked_at: dict[tuple[int, int], float] = {}
        self._failed_at: float | None = None

    def step(self, experiment: Experiment) -> bool:
        """Stop the attempts that are due; return whether any was asked to end."""
        now = self._clock.now()
        due = [
            attempt
            for attempt in experiment.live_attempts()
            if (
                attempt.is_unstartable
                or experiment.trial(attempt.trial_index).cancelled_by
            )
            and not _is_within(now, self._asked_at.get(attempt.key), _RETRY_AFTER_S)
        ]
        if not due or _is_within(now, self._failed_at, _BACK_OFF_S):
            return False
        try:
            self._runner.stop(due)
        except RunnerError as exc:
            logger.warning("cancelling on hold: %s", exc)
            self.note, self._failed_at = str(exc), now
            return False
        self.note, self._failed_at = "", None
        self._asked_at |= {attempt.key: now for attempt in due}
        return True


def _is_within(now: float, since: float | None, seconds: float) -> bool:
    # A clock that was set back must not delay anything.
    return since is not None and 0 <= now - since < seconds
