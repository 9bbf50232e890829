"""What the models have learnt of constraints and parameters."""

from __future__ import annotations

from typing import Any

from typing_extensions import override

from hpcopt.analysis.analysis import Analysis, compute_all
from hpcopt.analysis.card import AnalysisCardGroup
from hpcopt.analysis.effects import Order
from hpcopt.analysis.experiment import ExperimentView, required
from hpcopt.analysis.feasibility import why_not_judged
from hpcopt.analysis.generation_strategy import GenerationStrategyView
from hpcopt.analysis.parameter_inputs import ParameterInputs
from hpcopt.analysis.plotly.objective_p_feasible_frontier import (
    ObjectivePFeasibleFrontierPlot,
)
from hpcopt.analysis.plotly.p_feasible import PFeasiblePlot
from hpcopt.analysis.plotly.top_surfaces import TopSurfacesAnalysis
from hpcopt.analysis.sensitivities import MAX_PAIRED

#: Of each metric so many of the strongest effects are shown.
_TOP_K = 3


class OutcomeConstraintsAnalysis(Analysis):
    """How likely each arm is feasible, and what the objective could be."""

    def __init__(self, relativize: bool = False) -> None:
        """Choose how the objective is shown.

        Args:
            relativize: Whether it is shown relative to the baseline's.
        """
        self.relativize = relativize

    @override
    def validate_applicable_state(
        self,
        experiment: ExperimentView | None = None,
        generation_strategy: GenerationStrategyView | None = None,
        adapter: Any = None,
    ) -> str | None:
        return why_not_judged(experiment)

    @override
    def compute(
        self,
        experiment: ExperimentView | None = None,
        generation_strategy: GenerationStrategyView | None = None,
        adapter: Any = None,
    ) -> AnalysisCardGroup:
        analyses: list[Analysis] = [
            PFeasiblePlot(),
            ObjectivePFeasibleFrontierPlot(relativize=self.relativize),
        ]
        return self._create_analysis_card_group(
            "Outcome Constraints",
            "Which arms satisfy the outcome constraints, and what these cost.",
            compute_all(analyses, experiment, generation_strategy, adapter),
        )


class InsightsAnalysis(Analysis):
    """Which parameters matter for each metric of the goals, and how."""

    @override
    def compute(
        self,
        experiment: ExperimentView | None = None,
        generation_strategy: GenerationStrategyView | None = None,
        adapter: Any = None,
    ) -> AnalysisCardGroup:
        view = required(experiment)
        order = _order(len(ParameterInputs.of(view.core.space).names))
        goals = view.core.goals
        analyses: list[Analysis] = []
        if goals.constraints and goals.is_single:
            analyses.append(OutcomeConstraintsAnalysis())
        analyses += [
            TopSurfacesAnalysis(name, order, _TOP_K) for name in goals.metric_names
        ]
        return self._create_analysis_card_group(
            "Insights",
            "What the models have learnt: what the outcome constraints cost, which "
            "parameters matter, and how."
            if goals.constraints
            else "What the models have learnt: which parameters matter, and how.",
            compute_all(analyses, view, generation_strategy, adapter),
        )


def _order(n_parameters: int) -> Order:
    """Return the indices that rank effects: of pairs too, where they are affordable."""
    if n_parameters == 1:
        return "first"
    return "second" if n_parameters <= MAX_PAIRED else "total"
