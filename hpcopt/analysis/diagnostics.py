"""Whether the models can be trusted, and how trials are proposed."""

from __future__ import annotations

from typing import Any

from typing_extensions import override

from hpcopt.analysis.analysis import Analysis, compute_all
from hpcopt.analysis.card import AnalysisCardGroup
from hpcopt.analysis.experiment import ExperimentView, required
from hpcopt.analysis.generation_strategy import GenerationStrategyView
from hpcopt.analysis.graphviz.generation_strategy_graph import GenerationStrategyGraph
from hpcopt.analysis.plotly.cross_validation import CrossValidationPlot


class DiagnosticAnalysis(Analysis):
    """How well each metric is predicted, and what proposes the trials."""

    def __init__(
        self,
        include_tracking_metrics: bool = False,
        test_trial_index: int | None = None,
    ) -> None:
        """Choose what is shown.

        Args:
            include_tracking_metrics: Whether metrics without a goal are shown too.
            test_trial_index: Only the outcome of this trial is predicted.
        """
        self.include_tracking_metrics = include_tracking_metrics
        self.test_trial_index = test_trial_index

    @override
    def compute(
        self,
        experiment: ExperimentView | None = None,
        generation_strategy: GenerationStrategyView | None = None,
        adapter: Any = None,
    ) -> AnalysisCardGroup:
        view = required(experiment)
        goals = view.core.goals.metric_names
        names = list(view.metrics) if self.include_tracking_metrics else list(goals)
        analyses: list[Analysis] = [
            CrossValidationPlot(
                metric_names=names, test_trial_index=self.test_trial_index
            ),
            GenerationStrategyGraph(),
        ]
        return self._create_analysis_card_group(
            "Diagnostics",
            "Whether the models can be trusted, and what proposes the trials.",
            compute_all(analyses, view, generation_strategy, adapter),
        )
