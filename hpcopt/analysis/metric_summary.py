"""The table of metrics: what is wanted of each."""

from __future__ import annotations

from typing import Any

import pandas as pd
from typing_extensions import override

from hpcopt.analysis.analysis import Analysis
from hpcopt.analysis.card import AnalysisCard
from hpcopt.analysis.experiment import ExperimentView, required
from hpcopt.analysis.generation_strategy import GenerationStrategyView
from hpcopt.core.goals.goals import Goals
from hpcopt.core.goals.outcome_constraint import BASELINE, OutcomeConstraint


class MetricSummary(Analysis):
    """One row a metric: its goal, its bounds, which values are better."""

    @override
    def compute(
        self,
        experiment: ExperimentView | None = None,
        generation_strategy: GenerationStrategyView | None = None,
        adapter: Any = None,
    ) -> AnalysisCard:
        view = required(experiment)
        definition: Any = view.core.begun.definition
        from_files = {
            one["name"] for one in definition.get("metrics", ()) if "dataset" in one
        }
        goals = view.core.goals
        rows = [
            {
                "Name": metric.name,
                "Type": "Hdf5Metric" if metric.name in from_files else "Metric",
                "Goal": _goal(metric.name, goals),
                "Bound": _bound(metric.name, goals),
                "Lower is Better": metric.lower_is_better,
            }
            for metric in view.metrics.values()
        ]
        n_goals = sum(row["Goal"] != "track" for row in rows)
        return self._create_analysis_card(
            title=f"Metric Summary for {view.name}",
            subtitle=(
                "Every metric with its goal and its bound. "
                f"{n_goals} of {len(rows)} decide which trial is best; the others are "
                "kept for you to look at."
            ),
            df=pd.DataFrame(rows, dtype=object),
        )


def _goal(name: str, goals: Goals) -> str:
    for objective in goals.objectives:
        if name in objective.weights:
            return "minimize" if objective.weights[name] < 0 else "maximize"
        if name in objective.metric_names:
            return "target"
    if any(name in bound.metric_names for bound in goals.bounds):
        return "constrain"
    return "track"


def _bound(name: str, goals: Goals) -> str | None:
    texts = [_written(name, one) for one in goals.bounds if name in one.weights]
    for objective in goals.objectives:
        texts += [d.expression for d in objective.distances if name in d.of.weights]
    return ", ".join(texts) or None


def _written(name: str, bound: OutcomeConstraint) -> str:
    """Return the bound of a metric, or the constraint where it is of several."""
    if len(bound.weights) > 1:
        return bound.expression
    value = bound.bound / bound.weights[name]
    sign = ">=" if bound.weights[name] > 0 else "<="
    of_baseline = f" * {BASELINE}" if bound.is_relative else ""
    return f"{sign} {value:g}{of_baseline}"
