"""Can the outcome constraints be satisfied?"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from typing_extensions import override

from hpcopt.analysis.analysis import Analysis
from hpcopt.analysis.arms import ArmSelection
from hpcopt.analysis.experiment import ExperimentView, required
from hpcopt.analysis.feasibility import why_not_judged
from hpcopt.analysis.generation_strategy import GenerationStrategyView
from hpcopt.analysis.healthcheck.healthcheck_analysis import (
    HealthcheckAnalysisCard,
    HealthcheckStatus,
    create_healthcheck_analysis_card,
)
from hpcopt.analysis.models import models_of


class ConstraintsFeasibilityAnalysis(Analysis):
    """Warns of constraints that nearly all arms violate, as the models see it."""

    def __init__(
        self, restrictive_threshold: float = 0.5, fraction_arms_threshold: float = 0.9
    ) -> None:
        """Choose what is restrictive.

        Args:
            restrictive_threshold: An arm that satisfies a constraint with a smaller
                probability than this counts as one that violates it.
            fraction_arms_threshold: A constraint that at least this share of the arms
                violate is warned about.
        """
        self.restrictive_threshold = restrictive_threshold
        self.fraction_arms_threshold = fraction_arms_threshold

    @override
    def validate_applicable_state(
        self,
        experiment: ExperimentView | None = None,
        generation_strategy: GenerationStrategyView | None = None,
        adapter: Any = None,
    ) -> str | None:
        if experiment is not None and not experiment.core.goals.constraints:
            return None
        return why_not_judged(experiment, ArmSelection(()))

    @override
    def compute(
        self,
        experiment: ExperimentView | None = None,
        generation_strategy: GenerationStrategyView | None = None,
        adapter: Any = None,
    ) -> HealthcheckAnalysisCard:
        experiment = required(experiment)
        constraints = experiment.core.goals.constraints
        if not constraints:
            return self._card("There are no outcome constraints.", pd.DataFrame())
        arms = [trial.arm for trial in ArmSelection(()).all_trials(experiment)]
        probabilities = models_of(experiment).probabilities(
            [arm.parameters for arm in arms]
        )
        n_below = (probabilities < self.restrictive_threshold).sum(axis=0)
        fractions = n_below / len(arms)
        df = pd.DataFrame(
            {
                "constraint": [one.expression for one in constraints],
                "num_arms_below_threshold": n_below,
                "total_arms": len(arms),
                "fraction_below_threshold": fractions,
            }
        )
        is_restrictive = fractions >= self.fraction_arms_threshold
        what = (
            "How many arms satisfy each outcome constraint with a probability of at "
            f"least {self.restrictive_threshold:.0%}."
        )
        if not is_restrictive.any():
            return self._card(f"{what} None rules out nearly all of them.", df)
        told = ", ".join(
            f"{constraints[k].expression} ({fractions[k]:.0%} of {len(arms)} arms)"
            for k in np.flatnonzero(is_restrictive)
        )
        return self._card(
            f"{what} Nearly all arms violate {told}. If that is not meant to be, relax "
            "the bound, widen the search space, or check how the metric is computed.",
            df,
            HealthcheckStatus.WARNING,
        )

    def _card(
        self,
        subtitle: str,
        df: pd.DataFrame,
        status: HealthcheckStatus = HealthcheckStatus.PASS,
    ) -> HealthcheckAnalysisCard:
        is_fine = status is HealthcheckStatus.PASS
        return create_healthcheck_analysis_card(
            type(self).__name__,
            f"Constraints Feasibility {'Success' if is_fine else 'Warning'}",
            subtitle,
            df,
            status,
        )
