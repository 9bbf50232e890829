"""How does a metric change with two parameters?"""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
import numpy.typing as npt
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
from hpcopt.analysis.plotly.style import figure, plain
from hpcopt.analysis.plotly.surface.axis import Axis, apply_axes, sampled_trials
from hpcopt.analysis.plotly.surface.texts import held_at, optimum
from hpcopt.analysis.reference_point import ReferencePoint
from hpcopt.analysis.relative import relative_to_baseline
from hpcopt.core.errors import UsageError

Array = npt.NDArray[np.float64]

#: Values on each axis at which the model is asked, from end to end; and how many there
#: are at most with those of trials, so that a page of many trials stays small.
_N_VALUES, _MAX_VALUES = 10, 40


class ContourPlot(Analysis):
    """What the model expects of a metric over two parameters, the others held.

    They are held at the baseline, else at the best trial, else at the centre of the
    search space.
    """

    def __init__(
        self,
        x_parameter_name: str,
        y_parameter_name: str,
        metric_name: str | None = None,
        display_sampled: bool = True,
        relativize: bool = False,
        display: Literal["mean", "sem"] = "mean",
    ) -> None:
        """Choose the parameters and the metric.

        Args:
            x_parameter_name: What is varied from left to right: a number, or an ordered
                choice.
            y_parameter_name: What is varied from bottom to top.
            metric_name: What is predicted; the only metric of the objective by default.
            display_sampled: Whether the values of trials are marked.
            relativize: Whether the difference from the baseline is shown, as a share.
            display: Whether the mean is shown, or its standard error.

        Raises:
            UsageError: An argument makes no sense.
        """
        if display not in ("mean", "sem"):
            raise UsageError(f"display: expected mean or sem, found {display!r}")
        if x_parameter_name == y_parameter_name:
            raise UsageError(
                "y_parameter_name: expected another parameter than "
                f"x_parameter_name, found {y_parameter_name!r} twice"
            )
        self.x_parameter_name = x_parameter_name
        self.y_parameter_name = y_parameter_name
        self.metric_name = metric_name
        self.display_sampled = display_sampled
        self.relativize = relativize
        self.display = display

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
        x = Axis.of(experiment, self.x_parameter_name, "x_parameter_name")
        y = Axis.of(experiment, self.y_parameter_name, "y_parameter_name")
        reference = ReferencePoint.of(experiment)
        df, grid = self._table(experiment, x, y, metric, reference)
        kind, what = "Mean", f"What the model expects of {metric}"
        if self.display == "sem":
            kind, what = "Standard Error", f"How uncertain the model is of {metric}"
        conclusion = optimum(
            experiment, metric, df, (x.name, y.name), is_relative=self.relativize
        )
        return create_plotly_analysis_card(
            type(self).__name__,
            f"{metric} ({kind}) vs. {x.name}, {y.name}",
            f"{what} over {x.name} and {y.name}, {held_at(reference, (x, y))}; crosses "
            f"are the values of trials. {conclusion}",
            df,
            self._figure(df, grid, x, y, metric),
        )

    def _table(
        self,
        experiment: ExperimentView,
        x: Axis,
        y: Axis,
        metric: str,
        reference: ReferencePoint,
    ) -> tuple[pd.DataFrame, tuple[Array, Array]]:
        """Return the predictions, those of trials last, and the grid of the others."""
        codes = [(x.code_of(t), y.code_of(t), t) for t in sampled_trials(experiment)]
        sampled = [
            (of_x, of_y, trial)
            for of_x, of_y, trial in codes
            if of_x is not None and of_y is not None
        ]
        trials = [trial for _, _, trial in sampled]
        at = np.array([(of_x, of_y) for of_x, of_y, _ in sampled]).reshape(-1, 2)
        grid = _grid(x, at[:, 0]), _grid(y, at[:, 1])
        on_grid = np.stack(np.meshgrid(*grid, indexing="xy"), axis=-1).reshape(-1, 2)
        all_codes = np.concatenate([on_grid, at])
        X = reference.points({x.column: all_codes[:, 0], y.column: all_codes[:, 1]})
        mean, sem = models_of(experiment).predict(metric, X)
        if self.relativize:
            mean, sem = relative_to_baseline(experiment, metric, mean, sem)
        n_grid = len(on_grid)
        df = pd.DataFrame(
            {
                x.name: x.values(all_codes[:, 0]),
                y.name: y.values(all_codes[:, 1]),
                f"{metric}_mean": mean,
                f"{metric}_sem": sem,
                "sampled": [False] * n_grid + [True] * len(trials),
                "arm_name": ["unsampled"] * n_grid + [t.arm.name for t in trials],
                "trial_index": [-1] * n_grid + [t.index for t in trials],
            }
        )
        return df, grid

    def _figure(
        self,
        df: pd.DataFrame,
        grid: tuple[Array, Array],
        x: Axis,
        y: Axis,
        metric: str,
    ) -> go.Figure:
        on_grid, part = df[~df["sampled"]], df[df["sampled"]]
        z = on_grid[f"{metric}_{self.display}"].to_numpy()
        shown = ".2%" if self.relativize else ".6g"
        traces: list[Any] = [
            go.Contour(
                x=x.shown(x.values(grid[0])),
                y=y.shown(y.values(grid[1])),
                z=z.reshape(len(grid[1]), len(grid[0])),
                colorscale="Cividis" if self.display == "mean" else "Greys",
                contours={"coloring": "heatmap"},
                line={"width": 0.5, "color": "rgba(255, 255, 255, 0.5)"},
                colorbar={
                    "title": {"text": plain(metric)},
                    "tickformat": ".1%" if self.relativize else None,
                },
                hovertemplate=(
                    f"{plain(x.name)} = %{{x}}<br>{plain(y.name)} = %{{y}}<br>"
                    f"%{{z:{shown}}}<extra></extra>"
                ),
            )
        ]
        if self.display_sampled and len(part):
            traces.append(
                go.Scatter(
                    x=x.shown(part[x.name].tolist()),
                    y=y.shown(part[y.name].tolist()),
                    mode="markers",
                    marker={
                        "symbol": "x",
                        "size": 7,
                        "color": "white",
                        "line": {"width": 1, "color": "black"},
                    },
                    text=[plain(name) for name in part["arm_name"]],
                    hovertemplate="trial %{text} (%{x}, %{y})<extra></extra>",
                    showlegend=False,
                )
            )
        return apply_axes(figure(traces, x=x.name, y=y.name), x, y)


def _grid(axis: Axis, sampled: Array) -> Array:
    """Return the codes on an axis: from end to end, and of trials as many as fit."""
    even, own = axis.codes(_N_VALUES), np.unique(sampled)
    room = _MAX_VALUES - len(even)
    if len(own) > room > 0:
        own = own[np.linspace(0, len(own) - 1, room).round().astype(int)]
    return np.union1d(even, own)


def compute_contour_adhoc(
    x_parameter_name: str,
    y_parameter_name: str,
    experiment: ExperimentView,
    generation_strategy: GenerationStrategyView | None = None,
    adapter: Any = None,
    metric_name: str | None = None,
    display_sampled: bool = True,
    relativize: bool = False,
) -> PlotlyAnalysisCard:
    """Return the card of ``ContourPlot``.

    Raises:
        UsageError: An argument makes no sense.
        GenerationError: There is too little to learn from.
    """
    analysis = ContourPlot(
        x_parameter_name, y_parameter_name, metric_name, display_sampled, relativize
    )
    return analysis.compute(experiment, generation_strategy, adapter)
