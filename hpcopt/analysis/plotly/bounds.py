"""Lines at the bounds of outcomes: what a feasible one satisfies."""

from __future__ import annotations

import plotly.graph_objects as go

from hpcopt.analysis.experiment import ExperimentView
from hpcopt.analysis.plotly.style import RED, plain

_LINE = {"dash": "dot", "color": RED, "width": 1.5}


def add_bounds(
    fig: go.Figure,
    experiment: ExperimentView,
    *,
    x: str | None = None,
    y: str | None = None,
) -> None:
    """Add a line at each bound of a single metric: of constraints and thresholds.

    Args:
        fig: Where to add them.
        experiment: Whose bounds.
        x: The metric on the x axis, if one is.
        y: The metric on the y axis, if one is.
    """
    for bound in experiment.core.absolute_goals.bounds:
        if bound.is_relative or len(bound.weights) > 1:
            continue
        [(name, weight)] = bound.weights.items()
        level, text = bound.bound / weight, plain(bound.expression)
        note = {"text": text, "font": {"size": 11}}
        if name == x:
            fig.add_vline(
                level, line=_LINE, annotation=note, annotation_position="top right"
            )
        if name == y:
            fig.add_hline(
                level, line=_LINE, annotation=note, annotation_position="top left"
            )
