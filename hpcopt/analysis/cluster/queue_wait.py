"""How long attempts waited in the queue, against how long they ran."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go
from typing_extensions import override

from hpcopt.analysis.analysis import Analysis, AnalysisNotApplicableStateError
from hpcopt.analysis.cluster.attempts import (
    attempt_table,
    duration,
    time_unit,
    uses_in,
    why_without_attempts,
)
from hpcopt.analysis.cluster.colors import COLOR_OF_USE
from hpcopt.analysis.experiment import ExperimentView, required
from hpcopt.analysis.generation_strategy import GenerationStrategyView
from hpcopt.analysis.plotly.plotly_analysis import (
    PlotlyAnalysisCard,
    create_plotly_analysis_card,
)
from hpcopt.analysis.plotly.style import GREY, figure

#: Of more attempts than these an even choice is drawn; the table has them all.
_MOST_POINTS = 2000


class QueueWait(Analysis):
    """Each attempt's time in the queue against its run time."""

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
        known = table["has_ended"] & table["queue_s"].notna() & table["run_s"].notna()
        df = table.loc[
            known,
            ["trial_index", "attempt", "use", "queue_s", "run_s", "is_accounted"],
        ].reset_index(drop=True)
        if df.empty:
            raise AnalysisNotApplicableStateError(
                "No attempt has ended of which it is known how long it waited and ran."
            )
        return create_plotly_analysis_card(
            type(self).__name__,
            "Queue Wait against Run Time",
            _subtitle(df, n_unknown=int(table["has_ended"].sum()) - len(df)),
            df,
            _figure(df),
        )


def _figure(df: pd.DataFrame) -> go.Figure:
    step = -(-len(df) // _MOST_POINTS)
    shown = df.iloc[::step]
    run_unit, run_name = time_unit(float(df["run_s"].max()))
    wait_unit, wait_name = time_unit(float(df["queue_s"].max()))
    traces: list[Any] = []
    for use in uses_in(shown):
        part = shown[shown["use"] == use.value]
        traces.append(
            go.Scatter(
                x=(part["run_s"] / run_unit).to_numpy().round(5),
                y=(part["queue_s"] / wait_unit).to_numpy().round(5),
                mode="markers",
                marker={"color": COLOR_OF_USE[use], "size": 6, "opacity": 0.7},
                name=use.value,
                customdata=part[["trial_index", "attempt"]].to_numpy(),
                hovertemplate="trial %{customdata[0]}, attempt %{customdata[1]}<br>"
                f"ran %{{x:.4g}} {run_name}, waited %{{y:.4g}} {wait_name}"
                f"<extra>{use.value}</extra>",
            )
        )
    longest = min(float(df["run_s"].max()), float(df["queue_s"].max()))
    if longest > 0:
        traces.append(
            go.Scatter(
                x=[0, longest / run_unit],
                y=[0, longest / wait_unit],
                mode="lines",
                line={"color": GREY, "dash": "dot", "width": 1},
                name="waited as long as it ran",
                hoverinfo="skip",
            )
        )
    return figure(traces, x=f"run time, {run_name}", y=f"queue wait, {wait_name}")


def _subtitle(df: pd.DataFrame, n_unknown: int) -> str:
    waits, runs = df["queue_s"].to_numpy(), df["run_s"].to_numpy()
    total = float(waits.sum() + runs.sum())
    share = float(waits.sum()) / total if total else 0.0
    unknown = f" Of {n_unknown:,} more it is not known." if n_unknown else ""
    end = (
        "the queue costs more time than the trials: shorter or smaller jobs, packs of "
        "several trials, or another partition would start sooner."
        if share > 0.5
        else "most of the time went into running."
    )
    median, late = np.quantile(waits, [0.5, 0.9])
    return (
        f"How long each of {len(df):,} attempts waited, from its submission on, and "
        f"ran: half of them waited {duration(float(median))} or less, and one in "
        f"ten more than {duration(float(late))}.{unknown} Of "
        f"their time {share:.0%} was spent in the queue; {end}"
    )
