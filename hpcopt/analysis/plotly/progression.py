"""Learning curves: a metric of each arm as its trial progressed."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go
from plotly.colors import sample_colorscale
from typing_extensions import override

from hpcopt.analysis.analysis import Analysis
from hpcopt.analysis.applicable import why_without_data
from hpcopt.analysis.experiment import (
    ExperimentView,
    TrialView,
    required,
)
from hpcopt.analysis.generation_strategy import GenerationStrategyView
from hpcopt.analysis.metrics import selected_metric
from hpcopt.analysis.plotly.plotly_analysis import (
    PlotlyAnalysisCard,
    create_plotly_analysis_card,
)
from hpcopt.analysis.plotly.style import SEQUENTIAL, figure, plain
from hpcopt.core.trials.trial import TrialStatus

_STOPPED = "#E4002B"

#: Of more curves some are drawn.
_MOST_CURVES = 150


class ProgressionPlot(Analysis):
    """A metric's curve for each arm, with a cross where a trial was stopped early."""

    def __init__(
        self, metric_name: str | None = None, by_wallclock_time: bool = False
    ) -> None:
        """Choose what is shown.

        Args:
            metric_name: That of the objective by default.
            by_wallclock_time: Whether the curves are over the time since the first
                trial began, rather than over their steps.
        """
        self.metric_name = metric_name
        self.by_wallclock_time = by_wallclock_time

    @override
    def validate_applicable_state(
        self,
        experiment: ExperimentView | None = None,
        generation_strategy: GenerationStrategyView | None = None,
        adapter: Any = None,
    ) -> str | None:
        if experiment is None:
            return why_without_data(None)
        name = selected_metric(experiment, self.metric_name)
        if why := why_without_data(experiment, [name]):
            return why
        if name not in metrics_with_steps(experiment):
            return (
                f"No value of {name} was told with a step (progression=…), so there "
                "are no curves."
            )
        return None

    @override
    def compute(
        self,
        experiment: ExperimentView | None = None,
        generation_strategy: GenerationStrategyView | None = None,
        adapter: Any = None,
    ) -> PlotlyAnalysisCard:
        view = required(experiment)
        name = selected_metric(view, self.metric_name)
        df = _table(view, name)
        by = "wallclock time" if self.by_wallclock_time else "progression"
        column = "wallclock_time" if self.by_wallclock_time else "progression"
        return create_plotly_analysis_card(
            type(self).__name__,
            f"{name} by {by}",
            _subtitle(view, df, name, by),
            df,
            _figure(view, df, name, column),
        )


def metrics_with_steps(view: ExperimentView) -> list[str]:
    """Return the metrics of which a value was reported at a step."""
    found = {
        name: None
        for trial in view.core.trials
        for report in trial.reports
        for name, o in report.outcome.items()
        if o.step
    }
    return list(found)


def _table(view: ExperimentView, name: str) -> pd.DataFrame:
    """Return one row a trial and step, by trial and step."""
    begin = min(trial.created_at for trial in view.core.trials)
    rows = []
    for trial in view.trials.values():
        latest: dict[float, tuple[float, float]] = {}
        for report in trial.core.reports:
            told = report.outcome.get(name)
            # What comes after steps and has none is the outcome, not the step 0.
            if told is not None and (told.step or not any(latest)):
                latest[told.step] = told.mean, report.time - begin
        if not any(latest):  # a single value without a step is no curve
            continue
        rows += [
            (trial.index, trial.arm.name, mean, step, seconds)
            for step, (mean, seconds) in sorted(latest.items())
        ]
    columns = ["trial_index", "arm_name", name, "progression", "wallclock_time"]
    return pd.DataFrame(rows, columns=columns)


def _figure(
    view: ExperimentView, df: pd.DataFrame, name: str, column: str
) -> go.Figure:
    indices = df["trial_index"].unique()
    if len(indices) > _MOST_CURVES:
        kept = np.linspace(0, len(indices) - 1, _MOST_CURVES).round().astype(int)
        indices = indices[kept]
        df = df[df["trial_index"].isin(indices)]
    curves = dict(iter(df.groupby("trial_index", sort=False)))
    span = max(int(indices.max() - indices.min()), 1)
    traces: list[Any] = []
    for index in indices:
        rows = curves[index]
        share = (index - indices.min()) / span
        [color] = sample_colorscale(SEQUENTIAL, [share])
        traces.append(_curve(view.trials[int(index)], rows, name, column, color))
    stopped = df.groupby("trial_index", sort=False).tail(1)
    is_stopped = [
        view.trials[index].status is TrialStatus.EARLY_STOPPED
        for index in stopped["trial_index"]
    ]
    if any(is_stopped):
        ends = stopped[is_stopped]
        traces.append(
            go.Scatter(
                x=ends[column],
                y=ends[name],
                mode="markers",
                marker={"symbol": "x", "color": _STOPPED, "size": 9},
                name="stopped early",
                showlegend=True,
                text=ends["arm_name"].map(plain),
                hovertemplate="%{text}: stopped early<extra></extra>",
            )
        )
    if len(indices) > 1:
        traces.append(_color_bar(indices))
    x = "seconds since the first trial began" if column == "wallclock_time" else "step"
    return figure(traces, x=x, y=name)


def _curve(
    trial: TrialView, rows: pd.DataFrame, name: str, column: str, color: str
) -> go.Scatter:
    head = f"<b>{plain(trial.arm.name)}</b> (trial {trial.index})"
    return go.Scatter(
        x=rows[column],
        y=rows[name],
        mode="lines+markers",
        line={"color": color, "width": 1.5},
        marker={"size": 4},
        showlegend=False,
        hovertemplate=f"{head}<br>%{{x:.6g}}: %{{y:.6g}}<extra></extra>",
    )


def _color_bar(indices: np.ndarray[Any, Any]) -> go.Scatter:
    """Return a trace without points, for the bar of the curves' colours."""
    return go.Scatter(
        x=[None],
        y=[None],
        mode="markers",
        marker={
            "color": [indices.min()],
            "cmin": indices.min(),
            "cmax": indices.max(),
            "colorscale": SEQUENTIAL,
            "showscale": True,
            "colorbar": {"title": {"text": "trial"}, "thickness": 12},
        },
        showlegend=False,
        hoverinfo="skip",
    )


def _subtitle(view: ExperimentView, df: pd.DataFrame, name: str, by: str) -> str:
    n = df["trial_index"].nunique()
    n_stopped = sum(
        view.trials[index].status is TrialStatus.EARLY_STOPPED
        for index in df["trial_index"].unique()
    )
    ends = df.groupby("trial_index", sort=False).tail(1)
    is_low = view.metrics[name].lower_is_better is not False
    values = ends[name]
    best = ends.loc[values.idxmin() if is_low else values.idxmax()]
    some = f" ({_MOST_CURVES} are drawn, evenly)" if n > _MOST_CURVES else ""
    stopped = f"; {n_stopped} stopped early end in a cross" if n_stopped else ""
    return (
        f"The curve of {name} of each of {n} trials{some}, by {by}{stopped}. At its "
        f"end the {'lowest' if is_low else 'highest'} is that of arm "
        f"{best['arm_name']}, at {best[name]:.5g}; curves that are far off early on "
        "could be stopped."
    )
