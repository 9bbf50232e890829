"""Which arms satisfy the outcome constraints, and how surely?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from typing_extensions import override

from hpcopt.analysis.analysis import Analysis
from hpcopt.analysis.arms import ArmSelection, arm_table, arms_of
from hpcopt.analysis.experiment import Arm, ExperimentView, required
from hpcopt.analysis.feasibility import constraint_metrics, why_not_judged
from hpcopt.analysis.generation_strategy import GenerationStrategyView
from hpcopt.analysis.plotly.hover import arm_texts
from hpcopt.analysis.plotly.markers import arm_traces
from hpcopt.analysis.plotly.plotly_analysis import (
    PlotlyAnalysisCard,
    create_plotly_analysis_card,
)
from hpcopt.analysis.plotly.style import GREY, figure, plain
from hpcopt.core.trials.trial import TrialStatus

_COLUMNS = [
    "trial_index",
    "arm_name",
    "trial_status",
    "generation_node",
    "p_feasible_mean",
    "p_feasible_sem",
]

#: An arm that is likelier than this is called feasible.
_LIKELY = 0.5


class PFeasiblePlot(Analysis):
    """How likely each arm satisfies all outcome constraints.

    Modelled, it is the probability for the noiseless outcome; the constraints' models
    are independent of each other. Observed, it is that of the outcome and its standard
    error alone, and 0 or 1 without one.
    """

    def __init__(
        self,
        use_model_predictions: bool = True,
        trial_index: int | None = None,
        trial_statuses: Sequence[TrialStatus] | None = None,
        additional_arms: Sequence[Arm] | None = None,
    ) -> None:
        """Choose what is shown.

        Args:
            use_model_predictions: Whether the models are asked, or observations.
            trial_index: Only this trial.
            trial_statuses: Only trials with one of these statuses; all but failed,
                abandoned and stale ones by default.
            additional_arms: Arms without a trial, of which the models are asked too.

        Raises:
            UsageError: The choices contradict each other.
        """
        self._arms = ArmSelection(
            (),
            use_model_predictions,
            trial_index=trial_index,
            trial_statuses=trial_statuses,
            additional_arms=arms_of(additional_arms, None),
        )

    @override
    def validate_applicable_state(
        self,
        experiment: ExperimentView | None = None,
        generation_strategy: GenerationStrategyView | None = None,
        adapter: Any = None,
    ) -> str | None:
        if experiment is None:
            return why_not_judged(None)
        return why_not_judged(experiment, self._selection(experiment))

    @override
    def compute(
        self,
        experiment: ExperimentView | None = None,
        generation_strategy: GenerationStrategyView | None = None,
        adapter: Any = None,
    ) -> PlotlyAnalysisCard:
        experiment = required(experiment)
        arms = self._selection(experiment)
        df = arm_table(experiment, arms)
        goals = experiment.core.goals
        texts = arm_texts(df, experiment, (), arms.additional_arms)
        probabilities = df["p_feasible_mean"].to_numpy(dtype=float)
        x = np.array([plain(name) for name in df["arm_name"]], dtype=object)
        fig = figure(
            arm_traces(df, x, probabilities, texts), x="arm", y="probability feasible"
        )
        fig.update_yaxes(range=[-0.03, 1.03], tickformat=".0%")
        fig.update_xaxes(type="category", categoryorder="array", categoryarray=x)
        fig.add_hline(y=_LIKELY, line={"color": GREY, "dash": "dot", "width": 1})
        kind = "Predicted" if arms.use_model_predictions else "Observed"
        return create_plotly_analysis_card(
            type(self).__name__,
            f"{kind} Probability of Feasibility",
            f"How likely each arm satisfies all of "
            f"{'; '.join(one.expression for one in goals.constraints)}. "
            + _conclusion(probabilities, list(df["arm_name"])),
            df[_COLUMNS],
            fig,
        )

    def _selection(self, experiment: ExperimentView) -> ArmSelection:
        """Return the arms; of observed ones those with a constraint's metric."""
        if self._arms.use_model_predictions:
            return self._arms
        return replace(self._arms, metric_names=constraint_metrics(experiment))


def _conclusion(probabilities: Any, names: Sequence[str]) -> str:
    known = probabilities[~np.isnan(probabilities)]
    if not len(known):
        return "Of none of them the outcome is known."
    n_likely = int((known > _LIKELY).sum())
    best = int(np.nanargmax(probabilities))
    verb = "is" if n_likely == 1 else "are"
    told = f"{n_likely} of {len(known)} arms {verb} more likely feasible than not"
    if n_likely == 0:
        return (
            f"{told}; the likeliest is {names[best]} ({probabilities[best]:.0%}). "
            "Perhaps the constraints are too tight."
        )
    return f"{told}; the surest is {names[best]} ({probabilities[best]:.0%})."
