"""How well Ax's maintainers support an experiment, which says nothing of hpcopt."""

from __future__ import annotations

from typing import Any

from typing_extensions import override

from hpcopt.analysis.analysis import Analysis, AnalysisNotApplicableStateError
from hpcopt.analysis.card import AnalysisCard
from hpcopt.analysis.experiment import ExperimentView
from hpcopt.analysis.generation_strategy import GenerationStrategyView


class ComplexityRatingAnalysis(Analysis):
    """Says that there are no tiers of support here, to scripts written for Ax."""

    def __init__(
        self,
        options: Any = None,
        tier_metadata: dict[str, Any] | None = None,
        tier_messages: Any = None,
    ) -> None:
        """Take what Ax takes; nothing of it makes a difference.

        Args:
            options: Ax's options of an orchestrator.
            tier_metadata: What else Ax's tiers depend on.
            tier_messages: What to say of each tier.
        """
        self.options = options
        self.tier_metadata = tier_metadata
        self.tier_messages = tier_messages

    @override
    def compute(
        self,
        experiment: ExperimentView | None = None,
        generation_strategy: GenerationStrategyView | None = None,
        adapter: Any = None,
    ) -> AnalysisCard:
        raise AnalysisNotApplicableStateError(
            "It rates an experiment by what the maintainers of Ax support; hpcopt has "
            "no such tiers."
        )
