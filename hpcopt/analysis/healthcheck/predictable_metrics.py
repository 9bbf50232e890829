"""Do the models predict anything?"""

from __future__ import annotations

import math
from typing import Any

import pandas as pd
from typing_extensions import override

from hpcopt.analysis.analysis import Analysis
from hpcopt.analysis.applicable import why_without_model
from hpcopt.analysis.experiment import ExperimentView, required
from hpcopt.analysis.generation_strategy import GenerationStrategyView
from hpcopt.analysis.healthcheck.healthcheck_analysis import (
    HealthcheckAnalysisCard,
    HealthcheckStatus,
    create_healthcheck_analysis_card,
)
from hpcopt.analysis.model_fit import LEAST_FIT
from hpcopt.analysis.models import models_of

#: With fewer outcomes nothing is left to learn from without one of them.
_LEAST_OUTCOMES = 3


class PredictableMetricsAnalysis(Analysis):
    """Warns of metrics of the goals that are predicted no better than by their mean."""

    def __init__(
        self,
        model_fit_threshold: float = LEAST_FIT,
        guidance_message: str | None = None,
    ) -> None:
        """Choose what is good enough.

        Args:
            model_fit_threshold: The least R² of outcomes that are left out one by one.
            guidance_message: What to say besides, where a metric has less.
        """
        self.model_fit_threshold = model_fit_threshold
        self.guidance_message = guidance_message

    @override
    def validate_applicable_state(
        self,
        experiment: ExperimentView | None = None,
        generation_strategy: GenerationStrategyView | None = None,
        adapter: Any = None,
    ) -> str | None:
        if experiment is None:
            return why_without_model(None, ())
        names = experiment.core.goals.metric_names
        whys = [_why_not(experiment, name) for name in names]
        return whys[0] if all(whys) else None

    @override
    def compute(
        self,
        experiment: ExperimentView | None = None,
        generation_strategy: GenerationStrategyView | None = None,
        adapter: Any = None,
    ) -> HealthcheckAnalysisCard:
        experiment = required(experiment)
        models = models_of(experiment)
        fits = {
            name: models.r_squared(name)
            for name in experiment.core.goals.metric_names
            if _why_not(experiment, name) is None
        }
        poor = {name: fit for name, fit in fits.items() if not self._is_enough(fit)}
        what = (
            "Whether the models predict each metric of the goals: R² of outcomes that "
            "are left out one by one."
        )
        if not poor:
            return create_healthcheck_analysis_card(
                type(self).__name__,
                "Predictable Metrics Success",
                f"{what} All are predicted better than by their mean.",
                pd.DataFrame(),
                HealthcheckStatus.PASS,
            )
        told = ", ".join(f"{name} ({_text(fit)})" for name, fit in poor.items())
        more = f" {self.guidance_message}" if self.guidance_message else ""
        return create_healthcheck_analysis_card(
            type(self).__name__,
            "Predictable Metrics Warning",
            f"{what} These are below {self.model_fit_threshold:g}: {told}. They may be "
            "noise, be computed wrongly, hardly depend on the parameters, or need more "
            f"trials.{more}",
            pd.DataFrame({"Metric": list(poor), "R²": list(poor.values())}),
            HealthcheckStatus.WARNING,
        )

    def _is_enough(self, fit: float) -> bool:
        return fit >= self.model_fit_threshold


def _why_not(experiment: ExperimentView, name: str) -> str | None:
    return why_without_model(experiment, (name,), _LEAST_OUTCOMES)


def _text(fit: float) -> str:
    return "all outcomes are equal" if math.isnan(fit) else f"R² = {fit:.2f}"
