"""Checks of whether something is in order, and needs a look."""

from __future__ import annotations

from hpcopt.analysis.healthcheck.baseline_improvement import (
    BaselineImprovementAnalysis,
)
from hpcopt.analysis.healthcheck.can_generate_candidates import (
    CanGenerateCandidatesAnalysis,
)
from hpcopt.analysis.healthcheck.complexity_rating import ComplexityRatingAnalysis
from hpcopt.analysis.healthcheck.constraints_feasibility import (
    ConstraintsFeasibilityAnalysis,
)
from hpcopt.analysis.healthcheck.early_stopping_healthcheck import EarlyStoppingAnalysis
from hpcopt.analysis.healthcheck.healthcheck_analysis import (
    HealthcheckAnalysisCard,
    HealthcheckStatus,
    create_healthcheck_analysis_card,
)
from hpcopt.analysis.healthcheck.metric_fetching_errors import (
    MetricFetchingErrorsAnalysis,
)
from hpcopt.analysis.healthcheck.no_effects_analysis import TestOfNoEffectAnalysis
from hpcopt.analysis.healthcheck.predictable_metrics import PredictableMetricsAnalysis
from hpcopt.analysis.healthcheck.regression_analysis import RegressionAnalysis
from hpcopt.analysis.healthcheck.search_space_analysis import SearchSpaceAnalysis
from hpcopt.analysis.healthcheck.transfer_learning_analysis import (
    TransferLearningAnalysis,
)

__all__ = [
    "BaselineImprovementAnalysis",
    "CanGenerateCandidatesAnalysis",
    "ComplexityRatingAnalysis",
    "ConstraintsFeasibilityAnalysis",
    "EarlyStoppingAnalysis",
    "HealthcheckAnalysisCard",
    "HealthcheckStatus",
    "MetricFetchingErrorsAnalysis",
    "PredictableMetricsAnalysis",
    "RegressionAnalysis",
    "SearchSpaceAnalysis",
    "TestOfNoEffectAnalysis",
    "TransferLearningAnalysis",
    "create_healthcheck_analysis_card",
]
