"""What the models have learnt: which parameters matter, and how."""

from __future__ import annotations

from typing import Any

from typing_extensions import override

from hpcopt.analysis.analysis import Analysis, compute_all
from hpcopt.analysis.card import AnalysisCardGroup
from hpcopt.analysis.effects import Order
from hpcopt.analysis.experiment import ExperimentView, required
from hpcopt.analysis.generation_strategy import GenerationStrategyView
from hpcopt.analysis.models import MAX_PAIRED
from hpcopt.analysis.parameter_inputs import ParameterInputs
from hpcopt.analysis.plotly.top_surfaces import TopSurfacesAnalysis

#: Of each metric so many of the strongest effects are shown.
_TOP_K = 3


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
        analyses = [
            TopSurfacesAnalysis(name, order, _TOP_K)
            for name in view.core.goals.metric_names
        ]
        return self._create_analysis_card_group(
            "Insights",
            "What the models have learnt: which parameters matter, and how.",
            compute_all(analyses, view, generation_strategy, adapter),
        )


def _order(n_parameters: int) -> Order:
    """Return the indices that rank effects: of pairs too, where they are affordable."""
    if n_parameters == 1:
        return "first"
    return "second" if n_parameters <= MAX_PAIRED else "total"
