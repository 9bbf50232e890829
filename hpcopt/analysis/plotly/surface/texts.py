"""What to conclude from a slice or a contour, in words."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from hpcopt.analysis.experiment import ExperimentView
from hpcopt.analysis.plotly.style import Z_95
from hpcopt.analysis.plotly.surface.axis import Axis
from hpcopt.analysis.reference_point import ReferencePoint

#: A mean that changes by less than this share of its uncertainty does not change.
_FLAT = 0.5


def held_at(reference: ReferencePoint, axes: Sequence[Axis]) -> str:
    """Return what the parameters that are not shown are held at."""
    changed = reference.activating({axis.column for axis in axes})
    also = [
        f"{parameter.name} = {value}"
        for column, code in changed.items()
        for parameter in [reference.space.searched[column]]
        for value in parameter.values_of(np.array([code]))
    ]
    held = f"with all other parameters as at {reference.description}"
    return f"{held}, but for {', '.join(also)}" if also else held


def optimum(
    experiment: ExperimentView,
    metric: str,
    df: pd.DataFrame,
    names: Sequence[str],
    *,
    is_relative: bool,
) -> str:
    """Return where the metric is best along the parameters ``names``, in a sentence.

    Where nobody says whether large values are good, both ends are told.
    """
    mean, sem = df[f"{metric}_mean"].to_numpy(), df[f"{metric}_sem"].to_numpy()

    def at(row: int) -> str:
        where = ", ".join(f"{name} = {_text(df[name].iloc[row])}" for name in names)
        reach = Z_95 * sem[row]
        if is_relative:
            return f"{where} ({mean[row]:+.1%} ± {reach:.1%})"
        return f"{where} ({mean[row]:.4g} ± {reach:.2g})"

    low, high = int(mean.argmin()), int(mean.argmax())
    if mean[high] - mean[low] <= _FLAT * float(np.median(sem)):
        return f"It hardly changes there, beside how uncertain it is: {at(low)}."
    is_lower_better = experiment.metrics[metric].lower_is_better
    if is_lower_better is None:
        return f"It is lowest at {at(low)} and highest at {at(high)}."
    best = low if is_lower_better else high
    return f"It is {'lowest' if is_lower_better else 'highest'} at {at(best)}."


def _text(value: object) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)
