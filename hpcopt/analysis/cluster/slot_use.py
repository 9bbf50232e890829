"""How many attempts ran and waited over time, beside how many were allowed."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import plotly.graph_objects as go
from typing_extensions import override

from hpcopt.analysis.analysis import Analysis
from hpcopt.analysis.cluster.attempts import (
    attempt_table,
    time_unit,
    why_without_attempts,
)
from hpcopt.analysis.cluster.colors import QUEUED
from hpcopt.analysis.experiment import ExperimentView, required
from hpcopt.analysis.generation_strategy import GenerationStrategyView
from hpcopt.analysis.plotly.plotly_analysis import (
    PlotlyAnalysisCard,
    create_plotly_analysis_card,
)
from hpcopt.analysis.plotly.style import BLUE, GREY, figure

Array = npt.NDArray[np.float64]

#: The time is divided into so many parts, over each of which the mean is shown.
_PARTS = 400


#: Up to so many each whole number has its tick.
_FEW = 6


class SlotUse(Analysis):
    """Running and queued attempts over time, and which share of the slots ran."""

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
        table, n_slots = attempt_table(view), parallelism(view)
        has_run = table["started_at"].notna()
        ran = table[has_run]
        waited_until = table["started_at"].where(has_run, table["ended_at"])
        first, last = table["submitted_at"].min(), table["ended_at"].max()
        edges = np.linspace(first, max(last, first + 1e-3), _PARTS + 1)
        running = _mean_numbers(ran["started_at"], ran["ended_at"], edges)
        queued = _mean_numbers(table["submitted_at"], waited_until, edges)
        df = pd.DataFrame(
            {
                "time_s": edges[:-1],
                "n_running": running.round(4),
                "n_queued": queued.round(4),
            }
        )
        return create_plotly_analysis_card(
            type(self).__name__,
            "Use of Slots",
            _subtitle(float(running.mean()), float(queued.mean()), n_slots),
            df,
            _figure(df, edges, n_slots),
        )


def parallelism(view: ExperimentView) -> int | None:
    """Return how many trials may be live at a time, as it is now."""
    run: Any = view.core.settings.get("run")
    found = run.get("parallelism") if isinstance(run, dict) else None
    return found if isinstance(found, int) and found > 0 else None


def _mean_numbers(begin: pd.Series, end: pd.Series, edges: Array) -> Array:
    """Return the mean number of intervals that cover each part of the time, exactly."""
    begins, ends = np.sort(begin.to_numpy()), np.sort(np.maximum(begin, end).to_numpy())
    covered = _covered(begins, edges) - _covered(ends, edges)
    return np.maximum(np.diff(covered) / np.diff(edges), 0.0)


def _covered(sorted_times: Array, edges: Array) -> Array:
    """Return the integral, up to each edge, of how many times were before."""
    sums = np.concatenate([[0.0], np.cumsum(sorted_times)])
    n_before = np.searchsorted(sorted_times, edges, side="right")
    covered: Array = n_before * edges - sums[n_before]
    return covered


def _figure(df: pd.DataFrame, edges: Array, n_slots: int | None) -> go.Figure:
    unit, unit_name = time_unit(float(edges[-1] - edges[0]))
    x = (df["time_s"] / unit).to_numpy().round(5)
    parts = (("n_running", "running", BLUE), ("n_queued", "queued", QUEUED))
    traces = [
        go.Scatter(
            x=x,
            y=df[column].to_numpy(),
            mode="lines",
            line={"shape": "hv", "width": 1, "color": color},
            stackgroup="live",
            fillcolor=color,
            name=name,
            hovertemplate=f"%{{y:.4g}} {name}<extra></extra>",
        )
        for column, name, color in parts
    ]
    if n_slots is not None:
        traces.append(
            go.Scatter(
                x=[x[0], x[-1]],
                y=[n_slots, n_slots],
                mode="lines",
                line={"color": GREY, "dash": "dash", "width": 1.5},
                name=f"parallelism ({n_slots})",
                hoverinfo="skip",
            )
        )
    fig = figure(traces, x=f"{unit_name} since the experiment began", y="live attempts")
    if max(n_slots or 0, float((df["n_running"] + df["n_queued"]).max())) <= _FEW:
        fig.update_yaxes(dtick=1)
    return fig.update_yaxes(rangemode="tozero")


def _subtitle(running: float, queued: float, n_slots: int | None) -> str:
    what = (
        "Attempts that ran and that were queued over time. On average "
        f"{running:.3g} ran and {queued:.3g} were queued"
    )
    if n_slots is None:
        return f"{what}. How many were allowed at a time is not known."
    use = running / n_slots
    if use >= 0.9:
        end = "the slots were nearly always taken: more of them would be used."
    elif queued > 0.5 * (n_slots - running):
        end = "what was missing was mostly in the queue: the cluster was the limit."
    else:
        end = (
            "slots were empty with little in the queue: limits, proposals or polls "
            "held trials back, or no driver ran."
        )
    return f"{what}: {use:.0%} of parallelism {n_slots} ran; {end}"
