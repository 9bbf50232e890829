"""Which outcome constraint is hard to satisfy?"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go
from typing_extensions import override

from hpcopt.analysis.arms import arm_table
from hpcopt.analysis.experiment import ExperimentView, required
from hpcopt.analysis.feasibility import (
    arm_probabilities,
)
from hpcopt.analysis.generation_strategy import GenerationStrategyView
from hpcopt.analysis.plotly.arm_feasibility import ArmFeasibilityAnalysis
from hpcopt.analysis.plotly.plotly_analysis import (
    PlotlyAnalysisCard,
    create_plotly_analysis_card,
)
from hpcopt.analysis.plotly.style import SEQUENTIAL, figure, plain

#: What an axis is called is cut to so many characters.
_LONGEST = 28


class ConstraintFeasibilityPlot(ArmFeasibilityAnalysis):
    """How likely each arm satisfies each outcome constraint: a line an arm."""

    @override
    def compute(
        self,
        experiment: ExperimentView | None = None,
        generation_strategy: GenerationStrategyView | None = None,
        adapter: Any = None,
    ) -> PlotlyAnalysisCard:
        experiment = required(experiment)
        goals = experiment.core.goals
        arms = self._selection(experiment)
        table = arm_table(experiment, arms)
        each = arm_probabilities(experiment, arms, table)
        texts = [one.expression for one in goals.constraints]
        columns: dict[str, Any] = {
            name: table[name]
            for name in ("trial_index", "arm_name", "trial_status", "generation_node")
        }
        columns["overall p(feasible)"] = table["p_feasible_mean"]
        columns |= {f"p_feasible_{text}": each[:, k] for k, text in enumerate(texts)}
        for name in _objective_metrics(experiment):
            columns |= {c: table[c] for c in (f"{name}_mean", f"{name}_sem")}
        kind = "Predicted" if arms.use_model_predictions else "Observed"
        return create_plotly_analysis_card(
            type(self).__name__,
            f"{kind} Constraint Feasibility by Constraint",
            "How likely each arm satisfies each outcome constraint, and all of them "
            f"together (last), coloured by trial. {_conclusion(each, texts)}"
            f"{arms.left_out(experiment)}",
            pd.DataFrame(columns),
            _figure(each, table, texts),
        )

    @override
    def _shown_metrics(self, experiment: ExperimentView) -> tuple[str, ...]:
        return _objective_metrics(experiment)


def _objective_metrics(experiment: ExperimentView) -> tuple[str, ...]:
    objectives = experiment.core.goals.objectives
    return tuple(n for one in objectives for n in one.metric_names)


def _figure(each: Any, table: pd.DataFrame, texts: Sequence[str]) -> go.Figure:
    joint = table["p_feasible_mean"].to_numpy(dtype=float)
    axes = [*zip(texts, each.T, strict=True), ("all of them", joint)]
    lines = go.Parcoords(
        line={
            "color": table["trial_index"],
            "colorscale": SEQUENTIAL,
            "showscale": True,
            "colorbar": {"title": {"text": "trial"}, "thickness": 12},
        },
        dimensions=[
            {
                "label": plain(text if len(text) <= _LONGEST else f"{text[:25]}…"),
                "values": np.nan_to_num(values),
                "range": [0, 1],
                "tickformat": ".0%",
            }
            for text, values in axes
        ],
    )
    return figure([lines], margin={"l": 70, "r": 60, "t": 60, "b": 30})


def _conclusion(each: Any, texts: Sequence[str]) -> str:
    known = ~np.isnan(each).any(axis=1)
    if not known.any():
        return "Of none of them the outcome is known."
    shares = (each[known] > 0.5).mean(axis=0)
    hardest = int(shares.argmin())
    told = (
        f"{texts[hardest]} is the hardest: {shares[hardest]:.0%} of the arms are more "
        "likely to satisfy it than not"
    )
    return f"{told}." if len(texts) > 1 else f"{shares[0]:.0%} of the arms likely do."
