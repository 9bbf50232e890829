"""How long trials ran and how much memory they took, against their parameters."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go
from plotly.subplots import make_subplots
from typing_extensions import override

from hpcopt.analysis.analysis import Analysis, AnalysisNotApplicableStateError
from hpcopt.analysis.cluster.attempts import (
    attempt_table,
    duration,
    time_unit,
    why_without_attempts,
)
from hpcopt.analysis.experiment import ExperimentView, required
from hpcopt.analysis.generation_strategy import GenerationStrategyView
from hpcopt.analysis.plotly.plotly_analysis import (
    PlotlyAnalysisCard,
    create_plotly_analysis_card,
)
from hpcopt.analysis.plotly.style import BLUE, PURPLE, figure, plain
from hpcopt.analysis.text import visible
from hpcopt.core.trials.cost import Use

#: So many parameters are drawn, those that the run time goes with most.
_MOST_PARAMETERS = 4

#: Of more attempts than these an even choice is drawn; the table has them all.
_MOST_POINTS = 1000

#: Of fewer attempts it is not said what goes with what.
_LEAST_FOR_RANKS = 8

#: A rank correlation from here on is worth a word.
_STRONG = 0.5

_MIB, _GIB = float(1 << 20), float(1 << 30)


class Resources(Analysis):
    """Run time and memory of attempts that succeeded, against the parameters."""

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
        view = required(experiment)
        table = attempt_table(view)
        succeeded = table[(table["use"] == Use.SUCCESS.value) & table["run_s"].notna()]
        if succeeded.empty:
            raise AnalysisNotApplicableStateError(
                "No attempt has succeeded of which it is known how long it ran."
            )
        df, columns = _table(view, succeeded)
        strengths = _strengths(df, columns)
        names = list(columns)
        shown = sorted(names, key=lambda name: -strengths[name])[:_MOST_PARAMETERS]
        return create_plotly_analysis_card(
            type(self).__name__,
            "Run Time and Memory against Parameters",
            _subtitle(df, names, shown, strengths),
            df.rename(columns={column: name for name, column in columns.items()}),
            _figure(view, df, columns, shown),
        )


def _table(
    view: ExperimentView, succeeded: pd.DataFrame
) -> tuple[pd.DataFrame, dict[str, str]]:
    """Return the attempts with their parameters, and the column of each parameter.

    A parameter may have the name of another column.
    """
    df = succeeded[["trial_index", "run_s", "max_rss_bytes"]].reset_index(drop=True)
    columns = {name: f"\0{name}" for name in view.search_space.parameters}
    values = [view.trials[index].arm.parameters for index in df["trial_index"]]
    parameters = pd.DataFrame(
        {column: [one.get(name) for one in values] for name, column in columns.items()},
        index=df.index,
    )
    return pd.concat([df, parameters], axis=1), columns


def _strengths(df: pd.DataFrame, columns: dict[str, str]) -> dict[str, float]:
    """Return how closely the run time goes with each parameter, from 0 to 1.

    Of a number it is the rank correlation; of other values the root of the share of the
    ranks' variance that is between the values.
    """
    ranks = df["run_s"].rank()
    found = {}
    for name, column in columns.items():
        values = df[column]
        if _is_numeric(values):
            with np.errstate(divide="ignore", invalid="ignore"):
                strength = abs(values.astype(float).rank().corr(ranks))
        else:
            means = ranks.groupby(values.astype(str)).transform("mean")
            total = float(((ranks - ranks.mean()) ** 2).sum())
            between = float(((means - ranks.mean()) ** 2).sum())
            strength = (between / total) ** 0.5 if total else 0.0
        found[name] = float(np.nan_to_num(strength))
    return found


def _is_numeric(values: pd.Series) -> bool:
    known = values.dropna()
    return len(known) > 0 and all(
        isinstance(value, (int, float)) and not isinstance(value, bool)
        for value in known
    )


def _figure(
    view: ExperimentView,
    df: pd.DataFrame,
    columns: dict[str, str],
    shown: list[str],
) -> go.Figure:
    points = df.iloc[:: -(-len(df) // _MOST_POINTS)]
    unit, unit_name = time_unit(float(df["run_s"].max()))
    rows = [(points["run_s"] / unit, f"run time, {unit_name}", BLUE)]
    if points["max_rss_bytes"].notna().any():
        size, size_name = _memory_unit(df)
        rows.append((points["max_rss_bytes"] / size, f"memory, {size_name}", PURPLE))
    grid = make_subplots(
        rows=len(rows),
        cols=len(shown),
        shared_yaxes=True,
        shared_xaxes=True,
        horizontal_spacing=0.03,
        vertical_spacing=0.05,
    )
    for r, (values, _, color) in enumerate(rows, start=1):
        for c, name in enumerate(shown, start=1):
            trace = _points(points, points[columns[name]], values, color)
            grid.add_trace(trace, row=r, col=c)
    fig = figure(grid.data, showlegend=False)
    fig.update_layout(
        {k: v for k, v in grid.layout.to_plotly_json().items() if "axis" in k}
    )
    for c, name in enumerate(shown, start=1):
        bottom = (len(rows) - 1) * len(shown) + c
        axis: dict[str, Any] = {"title": {"text": plain(visible(name)[:30])}}
        for r in range(len(rows)):
            number = r * len(shown) + c
            axis_name = "xaxis" + ("" if number == 1 else str(number))
            if getattr(view.search_space.parameters[name], "log", False):
                power = {"type": "log", "exponentformat": "power", "nticks": 4}
                fig.layout[axis_name].update(power)
            elif not _is_numeric(df[columns[name]]):
                fig.layout[axis_name].type = "category"
            if number == bottom:
                fig.layout[axis_name].update(axis)
    for r, (_, label, _) in enumerate(rows):
        number = r * len(shown) + 1
        fig.layout["yaxis" + ("" if number == 1 else str(number))].title.text = label
    return fig


def _points(df: pd.DataFrame, x: pd.Series, y: pd.Series, color: str) -> go.Scatter:
    is_numeric = _is_numeric(x)
    at = x.astype(float).to_numpy() if is_numeric else [plain(value) for value in x]
    return go.Scatter(
        x=at,
        y=y.to_numpy().round(5),
        mode="markers",
        marker={"color": color, "size": 5, "opacity": 0.6},
        customdata=df["trial_index"].to_numpy(),
        hovertemplate="trial %{customdata}<br>%{x}: %{y:.4g}<extra></extra>",
    )


def _subtitle(
    df: pd.DataFrame,
    names: list[str],
    shown: list[str],
    strengths: dict[str, float],
) -> str:
    runs = df["run_s"].to_numpy()
    which = (
        f"those {len(shown)} of {len(names)} parameters that it goes with most"
        if len(shown) < len(names)
        else "each parameter"
    )
    sizes = df["max_rss_bytes"].dropna()
    size, size_name = _memory_unit(df)
    memory = (
        f", and memory of {len(sizes):,} of them, at most "
        f"{float(sizes.max()) / size:.3g} {size_name} a task"
        if len(sizes)
        else "; the memory was told of none"
    )
    return (
        f"Run time of {len(df):,} attempts that succeeded against {which}: from "
        f"{duration(float(runs.min()))} to {duration(float(runs.max()))}{memory}. "
        f"{_conclusion(df, strengths)}"
    )


def _memory_unit(df: pd.DataFrame) -> tuple[float, str]:
    is_small = not df["max_rss_bytes"].max() >= _GIB
    return (_MIB, "MiB") if is_small else (_GIB, "GiB")


def _conclusion(df: pd.DataFrame, strengths: dict[str, float]) -> str:
    if len(df) < _LEAST_FOR_RANKS:
        return "They are too few to say what it depends on."
    strong = [
        n
        for n in sorted(strengths, key=lambda n: -strengths[n])
        if strengths[n] >= _STRONG
    ]
    if not strong:
        return "It depends on no single parameter much: one time limit suits all."
    return (
        f"It goes with {', '.join(visible(name) for name in strong[:3])} (rank "
        f"correlation {strengths[strong[0]]:.2f}): resources in the config may depend "
        "on parameters, so that short trials ask for less."
    )
