"""Checks of whether something is in order, and needs a look."""

from __future__ import annotations

from hpcopt.analysis.healthcheck.healthcheck_analysis import (
    HealthcheckAnalysisCard,
    HealthcheckStatus,
    create_healthcheck_analysis_card,
)

__all__ = [
    "HealthcheckAnalysisCard",
    "HealthcheckStatus",
    "create_healthcheck_analysis_card",
]
