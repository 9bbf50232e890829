"""Which arms satisfy the outcome constraints, and how surely?"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from typing_extensions import override

from hpcopt.analysis.arms import arm_table
from hpcopt.analysis.experiment import ExperimentView, required
from hpcopt.analysis.generation_strategy import GenerationStrategyView
from hpcopt.analysis.plotly.arm_feasibility import ArmFeasibilityAnalysis
from hpcopt.analysis.plotly.hover import arm_texts
from hpcopt.analysis.plotly.markers import arm_traces
from hpcopt.analysis.plotly.plotly_analysis import (
    PlotlyAnalysisCard,
    create_plotly_analysis_card,
)
from hpcopt.analysis.plotly.style import GREY, figure, plain

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


class PFeasiblePlot(ArmFeasibilityAnalysis):
    """How likely each arm satisfies all outcome constraints.

    Modelled, it is the probability for the noiseless outcome; the constraints' models
    are independent of each other. Observed, it is that of the outcome and its standard
    error alone, and 0 or 1 without one.
    """

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
            "How likely each arm satisfies "
            f"{' and '.join(one.expression for one in goals.constraints)}. "
            + _conclusion(probabilities, list(df["arm_name"]))
            + arms.left_out(experiment),
            df[_COLUMNS],
            fig,
        )


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
