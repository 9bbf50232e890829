"""Checks of whether something is in order, and needs a look."""

from __future__ import annotations

from hpcopt.analysis.healthcheck.baseline_improvement import (
    BaselineImprovementAnalysis,
)
from hpcopt.analysis.healthcheck.early_stopping import EarlyStoppingAnalysis
from hpcopt.analysis.healthcheck.healthcheck_analysis import (
    HealthcheckAnalysisCard,
    HealthcheckStatus,
    create_healthcheck_analysis_card,
)
from hpcopt.analysis.healthcheck.metric_fetching_errors import (
    MetricFetchingErrorsAnalysis,
)
from hpcopt.analysis.healthcheck.search_space_analysis import SearchSpaceAnalysis

__all__ = [
    "BaselineImprovementAnalysis",
    "EarlyStoppingAnalysis",
    "HealthcheckAnalysisCard",
    "HealthcheckStatus",
    "MetricFetchingErrorsAnalysis",
    "SearchSpaceAnalysis",
    "create_healthcheck_analysis_card",
]
