"""Which parameters matter?"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pandas as pd
import plotly.graph_objects as go
from typing_extensions import override

from hpcopt.analysis.analysis import Analysis
from hpcopt.analysis.applicable import why_without_model
from hpcopt.analysis.effects import Effect, Order, check_order, effects_on
from hpcopt.analysis.experiment import ExperimentView, required
from hpcopt.analysis.generation_strategy import GenerationStrategyView
from hpcopt.analysis.metrics import selected_metric
from hpcopt.analysis.model_fit import LEAST_FIT
from hpcopt.analysis.models import models_of
from hpcopt.analysis.plotly.plotly_analysis import (
    PlotlyAnalysisCard,
    create_plotly_analysis_card,
)
from hpcopt.analysis.plotly.style import BLUE, GREY, ORANGE, figure, plain

#: What explains less is said to matter hardly.
_HARDLY = 0.05

#: So many names are written out in a sentence.
_MAX_NAMED = 3

_OF_ORDER = {
    "first": "by itself (first-order Sobol' indices)",
    "second": "by itself, and each pair beyond its two (second-order Sobol' indices)",
    "total": "by itself and together with others (total-order Sobol' indices)",
}


class SensitivityAnalysisPlot(Analysis):
    """The Sobol' indices of the parameters, of the model's mean over the whole space.

    Each is a share of the variance that there would be if all parameters were drawn at
    random: numbers on their scale, values of a choice alike. It is signed by the mean
    gradient. Parameter constraints are left aside.
    """

    def __init__(
        self,
        metric_name: str | None = None,
        order: Order = "total",
        top_k: int | None = 6,
        labels: Mapping[str, str] | None = None,
        exclude_map_key: bool = True,
    ) -> None:
        """Choose the metric and the indices.

        Args:
            metric_name: The metric; the only one of the objective by default.
            order: Which indices: ``"first"``, ``"second"`` (of pairs, beside the
                first ones of the parameters), or ``"total"``.
            top_k: So many of the largest are shown; all if ``None``.
            labels: What to call metrics.
            exclude_map_key: For scripts that were written for Ax; it changes nothing,
                as progressions are no parameter.

        Raises:
            UsageError: There are no indices of this order.
        """
        check_order(order)
        self.metric_name = metric_name
        self.order: Order = order
        self.top_k = top_k
        self.labels = dict(labels or {})

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
        label = self.labels.get(metric, metric)
        effects = effects_on(experiment, metric, self.order)
        df = pd.DataFrame(
            {
                "parameter_name": [effect.name for effect in effects],
                "sensitivity": [effect.sensitivity for effect in effects],
            }
        )
        ranked = sorted(effects, key=lambda effect: -effect.share)
        fit = models_of(experiment).r_squared(metric)
        doubt = (
            f" The model predicts {label} no better than its mean (R² = {fit:.2f}), so "
            "this may be chance."
            if fit < LEAST_FIT
            else ""
        )
        return create_plotly_analysis_card(
            type(self).__name__,
            f"Sensitivity Analysis for {label}",
            f"How much of the predicted variation of {label} over the search space "
            f"each parameter explains {_OF_ORDER[self.order]}, as a share of the sum. "
            f"{_conclusion(ranked, label)}{doubt}",
            df,
            _figure(ranked[: self.top_k], label),
        )


def _figure(effects: Sequence[Effect], label: str) -> go.Figure:
    groups: dict[str, tuple[str, Callable[[Effect], bool]]] = {
        f"raises {label}": (BLUE, lambda e: e.has_direction and e.sensitivity >= 0),
        f"lowers {label}": (ORANGE, lambda e: e.has_direction and e.sensitivity < 0),
        "has no direction": (GREY, lambda e: not e.has_direction),
    }
    traces = []
    for name, (color, is_in) in groups.items():
        part = [effect for effect in effects if is_in(effect)]
        if part:
            traces.append(
                go.Bar(
                    x=[effect.share for effect in part],
                    y=[plain(effect.name) for effect in part],
                    orientation="h",
                    marker={"color": color},
                    name=plain(name),
                    text=[f"{effect.share:.0%}" for effect in part],
                    textposition="outside",
                    cliponaxis=False,
                    hovertemplate="%{y}: %{x:.1%}<extra></extra>",
                )
            )
    fig = figure(traces, x="share of the variation", bargap=0.35)
    fig.update_xaxes(tickformat=".0%", rangemode="tozero")
    names = [plain(effect.name) for effect in reversed(effects)]
    return fig.update_yaxes(
        type="category",
        categoryorder="array",
        categoryarray=names,
        tickmode="array",
        tickvals=names,
        ticktext=[_shortened(effect) for effect in reversed(effects)],
    )


def _shortened(effect: Effect) -> str:
    """Return the effect's name with long names of parameters cut in the middle."""
    longest = 24 if len(effect.parameters) == 1 else 14
    parts = [
        name if len(name) <= longest else f"{name[: longest - 6]}…{name[-5:]}"
        for name in effect.parameters
    ]
    return plain(" & ".join(parts))


def _conclusion(ranked: Sequence[Effect], label: str) -> str:
    if not ranked:
        return "There is no parameter that could be changed."
    most = ranked[0]
    if most.share == 0:
        return "No parameter explains anything: the model expects the same everywhere."
    direction = ""
    if most.has_direction:
        direction = f" and {'lowers' if most.sensitivity < 0 else 'raises'} it"
    parts = [f"{most.name} explains most ({most.share:.0%}){direction}"]
    hardly = [e.name for e in ranked if len(e.parameters) == 1 and e.share < _HARDLY]
    if 0 < len(hardly) <= _MAX_NAMED:
        verb = "matters" if len(hardly) == 1 else "matter"
        parts.append(f"{', '.join(hardly)} hardly {verb} (below {_HARDLY:.0%})")
    elif hardly:
        parts.append(f"{len(hardly)} parameters hardly matter (below {_HARDLY:.0%})")
    return "; ".join(parts) + "."


def compute_sensitivity_adhoc(
    adapter: Any = None,
    metric_name: str | None = None,
    labels: Mapping[str, str] | None = None,
    order: Order = "total",
    top_k: int | None = None,
    experiment: ExperimentView | None = None,
) -> PlotlyAnalysisCard:
    """Return the card of ``SensitivityAnalysisPlot``, by default of all parameters.

    Args:
        adapter: That of ``client._generation_strategy``, in place of an experiment.
        metric_name: The metric; the only one of the objective by default.
        labels: What to call metrics.
        order: Which indices.
        top_k: So many of the largest are shown; all if ``None``.
        experiment: What is known, such as ``client._experiment``.

    Raises:
        UsageError: There is no experiment, or an argument makes no sense.
        GenerationError: There is too little to learn from.
    """
    analysis = SensitivityAnalysisPlot(metric_name, order, top_k, labels)
    return analysis.compute(experiment or adapter)
