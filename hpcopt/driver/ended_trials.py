"""The trials that ended between two steps of the driver, for display."""

from __future__ import annotations

from hpcopt.core.experiment import Experiment
from hpcopt.core.trials.trial import Trial, TrialStatus


class EndedTrials:
    """The trials that ended since the last update, and the best one of all.

    The cost of an update is linear in the number of open trials.
    """

    def __init__(self, experiment: Experiment) -> None:
        best = experiment.best_trials() if experiment.goals.is_single else []
        self.best: Trial | None = best[0] if best else None
        """The best feasible trial; of several objectives there is none."""
        self._open = {trial.index for trial in experiment.open_trials()}
        self._n_seen = experiment.n_trials

    def update(self, experiment: Experiment) -> list[tuple[Trial, Trial | None]]:
        """Return the trials that ended since the last update, by index.

        With each comes the best trial of those before it and itself.
        """
        self._open.update(range(self._n_seen, experiment.n_trials))
        self._n_seen = experiment.n_trials
        still_open = {trial.index for trial in experiment.open_trials()}
        ended = [experiment.trial(k) for k in sorted(self._open - still_open)]
        self._open = still_open
        return [(trial, self._best_with(trial, experiment)) for trial in ended]

    def _best_with(self, trial: Trial, experiment: Experiment) -> Trial | None:
        goals = experiment.absolute_goals
        if not goals.is_single or trial.status is not TrialStatus.COMPLETED:
            return self.best
        objective = goals.objective
        if not (objective.is_known(trial.outcome) and goals.is_feasible(trial.outcome)):
            return self.best
        value = objective.value
        if self.best is None or value(trial.outcome) > value(self.best.outcome):
            self.best = trial
        return self.best
