"""What cards of the arms' feasibility have in common: which arms they are about."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from typing_extensions import override

from hpcopt.analysis.analysis import Analysis
from hpcopt.analysis.arms import ArmSelection, arms_of
from hpcopt.analysis.experiment import Arm, ExperimentView
from hpcopt.analysis.feasibility import constraint_metrics, why_not_judged
from hpcopt.analysis.generation_strategy import GenerationStrategyView
from hpcopt.core.trials.trial import TrialStatus


class ArmFeasibilityAnalysis(Analysis):
    """A card of how likely arms satisfy outcome constraints."""

    def __init__(
        self,
        use_model_predictions: bool = True,
        trial_index: int | None = None,
        trial_statuses: Sequence[TrialStatus] | None = None,
        additional_arms: Sequence[Arm] | None = None,
    ) -> None:
        """Choose what is shown.

        Args:
            use_model_predictions: Whether the models are asked, or observations.
            trial_index: Only this trial.
            trial_statuses: Only trials with one of these statuses; all but failed,
                abandoned and stale ones by default.
            additional_arms: Arms without a trial, of which the models are asked too.

        Raises:
            UsageError: The choices contradict each other.
        """
        self._arms = ArmSelection(
            (),
            use_model_predictions,
            trial_index=trial_index,
            trial_statuses=trial_statuses,
            additional_arms=arms_of(additional_arms, None),
        )

    @override
    def validate_applicable_state(
        self,
        experiment: ExperimentView | None = None,
        generation_strategy: GenerationStrategyView | None = None,
        adapter: Any = None,
    ) -> str | None:
        if experiment is None:
            return why_not_judged(None)
        return why_not_judged(experiment, self._selection(experiment))

    def _selection(self, experiment: ExperimentView) -> ArmSelection:
        """Return the arms; of observed ones those with the constraints' metrics."""
        names = self._shown_metrics(experiment)
        if not self._arms.use_model_predictions:
            names = (*names, *constraint_metrics(experiment))
        return replace(self._arms, metric_names=names)

    def _shown_metrics(self, experiment: ExperimentView) -> tuple[str, ...]:
        """Return the metrics that the card shows beside the probabilities."""
        return ()
