"""Arms by a utility that people's comparisons teach, which hpcopt does not learn."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from typing_extensions import override

from hpcopt.analysis.analysis import Analysis, AnalysisNotApplicableStateError
from hpcopt.analysis.card import AnalysisCard
from hpcopt.analysis.experiment import ExperimentView
from hpcopt.analysis.generation_strategy import GenerationStrategyView
from hpcopt.core.trials.trial import TrialStatus


class UtilityRankingPlot(Analysis):
    """Says that no preferences are learnt here, to scripts written for Ax."""

    def __init__(
        self,
        metric_name: str,
        trial_statuses: Sequence[TrialStatus] | None = None,
        show_ci: bool = False,
    ) -> None:
        """Take what Ax takes; nothing of it makes a difference.

        Args:
            metric_name: The metric of preferences.
            trial_statuses: Only trials with one of these statuses.
            show_ci: Whether intervals are shown.
        """
        self.metric_name = metric_name
        self.trial_statuses = trial_statuses
        self.show_ci = show_ci

    @override
    def compute(
        self,
        experiment: ExperimentView | None = None,
        generation_strategy: GenerationStrategyView | None = None,
        adapter: Any = None,
    ) -> AnalysisCard:
        raise AnalysisNotApplicableStateError(
            "It ranks arms by a utility that is learnt from comparisons; hpcopt learns "
            "no preferences. ArmEffectsPlot shows a metric at each arm."
        )
