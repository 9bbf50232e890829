"""Were there results that could not be read?"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
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
from hpcopt.core.trials.trial import Cause, Trial

_COLUMNS = ["trial_index", "metric_name", "timestamp", "reason", "traceback"]


class MetricFetchingErrorsAnalysis(Analysis):
    """Trials whose program succeeded and whose result could not be read."""

    def __init__(
        self,
        add_traceback_paste_callable: Callable[
            [str, list[dict[str, Any]]], list[dict[str, Any]]
        ]
        | None = None,
    ) -> None:
        """Choose what else is told.

        Args:
            add_traceback_paste_callable: Called with the experiment's name and the
                rows of the table; returns the rows that are shown.
        """
        self.add_traceback_paste_callable = add_traceback_paste_callable

    @override
    def compute(
        self,
        experiment: ExperimentView | None = None,
        generation_strategy: GenerationStrategyView | None = None,
        adapter: Any = None,
    ) -> HealthcheckAnalysisCard:
        view = required(experiment)
        failed = [t for t in view.core.trials if t.cause is Cause.RESULT]
        rows = [_row(view, trial) for trial in failed]
        if rows and self.add_traceback_paste_callable is not None:
            rows = self.add_traceback_paste_callable(view.name, rows)
        status, subtitle = HealthcheckStatus.PASS, "Every result could be read."
        if rows:
            # A trial fails as a whole where one of its metrics cannot be read.
            names = {row["metric_name"] for row in rows} - {None}
            is_of_goals = not names or names & set(view.core.goals.metric_names)
            status = (
                HealthcheckStatus.FAIL if is_of_goals else HealthcheckStatus.WARNING
            )
            subtitle = (
                f"{len(rows)} of {len(view.trials)} trials ended well and left no "
                f"result that could be read. {_commonest(rows)}"
            )
        df = pd.DataFrame(rows, columns=_COLUMNS)
        return create_healthcheck_analysis_card(
            type(self).__name__, "Metric Fetch Errors", subtitle, df, status
        )


def _row(view: ExperimentView, trial: Trial) -> dict[str, Any]:
    named = [name for name in view.metrics if repr(name) in trial.reason]
    ended = trial.ended_at
    return {
        "trial_index": trial.index,
        "metric_name": named[0] if named else None,
        "timestamp": None
        if ended is None
        else datetime.fromtimestamp(ended, UTC).isoformat(timespec="seconds"),
        "reason": trial.reason,
        "traceback": None,
    }


def _commonest(rows: Sequence[dict[str, Any]]) -> str:
    reasons = pd.Series([row["reason"] for row in rows]).value_counts()
    return f"The commonest reason ({reasons.iloc[0]} of them): {reasons.index[0]}"
