"""The best so far over the trials: is the search still getting anywhere?"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import plotly.graph_objects as go
from typing_extensions import override

from hpcopt.analysis.analysis import Analysis, AnalysisNotApplicableStateError
from hpcopt.analysis.applicable import why_without_data
from hpcopt.analysis.experiment import ExperimentView, required
from hpcopt.analysis.generation_strategy import GenerationStrategyView
from hpcopt.analysis.plotly.plotly_analysis import (
    PlotlyAnalysisCard,
    create_plotly_analysis_card,
)
from hpcopt.analysis.plotly.style import BLUE, GREY, figure, plain, robust_range
from hpcopt.analysis.thinning import MOST_SHOWN, some_of
from hpcopt.analysis.utility import Utility, utility_of

#: Of so few trials each has its tick.
_FEW = 10


class UtilityProgressionAnalysis(Analysis):
    """The best observed objective, or the hypervolume of several, over the trials.

    Completed and early-stopped trials with all metrics count; what is infeasible
    improves nothing.
    """

    @override
    def validate_applicable_state(
        self,
        experiment: ExperimentView | None = None,
        generation_strategy: GenerationStrategyView | None = None,
        adapter: Any = None,
    ) -> str | None:
        return why_without_data(experiment)

    @override
    def compute(
        self,
        experiment: ExperimentView | None = None,
        generation_strategy: GenerationStrategyView | None = None,
        adapter: Any = None,
    ) -> PlotlyAnalysisCard:
        core = required(experiment).core
        utility = utility_of(core)
        if not np.isfinite(utility.best).any():
            raise AnalysisNotApplicableStateError(
                f"None of the {len(utility.trials)} trials with all metrics is known "
                "to be feasible, so there is no best one yet."
            )
        indices = [trial.index for trial in utility.trials]
        df = pd.DataFrame({"trial_index": indices, "utility": utility.best})
        return create_plotly_analysis_card(
            type(self).__name__,
            "Utility Progression",
            _subtitle(utility)
            + some_of(min(len(indices), MOST_SHOWN), len(indices), "trials"),
            df,
            _figure(utility),
        )


def _figure(utility: Utility) -> go.Figure:
    indices = np.array([trial.index for trial in utility.trials])
    names = np.array([plain(trial.arm_name) for trial in utility.trials], dtype=object)
    is_improvement = utility.is_improvement
    # Between its steps the line is level, however many trials there are.
    is_shown = is_improvement | _evenly(len(indices))
    line = go.Scatter(
        x=indices[is_shown],
        y=utility.best[is_shown],
        mode="lines+markers",
        line={"color": BLUE, "shape": "hv", "width": 2},
        marker={"size": np.where(is_improvement[is_shown], 8, 0), "opacity": 1},
        name="best so far",
        text=names[is_shown],
        hovertemplate="trial %{x} (%{text})<br>best so far: %{y:.6g}<extra></extra>",
    )
    traces = [line]
    found = None
    if utility.values is not None:
        traces.insert(
            0,
            go.Scatter(
                x=indices[is_shown],
                y=utility.values[is_shown],
                mode="markers",
                marker={
                    "color": GREY,
                    "size": 6,
                    "opacity": 0.6,
                    "symbol": np.where(
                        utility.is_feasible[is_shown], "circle", "x-thin-open"
                    ),
                },
                name="each trial"
                if utility.is_feasible.all()
                else "each trial (crossed out: infeasible)",
                text=names[is_shown],
                hovertemplate="trial %{x} (%{text})<br>%{y:.6g}<extra></extra>",
            ),
        )
        found = robust_range(utility.values, float(utility.best[-1]))
    fig = figure(traces, x="trial", y=utility.label)
    pad = 0.5 + 0.01 * (indices[-1] - indices[0])
    fig.update_xaxes(range=[indices[0] - pad, indices[-1] + pad])
    if len(indices) <= _FEW:
        fig.update_xaxes(dtick=1)
    return fig if found is None else fig.update_yaxes(range=found)


def _evenly(n: int) -> npt.NDArray[np.bool_]:
    """Return which of ``n`` are shown: all, or the most that are, spread evenly."""
    is_shown = np.zeros(n, dtype=bool)
    is_shown[np.linspace(0, n - 1, min(n, MOST_SHOWN)).round().astype(int)] = True
    return is_shown


def _subtitle(utility: Utility) -> str:
    last = int(np.flatnonzero(utility.is_improvement)[-1])
    since = len(utility.trials) - 1 - last
    after = (
        "and it has just been found"
        if since == 0
        else f"and {since} trial{'s' if since > 1 else ''} since then did no better"
    )
    what = (
        "The hypervolume that the Pareto front dominates"
        if utility.values is None
        else f"The best {utility.label} that was observed"
    )
    infeasible = "" if utility.is_feasible.all() else "; what is infeasible is no gain"
    return (
        f"{what}, after each trial{infeasible}. It is {utility.best[-1]:.6g} since "
        f"trial {utility.trials[last].index}, {after}."
    )
