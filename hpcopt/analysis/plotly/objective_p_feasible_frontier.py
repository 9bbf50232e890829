"""What would the constraints cost, or save, if they were others?"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go
from typing_extensions import override

from hpcopt.analysis.analysis import Analysis
from hpcopt.analysis.arms import NO_TRIAL, ArmSelection, arm_table, arms_of
from hpcopt.analysis.experiment import Arm, ExperimentView, required
from hpcopt.analysis.feasibility import why_not_judged
from hpcopt.analysis.frontier import feasibility_frontier
from hpcopt.analysis.generation_strategy import GenerationStrategyView
from hpcopt.analysis.models import models_of
from hpcopt.analysis.plotly.hover import arm_texts
from hpcopt.analysis.plotly.markers import arm_traces
from hpcopt.analysis.plotly.plotly_analysis import (
    PlotlyAnalysisCard,
    create_plotly_analysis_card,
)
from hpcopt.analysis.plotly.style import GREY, figure
from hpcopt.core.trials.trial import TrialStatus

#: A frontier point that is likelier feasible than this is a safe one.
_SAFE = 0.9


class ObjectivePFeasibleFrontierPlot(Analysis):
    """New points that trade the expected objective against the chance to be feasible.

    They are found by a search of the models, and have not been tried; the arms that
    have been are shown beside them. Only for an objective that is one metric.
    """

    def __init__(
        self,
        relativize: bool = False,
        additional_arms: Sequence[Arm] | None = None,
        label: str | None = None,
        num_points_to_generate: int = 10,
        trial_index: int | None = None,
        trial_statuses: Sequence[TrialStatus] | None = None,
    ) -> None:
        """Choose what is shown.

        Args:
            relativize: Whether the objective is shown relative to the baseline's.
            additional_arms: Arms without a trial that are shown, too.
            label: What to call the objective.
            num_points_to_generate: How many new points there are, at most.
            trial_index: Only this trial.
            trial_statuses: Only trials with one of these statuses; all but failed,
                abandoned and stale ones by default.
        """
        self.relativize = relativize
        self.additional_arms = arms_of(additional_arms, None)
        self.label = label
        self.num_points_to_generate = num_points_to_generate
        self.trial_index = trial_index
        self.trial_statuses = trial_statuses

    @override
    def validate_applicable_state(
        self,
        experiment: ExperimentView | None = None,
        generation_strategy: GenerationStrategyView | None = None,
        adapter: Any = None,
    ) -> str | None:
        if experiment is None:
            return why_not_judged(None)
        goals = experiment.core.goals
        if not goals.is_single:
            return "There are several objectives, and this is about one."
        if goals.objective.metric is None:
            return (
                f"The objective {goals.expression} is not a single metric, which this "
                "is about."
            )
        arms = self._selection(experiment, self.additional_arms)
        return why_not_judged(experiment, arms)

    @override
    def compute(
        self,
        experiment: ExperimentView | None = None,
        generation_strategy: GenerationStrategyView | None = None,
        adapter: Any = None,
    ) -> PlotlyAnalysisCard:
        experiment = required(experiment)
        models = models_of(experiment)
        found = feasibility_frontier(models, self.num_points_to_generate)
        new = tuple(
            Arm(f"frontier_{k}", parameters)
            for k, parameters in enumerate(models.space.decode(found))
        )
        arms = self._selection(experiment, (*self.additional_arms, *new))
        df = arm_table(experiment, arms)
        metric = str(experiment.core.goals.objective.metric)
        texts = arm_texts(
            df, experiment, (metric,), arms.additional_arms, is_relative=self.relativize
        )
        is_new = df["arm_name"].isin([arm.name for arm in new]).to_numpy()
        is_new = is_new & (df["trial_index"].to_numpy() == NO_TRIAL)
        label = self.label or metric
        return create_plotly_analysis_card(
            type(self).__name__,
            f"Modeled {'Relativized ' if self.relativize else ''}Effect on the "
            "Objective vs % Chance of Satisfying the Constraints",
            f"New points (stars) that trade {label} against the chance to satisfy the "
            f"constraints ({'; '.join(one.expression for one in models.constraints)}), "
            "beside the arms that were tried. "
            + self._conclusion(experiment, df[is_new], metric, label)
            + arms.left_out(experiment),
            df,
            _figure(df, is_new, metric, texts, label, is_relative=self.relativize),
        )

    def _selection(
        self, experiment: ExperimentView, additional_arms: Sequence[Arm]
    ) -> ArmSelection:
        return ArmSelection(
            experiment.core.goals.metric_names,
            relativize=self.relativize,
            trial_index=self.trial_index,
            trial_statuses=self.trial_statuses,
            additional_arms=additional_arms,
        )

    def _conclusion(
        self, experiment: ExperimentView, new: pd.DataFrame, metric: str, label: str
    ) -> str:
        """Return what the constraints cost, in a sentence."""
        values = new[f"{metric}_mean"].to_numpy()
        probability = new["p_feasible_mean"].to_numpy()
        is_minimised = experiment.core.goals.objective.is_minimised
        merit = -values if is_minimised else values
        shown = "{:+.1%}" if self.relativize else "{:.4g}"
        free = int(merit.argmax())
        if probability[free] >= _SAFE:
            return (
                f"They cost nothing: the best that is expected of {label} anywhere, "
                f"{shown.format(values[free])}, satisfies them with "
                f"{probability[free]:.0%}."
            )
        told = (
            f"Without regard to them {label} could be {shown.format(values[free])} "
            f"({probability[free]:.0%} feasible)"
        )
        if not (probability >= _SAFE).any():
            surest = int(probability.argmax())
            return (
                f"{told}; nowhere are they satisfied for sure, at most with "
                f"{probability[surest]:.0%}: they may be too tight."
            )
        safe = int(np.where(probability >= _SAFE, merit, -np.inf).argmax())
        return (
            f"{told}; with at least {_SAFE:.0%} to satisfy them it is "
            f"{shown.format(values[safe])}."
        )


def _figure(
    df: pd.DataFrame,
    is_new: Any,
    metric: str,
    texts: Sequence[str],
    label: str,
    *,
    is_relative: bool,
) -> go.Figure:
    x, y = df[f"{metric}_mean"].to_numpy(), df["p_feasible_mean"].to_numpy()
    order = np.argsort(y[is_new], kind="stable")
    line = go.Scatter(
        x=x[is_new][order],
        y=y[is_new][order],
        mode="lines",
        line={"color": GREY, "dash": "dash", "width": 1.5},
        hoverinfo="skip",
        showlegend=False,
    )
    traces = arm_traces(df, x, y, texts, x_sem=df[f"{metric}_sem"].to_numpy())
    fig = figure([line, *traces], x=label, y="probability feasible")
    fig.update_yaxes(range=[-0.03, 1.03], tickformat=".0%")
    return fig.update_xaxes(tickformat=".1%") if is_relative else fig
