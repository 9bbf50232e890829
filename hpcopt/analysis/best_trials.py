"""The best trial, or the Pareto front of several objectives."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from typing_extensions import override

from hpcopt.analysis.analysis import Analysis, AnalysisNotApplicableStateError
from hpcopt.analysis.applicable import why_without_data, why_without_model
from hpcopt.analysis.card import AnalysisCard
from hpcopt.analysis.experiment import ExperimentView, required
from hpcopt.analysis.generation_strategy import GenerationStrategyView
from hpcopt.analysis.models import models_of
from hpcopt.analysis.trial_table import trial_table
from hpcopt.core.goals.pareto import is_nondominated
from hpcopt.core.trials.trial import Observation, Trial, TrialStatus


class BestTrials(Analysis):
    """The rows of ``Summary`` of the best trial, or of the Pareto front.

    Only trials count that are known to satisfy the outcome constraints and to reach the
    thresholds.
    """

    def __init__(
        self,
        trial_statuses: Sequence[TrialStatus] | None = None,
        use_model_predictions: bool = False,
    ) -> None:
        """Choose what the best is.

        Args:
            trial_statuses: The statuses of trials that count; ``COMPLETED`` by default.
            use_model_predictions: Whether predicted objectives are compared, which
                leaves the noise of single observations out.
        """
        self.trial_statuses = (
            (TrialStatus.COMPLETED,) if trial_statuses is None else trial_statuses
        )
        self.use_model_predictions = use_model_predictions

    @override
    def validate_applicable_state(
        self,
        experiment: ExperimentView | None = None,
        generation_strategy: GenerationStrategyView | None = None,
        adapter: Any = None,
    ) -> str | None:
        if experiment is None or not self.use_model_predictions:
            return why_without_data(experiment)
        objectives = experiment.core.goals.objectives
        names = [name for one in objectives for name in one.metric_names]
        return why_without_model(experiment, names)

    @override
    def compute(
        self,
        experiment: ExperimentView | None = None,
        generation_strategy: GenerationStrategyView | None = None,
        adapter: Any = None,
    ) -> AnalysisCard:
        view = required(experiment)
        core = view.core
        trials = core.trials_of_interest(self.trial_statuses)
        if not trials:
            raise AnalysisNotApplicableStateError(_why_none(view, self.trial_statuses))
        values = self._values(view, trials)
        is_single = core.goals.is_single
        if is_single:
            best = [trials[int(values[:, 0].argmax())]]
        else:
            is_front = is_nondominated(values)
            best = [t for t, is_in in zip(trials, is_front, strict=True) if is_in]
        return self._create_analysis_card(
            title=f"{'Best Trial' if is_single else 'Pareto Frontier Trials'} "
            "for Experiment",
            subtitle=self._subtitle(is_single, len(best), len(trials)),
            df=trial_table(core, [trial.index for trial in best]),
        )

    def _values(
        self, view: ExperimentView, trials: Sequence[Trial]
    ) -> npt.NDArray[np.float64]:
        """Return the objectives of each trial, larger being better.

        The shape is that of ``n`` trials and ``m`` objectives, ``(n, m)``.
        """
        goals = view.core.goals
        if not self.use_model_predictions:
            return np.array([goals.values(trial.outcome) for trial in trials])
        models = models_of(view)
        points = [trial.parameters for trial in trials]
        if goals.is_single:
            return models.objective(points)[0][:, None]
        names = {name for one in goals.objectives for name in one.metric_names}
        means = {name: models.predict(name, points)[0].tolist() for name in names}
        outcomes = [
            {name: Observation(mean[k]) for name, mean in means.items()}
            for k in range(len(trials))
        ]
        return np.array([goals.values(outcome) for outcome in outcomes])

    def _subtitle(self, is_single: bool, n_best: int, n_trials: int) -> str:
        by = (
            "by what the model expects of them"
            if self.use_model_predictions
            else "by what was observed"
        )
        if is_single:
            return (
                f"The best of {n_trials} feasible trials, {by}. Its parameters are "
                "what to use, unless noise is large: then compare with "
                f"use_model_predictions={not self.use_model_predictions}."
            )
        return (
            f"The {n_best} of {n_trials} feasible trials that no other is better than "
            f"in every objective, {by}. Choose among them: each gains in one objective "
            "what it loses in another."
        )


def _why_none(view: ExperimentView, statuses: Sequence[TrialStatus]) -> str:
    names = ", ".join(status.name for status in statuses)
    n = view.core.count(*statuses)
    if n == 0:
        return f"No trial is {names} yet."
    return (
        f"None of the {n} trials that are {names} is known to satisfy all constraints "
        "and thresholds."
    )
