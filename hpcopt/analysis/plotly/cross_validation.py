"""Does the model predict outcomes that it has not seen?"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go
from typing_extensions import override

from hpcopt.analysis.analysis import Analysis
from hpcopt.analysis.applicable import why_without_model
from hpcopt.analysis.card import AnalysisCard, AnalysisCardBase, AnalysisCardGroup
from hpcopt.analysis.experiment import ExperimentView, required
from hpcopt.analysis.generation_strategy import GenerationStrategyView
from hpcopt.analysis.metrics import selected_metric
from hpcopt.analysis.model_fit import GOOD_FIT, LEAST_FIT, r_squared
from hpcopt.analysis.models import models_of
from hpcopt.analysis.plotly.plotly_analysis import (
    PlotlyAnalysisCard,
    create_plotly_analysis_card,
)
from hpcopt.analysis.plotly.style import (
    BLUE,
    GREEN,
    GREY,
    RED,
    Z_95,
    error_bars,
    figure,
    plain,
)
from hpcopt.analysis.text import escape
from hpcopt.core.errors import UsageError

if TYPE_CHECKING:
    from hpcopt.generation.models.metric_model import HeldOut

#: With fewer outcomes nothing is left to learn from without one of them.
_LEAST_OUTCOMES = 3


class CrossValidationPlot(Analysis):
    """What the model says of each outcome that it has not seen, over that outcome.

    Each outcome, or each fold of outcomes, is held out in turn; the hyperparameters
    are held, as a single outcome changes them little, so that this is exact and needs
    no further fit.
    """

    def __init__(
        self,
        metric_names: Sequence[str] | None = None,
        folds: int = -1,
        untransform: bool = False,
        trial_index: int | None = None,
        labels: Mapping[str, str] | None = None,
        test_trial_index: int | None = None,
        preference_metrics: None = None,
    ) -> None:
        """Choose metrics and folds.

        Args:
            metric_names: The metrics; those of the goals by default.
            folds: How many folds; -1 to leave one out.
            untransform: Whether outcomes are shown in the metric's units, rather than
                on the scale of the model, on which all of them count alike.
            trial_index: For scripts that were written for Ax; it changes nothing.
            labels: What to call metrics.
            test_trial_index: Only this trial's outcome is held out and shown.
            preference_metrics: Not supported.

        Raises:
            UsageError: An argument makes no sense.
        """
        if preference_metrics is not None:
            raise UsageError("preference_metrics: expected None, as there are none")
        if folds == 0 or folds == 1 or folds < -1:
            raise UsageError(f"folds: expected -1, or at least 2, found {folds}")
        self.metric_names = metric_names
        self.folds = folds
        self.untransform = untransform
        self.trial_index = trial_index
        self.labels = dict(labels or {})
        self.test_trial_index = test_trial_index

    @override
    def validate_applicable_state(
        self,
        experiment: ExperimentView | None = None,
        generation_strategy: GenerationStrategyView | None = None,
        adapter: Any = None,
    ) -> str | None:
        if experiment is None:
            return why_without_model(None, ())
        whys = [self._why_not(experiment, name) for name in self._names(experiment)]
        return whys[0] if all(whys) else None

    @override
    def compute(
        self,
        experiment: ExperimentView | None = None,
        generation_strategy: GenerationStrategyView | None = None,
        adapter: Any = None,
    ) -> AnalysisCardGroup:
        experiment = required(experiment)
        cards: list[AnalysisCardBase] = []
        fits: dict[str, float] = {}
        for name in self._names(experiment):
            if self._why_not(experiment, name) is not None:
                continue
            held_out = models_of(experiment).held_out(
                name, self.folds, in_units=self.untransform
            )
            label = self.labels.get(name, name)
            fits[label] = r_squared(held_out.observed, held_out.predicted)
            cards.append(self._card(experiment, label, held_out, fits[label]))
        table = pd.DataFrame({"Metric": list(fits), "R²": list(fits.values())})
        cards.append(_FitTable(type(self).__name__, *_table_texts(fits), table, ""))
        return self._create_analysis_card_group(
            "Cross Validation",
            "How well the model predicts outcomes that it has not seen.",
            cards,
        )

    def _names(self, experiment: ExperimentView) -> list[str]:
        if self.metric_names is None:
            return list(experiment.optimization_config.metrics)
        return [selected_metric(experiment, name) for name in self.metric_names]

    def _why_not(self, experiment: ExperimentView, name: str) -> str | None:
        return why_without_model(experiment, (name,), _LEAST_OUTCOMES)

    def _card(
        self, experiment: ExperimentView, label: str, held_out: HeldOut, fit: float
    ) -> PlotlyAnalysisCard:
        df = pd.DataFrame(
            {
                "arm_name": [experiment.trials[k].arm.name for k in held_out.trials],
                "observed": held_out.observed,
                "predicted": held_out.predicted,
                "observed_95_ci": Z_95 * held_out.observed_sem,
                "predicted_95_ci": Z_95 * held_out.predicted_sem,
            }
        )
        is_within = held_out.is_within
        if self.test_trial_index is not None:
            is_shown = np.array(held_out.trials) == self.test_trial_index
            if not is_shown.any():
                raise UsageError(
                    f"test_trial_index: expected a trial with a value of {label}, "
                    f"found {self.test_trial_index}"
                )
            df, is_within = df[is_shown].reset_index(drop=True), is_within[is_shown]
        return create_plotly_analysis_card(
            type(self).__name__,
            f"Cross Validation for {label} ({_text_of(fit)})",
            self._subtitle(label, fit, int(is_within.sum()), len(df)),
            df,
            _figure(df, is_within, label if self.untransform else f"{label}, scaled"),
        )

    def _subtitle(self, label: str, fit: float, n_within: int, n: int) -> str:
        left_out = (
            "that outcome" if self.folds < 0 else f"its fold, one of {self.folds}"
        )
        return (
            f"What the model predicts of each outcome of {label} without {left_out}, "
            "over what was observed, with 95 % intervals; the closer to the diagonal, "
            f"the better. {_verdict(fit)}; {n_within} of {n} outcomes lie where the "
            "model expects 95 % of them."
        )


class _FitTable(AnalysisCard):
    """A table of R², coloured by whether the model has learnt something."""

    @override
    def body_html(self) -> str:
        rows = "".join(
            f'<tr><td class="hpcopt-text">{escape(metric)}</td>'
            f'<td style="color: {GREEN if fit >= LEAST_FIT else RED}">'
            f"<b>{'unknown' if math.isnan(fit) else f'{fit:.3f}'}</b></td></tr>"
            for metric, fit in self.df.itertuples(index=False)
        )
        return (
            '<table><thead><tr><th class="hpcopt-text" scope="col">Metric</th>'
            f'<th scope="col">R²</th></tr></thead><tbody>{rows}</tbody></table>'
        )


def _figure(df: pd.DataFrame, is_within: Any, label: str) -> go.Figure:
    reach = df[["observed_95_ci", "predicted_95_ci"]].fillna(0.0).to_numpy()
    values = df[["observed", "predicted"]].to_numpy()
    low, high = float((values - reach).min()), float((values + reach).max())
    margin = 0.03 * (high - low) or 1.0
    ends = [low - margin, high + margin]
    traces: list[go.Scatter] = [
        go.Scatter(
            x=ends,
            y=ends,
            mode="lines",
            line={"color": GREY, "dash": "dot", "width": 1.5},
            hoverinfo="skip",
            showlegend=False,
        )
    ]
    groups = ((is_within, BLUE, "as expected"), (~is_within, RED, "not as expected"))
    for chosen, color, name in groups:
        part = df[chosen]
        traces.append(
            go.Scatter(
                x=part["observed"],
                y=part["predicted"],
                mode="markers",
                marker={"color": color, "size": 7},
                error_x={**error_bars(part["observed_95_ci"] / Z_95), "color": color},
                error_y={**error_bars(part["predicted_95_ci"] / Z_95), "color": color},
                text=[plain(name) for name in part["arm_name"]],
                hovertemplate=(
                    "%{text}<br>observed: %{x:.6g}<br>predicted: %{y:.6g}"
                    "<extra></extra>"
                ),
                name=name,
                showlegend=bool(~is_within.all()),
            )
        )
    fig = figure(traces, x=f"{label}: observed", y=f"{label}: predicted")
    fig.update_xaxes(range=ends, constrain="domain")
    return fig.update_yaxes(range=ends, scaleanchor="x", constrain="domain")


def _text_of(fit: float) -> str:
    return "R² unknown" if math.isnan(fit) else f"R² = {fit:.2f}"


def _verdict(fit: float) -> str:
    if math.isnan(fit):
        return "All outcomes are equal, so there is nothing to predict"
    if fit >= GOOD_FIT:
        return f"It predicts well (R² = {fit:.2f})"
    if fit >= LEAST_FIT:
        return f"It predicts a part of what there is to see (R² = {fit:.2f})"
    return (
        f"It predicts no better than the mean (R² = {fit:.2f}): do not trust what "
        "it says before there are more trials"
    )


def _table_texts(fits: Mapping[str, float]) -> tuple[str, str]:
    poor = [name for name, fit in fits.items() if not fit >= LEAST_FIT]
    found = (
        f"The model has learnt little of {', '.join(poor)} (below {LEAST_FIT})."
        if poor
        else "The model has learnt something of each of them."
    )
    return "Summary of model fits", (
        "R² of what is predicted of outcomes that were held out: 1 is perfect, 0 is no "
        f"better than the mean. {found}"
    )


def compute_cross_validation_adhoc(
    metric_names: Sequence[str] | None = None,
    folds: int = -1,
    untransform: bool = True,
    labels: Mapping[str, str] | None = None,
    experiment: ExperimentView | None = None,
    generation_strategy: GenerationStrategyView | None = None,
    adapter: Any = None,
) -> AnalysisCardGroup:
    """Return the cards of ``CrossValidationPlot``, by default in the metrics' units.

    Raises:
        UsageError: An argument makes no sense.
        GenerationError: There is too little to learn from.
    """
    analysis = CrossValidationPlot(metric_names, folds, untransform, labels=labels)
    return analysis.compute(experiment or adapter, generation_strategy)
