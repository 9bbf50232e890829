"""Do the parameters change the metrics at all, beyond the noise?"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from scipy.special import chdtrc
from typing_extensions import override

from hpcopt.analysis.analysis import Analysis
from hpcopt.analysis.applicable import why_without_data
from hpcopt.analysis.arms import NO_TRIAL
from hpcopt.analysis.experiment import ExperimentView, required
from hpcopt.analysis.generation_strategy import GenerationStrategyView
from hpcopt.analysis.healthcheck.healthcheck_analysis import (
    HealthcheckAnalysisCard,
    HealthcheckStatus,
    create_healthcheck_analysis_card,
)
from hpcopt.core.trials.trial import Observation

_COLUMNS = ["trial_index", "metric_name", "p_value", "has_effect", "is_objective"]


class TestOfNoEffectAnalysis(Analysis):
    """Whether the arms differ in a metric by more than their standard errors explain.

    Cochran's test: where all arms are alike, the squares of their differences from the
    weighted mean, in standard errors, sum up to chi-squared with a degree of freedom
    less than there are arms. It is Welch's test, which Ax makes within each trial of
    several arms, for means of many samples; here it is made over all trials.

    Reference:
        W. G. Cochran, "The combination of estimates from different experiments",
        Biometrics 10 (1954) 101-129.
    """

    __test__ = False  # not one of pytest's

    def __init__(self, no_effect_alpha: float = 0.05) -> None:
        """Choose when it is told.

        Args:
            no_effect_alpha: A metric has an effect if arms that are all alike would
                differ as much with a smaller probability than this.
        """
        self.no_effect_alpha = no_effect_alpha

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
        if not any(_with_sem(experiment, name) for name in experiment.metrics):
            return (
                "It needs a metric with standard errors of two arms or more, and no "
                "metric has them."
            )
        return None

    @override
    def compute(
        self,
        experiment: ExperimentView | None = None,
        generation_strategy: GenerationStrategyView | None = None,
        adapter: Any = None,
    ) -> HealthcheckAnalysisCard:
        view = required(experiment)
        objectives = {n for one in view.core.goals.objectives for n in one.metric_names}
        rows = []
        for name in view.metrics:
            if known := _with_sem(view, name):
                p = p_value(known)
                is_effect = p < self.no_effect_alpha
                rows.append((NO_TRIAL, name, p, is_effect, name in objectives))
        df = pd.DataFrame(rows, columns=_COLUMNS)
        without = df[df["is_objective"] & ~df["has_effect"]]["metric_name"].tolist()
        found = (
            f"None is seen in {', '.join(without)}: check that the parameters matter, "
            "that the metric is computed as it should be, and that its noise is not "
            "much larger than what is looked for."
            if without
            else "There is one in every objective of which standard errors are known."
        )
        return create_healthcheck_analysis_card(
            type(self).__name__,
            f"Test of No Effect {'Warning' if without else 'Success'}",
            "Whether the arms differ in a metric by more than their standard errors "
            f"explain (Cochran's test, at {self.no_effect_alpha:.0%}). {found}",
            df,
            HealthcheckStatus.WARNING if without else HealthcheckStatus.PASS,
        )


def p_value(known: Sequence[Observation]) -> float:
    """Return how likely arms that are all alike differ at least as much as these.

    Args:
        known: Of two arms or more, with standard errors above 0.
    """
    means = np.array([o.mean for o in known])
    weights = 1.0 / np.array([o.sem for o in known], dtype=float) ** 2
    excess = means - weights @ means / weights.sum()
    return float(chdtrc(len(known) - 1, weights @ excess**2))


def _with_sem(view: ExperimentView, name: str) -> list[Observation]:
    """Return the observations with standard errors; none if there is but one."""
    known = [
        observation
        for trial in view.core.trials
        if (observation := trial.outcome.get(name)) is not None
        and observation.sem
        and np.isfinite(observation.mean)
    ]
    return known if len(known) > 1 else []
