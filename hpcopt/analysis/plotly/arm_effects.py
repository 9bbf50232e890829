"""One metric at each arm: what was observed, or what the model says."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go
from typing_extensions import override

from hpcopt.analysis.analysis import Analysis
from hpcopt.analysis.arms import ArmSelection, arm_table, arms_of, is_unlikely_feasible
from hpcopt.analysis.card import AnalysisCardGroup
from hpcopt.analysis.experiment import Arm, ExperimentView, required
from hpcopt.analysis.generation_strategy import GenerationStrategyView
from hpcopt.analysis.plotly.bounds import add_bounds
from hpcopt.analysis.plotly.hover import arm_texts
from hpcopt.analysis.plotly.markers import arm_traces
from hpcopt.analysis.plotly.plotly_analysis import (
    PlotlyAnalysisCard,
    create_plotly_analysis_card,
)
from hpcopt.analysis.plotly.style import GREY, figure, plain
from hpcopt.core.trials.trial import Observation, TrialStatus


class ArmEffectsPlot(Analysis):
    """A metric's value at each arm, with an interval of 95 %.

    Modelled values are the posterior mean and standard error of the noiseless value;
    where single observations are noisy they say more than the observations.
    """

    def __init__(
        self,
        metric_name: str,
        use_model_predictions: bool = True,
        relativize: bool = False,
        trial_index: int | None = None,
        trial_statuses: Sequence[TrialStatus] | None = None,
        additional_arms: Sequence[Arm] | None = None,
        generator_runs: Mapping[str, Any] | None = None,
        label: str | None = None,
    ) -> None:
        """Choose what is shown.

        Args:
            metric_name: The metric.
            use_model_predictions: Whether values are the model's, or those observed.
            relativize: Whether values are shown relative to the baseline's.
            trial_index: Only this trial.
            trial_statuses: Only trials with one of these statuses; all but failed,
                abandoned and stale ones by default.
            additional_arms: Arms without a trial, of which the model is asked too.
            generator_runs: Ax's, by name: their arms are shown as additional ones.
            label: What to call the metric.

        Raises:
            UsageError: The choices contradict each other.
        """
        self.metric_name = metric_name
        self.label = label or metric_name
        self._arms = ArmSelection(
            (metric_name,),
            use_model_predictions,
            relativize,
            trial_index,
            trial_statuses,
            arms_of(additional_arms, generator_runs),
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
        kind = "Modeled" if self._arms.use_model_predictions else "Observed"
        chosen = self._arms.trial_index
        of_trial = "" if chosen is None else f" for trial {chosen}"
        relative = f' relative to "{_baseline(view)}"' if self._arms.relativize else ""
        return create_plotly_analysis_card(
            type(self).__name__,
            f"{kind} Arm Effects on {self.label}{of_trial}{relative}",
            self._subtitle(view, df) + self._arms.left_out(view),
            df.drop(columns=["p_feasible_mean", "p_feasible_sem"]),
            self._figure(view, df),
        )

    def _figure(self, view: ExperimentView, df: pd.DataFrame) -> go.Figure:
        is_relative = self._arms.relativize
        name = self.metric_name
        texts = arm_texts(
            df, view, [name], self._arms.additional_arms, is_relative=is_relative
        )
        traces = arm_traces(
            df,
            df["arm_name"].map(plain).to_numpy(),
            df[f"{name}_mean"].to_numpy(dtype=float),
            texts,
            y_sem=df[f"{name}_sem"].to_numpy(dtype=float),
        )
        fig = figure(traces, x="arm", y=self.label)
        fig.update_xaxes(
            type="category",
            categoryorder="array",
            categoryarray=df["arm_name"].map(plain).tolist(),
            showgrid=False,
        )
        if is_relative:
            fig.update_yaxes(tickformat="+.0%")
        else:
            add_bounds(fig, view, y=name)
        is_baseline = df["arm_name"] == _baseline(view)
        at = df.loc[is_baseline, f"{name}_mean"].to_numpy(dtype=float)
        level = 0.0 if is_relative else float(at[0]) if len(at) else np.nan
        if np.isfinite(level):
            fig.add_hline(
                level,
                line={"dash": "dot", "color": GREY, "width": 1.5},
                annotation={"text": plain(_baseline(view)), "font": {"size": 11}},
                annotation_position="top right",
            )
        return fig

    def _subtitle(self, view: ExperimentView, df: pd.DataFrame) -> str:
        shows = (
            f"What the model expects of {self.label} at each arm, with intervals of "
            "95 % and without the noise of single observations"
            if self._arms.use_model_predictions
            else f"What was observed of {self.label} at each arm, with intervals of "
            "95 % where a standard error is known"
        )
        red = "; a red outline marks arms that are hardly feasible"
        has_red = is_unlikely_feasible(df).any()
        return f"{shows}{red if has_red else ''}. {self._conclusion(view, df)}"

    def _conclusion(self, view: ExperimentView, df: pd.DataFrame) -> str:
        name, form = self.metric_name, "+.1%" if self._arms.relativize else ".5g"
        known = df[np.isfinite(df[f"{name}_mean"].to_numpy(dtype=float))]
        if known.empty:
            return "No value is known."
        if within := self._within_bounds(view, known):
            return within
        is_low = view.metrics[name].lower_is_better
        feasible = known[~is_unlikely_feasible(known)]
        if is_low is None or feasible.empty:
            low, high = (
                known.loc[known[f"{name}_mean"].agg(end)]
                for end in ("idxmin", "idxmax")
            )
            return (
                f"It is between {low[f'{name}_mean']:{form}} (arm {low['arm_name']}) "
                f"and {high[f'{name}_mean']:{form}} (arm {high['arm_name']})."
            )
        means = feasible[f"{name}_mean"]
        best = feasible.loc[means.idxmin() if is_low else means.idxmax()]
        among = "" if len(feasible) == len(known) else " of what may be feasible"
        return (
            f"The best{among} is arm {best['arm_name']}, at "
            f"{best[f'{name}_mean']:{form}}."
        )

    def _within_bounds(self, view: ExperimentView, df: pd.DataFrame) -> str:
        """Return how many arms satisfy the constraints on this metric alone.

        Empty if there are none.
        """
        bounds = [
            one
            for one in view.core.absolute_goals.constraints
            if list(one.weights) == [self.metric_name] and not one.is_relative
        ]
        if not bounds or self._arms.relativize:
            return ""
        means = df[f"{self.metric_name}_mean"].tolist()
        holds = [
            all(one.slack({self.metric_name: Observation(mean)}) >= 0 for one in bounds)
            for mean in means
        ]
        texts = " and ".join(one.expression for one in bounds)
        return f"{sum(holds)} of {len(holds)} arms satisfy {texts}."


def compute_arm_effects_adhoc(
    experiment: ExperimentView,
    generation_strategy: GenerationStrategyView | None = None,
    adapter: Any = None,
    metric_names: Sequence[str] | None = None,
    use_model_predictions: bool = True,
    relativize: bool = False,
    trial_index: int | None = None,
    trial_statuses: Sequence[TrialStatus] | None = None,
    additional_arms: Sequence[Arm] | None = None,
    generator_runs: Mapping[str, Any] | None = None,
    labels: Mapping[str, str] | None = None,
) -> AnalysisCardGroup:
    """Return an ``ArmEffectsPlot`` for each of several metrics, all by default.

    The arguments are those of ``ArmEffectsPlot``; ``labels`` says what to call a
    metric.
    """
    cards = [
        ArmEffectsPlot(
            name,
            use_model_predictions,
            relativize,
            trial_index,
            trial_statuses,
            additional_arms,
            generator_runs,
            (labels or {}).get(name),
        ).compute_or_error_card(experiment, generation_strategy, adapter)
        for name in (experiment.metrics if metric_names is None else metric_names)
    ]
    return AnalysisCardGroup("ArmEffectsPlot", "Adhoc Arm Effects Plots", None, cards)


def _baseline(view: ExperimentView) -> str:
    return "" if view.status_quo is None else view.status_quo.name
