"""What each level of a choice does to a metric, all else averaged."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go
from typing_extensions import override

from hpcopt.analysis.analysis import Analysis
from hpcopt.analysis.applicable import why_without_model
from hpcopt.analysis.card import AnalysisCardBase, AnalysisCardGroup
from hpcopt.analysis.experiment import ExperimentView, required
from hpcopt.analysis.generation_strategy import GenerationStrategyView
from hpcopt.analysis.metrics import check_metrics
from hpcopt.analysis.models import models_of
from hpcopt.analysis.parameter_inputs import ParameterInputs
from hpcopt.analysis.plotly.plotly_analysis import create_plotly_analysis_card
from hpcopt.analysis.plotly.style import BLUE, GREY, RED, figure, plain
from hpcopt.core.errors import UsageError
from hpcopt.core.names import expected_name
from hpcopt.core.space.search_space import ChoiceParameter

#: Over so many points of the other parameters a level's effect is averaged.
_N_POINTS = 256


class MarginalEffectsPlot(Analysis):
    """The change of a metric by each level of each choice, in percent.

    A level's value is the model's mean there, averaged over the whole space of the
    other parameters; the change is that from the mean over all levels.
    """

    def __init__(
        self, metric_name: str, parameters: Sequence[str] | None = None
    ) -> None:
        """Choose what is shown.

        Args:
            metric_name: The metric.
            parameters: Which choice parameters; all by default.
        """
        self.metric_name = metric_name
        self.parameters = parameters

    @override
    def validate_applicable_state(
        self,
        experiment: ExperimentView | None = None,
        generation_strategy: GenerationStrategyView | None = None,
        adapter: Any = None,
    ) -> str | None:
        if experiment is not None:
            check_metrics(experiment, [self.metric_name])
            if not self._choices(experiment):
                return "No parameter is a choice, so there are no levels to compare."
        return why_without_model(experiment, [self.metric_name])

    @override
    def compute(
        self,
        experiment: ExperimentView | None = None,
        generation_strategy: GenerationStrategyView | None = None,
        adapter: Any = None,
    ) -> AnalysisCardGroup:
        view = required(experiment)
        cards: list[AnalysisCardBase] = []
        for parameter in self._choices(view):
            df = _table(view, self.metric_name, parameter)
            cards.append(
                create_plotly_analysis_card(
                    type(self).__name__,
                    f"Marginal Effects for {parameter.name}",
                    _subtitle(df, parameter.name, self.metric_name),
                    df,
                    _figure(df, parameter.name, self.metric_name),
                )
            )
        return self._create_analysis_card_group(
            f"Marginal Effects on {self.metric_name}",
            f"What each level of a choice does to {self.metric_name}, all other "
            "parameters averaged over the search space.",
            cards,
        )

    def _choices(self, view: ExperimentView) -> list[ChoiceParameter]:
        """Return the choices with several levels.

        Raises:
            UsageError: A chosen one is none.
        """
        known = {
            parameter.name: parameter
            for parameter in view.core.space.parameters
            if isinstance(parameter, ChoiceParameter) and len(parameter.values) > 1
        }
        if self.parameters is None:
            return list(known.values())
        for name in self.parameters:
            if name not in known:
                raise UsageError(f"parameters: {expected_name(name, known)}")
        return [known[name] for name in self.parameters]


def _table(
    view: ExperimentView, metric_name: str, parameter: ChoiceParameter
) -> pd.DataFrame:
    models = models_of(view)
    inputs = ParameterInputs.of(view.core.space)
    U = np.random.default_rng(0).random((_N_POINTS, len(inputs.names)))
    column, n = inputs.names.index(parameter.name), len(parameter.values)
    means, sems = [], []
    for level in range(n):
        # The same points for each level, so that only the level differs.
        at_level = U.copy()
        at_level[:, column] = (level + 0.5) / n
        mean, sem = models.average(metric_name, inputs.points(at_level))
        means.append(mean)
        sems.append(sem)
    overall = float(np.mean(means))
    if overall == 0:
        raise UsageError(
            f"{metric_name}: expected a mean that is not 0 to compare with, found 0"
        )
    scale = 100.0 / abs(overall)
    return pd.DataFrame(
        {
            "Name": parameter.name,
            "Level": list(parameter.values),
            "Beta": (np.array(means) - overall) * scale,
            "SE": np.array(sems) * scale,
        }
    )


def _figure(df: pd.DataFrame, name: str, metric_name: str) -> go.Figure:
    beta = df["Beta"].to_numpy(dtype=float)
    bars = go.Bar(
        x=df["Level"].map(plain),
        y=beta / 100,
        error_y={"type": "data", "array": df["SE"] / 100, "color": GREY},
        marker={"color": np.where(beta > 0, BLUE, RED)},
        hovertemplate="%{x}: %{y:+.2%}<extra></extra>",
    )
    fig = figure([bars], x=name, y=f"change of {metric_name} from its mean")
    fig.update_xaxes(type="category", showgrid=False)
    return fig.update_yaxes(tickformat="+.0%")


def _subtitle(df: pd.DataFrame, name: str, metric_name: str) -> str:
    shows = (
        f"How far each level of {name} takes {metric_name} from its mean, by the model "
        "and with one standard error."
    )
    beta, sem = df["Beta"], df["SE"]
    low, high = beta.idxmin(), beta.idxmax()
    spread = beta[high] - beta[low]
    if spread <= 2 * np.hypot(sem[low], sem[high]):
        return f"{shows} The levels cannot be told apart yet."
    return (
        f"{shows} It is lowest at {df['Level'][low]} ({beta[low]:+.3g} %) and highest "
        f"at {df['Level'][high]} ({beta[high]:+.3g} %)."
    )


def compute_marginal_effects_adhoc(
    metric_name: str,
    experiment: ExperimentView,
    parameters: Sequence[str] | None = None,
    generation_strategy: GenerationStrategyView | None = None,
    adapter: Any = None,
) -> AnalysisCardBase:
    """Return the cards of ``MarginalEffectsPlot``, with its arguments."""
    return MarginalEffectsPlot(metric_name, parameters).compute_or_error_card(
        experiment, generation_strategy, adapter
    )
