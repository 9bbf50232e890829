"""Figures that are made light enough for a page."""

from __future__ import annotations

from typing import Any

import numpy as np
import plotly.graph_objects as go
import pytest

from hpcopt.reporting.figures import MOST_POINTS, Figures


def added(figure: go.Figure) -> tuple[dict[str, Any], int | None]:
    """Return the only trace of a figure in a page, and how many points it had."""
    figures = Figures()
    number, thinned = figures.add(figure.to_json())
    return figures.to_json()["figures"][number]["data"][0], thinned


def test_of_many_points_some_are_drawn() -> None:
    x = np.arange(3.0 * MOST_POINTS)
    trace, n = added(go.Figure(go.Scatter(x=x, y=x**2, mode="markers")))
    assert n == len(x)
    assert len(trace["x"]) == len(trace["y"]) == MOST_POINTS
    assert (trace["x"][0], trace["x"][-1]) == (x[0], x[-1])


@pytest.mark.parametrize("is_packed", [True, False])
def test_pieces_of_lines_stay_whole(is_packed: bool) -> None:
    ends: list[float | None] = []
    for k in range(MOST_POINTS):
        ends += [float(k), k + 0.5, None]
    x = np.array(ends, dtype=float) if is_packed else ends
    trace, n = added(go.Figure(go.Scatter(x=x, y=x, mode="lines")))
    assert n is None
    assert trace["x"] == ends
