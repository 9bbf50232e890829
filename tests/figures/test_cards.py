"""Every card is drawn as its figure says: points, bars, lines, axes and names."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection, PathCollection, QuadMesh
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Rectangle
from matplotlib.text import Text

from hpcopt.analysis.card import AnalysisCard, ErrorAnalysisCard
from hpcopt.analysis.plotly.plotly_analysis import PlotlyAnalysisCard
from hpcopt.figures import text
from hpcopt.figures.draw import draw
from hpcopt.figures.size import SIZES, settings
from tests.support.figure_world import all_cards, plot_of, rows

pytestmark = pytest.mark.slow

#: The analyses that make a figure.
KINDS = [
    "ArmEffectsPlot",
    "AttemptTimeline",
    "ConstraintFeasibilityPlot",
    "ContourPlot",
    "CoreHours",
    "CrossValidationPlot",
    "FailuresByNode",
    "MarginalEffectsPlot",
    "ObjectivePFeasibleFrontierPlot",
    "PFeasiblePlot",
    "ParallelCoordinatesPlot",
    "ProgressionPlot",
    "QueueWait",
    "Resources",
    "ScatterPlot",
    "SchedulerCalls",
    "SensitivityAnalysisPlot",
    "SlicePlot",
    "SlotUse",
    "UtilityProgressionAnalysis",
]


def cards_of(kind: str) -> list[AnalysisCard]:
    found = [c for c in all_cards() if isinstance(c, PlotlyAnalysisCard)]
    return [c for c in found if c.name == kind]


def drawn(card: AnalysisCard, size: str = "single") -> tuple[Figure, dict[str, Any]]:
    plot = plot_of(card)
    with settings(SIZES[size]):
        figure = draw(plot, SIZES[size], card.title)
        figure.draw_without_rendering()
    return figure, plot


def test_all_kinds_of_figures_are_looked_at() -> None:
    assert not [c for c in all_cards() if isinstance(c, ErrorAnalysisCard)]
    found = {c.name for c in all_cards() if isinstance(c, PlotlyAnalysisCard)}
    assert sorted(found) == sorted(KINDS)


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_drawn_is_what_the_figure_says(kind: str) -> None:
    for card in cards_of(kind):
        figure, plot = drawn(card)
        traces = plot["data"]
        if traces[0].get("type") == "parcoords":
            check_parallel(figure, traces[0])
            continue
        subplots = dict.fromkeys(
            (t.get("xaxis", "x"), t.get("yaxis", "y")) for t in traces
        )
        assert len(figure.axes) >= len(subplots)  # colour bars are axes, too
        for ax, (x, y) in zip(figure.axes, subplots, strict=False):
            here = [t for t in traces if t.get("xaxis", "x") == x]
            layout = {
                "xaxis": plot["layout"][f"xaxis{x[1:]}"],
                "yaxis": plot["layout"][f"yaxis{y[1:]}"],
            }
            places = Places(here, layout)
            check_markers(ax, here, places)
            check_lines(ax, here, places)
            check_error_bars(ax, here, places)
            check_bars(ax, here, places)
            check_grid(ax, here)
            check_axes(ax, layout)
        if plot["layout"].get("showlegend") is not False:
            check_legend(figure, traces)


class Places:
    """Where values are: categories as they are told, or as they first appear."""

    def __init__(self, traces: list[dict[str, Any]], layout: dict[str, Any]) -> None:
        self.names: dict[str, list[str]] = {}
        for way in ("x", "y"):
            told = layout[f"{way}axis"]
            values = [v for trace in traces for v in trace.get(way, ())]
            has_names = any(isinstance(value, str) for value in values)
            if told.get("type") == "category" or has_names:
                order = [*told.get("categoryarray", []), *values]
                self.names[way] = list(dict.fromkeys(map(str, order)))

    def __call__(self, way: str, values: Any) -> npt.NDArray[np.float64]:
        if way not in self.names:
            return np.array(values, dtype=float)
        names = self.names[way]
        return np.array([names.index(str(v)) for v in values], dtype=float)


def scatters(traces: list[dict[str, Any]], mode: str) -> Iterator[dict[str, Any]]:
    for trace in traces:
        default = "lines+markers" if len(trace.get("x", ())) < 20 else "lines"
        is_scatter = trace.get("type", "scatter") == "scatter"
        if is_scatter and mode in trace.get("mode", default):
            yield trace


def check_markers(ax: Axes, traces: list[dict[str, Any]], at: Places) -> None:
    expected = []
    for trace in scatters(traces, "markers"):
        x, y = at("x", trace["x"]), at("y", trace["y"])
        size = np.broadcast_to(trace.get("marker", {}).get("size", 6), len(x))
        seen = np.isfinite(x) & np.isfinite(y) & (size > 0)
        expected.append(np.column_stack([x[seen], y[seen]]))
    found = [
        np.asarray(c.get_offsets())
        for c in ax.collections
        if isinstance(c, PathCollection)
    ]
    assert sum(map(len, found)) == sum(map(len, expected))
    if expected and found:
        np.testing.assert_allclose(
            rows(*np.concatenate(found).T), rows(*np.concatenate(expected).T)
        )


def check_lines(ax: Axes, traces: list[dict[str, Any]], at: Places) -> None:
    shown = [
        t for t in scatters(traces, "lines") if t.get("line", {}).get("width", 2) > 0
    ]
    expected = [(at("x", t["x"]), at("y", t["y"])) for t in shown]
    found = [line for line in ax.lines if line.get_zorder() >= 2]
    assert len(found) == len(expected)
    below = np.zeros(1)
    for line, (x, y), trace in zip(found, expected, shown, strict=True):
        if trace.get("stackgroup"):
            y = below = y + below  # noqa: PLW2901
        np.testing.assert_allclose(np.asarray(line.get_xdata(), dtype=float), x)
        np.testing.assert_allclose(np.asarray(line.get_ydata(), dtype=float), y)


def check_error_bars(ax: Axes, traces: list[dict[str, Any]], at: Places) -> None:
    for way in (0, 1):
        expected: list[float] = []
        for trace in traces:
            bars = trace.get("error_y" if way else "error_x") or {}
            reach = np.nan_to_num(np.array(bars.get("array", []), dtype=float))
            centers = at("y" if way else "x", trace.get("y" if way else "x", []))
            is_there = np.isfinite(centers[: len(reach)])
            expected += (2 * reach[is_there & (reach > 0)]).tolist()
        lengths = [
            abs(segment[1][way] - segment[0][way])
            for c in ax.collections
            if type(c) is LineCollection
            for segment in c.get_segments()
            if len(segment) == 2 and segment[1][way] != segment[0][way]
        ]
        np.testing.assert_allclose(sorted(lengths), sorted(expected), atol=1e-9)


def check_bars(ax: Axes, traces: list[dict[str, Any]], at: Places) -> None:
    expected, found = [], []
    for trace in traces:
        if trace.get("type") == "bar":
            is_lying = trace.get("orientation") == "h"
            along, lengths = ("y", "x") if is_lying else ("x", "y")
            places = at(along, trace[along])
            expected += list(zip(places, np.array(trace[lengths]), strict=True))
    for patch in ax.patches:
        if isinstance(patch, Rectangle):
            is_lying = any(t.get("orientation") == "h" for t in traces)
            middle = (
                patch.get_y() + patch.get_height() / 2
                if is_lying
                else patch.get_x() + patch.get_width() / 2
            )
            found.append(
                (middle, patch.get_width() if is_lying else patch.get_height())
            )
    assert len(found) == len(expected)
    if expected:
        np.testing.assert_allclose(
            rows(*zip(*found, strict=True)),
            rows(*zip(*expected, strict=True)),
            atol=1e-9,
        )


def check_grid(ax: Axes, traces: list[dict[str, Any]]) -> None:
    expected = [np.array(t["z"]) for t in traces if t.get("type") == "contour"]
    found = [c.get_array() for c in ax.collections if isinstance(c, QuadMesh)]
    assert len(found) == len(expected)
    for mesh, z in zip(found, expected, strict=True):
        assert mesh is not None
        np.testing.assert_allclose(np.asarray(mesh).reshape(z.shape), z)


def check_axes(ax: Axes, layout: dict[str, Any]) -> None:
    for way, label, scale, limits in (
        ("xaxis", ax.get_xlabel(), ax.get_xscale(), ax.get_xlim()),
        ("yaxis", ax.get_ylabel(), ax.get_yscale(), ax.get_ylim()),
    ):
        told = layout[way]
        title = text.label(told.get("title", {}).get("text", ""))
        assert label.replace("\n", " ") == title
        assert (scale == "log") == (told.get("type") == "log")
        if told.get("range") is not None:
            ends = np.array(told["range"], dtype=float)
            expected = 10.0**ends if told.get("type") == "log" else ends
            np.testing.assert_allclose(limits, expected)


def check_legend(figure: Figure, traces: list[dict[str, Any]]) -> None:
    shown = [t for t in traces if t.get("showlegend") is not False and t.get("name")]
    is_there = len(shown) > 1 or any(t.get("showlegend") for t in shown)
    found = [one.get_text() for legend in figure.legends for one in legend.get_texts()]
    expected = [text.label(t["name"], 40) for t in shown] if is_there else []
    assert found == expected


def check_parallel(figure: Figure, trace: dict[str, Any]) -> None:
    [lines] = [c for c in figure.axes[0].collections if isinstance(c, LineCollection)]
    heights = []
    for one in trace["dimensions"]:
        values = np.array(one["values"], dtype=float)
        low, high = one.get("range", (values.min(), values.max()))
        heights.append((values - low) / (high - low))
    expected = np.array(heights).T
    found = np.array(lines.get_segments())
    np.testing.assert_allclose(found[..., 1], expected, atol=1e-12)
    np.testing.assert_allclose(found[0, :, 0], np.arange(len(heights)))
    written = {one.get_text() for one in figure.findobj(Text)}
    for one in trace["dimensions"]:
        assert text.label(one["label"]) in written


@pytest.mark.parametrize(
    ("kind", "size"),
    [
        *((kind, "single") for kind in KINDS),
        *((kind, "talk") for kind in ("ParallelCoordinatesPlot", "Resources")),
    ],
)
def test_every_text_can_be_read_and_lies_within_the_figure(
    kind: str, size: str
) -> None:
    card = cards_of(kind)[0]
    figure, _ = drawn(card, size)
    renderer = figure.canvas.get_renderer()  # type: ignore[attr-defined]
    beyond = texts_out_of_range(figure)
    for one in figure.findobj(Text):
        assert isinstance(one, Text)
        if not one.get_text() or not one.get_visible() or one in beyond:
            continue
        assert float(one.get_fontsize()) >= 7
        box = one.get_window_extent(renderer)
        assert box.x0 >= -1, one
        assert box.y0 >= -1, one
        assert box.x1 <= figure.bbox.x1 + 1, one
        assert box.y1 <= figure.bbox.y1 + 1, one


@pytest.mark.parametrize("kind", ["ScatterPlot", "SensitivityAnalysisPlot"])
def test_a_title_a_legend_and_the_data_do_not_meet(kind: str) -> None:
    figure, _ = drawn(cards_of(kind)[0], "talk")
    [legend] = figure.legends
    title = next(t for t in figure.texts if t.get_text())
    boxes = [
        one.get_window_extent(figure.canvas.get_renderer())  # type: ignore[attr-defined]
        for one in (title, legend, figure.axes[0])
    ]
    for k, box in enumerate(boxes):
        assert not any(box.overlaps(other) for other in boxes[k + 1 :])


def texts_out_of_range(figure: Figure) -> set[Text]:
    """Return the labels of ticks that lie beyond the ends of their axis."""
    return {
        label
        for ax in figure.axes
        for axis in (ax.xaxis, ax.yaxis)
        for tick in (*axis.get_major_ticks(), *axis.get_minor_ticks())
        for label in (tick.label1, tick.label2)
        if not is_within(tick.get_loc(), axis.get_view_interval())
        or not label.get_visible()
    }


def is_within(value: float, ends: tuple[float, float]) -> bool:
    margin = 1e-9 * abs(ends[1] - ends[0])
    return min(ends) - margin <= value <= max(ends) + margin


@pytest.mark.parametrize("size", SIZES)
def test_a_figure_has_the_width_that_was_asked_for(size: str) -> None:
    figure, _ = drawn(cards_of("SlicePlot")[0], size)
    assert figure.get_figwidth() * 25.4 == pytest.approx(SIZES[size].width)


def test_a_stepped_front_is_drawn_in_steps() -> None:
    card = next(c for c in cards_of("ScatterPlot") if "Pareto front" in c.blob)
    figure, plot = drawn(card)
    [front] = [t for t in plot["data"] if t.get("name") == "Pareto front"]
    steps = {"hv": "steps-post", "vh": "steps-pre"}[front["line"]["shape"]]
    lines: list[Line2D] = [ln for ln in figure.axes[0].lines if ln.get_zorder() >= 2]
    assert [line.get_drawstyle() for line in lines] == [steps]
