"""How does a metric change along one parameter?"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go
from typing_extensions import override

from hpcopt.analysis.analysis import Analysis
from hpcopt.analysis.applicable import why_without_model
from hpcopt.analysis.experiment import ExperimentView, required
from hpcopt.analysis.generation_strategy import GenerationStrategyView
from hpcopt.analysis.metrics import selected_metric
from hpcopt.analysis.models import models_of
from hpcopt.analysis.plotly.plotly_analysis import (
    PlotlyAnalysisCard,
    create_plotly_analysis_card,
)
from hpcopt.analysis.plotly.style import BLUE, GREY, Z_95, figure, plain
from hpcopt.analysis.plotly.surface.axis import Axis, apply_axes, sampled_trials
from hpcopt.analysis.plotly.surface.texts import held_at, optimum
from hpcopt.analysis.reference_point import ReferencePoint
from hpcopt.analysis.relative import relative_to_baseline

#: The number of values at which the model is asked, besides those of trials.
_N_VALUES = 100

#: A line of more points looks the same.
_MAX_DRAWN = 300

_BAND = "rgba(0, 114, 178, 0.2)"


class SlicePlot(Analysis):
    """What the model expects of a metric along one parameter, the others held.

    They are held at the baseline, else at the best trial, else at the centre of the
    search space.
    """

    def __init__(
        self,
        parameter_name: str,
        metric_name: str | None = None,
        display_sampled: bool = True,
        relativize: bool = False,
    ) -> None:
        """Choose the parameter and the metric.

        Args:
            parameter_name: What is varied: a number, or an ordered choice.
            metric_name: What is predicted; the only metric of the objective by default.
            display_sampled: Whether the values of trials are marked.
            relativize: Whether the difference from the baseline is shown, as a share.
        """
        self.parameter_name = parameter_name
        self.metric_name = metric_name
        self.display_sampled = display_sampled
        self.relativize = relativize

    @override
    def validate_applicable_state(
        self,
        experiment: ExperimentView | None = None,
        generation_strategy: GenerationStrategyView | None = None,
        adapter: Any = None,
    ) -> str | None:
        if experiment is None:
            return why_without_model(None, ())
        return why_without_model(
            experiment, (selected_metric(experiment, self.metric_name),)
        )

    @override
    def compute(
        self,
        experiment: ExperimentView | None = None,
        generation_strategy: GenerationStrategyView | None = None,
        adapter: Any = None,
    ) -> PlotlyAnalysisCard:
        experiment = required(experiment)
        metric = selected_metric(experiment, self.metric_name)
        axis = Axis.of(experiment, self.parameter_name, "parameter_name")
        reference = ReferencePoint.of(experiment)
        df = self._table(experiment, axis, metric, reference)
        return create_plotly_analysis_card(
            type(self).__name__,
            f"{metric} vs. {axis.name}",
            f"What the model expects of {metric} along {axis.name}, with 95 % "
            f"intervals, {held_at(reference, (axis,))}. "
            + optimum(
                experiment, metric, df, (axis.name,), is_relative=self.relativize
            ),
            df,
            self._figure(df, axis, metric, reference),
        )

    def _table(
        self,
        experiment: ExperimentView,
        axis: Axis,
        metric: str,
        reference: ReferencePoint,
    ) -> pd.DataFrame:
        trials = [(axis.code_of(t), t) for t in sampled_trials(experiment)]
        sampled = [(code, trial) for code, trial in trials if code is not None]
        grid = np.setdiff1d(axis.codes(_N_VALUES), [code for code, _ in sampled])
        codes = np.concatenate([[code for code, _ in sampled], grid])
        X = reference.points({axis.column: codes})
        mean, sem = models_of(experiment).predict(metric, X)
        if self.relativize:
            mean, sem = relative_to_baseline(experiment, metric, mean, sem)
        n_grid = len(grid)
        df = pd.DataFrame(
            {
                axis.name: axis.values(codes),
                f"{metric}_mean": mean,
                f"{metric}_sem": sem,
                "sampled": [True] * len(sampled) + [False] * n_grid,
                "arm_name": [trial.arm.name for _, trial in sampled]
                + ["unsampled"] * n_grid,
                "trial_index": [trial.index for _, trial in sampled] + [-1] * n_grid,
            }
        )
        return df.iloc[np.argsort(codes, kind="stable")].reset_index(drop=True)

    def _figure(
        self, df: pd.DataFrame, axis: Axis, metric: str, reference: ReferencePoint
    ) -> go.Figure:
        # Several trials may have one value; the line passes there once.
        once = df.drop_duplicates(axis.name)
        if len(once) > _MAX_DRAWN:
            once = once.iloc[np.linspace(0, len(once) - 1, _MAX_DRAWN).astype(int)]
        x = axis.shown(once[axis.name].tolist())
        mean, sem = once[f"{metric}_mean"].to_numpy(), once[f"{metric}_sem"].to_numpy()
        mode = "lines+markers" if axis.parameter.n_values is not None else "lines"
        band = {
            "mode": "lines",
            "line": {"width": 0},
            "hoverinfo": "skip",
            "showlegend": False,
        }
        shown = ".2%" if self.relativize else ".6g"
        traces = [
            go.Scatter(x=x, y=mean - Z_95 * sem, **band),
            go.Scatter(
                x=x, y=mean + Z_95 * sem, fill="tonexty", fillcolor=_BAND, **band
            ),
            go.Scatter(
                x=x,
                y=mean,
                mode=mode if len(x) <= _N_VALUES else "lines",
                line={"color": BLUE, "width": 2},
                customdata=Z_95 * sem,
                hovertemplate=(
                    f"{plain(axis.name)} = %{{x}}<br>%{{y:{shown}}} ± "
                    f"%{{customdata:{shown}}}<extra></extra>"
                ),
                showlegend=False,
            ),
        ]
        if self.display_sampled:
            part = df[df["sampled"]]
            traces.append(
                go.Scatter(
                    x=axis.shown(part[axis.name].tolist()),
                    y=part[f"{metric}_mean"],
                    mode="markers",
                    marker={"symbol": "x-thin", "size": 7, "line": {"width": 1.5}},
                    marker_line_color=GREY,
                    text=[plain(name) for name in part["arm_name"]],
                    hovertemplate=("value of trial %{text}: %{x}<extra></extra>"),
                    showlegend=False,
                )
            )
        fig = figure(traces, x=axis.name, y=metric)
        if self.relativize:
            fig.update_yaxes(tickformat=".1%")
        if not axis.is_category:
            [at] = axis.values(np.array([reference.code(axis.column)]))
            fig.add_vline(x=at, line={"color": GREY, "dash": "dot", "width": 1})
        return apply_axes(fig, axis)


def compute_slice_adhoc(
    parameter_name: str,
    experiment: ExperimentView,
    generation_strategy: GenerationStrategyView | None = None,
    adapter: Any = None,
    metric_name: str | None = None,
    display_sampled: bool = True,
    relativize: bool = False,
) -> PlotlyAnalysisCard:
    """Return the card of ``SlicePlot``.

    Raises:
        UsageError: An argument makes no sense.
        GenerationError: There is too little to learn from.
    """
    analysis = SlicePlot(parameter_name, metric_name, display_sampled, relativize)
    return analysis.compute(experiment, generation_strategy, adapter)
