"""Can trials be proposed? As whoever asks for them has found."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import pandas as pd
from typing_extensions import override

from hpcopt.analysis.analysis import Analysis
from hpcopt.analysis.experiment import ExperimentView, required
from hpcopt.analysis.generation_strategy import GenerationStrategyView
from hpcopt.analysis.healthcheck.healthcheck_analysis import (
    HealthcheckAnalysisCard,
    HealthcheckStatus,
    create_healthcheck_analysis_card,
)

_SECONDS_A_DAY = 86_400.0


class CanGenerateCandidatesAnalysis(Analysis):
    """Tells whether trials can be proposed, and for how long that has been so."""

    def __init__(
        self,
        can_generate_candidates: bool,
        reason: str,
        days_till_fail: int,
        *,
        now: Callable[[], float] = time.time,
    ) -> None:
        """Say what was found.

        Args:
            can_generate_candidates: Whether trials can be proposed.
            reason: Why, or why not.
            days_till_fail: Without a new trial for longer it is a failure.
            now: Tells the time, in seconds since the epoch.
        """
        self.can_generate_candidates = can_generate_candidates
        self.reason = reason
        self.days_till_fail = days_till_fail
        self._now = now

    @override
    def compute(
        self,
        experiment: ExperimentView | None = None,
        generation_strategy: GenerationStrategyView | None = None,
        adapter: Any = None,
    ) -> HealthcheckAnalysisCard:
        status, subtitle = HealthcheckStatus.PASS, self.reason
        if not self.can_generate_candidates:
            trials = required(experiment).core.trials
            latest = max((trial.created_at for trial in trials), default=None)
            days = None if latest is None else (self._now() - latest) / _SECONDS_A_DAY
            is_late = days is None or days > self.days_till_fail
            status = HealthcheckStatus.FAIL if is_late else HealthcheckStatus.INFO
            since = (
                "There is no trial yet."
                if days is None
                else f"The latest trial is of {int(days)} days ago."
            )
            subtitle = f"No trial can be proposed: {self.reason} {since}"
        return create_healthcheck_analysis_card(
            type(self).__name__,
            "Candidate generation",
            subtitle,
            pd.DataFrame(),
            status,
            reason=self.reason,
        )
