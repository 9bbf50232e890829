"""All that suits an experiment, in one tree of cards."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from typing_extensions import override

from hpcopt.analysis.analysis import Analysis, compute_all
from hpcopt.analysis.card import (
    AnalysisCardBase,
    AnalysisCardGroup,
    ErrorAnalysisCard,
)
from hpcopt.analysis.diagnostics import DiagnosticAnalysis
from hpcopt.analysis.experiment import ExperimentView, required
from hpcopt.analysis.generation_strategy import GenerationStrategyView
from hpcopt.analysis.healthcheck.baseline_improvement import (
    BaselineImprovementAnalysis,
)
from hpcopt.analysis.healthcheck.can_generate_candidates import (
    CanGenerateCandidatesAnalysis,
)
from hpcopt.analysis.healthcheck.constraints_feasibility import (
    ConstraintsFeasibilityAnalysis,
)
from hpcopt.analysis.healthcheck.early_stopping_healthcheck import EarlyStoppingAnalysis
from hpcopt.analysis.healthcheck.healthcheck_analysis import HealthcheckAnalysisCard
from hpcopt.analysis.healthcheck.metric_fetching_errors import (
    MetricFetchingErrorsAnalysis,
)
from hpcopt.analysis.healthcheck.predictable_metrics import PredictableMetricsAnalysis
from hpcopt.analysis.healthcheck.search_space_analysis import SearchSpaceAnalysis
from hpcopt.analysis.insights import InsightsAnalysis
from hpcopt.analysis.model_fit import LEAST_FIT
from hpcopt.analysis.plotly.progression import metrics_with_steps
from hpcopt.analysis.results import ResultsAnalysis
from hpcopt.core.trials.trial import TrialStatus


class OverviewAnalysis(Analysis):
    """Results, insights, diagnostics, health checks: all that suits the experiment."""

    def __init__(
        self,
        can_generate: bool | None = None,
        can_generate_reason: str | None = None,
        can_generate_days_till_fail: int | None = None,
        options: Any = None,
        tier_metadata: dict[str, Any] | None = None,
        model_fit_threshold: float | None = None,
        sqa_config: Any = None,
        create_diff_paste_callable: Callable[[str, str, str], str] | None = None,
    ) -> None:
        """Choose what health checks are told.

        Args:
            can_generate: Whether trials can be proposed; checked where it is told.
            can_generate_reason: Why, or why not.
            can_generate_days_till_fail: So many days without a trial are a failure.
            options: Ax's options of an orchestrator: ``early_stopping_strategy``.
            tier_metadata: For scripts that were written for Ax.
            model_fit_threshold: Metrics of a smaller R² are warned about.
            sqa_config: For scripts that were written for Ax.
            create_diff_paste_callable: For scripts that were written for Ax.
        """
        self.can_generate = can_generate
        self.can_generate_reason = can_generate_reason
        self.can_generate_days_till_fail = can_generate_days_till_fail
        self.options = options
        self.tier_metadata = tier_metadata
        self.model_fit_threshold = model_fit_threshold
        self.sqa_config = sqa_config
        self.create_diff_paste_callable = create_diff_paste_callable

    @override
    def compute(
        self,
        experiment: ExperimentView | None = None,
        generation_strategy: GenerationStrategyView | None = None,
        adapter: Any = None,
    ) -> AnalysisCardGroup:
        view = required(experiment)
        groups: list[Analysis] = [
            ResultsAnalysis(),
            InsightsAnalysis(),
            DiagnosticAnalysis(),
        ]
        return self._create_analysis_card_group(
            f"Overview of {view.name}",
            f"All that suits this experiment: maximise {view.core.goals.expression}"
            f"{_constraints(view)}.",
            [
                *compute_all(groups, view, generation_strategy, adapter),
                self.health_checks(view, generation_strategy, adapter),
            ],
        )

    def health_checks(
        self,
        view: ExperimentView,
        generation_strategy: GenerationStrategyView | None,
        adapter: Any = None,
    ) -> AnalysisCardGroup:
        """Return the cards of what may need a look."""
        checks = compute_all(
            self._health_checks(view), view, generation_strategy, adapter
        )
        return AnalysisCardGroup(
            "HealthchecksAnalysis",
            "Health checks",
            "What may need a look.",
            [card for card in checks if _has_to_be_seen(card)],
        )

    def _health_checks(self, view: ExperimentView) -> list[Analysis]:
        strategy = getattr(self.options, "early_stopping_strategy", None)
        # One suggestion on a bound is like the next: the latest will do.
        candidates = sorted(view.trial_indices_by_status[TrialStatus.CANDIDATE])[-1:]
        threshold = self.model_fit_threshold
        early: list[Analysis] = [EarlyStoppingAnalysis(strategy)]
        return [
            MetricFetchingErrorsAnalysis(),
            *(early if metrics_with_steps(view) else []),
            *self._generation_checks(),
            ConstraintsFeasibilityAnalysis(),
            PredictableMetricsAnalysis(LEAST_FIT if threshold is None else threshold),
            BaselineImprovementAnalysis(),
            *(SearchSpaceAnalysis(index) for index in candidates),
        ]

    def _generation_checks(self) -> list[Analysis]:
        """Return the check of what was told of generation, if anything was."""
        can, why = self.can_generate, self.can_generate_reason
        days = self.can_generate_days_till_fail
        if can is None or why is None or days is None:
            return []
        return [CanGenerateCandidatesAnalysis(can, why, days)]


def _has_to_be_seen(card: AnalysisCardBase) -> bool:
    if isinstance(card, HealthcheckAnalysisCard):
        return card.is_user_facing()
    return isinstance(card, ErrorAnalysisCard)


def _constraints(view: ExperimentView) -> str:
    texts = view.core.goals.constraint_expressions
    return f", where {' and '.join(texts)}" if texts else ""
