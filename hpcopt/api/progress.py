"""One line in the log for each trial that has ended."""

from __future__ import annotations

import logging

from hpcopt.core.experiment import Experiment
from hpcopt.core.trials.trial import Trial, TrialStatus
from hpcopt.driver.driver import DriverProgress

logger = logging.getLogger(__name__)

_ENDED = tuple(status for status in TrialStatus if status.is_terminal)


class EndedTrialsLog:
    """An observer of the driver that logs each trial when it has ended."""

    def __init__(self, experiment: Experiment, max_trials: int) -> None:
        self._max_trials = max_trials
        self._open = {trial.index for trial in experiment.open_trials()}
        self._n_seen = experiment.n_trials

    def __call__(self, experiment: Experiment, progress: DriverProgress) -> None:
        """Log what has ended since the last call."""
        self._open.update(range(self._n_seen, experiment.n_trials))
        self._n_seen = experiment.n_trials
        still_open = {trial.index for trial in experiment.open_trials()}
        for index in sorted(self._open - still_open):
            logger.info(
                "%s (%d of %d have ended)",
                _sentence(experiment.trial(index)),
                experiment.count(*_ENDED),
                self._max_trials,
            )
        self._open = still_open


def _sentence(trial: Trial) -> str:
    if trial.status is TrialStatus.COMPLETED:
        values = ", ".join(f"{name} = {o.mean:g}" for name, o in trial.outcome.items())
        return f"trial {trial.index} is completed: {values}"
    return f"trial {trial.index} is {trial.status.name.lower()}: {trial.reason}"
