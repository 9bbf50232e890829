"""Core-hours spent, and wasted, by what they went into."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go
from typing_extensions import override

from hpcopt.analysis.analysis import Analysis, AnalysisNotApplicableStateError
from hpcopt.analysis.cluster.attempts import (
    attempt_table,
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
from hpcopt.analysis.plotly.style import figure


class CoreHours(Analysis):
    """A bar for each cause of an end: how many core-hours went into it."""

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
        # Those that wait in the queue have cost nothing so far.
        table = table[table["has_ended"] | table["started_at"].notna()]
        is_known = table["core_hours"].notna()
        if not is_known.any():
            raise AnalysisNotApplicableStateError(
                "It is of no attempt known how many CPUs it had: nothing was asked of "
                "an accounting, and its runner does not tell what it asked for, as in "
                "experiments of earlier versions."
            )
        df = _by_use(table)
        return create_plotly_analysis_card(
            type(self).__name__,
            "Core-Hours Spent and Wasted",
            _subtitle(df, table, n_unknown=int((~is_known).sum())),
            df,
            _figure(df),
        )


def _by_use(table: pd.DataFrame) -> pd.DataFrame:
    rows = []
    for use in uses_in(table):
        part = table[table["use"] == use.value]
        accounted = part.loc[part["is_accounted"], "core_hours"].sum()
        estimated = part.loc[~part["is_accounted"], "core_hours"].sum()
        rows.append((use.value, use.is_waste, len(part), accounted, estimated))
    columns = ["use", "is_waste", "n_attempts", "accounted", "estimated"]
    df = pd.DataFrame(rows, columns=columns)
    df["core_hours"] = df["accounted"] + df["estimated"]
    return df


def _figure(df: pd.DataFrame) -> go.Figure:
    colors = [COLOR_OF_USE[use] for use in df["use"]]
    kinds = (
        ("accounted", "accounted by Slurm", ""),
        ("estimated", "requested, not accounted", "/"),
    )
    traces = [
        go.Bar(
            x=df[column].to_numpy(),
            y=df["use"],
            orientation="h",
            marker={
                "color": colors,
                "pattern": {
                    "shape": pattern,
                    "fillmode": "overlay",
                    "fgcolor": "rgba(255, 255, 255, 0.75)",
                    "solidity": 0.25,
                },
            },
            name=name,
            customdata=df["n_attempts"].to_numpy(),
            hovertemplate="%{x:.4g} core-hours, %{customdata} attempts"
            f"<extra>{name}</extra>",
        )
        for column, name, pattern in kinds
        if df[column].any()
    ]
    fig = figure(traces, x="core-hours", barmode="stack", showlegend=True)
    return fig.update_yaxes(autorange="reversed")


def _subtitle(df: pd.DataFrame, table: pd.DataFrame, n_unknown: int) -> str:
    spent = float(df["core_hours"].sum())
    wasted = float(df.loc[df["is_waste"], "core_hours"].sum())
    text = (
        f"{_amount(spent)} core-hours, of which {_amount(wasted)} "
        f"({wasted / spent if spent else 0:.0%}) were wasted: their attempts gave no "
        f"result.{_how_known(df)}"
    )
    if n_unknown:
        text += f" Of {n_unknown:,} attempts it is not known, and they are in no bar."
    waste = df[df["is_waste"] & (df["core_hours"] > 0)]
    if len(waste):
        most = waste.iloc[int(np.argmax(waste["core_hours"].to_numpy()))]
        text += f" Most of the waste is by {most['use']}: {_ADVICE[str(most['use'])]}."
    return text


_ADVICE = {
    "failed trial": "look at the logs of failed trials",
    "time": "ask for more time, or write checkpoints",
    "memory": "ask for more memory",
    "infrastructure": "see which nodes failed",
    "user": "it was cancelled",
}


def _amount(hours: float) -> str:
    return f"{hours:,.0f}" if hours >= 1000 else f"{hours:.3g}"


def _how_known(df: pd.DataFrame) -> str:
    accounted, estimated = df["accounted"].sum(), df["estimated"].sum()
    if not estimated:
        return " All are as Slurm's accounting tells them."
    by = "the CPUs that were asked for times the time that the script ran"
    if not accounted:
        return f" They are requested, not accounted: {by}."
    share = estimated / (accounted + estimated)
    return f" {share:.0%} of them (hatched) are requested, not accounted: {by}."
