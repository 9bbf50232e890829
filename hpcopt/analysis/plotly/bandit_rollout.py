"""Weights of arms over trials of several arms, which hpcopt has none of."""

from __future__ import annotations

from typing import Any

from typing_extensions import override

from hpcopt.analysis.analysis import Analysis, AnalysisNotApplicableStateError
from hpcopt.analysis.card import AnalysisCard
from hpcopt.analysis.experiment import ExperimentView
from hpcopt.analysis.generation_strategy import GenerationStrategyView


class BanditRollout(Analysis):
    """Says that there are no bandits here, to scripts that were written for Ax."""

    @override
    def compute(
        self,
        experiment: ExperimentView | None = None,
        generation_strategy: GenerationStrategyView | None = None,
        adapter: Any = None,
    ) -> AnalysisCard:
        raise AnalysisNotApplicableStateError(
            "It shows the weights of arms in trials of several arms; each trial here "
            "has one."
        )
