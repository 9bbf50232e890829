"""Arms as points: coloured by their trials, outlined where they are hardly feasible."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import plotly.graph_objects as go

from hpcopt.analysis.arms import NO_TRIAL, is_unlikely_feasible
from hpcopt.analysis.plotly.hover import TEXT_ONLY
from hpcopt.analysis.plotly.style import (
    COLORS,
    SEQUENTIAL,
    error_bars,
)
from hpcopt.core.trials.trial import TrialStatus

Array = npt.NDArray[np.float64]

#: From more trials than these on, a colour bar is in place of a legend.
_MOST_IN_LEGEND = 10

#: More arms than these are smaller points.
_CROWDED = 150

_OUTLINE = "#E4002B"

_OBSERVED = {TrialStatus.COMPLETED.name, TrialStatus.EARLY_STOPPED.name}


def arm_traces(
    df: pd.DataFrame,
    x: npt.NDArray[Any],
    y: Array,
    texts: Sequence[str],
    *,
    x_sem: Array | None = None,
    y_sem: Array | None = None,
) -> list[go.Scatter]:
    """Return the traces of arms: one, or one for each of few trials.

    Args:
        df: As ``arm_table`` gives it, ``n`` rows.
        x: Where they are, shape ``(n,)``.
        y: Where they are, shape ``(n,)``.
        texts: What is shown of each.
        x_sem: Standard errors, NaN where they are not known.
        y_sem: Standard errors, NaN where they are not known.
    """
    trials = df["trial_index"].to_numpy()
    chosen = np.unique(trials)
    has_legend = len(chosen) <= _MOST_IN_LEGEND
    groups = [trials == trial for trial in chosen] if has_legend else [trials == trials]
    outline = np.where(is_unlikely_feasible(df), _OUTLINE, "rgba(0, 0, 0, 0)")
    is_pending = ~df["trial_status"].isin(_OBSERVED).to_numpy()
    symbol = np.where(
        trials == NO_TRIAL, "star", np.where(is_pending, "diamond-open", "circle")
    )
    is_crowded = len(df) > _CROWDED
    traces = []
    for k, rows in enumerate(groups):
        marker: dict[str, Any] = {
            "size": 6 if is_crowded else 9,
            "symbol": symbol[rows],
            "line": {"color": outline[rows], "width": 1 if is_crowded else 2},
        }
        if has_legend:
            # Of more trials than there are colours neighbours differ.
            marker |= {"color": COLORS[k % len(COLORS)]}
        else:
            marker |= {
                # Arms without a trial are stars, and would stretch the scale.
                "color": np.where(trials == NO_TRIAL, trials.max(), trials)[rows],
                "colorscale": SEQUENTIAL,
                "colorbar": {"title": {"text": "trial"}, "thickness": 12},
            }
        traces.append(
            go.Scatter(
                x=x[rows],
                y=y[rows],
                error_x=_bars(x_sem, rows),
                error_y=_bars(y_sem, rows),
                mode="markers",
                marker=marker,
                name=_name(int(chosen[k])),
                showlegend=has_legend,
                text=np.array(texts, dtype=object)[rows],
                hovertemplate=TEXT_ONLY,
            )
        )
    return traces


def _bars(sems: Array | None, rows: npt.NDArray[np.bool_]) -> dict[str, Any] | None:
    """Return bars of 95 %; ``None`` where no standard error is known."""
    if sems is None or not np.isfinite(sems[rows]).any():
        return None
    return error_bars(sems[rows])


def _name(trial: int) -> str:
    return "additional arm" if trial == NO_TRIAL else f"trial {trial}"
