"""Every attempt over time: in the queue, running, and how it ended."""

from __future__ import annotations

import heapq
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import plotly.graph_objects as go
from typing_extensions import override

from hpcopt.analysis.analysis import Analysis
from hpcopt.analysis.cluster.attempts import (
    attempt_table,
    counted,
    duration,
    time_unit,
    uses_in,
    why_without_attempts,
)
from hpcopt.analysis.cluster.colors import COLOR_OF_USE, QUEUED
from hpcopt.analysis.experiment import ExperimentView, required
from hpcopt.analysis.generation_strategy import GenerationStrategyView
from hpcopt.analysis.plotly.plotly_analysis import (
    PlotlyAnalysisCard,
    create_plotly_analysis_card,
)
from hpcopt.analysis.plotly.style import figure

Array = npt.NDArray[np.float64]

#: More attempts than these are too many bars to see; the latest are shown.
_MOST = 1000


class AttemptTimeline(Analysis):
    """A bar for each attempt: grey in the queue, then in the colour of its end.

    Bars that do not overlap share a row, so that there are about as many rows as
    attempts were live at a time.
    """

    @override
    def validate_applicable_state(
        self,
        experiment: ExperimentView | None = None,
        generation_strategy: GenerationStrategyView | None = None,
        adapter: Any = None,
    ) -> str | None:
        return why_without_attempts(experiment)

    @override
    def compute(
        self,
        experiment: ExperimentView | None = None,
        generation_strategy: GenerationStrategyView | None = None,
        adapter: Any = None,
    ) -> PlotlyAnalysisCard:
        table = attempt_table(required(experiment))
        shown = table.sort_values("submitted_at", kind="stable").tail(_MOST)
        df = shown[
            [
                *("trial_index", "attempt", "use", "node"),
                *("submitted_at", "started_at", "ended_at"),
            ]
        ].reset_index(drop=True)
        df.insert(4, "row", _rows(df))
        return create_plotly_analysis_card(
            type(self).__name__,
            "Timeline of Attempts",
            _subtitle(table, len(shown)),
            df,
            _figure(df),
        )


def _rows(df: pd.DataFrame) -> list[int]:
    """Return a row for each attempt, the lowest one that is free by then."""
    free: list[int] = []
    taken: list[tuple[float, int]] = []
    n_rows = 0
    rows = []
    for begin, end in zip(df["submitted_at"], df["ended_at"], strict=True):
        while taken and taken[0][0] <= begin:
            heapq.heappush(free, heapq.heappop(taken)[1])
        if free:
            row = heapq.heappop(free)
        else:
            row, n_rows = n_rows, n_rows + 1
        heapq.heappush(taken, (max(begin, end), row))
        rows.append(row)
    return rows


def _figure(df: pd.DataFrame) -> go.Figure:
    unit, unit_name = time_unit(float(df["ended_at"].max() - df["submitted_at"].min()))
    n_rows = int(df["row"].max()) + 1
    width = float(np.clip(280 / n_rows, 1.5, 14))
    has_run = df["started_at"].notna()
    waited_until = df["started_at"].where(has_run, df["ended_at"])
    traces = [
        _bars(df, df["submitted_at"], waited_until, unit, "queued", QUEUED, width / 2)
    ]
    for use in uses_in(df):
        part = df[(df["use"] == use.value) & has_run]
        if part.empty:
            continue
        color = COLOR_OF_USE[use]
        begin, end = part["started_at"], part["ended_at"]
        traces.append(_bars(part, begin, end, unit, use.value, color, width))
    never = df[~has_run & (df["use"] != "running")]
    if not never.empty:
        traces.append(_never_run(never, unit))
    fig = figure(traces, x=f"{unit_name} since the experiment began", y="row")
    return fig.update_yaxes(showticklabels=False, title_text="", range=[-1, n_rows])


def _bars(
    df: pd.DataFrame,
    begin: pd.Series,
    end: pd.Series,
    unit: float,
    name: str,
    color: str,
    width: float,
) -> go.Scatter:
    """Return one trace of all bars of a kind, with a gap after each."""
    x = np.full((len(df), 3), np.nan)
    x[:, 0], x[:, 1] = begin / unit, end / unit
    rows = np.repeat(df["row"].to_numpy(dtype=float), 3)
    which = np.repeat(df[["trial_index", "attempt"]].to_numpy(), 3, axis=0)
    return go.Scatter(
        x=x.ravel().round(5),
        y=rows,
        mode="lines",
        line={"color": color, "width": width},
        name=name,
        customdata=which,
        hovertemplate="trial %{customdata[0]}, attempt %{customdata[1]}<br>%{x:.4g}"
        f"<extra>{name}</extra>",
    )


def _never_run(df: pd.DataFrame, unit: float) -> go.Scatter:
    return go.Scatter(
        x=(df["ended_at"] / unit).to_numpy().round(5),
        y=df["row"].to_numpy(),
        mode="markers",
        marker={"symbol": "x-thin-open", "color": "#8A8A8A", "size": 7},
        name="ended without having been seen to run",
        customdata=df[["trial_index", "attempt"]].to_numpy(),
        hovertemplate="trial %{customdata[0]}, attempt %{customdata[1]}<extra></extra>",
    )


def _subtitle(table: pd.DataFrame, n_shown: int) -> str:
    is_queued = ~table["has_ended"] & table["started_at"].isna()
    uses = table["use"].mask(is_queued, "queued")
    names = [use.value for use in uses_in(table)]
    counts = {name: int((uses == name).sum()) for name in [*names, "queued"]}
    span = float(table["ended_at"].max() - table["submitted_at"].min())
    latest = f" The latest {n_shown:,} are shown." if n_shown < len(table) else ""
    return (
        f"{len(table):,} attempts within {duration(span)}, grey while queued, then in "
        f"the colour of their end: {counted(counts)}.{latest} Failures at one time "
        "have a common cause, such as a node or a full disk; gaps are slots left empty."
    )
