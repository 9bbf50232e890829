"""Do suggestions crowd on the bounds of the search space?"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
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
from hpcopt.core.errors import UsageError
from hpcopt.core.space.search_space import ChoiceParameter, RangeParameter
from hpcopt.core.types import TParameterization

#: Closer to a bound than this share of the range is on it.
_CLOSE = 1e-6

_PROPORTION = "Proportion of suggested values on boundary"


class SearchSpaceAnalysis(Analysis):
    """How large a share of a trial's suggestions lies on each bound."""

    def __init__(
        self, trial_index: int, boundary_proportion_threshold: float = 0.5
    ) -> None:
        """Choose the trial.

        Args:
            trial_index: Which one.
            boundary_proportion_threshold: Larger shares are warned about.
        """
        self.trial_index = trial_index
        self.boundary_proportion_threshold = boundary_proportion_threshold

    @override
    def compute(
        self,
        experiment: ExperimentView | None = None,
        generation_strategy: GenerationStrategyView | None = None,
        adapter: Any = None,
    ) -> HealthcheckAnalysisCard:
        view = required(experiment)
        if self.trial_index not in view.trials:
            raise UsageError(
                f"trial_index: expected one of the {len(view.trials)} trials of the "
                f"experiment, found {self.trial_index}"
            )
        arms = view.trials[self.trial_index].arms
        rows = list(_rows(view, [arm.parameters for arm in arms]))
        df = pd.DataFrame(rows, columns=["Boundary", "Bound", _PROPORTION])
        crowded = df[df[_PROPORTION] > self.boundary_proportion_threshold]
        if crowded.empty:
            status = HealthcheckStatus.PASS
            advice = "No bound is in the way."
        else:
            status = HealthcheckStatus.WARNING
            bounds = ", ".join(crowded["Boundary"])
            advice = f"The best may lie beyond: consider to widen {bounds}."
        return create_healthcheck_analysis_card(
            type(self).__name__,
            "Search space boundary check",
            f"How many of the suggestions of trial {self.trial_index} lie on a bound. "
            f"{advice}",
            df,
            status,
        )


def _rows(
    view: ExperimentView, points: list[TParameterization]
) -> Iterator[tuple[str, str, float]]:
    for parameter in view.core.space.parameters:
        values = [p[parameter.name] for p in points if parameter.name in p]
        ends: tuple[float, float] | None = None
        if isinstance(parameter, RangeParameter):
            ends = parameter.lower, parameter.upper
        elif isinstance(parameter, ChoiceParameter) and parameter.is_ordered:
            numbers = [v for v in parameter.values if isinstance(v, (int, float))]
            is_numeric = len(numbers) == len(parameter.values) > 1
            ends = (min(numbers), max(numbers)) if is_numeric else None
        if ends is None:
            continue
        where = np.array(values, dtype=float)
        for end, which in zip(ends, ("Lower bound", "Upper bound"), strict=True):
            is_on = np.abs(where - end) <= _CLOSE * (ends[1] - ends[0])
            share = float(is_on.mean()) if len(where) else 0.0
            yield f"{parameter.name} = {end}", which, share
