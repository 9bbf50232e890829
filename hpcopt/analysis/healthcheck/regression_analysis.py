"""Which arms are worse than the baseline?"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import pandas as pd
from typing_extensions import override

from hpcopt.analysis.analysis import Analysis
from hpcopt.analysis.applicable import why_without_data
from hpcopt.analysis.experiment import ExperimentView, required
from hpcopt.analysis.generation_strategy import GenerationStrategyView
from hpcopt.analysis.healthcheck.healthcheck_analysis import (
    HealthcheckAnalysisCard,
    HealthcheckStatus,
    create_healthcheck_analysis_card,
)
from hpcopt.core.trials.trial import Observation, Trial

_COLUMNS = ["trial_index", "arm_name", "metric_name", "probability"]


class RegressionAnalysis(Analysis):
    """Arms and metrics that are most likely worse than the baseline's."""

    def __init__(self, prob_threshold: float = 0.95) -> None:
        """Choose what is told.

        Args:
            prob_threshold: Less likely ones are not told.
        """
        self.prob_threshold = prob_threshold

    @override
    def validate_applicable_state(
        self,
        experiment: ExperimentView | None = None,
        generation_strategy: GenerationStrategyView | None = None,
        adapter: Any = None,
    ) -> str | None:
        why = why_without_data(experiment)
        if experiment is None or why is not None:
            return why
        baseline = experiment.core.baseline
        if baseline is None or not baseline.outcome:
            return "It compares with a baseline, and there is no outcome of one yet."
        return None

    @override
    def compute(
        self,
        experiment: ExperimentView | None = None,
        generation_strategy: GenerationStrategyView | None = None,
        adapter: Any = None,
    ) -> HealthcheckAnalysisCard:
        view = required(experiment)
        baseline = view.core.baseline
        assert baseline is not None
        rows = [
            (trial.index, trial.arm_name, name, probability)
            for trial in view.core.trials
            if trial.index != baseline.index
            for name, probability in _worse(view, trial, baseline)
            if probability > self.prob_threshold
        ]
        arms = {arm for _, arm, _, _ in rows}
        found = (
            f"{len(arms)} arms are worse than {baseline.arm_name} in "
            f"{', '.join(dict.fromkeys(name for _, _, name, _ in rows))}, which a "
            "search has to try; do not use them."
            if rows
            else f"No arm is clearly worse than {baseline.arm_name}."
        )
        return create_healthcheck_analysis_card(
            type(self).__name__,
            "Regressions",
            f"Arms that are worse than the baseline with a probability above "
            f"{self.prob_threshold:.0%}, by what was observed. {found}",
            pd.DataFrame(rows, columns=_COLUMNS),
            HealthcheckStatus.WARNING if rows else HealthcheckStatus.PASS,
        )


def _worse(
    view: ExperimentView, trial: Trial, baseline: Trial
) -> Iterator[tuple[str, float]]:
    """Yield how likely each metric with a goal is worse than the baseline's."""
    for name in view.core.goals.metric_names:
        is_low = view.metrics[name].lower_is_better
        if is_low is None or not {name} <= trial.outcome.keys() & baseline.outcome:
            continue
        sign = 1.0 if is_low else -1.0
        yield name, _above(trial.outcome[name], baseline.outcome[name], sign)


def _above(one: Observation, other: Observation, sign: float) -> float:
    """Return how likely ``sign`` times the noiseless value of one is above another's.

    A standard error that is not known counts as 0.
    """
    excess = sign * (one.mean - other.mean)
    spread = math.hypot(one.sem or 0.0, other.sem or 0.0)
    if spread == 0.0:
        return float(excess > 0)
    return 0.5 * math.erfc(-excess / (spread * math.sqrt(2)))
