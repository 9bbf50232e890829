"""All that suits an experiment, in one tree of cards."""

from __future__ import annotations

from typing import Any

from typing_extensions import override

from hpcopt.analysis.analysis import Analysis
from hpcopt.analysis.card import AnalysisCardGroup
from hpcopt.analysis.experiment import ExperimentView
from hpcopt.analysis.generation_strategy import GenerationStrategyView
from hpcopt.analysis.plotly.utility_progression import UtilityProgressionAnalysis
from hpcopt.analysis.summary import Summary


class OverviewAnalysis(Analysis):
    """All that suits the experiment."""

    @override
    def compute(
        self,
        experiment: ExperimentView | None = None,
        generation_strategy: GenerationStrategyView | None = None,
        adapter: Any = None,
    ) -> AnalysisCardGroup:
        analyses: list[Analysis] = [UtilityProgressionAnalysis(), Summary()]
        cards = [
            one.compute_or_error_card(experiment, generation_strategy, adapter)
            for one in analyses
        ]
        return self._create_analysis_card_group("Overview", "", cards)
