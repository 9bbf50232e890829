"""Parts of figures of which cards have few: what is drawn, and what is refused."""

from __future__ import annotations

import json
from datetime import datetime
from itertools import pairwise
from typing import Any

import numpy as np
import plotly.graph_objects as go
import pytest
from matplotlib import dates
from matplotlib.collections import LineCollection, PathCollection, QuadMesh
from matplotlib.colors import to_hex
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from matplotlib.text import Annotation
from plotly.subplots import make_subplots

from hpcopt.analysis.plotly.plotly_analysis import with_arrays
from hpcopt.figures.draw import draw
from hpcopt.figures.properties import UntranslatableError
from hpcopt.figures.size import SIZES, settings


def drawn(fig: go.Figure, size: str = "single") -> Figure:
    with settings(SIZES[size]):
        figure = draw(with_arrays(json.loads(fig.to_json())), SIZES[size])
        figure.draw_without_rendering()
    return figure


def rectangles(figure: Any) -> list[tuple[float, float, float, float]]:
    return [
        (p.get_x(), p.get_y(), p.get_width(), p.get_height())
        for p in figure.axes[0].patches
        if isinstance(p, Rectangle)
    ]


def test_stacked_bars_begin_where_those_below_end() -> None:
    names = ["a", "b"]
    fig = go.Figure(
        [go.Bar(x=names, y=[1, 2]), go.Bar(x=names, y=[3, -4])], {"barmode": "relative"}
    )
    found = rectangles(drawn(fig))
    assert [(y, h) for _, y, _, h in found] == [(0, 1), (0, 2), (1, 3), (0, -4)]


def test_bars_are_hatched_where_that_tells_them_apart() -> None:
    marker = {"pattern": {"shape": "/", "fgcolor": "white"}}
    figure = drawn(go.Figure([go.Bar(x=["a"], y=[1], marker=marker, name="n")]))
    assert [patch.get_hatch() for patch in figure.axes[0].patches] == ["////"]


def test_stacked_areas_lie_on_each_other() -> None:
    one = go.Scatter(x=[0, 1], y=[1, 2], stackgroup="s")
    two = go.Scatter(x=[0, 1], y=[3, 4], stackgroup="s")
    ax = drawn(go.Figure([one, two])).axes[0]
    assert [list(np.asarray(ln.get_ydata())) for ln in ax.lines] == [[1, 2], [4, 6]]
    low, high = (np.asarray(patch.get_path().vertices)[:4] for patch in ax.patches)
    assert low.tolist() == [[0, 1], [1, 2], [1, 0], [0, 0]]
    assert high.tolist() == [[0, 4], [1, 6], [1, 2], [0, 1]]
    elsewhere = go.Scatter(x=[5, 6], y=[3, 4], stackgroup="s")
    with pytest.raises(UntranslatableError, match="stacked on other places"):
        drawn(go.Figure([one, elsewhere]))


def test_grouped_bars_stand_beside_each_other_and_lone_ones_in_the_middle() -> None:
    names = ["a", "b"]
    fig = go.Figure([go.Bar(x=names, y=[1, 2]), go.Bar(x=names, y=[3, 4])])
    found = rectangles(drawn(fig))
    assert [x + w / 2 for x, _, w, _ in found] == pytest.approx([-0.2, 0.8, 0.2, 1.2])
    lone = go.Figure([go.Bar(x=["a"], y=[1]), go.Bar(x=["b"], y=[3])])
    assert [x + w / 2 for x, _, w, _ in rectangles(drawn(lone))] == [0.0, 1.0]


def test_lying_bars_with_a_base_are_a_timeline() -> None:
    bars = go.Bar(
        y=["trial 0", "trial 1"], x=[2.0, 3.0], base=[1.0, 5.0], orientation="h"
    )
    found = rectangles(drawn(go.Figure([bars])))
    assert [(x, w) for x, _, w, _ in found] == [(1.0, 2.0), (5.0, 3.0)]


def test_bars_of_dates_have_lengths_in_milliseconds() -> None:
    bars = go.Bar(y=["a"], x=[3_600_000], base=["2026-01-02T03:00:00"], orientation="h")
    fig = go.Figure([bars]).update_xaxes(type="date")
    [(x, _, width, _)] = rectangles(drawn(fig))
    assert width == pytest.approx(1 / 24)
    day = datetime.fromisoformat("2026-01-02")
    assert x == pytest.approx(dates.date2num(day) + 3 / 24)  # type: ignore[no-untyped-call]


def test_a_heat_map_has_its_values_and_their_texts() -> None:
    z = [[1.0, 2.0, 3.0], [4.0, None, 6.0]]
    fig = go.Figure([go.Heatmap(z=z, x=["a", "b", "c"], texttemplate="%{z:.1f}")])
    ax = drawn(fig).axes[0]
    [mesh] = [c for c in ax.collections if isinstance(c, QuadMesh)]
    np.testing.assert_array_equal(
        np.ma.filled(np.ma.asarray(mesh.get_array()), np.nan), np.array(z, dtype=float)
    )
    assert [t.get_text() for t in ax.texts] == ["1.0", "2.0", "3.0", "4.0", "6.0"]
    assert [t.get_text() for t in ax.get_xticklabels()] == ["a", "b", "c"]


def test_each_subplot_has_its_traces_and_shared_axes_their_limits() -> None:
    fig = make_subplots(2, 2, shared_xaxes=True, subplot_titles=["p", "q", "r", "s"])
    for row, column in ((1, 1), (1, 2), (2, 1), (2, 2)):
        y = [1.0 * row, 10.0 * column]
        fig.add_trace(go.Scatter(x=[0, row * 5], y=y, mode="lines"), row, column)
    axes = drawn(fig).axes
    assert len(axes) == 4
    assert [np.asarray(ax.lines[0].get_ydata())[1] for ax in axes] == [10, 20, 10, 20]
    assert axes[0].get_xlim() == axes[2].get_xlim()
    boxes = [ax.get_position() for ax in axes]
    assert boxes[0].y0 > boxes[2].y1
    assert boxes[0].x1 < boxes[1].x0
    texts = [t.get_text() for ax in axes for t in ax.texts]
    assert texts == ["p", "q", "r", "s"]


def test_a_second_axis_lies_over_the_first() -> None:
    fig = go.Figure([go.Scatter(y=[1, 2]), go.Scatter(y=[100, 300], yaxis="y2")])
    fig.update_layout(yaxis2={"overlaying": "y", "side": "right", "title": "other"})
    first, second = drawn(fig).axes
    assert str(second.yaxis.get_label_position()) == "right"
    assert second.get_ylabel() == "other"
    assert first.get_ylim()[1] < 10 < second.get_ylim()[1]


def test_lines_and_notes_of_a_layout_are_where_they_are_told() -> None:
    fig = go.Figure([go.Scatter(x=[1, 100], y=[0, 1])])
    fig.update_xaxes(type="log", range=[0, 2])
    fig.add_hline(0.25, annotation_text="bound", line_dash="dot")
    fig.add_vline(10)
    fig.add_vrect(20, 50)
    fig.add_annotation(x=1, y=0.5, text="here")  # of a log axis: a power
    ax = drawn(fig).axes[0]
    across, upright = (line for line in ax.lines if line.get_zorder() < 2)
    assert np.asarray(across.get_ydata()).tolist() == [0.25, 0.25]
    assert np.asarray(upright.get_xdata()).tolist() == [10, 10]
    assert [(x, width) for x, _, width, _ in rectangles(ax.figure)] == [(20, 30)]
    bound, here = (one for one in ax.texts if isinstance(one, Annotation))
    assert (bound.get_text(), bound.xy) == ("bound", (1, 0.25))
    assert (here.get_text(), here.xy) == ("here", (10, 0.5))
    assert ax.get_xlim() == (1, 100)


def test_marks_of_a_layout_do_not_stretch_its_axes() -> None:
    fig = go.Figure([go.Scatter(x=[5, 6], y=[7, 8])])
    plain = drawn(fig).axes[0].get_xlim()
    assert drawn(fig.add_hline(7.5)).axes[0].get_xlim() == plain


def test_a_band_is_between_the_lines_that_it_joins() -> None:
    low = go.Scatter(x=[0, 1], y=[1, 2], line_width=0)
    high = go.Scatter(x=[0, 1], y=[3, 5], line_width=0, fill="tonexty")
    [band] = drawn(go.Figure([low, high])).axes[0].patches
    corners = np.asarray(band.get_path().vertices)
    assert corners[:4].tolist() == [[0, 3], [1, 5], [1, 2], [0, 1]]


def test_colours_sizes_and_symbols_are_those_of_each_point() -> None:
    marker = {
        "color": [0.0, 1.0],
        "colorscale": [[0, "#000000"], [1, "#ff0000"]],
        "size": [4, 8],
        "symbol": ["circle", "square"],
        "showscale": True,
        "colorbar": {"title": "depth"},
    }
    figure = drawn(go.Figure([go.Scatter(x=[1, 2], y=[1, 2], marker=marker)]))
    first, second = (
        c for c in figure.axes[0].collections if isinstance(c, PathCollection)
    )
    assert colour(first) == "#000000"
    assert colour(second) == "#ff0000"
    assert np.sqrt(second.get_sizes() / first.get_sizes()) == pytest.approx([2])
    assert figure.axes[1].get_ylabel() == "depth"


def colour(points: PathCollection) -> str:
    red, green, blue, alpha = np.asarray(points.get_facecolor())[0]
    return to_hex((red, green, blue, alpha))


def test_unequal_error_bars_keep_their_ends() -> None:
    bars = {"array": [1.0, 0.0], "arrayminus": [0.5, 0.0]}
    ax = drawn(go.Figure([go.Scatter(x=[0, 1], y=[5, 6], error_y=bars)])).axes[0]
    [found] = [c for c in ax.collections if isinstance(c, LineCollection)]
    [segment] = found.get_segments()
    assert segment.tolist() == [[0, 4.5], [0, 6]]


@pytest.mark.parametrize("n", [3, 40, 500])
def test_of_many_categories_the_names_that_fit_are_shown(n: int) -> None:
    names = [f"arm_{k}" for k in range(n)]
    figure = drawn(go.Figure([go.Scatter(x=names, y=list(range(n)), mode="markers")]))
    ax = figure.axes[0]
    labels = [t for t in ax.get_xticklabels() if t.get_text()]
    boxes = sorted((t.get_window_extent().x0, t.get_window_extent().x1) for t in labels)
    assert all(a[1] <= b[0] + 1 for a, b in pairwise(boxes))
    assert 3 <= len(labels) <= n


def test_whole_numbers_have_whole_ticks() -> None:
    ax = drawn(go.Figure([go.Bar(x=["a", "b"], y=[1, 2])])).axes[0]
    assert [t.get_text() for t in ax.get_yticklabels()][:3] == ["0", "1", "2"]


def test_a_reversed_axis_is_reversed() -> None:
    fig = go.Figure([go.Scatter(x=[0, 1], y=[5, 6])])
    low, high = drawn(fig.update_yaxes(autorange="reversed")).axes[0].get_ylim()
    assert low > high


@pytest.mark.parametrize(
    ("fig", "message"),
    [
        (go.Figure([go.Pie(values=[1, 2])]), "trace 0 (pie): this kind"),
        (go.Figure([go.Scatter3d(x=[1], y=[1], z=[1])]), "scatter3d"),
        (go.Figure([go.Scatter(y=[1, 2], marker_angle=[5, 6])]), "angle"),
        (go.Figure([go.Scatter(y=[1, 2], line_shape="spline")]), "shape is 'spline'"),
        (go.Figure([go.Scatter(y=[1, 2], marker_symbol="y-up")]), "'y-up'"),
        (go.Figure([go.Bar(y=[1])], {"barnorm": "percent"}), "layout has barnorm"),
        (go.Figure([go.Scatter(y=[1])], {"xaxis": {"rangebreaks": [{}]}}), "rangebre"),
        (go.Figure([go.Scatter(y=[1])], {"xaxis_type": "multicategory"}), "multicat"),
        (go.Figure(layout={"shapes": [{"type": "path", "path": "M0,0"}]}), "'path'"),
    ],
)
def test_what_is_not_understood_is_refused(fig: go.Figure, message: str) -> None:
    with pytest.raises(UntranslatableError) as caught:
        drawn(fig)
    assert message in str(caught.value)


def test_what_is_hidden_is_not_drawn() -> None:
    traces: list[Any] = [
        go.Scatter(y=[1, 2], mode="lines"),
        go.Scatter(y=[3, 4], mode="lines", visible=False),
        go.Scatter(y=[5, 6], mode="lines", visible="legendonly"),
    ]
    figure = drawn(go.Figure(traces))
    assert len(figure.axes[0].lines) == 1
    assert figure.legends == []
