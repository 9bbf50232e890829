"""Two metrics at each arm, with their Pareto front."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import plotly.graph_objects as go
from typing_extensions import override

from hpcopt.analysis.analysis import Analysis
from hpcopt.analysis.arms import ArmSelection, arm_table, is_unlikely_feasible
from hpcopt.analysis.card import AnalysisCardBase
from hpcopt.analysis.experiment import Arm, ExperimentView, required
from hpcopt.analysis.generation_strategy import GenerationStrategyView
from hpcopt.analysis.plotly.bounds import add_bounds
from hpcopt.analysis.plotly.hover import arm_texts
from hpcopt.analysis.plotly.markers import arm_traces
from hpcopt.analysis.plotly.plotly_analysis import (
    PlotlyAnalysisCard,
    create_plotly_analysis_card,
)
from hpcopt.analysis.plotly.style import GREY, figure
from hpcopt.core.errors import UsageError
from hpcopt.core.goals.pareto import is_nondominated
from hpcopt.core.trials.trial import TrialStatus


class ScatterPlot(Analysis):
    """Two metrics at each arm, with intervals of 95 % on both."""

    def __init__(
        self,
        x_metric_name: str,
        y_metric_name: str,
        use_model_predictions: bool = True,
        relativize: bool = False,
        trial_index: int | None = None,
        trial_statuses: Sequence[TrialStatus] | None = None,
        additional_arms: Sequence[Arm] | None = None,
        labels: Mapping[str, str] | None = None,
        show_pareto_frontier: bool = False,
        title: str | None = None,
    ) -> None:
        """Choose what is shown.

        Args:
            x_metric_name: The metric on the x axis.
            y_metric_name: The metric on the y axis.
            use_model_predictions: Whether values are the model's, or those observed.
            relativize: Whether values are shown relative to the baseline's.
            trial_index: Only this trial.
            trial_statuses: Only trials with one of these statuses; all but failed,
                abandoned and stale ones by default.
            additional_arms: Arms without a trial, of which the model is asked too.
            labels: What to call the metrics.
            show_pareto_frontier: Whether a line joins the arms that no other is better
                than in both metrics; those that are hardly feasible do not count.
            title: The card's title.

        Raises:
            UsageError: The choices contradict each other.
        """
        self.names = (x_metric_name, y_metric_name)
        self.labels = tuple((labels or {}).get(name, name) for name in self.names)
        self.show_pareto_frontier = show_pareto_frontier
        self.title = title
        self._arms = ArmSelection(
            tuple(dict.fromkeys(self.names)),
            use_model_predictions,
            relativize,
            trial_index,
            trial_statuses,
            tuple(additional_arms or ()),
        )

    @override
    def validate_applicable_state(
        self,
        experiment: ExperimentView | None = None,
        generation_strategy: GenerationStrategyView | None = None,
        adapter: Any = None,
    ) -> str | None:
        return self._arms.why_not_yet(experiment)

    @override
    def compute(
        self,
        experiment: ExperimentView | None = None,
        generation_strategy: GenerationStrategyView | None = None,
        adapter: Any = None,
    ) -> PlotlyAnalysisCard:
        view = required(experiment)
        df = arm_table(view, self._arms)
        front = self._front(view, df) if self.show_pareto_frontier else None
        kind = "Modeled" if self._arms.use_model_predictions else "Observed"
        x, y = self.labels
        return create_plotly_analysis_card(
            type(self).__name__,
            self.title or f"{kind} Effects: {x} vs. {y}",
            self._subtitle(df, front) + self._arms.left_out(view),
            df.assign(generator_run_key=df["generation_node"]),
            self._figure(view, df, front),
        )

    def _front(self, view: ExperimentView, df: pd.DataFrame) -> npt.NDArray[np.intp]:
        """Return the rows of the front, by their x.

        Raises:
            UsageError: It is not known which values of a metric are better.
        """
        lower = [view.metrics[name].lower_is_better for name in self.names]
        for name, is_lower in zip(self.names, lower, strict=True):
            if is_lower is None:
                raise UsageError(
                    f"show_pareto_frontier: expected a goal for {name!r} that says "
                    "whether small values are better, found none"
                )
        values = np.column_stack([df[f"{name}_mean"] for name in self.names])
        counts = np.isfinite(values).all(axis=1) & ~is_unlikely_feasible(df)
        rows = np.flatnonzero(counts)
        signs = np.array([-1.0 if is_lower else 1.0 for is_lower in lower])
        rows = rows[is_nondominated(values[rows] * signs)] if len(rows) else rows
        return rows[np.argsort(values[rows, 0], kind="stable")]

    def _figure(
        self,
        view: ExperimentView,
        df: pd.DataFrame,
        front: npt.NDArray[np.intp] | None,
    ) -> go.Figure:
        names, is_relative = self.names, self._arms.relativize
        texts = arm_texts(
            df,
            view,
            self._arms.metric_names,
            self._arms.additional_arms,
            is_relative=is_relative,
        )
        x, y = (df[f"{name}_mean"].to_numpy(dtype=float) for name in names)
        x_sem, y_sem = (df[f"{name}_sem"].to_numpy(dtype=float) for name in names)
        traces = arm_traces(df, x, y, texts, x_sem=x_sem, y_sem=y_sem)
        if front is not None:
            is_x_maximised = not view.metrics[names[0]].lower_is_better
            line = go.Scatter(
                x=x[front],
                y=y[front],
                mode="lines",
                # Between two of the front the better one's level holds.
                line={
                    "shape": "vh" if is_x_maximised else "hv",
                    "dash": "dash",
                    "color": GREY,
                },
                name="Pareto front",
                showlegend=True,
                hoverinfo="skip",
            )
            traces.insert(0, line)
        fig = figure(traces, x=self.labels[0], y=self.labels[1])
        if is_relative:
            return fig.update_xaxes(tickformat="+.0%").update_yaxes(tickformat="+.0%")
        add_bounds(fig, view, x=names[0], y=names[1])
        return fig

    def _subtitle(self, df: pd.DataFrame, front: npt.NDArray[np.intp] | None) -> str:
        x, y = self.labels
        by = (
            "as the model expects them, without the noise of single observations"
            if self._arms.use_model_predictions
            else "as they were observed"
        )
        shows = f"{x} and {y} at each arm, {by}."
        if front is None:
            return f"{shows} {_correlation(df, self.names)}"
        if len(front) == 0:
            return f"{shows} No arm is likely feasible, so there is no front yet."
        n = len(front)
        if n == 1:
            name = df["arm_name"].iloc[front[0]]
            return f"{shows} Arm {name} is better than all others in both."
        return (
            f"{shows} The dashed line joins the {n} arms that no other likely feasible "
            "one is better than in both; each gains in one what it loses in the other."
        )


def _correlation(df: pd.DataFrame, names: Sequence[str]) -> str:
    """Return a sentence on how the metrics go together, by ranks (Spearman)."""
    values = df[[f"{name}_mean" for name in names]].dropna()
    x, y = names
    if x == y or len(values) < 3 or (values.nunique() < 2).any():
        return "There are too few values to say how they go together."
    rank = float(values.rank().corr().iloc[0, 1])
    if abs(rank) < 0.3:
        return f"They hardly go together (rank correlation {rank:.2f})."
    how = "rises" if rank > 0 else "falls"
    return f"Where {x} rises {y} mostly {how} (rank correlation {rank:.2f})."


def compute_scatter_adhoc(
    experiment: ExperimentView,
    x_metric_name: str,
    y_metric_name: str,
    generation_strategy: GenerationStrategyView | None = None,
    adapter: Any = None,
    use_model_predictions: bool = True,
    relativize: bool = False,
    trial_index: int | None = None,
    trial_statuses: Sequence[TrialStatus] | None = None,
    additional_arms: Sequence[Arm] | None = None,
    labels: Mapping[str, str] | None = None,
) -> AnalysisCardBase:
    """Return the card of ``ScatterPlot``, with its arguments."""
    return ScatterPlot(
        x_metric_name,
        y_metric_name,
        use_model_predictions,
        relativize,
        trial_index,
        trial_statuses,
        additional_arms,
        labels,
    ).compute_or_error_card(experiment, generation_strategy, adapter)
