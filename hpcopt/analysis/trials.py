"""Trials one by one."""

from __future__ import annotations

from typing import Any

from typing_extensions import override

from hpcopt.analysis.analysis import Analysis, compute_all
from hpcopt.analysis.applicable import why_without_trials
from hpcopt.analysis.card import AnalysisCardGroup
from hpcopt.analysis.experiment import ExperimentView, TrialView, required
from hpcopt.analysis.generation_strategy import GenerationStrategyView
from hpcopt.analysis.plotly.arm_effects import ArmEffectsPlot
from hpcopt.core.trials.trial import TrialStatus


class AllTrialsAnalysis(Analysis):
    """A group for each trial that has several arms, of which hpcopt has none."""

    @override
    def validate_applicable_state(
        self,
        experiment: ExperimentView | None = None,
        generation_strategy: GenerationStrategyView | None = None,
        adapter: Any = None,
    ) -> str | None:
        return why_without_trials(experiment)

    @override
    def compute(
        self,
        experiment: ExperimentView | None = None,
        generation_strategy: GenerationStrategyView | None = None,
        adapter: Any = None,
    ) -> AnalysisCardGroup:
        several = [t for t in required(experiment).trials.values() if len(t.arms) > 1]
        analyses = [TrialAnalysis(trial) for trial in several]
        return self._create_analysis_card_group(
            "Trials",
            "Trials of several arms, one by one.",
            compute_all(analyses, experiment, generation_strategy, adapter),
        )


class TrialAnalysis(Analysis):
    """What the model expects of a trial that has not run yet."""

    def __init__(self, trial: TrialView) -> None:
        """Choose the trial.

        Args:
            trial: One of ``experiment.trials``.
        """
        self.trial = trial

    @override
    def validate_applicable_state(
        self,
        experiment: ExperimentView | None = None,
        generation_strategy: GenerationStrategyView | None = None,
        adapter: Any = None,
    ) -> str | None:
        return why_without_trials(experiment)

    @override
    def compute(
        self,
        experiment: ExperimentView | None = None,
        generation_strategy: GenerationStrategyView | None = None,
        adapter: Any = None,
    ) -> AnalysisCardGroup:
        view, index = required(experiment), self.trial.index
        is_candidate = self.trial.status is TrialStatus.CANDIDATE
        names = view.core.goals.metric_names if is_candidate else ()
        analyses = [ArmEffectsPlot(name, trial_index=index) for name in names]
        return AnalysisCardGroup(
            str(index),
            f"Trial {index}",
            "What the model expects of this trial, before it runs.",
            compute_all(analyses, view, generation_strategy, adapter),
        )
