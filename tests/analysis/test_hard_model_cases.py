"""Whatever an experiment holds, a card is there, or a sentence in its place."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pytest

from hpcopt.analysis.analysis import Analysis
from hpcopt.analysis.card import (
    AnalysisCard,
    ErrorAnalysisCard,
    NotApplicableStateAnalysisCard,
)
from hpcopt.analysis.experiment import ExperimentView
from hpcopt.analysis.healthcheck.constraints_feasibility import (
    ConstraintsFeasibilityAnalysis,
)
from hpcopt.analysis.healthcheck.predictable_metrics import PredictableMetricsAnalysis
from hpcopt.analysis.insights import OutcomeConstraintsAnalysis
from hpcopt.analysis.plotly.constraint_feasibility import ConstraintFeasibilityPlot
from hpcopt.analysis.plotly.cross_validation import CrossValidationPlot
from hpcopt.analysis.plotly.top_surfaces import TopSurfacesAnalysis
from hpcopt.core.space.search_space import (
    ChoiceParameter,
    Condition,
    RangeParameter,
    SearchSpace,
)
from tests.support.analysis_world import observed, view
from tests.support.generation_world import MIXED, SQUARE, cube, sobol_points

Point = Mapping[str, Any]

CONDITIONAL = SearchSpace(
    (
        ChoiceParameter("kind", ("a", "b", "c")),
        RangeParameter("depth", 0.0, 1.0),
        RangeParameter("width", 1.0, 9.0, "int"),
    ),
    conditions=(
        Condition("depth", "kind", ("b", "c")),
        Condition("width", "kind", ("c",)),
    ),
)

#: What breaks pages: quotes, tags, templates, emoji, right-to-left text.
NAMES = (
    "a\"b'c",
    "<script>alert(1)</script>",
    "%{x}$&🚀",
    "\u202e\u05e9\u05dc\u05d5\u05dd",
    "a & b",
)


def analyses(metric: str, order: Any = "second") -> list[Analysis]:
    return [
        CrossValidationPlot(),
        TopSurfacesAnalysis(metric, order),
        OutcomeConstraintsAnalysis(),
        ConstraintFeasibilityPlot(),
        ConstraintsFeasibilityAnalysis(),
        PredictableMetricsAnalysis(),
    ]


def leaves(
    experiment: ExperimentView, metric: str, **kwargs: Any
) -> list[AnalysisCard]:
    found = []
    for analysis in analyses(metric, **kwargs):
        card = analysis.compute_or_error_card(experiment)
        assert "<script>alert" not in card.to_html()
        found += card.flatten()
    for leaf in found:
        assert not isinstance(leaf, ErrorAnalysisCard), f"{leaf.subtitle} {leaf.blob}"
    return found


def are_waiting(cards: Sequence[AnalysisCard]) -> bool:
    return all(isinstance(card, NotApplicableStateAnalysisCard) for card in cards)


def experiment(
    space: SearchSpace,
    n: int,
    loss: Callable[[Point], float],
    goal: str = "-loss",
    constraints: Sequence[str] = ("c <= 1.2",),
    **metrics: Callable[[Point], float],
) -> ExperimentView:
    points = sobol_points(space, n)
    outcomes = [
        observed(
            loss=loss(p),
            c=loss(p) + 0.1,
            **{name: metric(p) for name, metric in metrics.items()},
        )
        for p in points
    ]
    return view(goal, outcomes, constraints, space=space, parameters=points)


def sum_of(point: Point) -> float:
    return sum(float(v) for v in point.values() if isinstance(v, (int, float)))


@pytest.mark.parametrize("n", [0, 1])
def test_hardly_any_trial(n: int) -> None:
    assert are_waiting(leaves(experiment(SQUARE, n, sum_of), "loss"))


def test_only_failed_trials() -> None:
    now = view("-loss", [None] * 5, ["c <= 1"])
    found = leaves(now, "loss")
    assert are_waiting(found)
    assert "5 of them failed" in found[0].blob


@pytest.mark.parametrize("n", [2, 3, 4])
def test_a_few_trials(n: int) -> None:
    assert not are_waiting(leaves(experiment(SQUARE, n, sum_of), "loss"))


def test_constant_metrics() -> None:
    leaves(experiment(SQUARE, 8, lambda _: 0.0), "loss")
    leaves(experiment(SQUARE, 8, lambda _: 1e12), "loss")


@pytest.mark.parametrize("scale", [1e-200, 1e-12, 1e15, 1e140])
def test_metrics_of_any_size(scale: float) -> None:
    leaves(experiment(SQUARE, 8, lambda p: scale * sum_of(p)), "loss")


def test_a_diverged_outcome() -> None:
    first = sobol_points(SQUARE, 1)[0]
    leaves(experiment(SQUARE, 8, lambda p: 1e30 if p == first else sum_of(p)), "loss")


def test_a_tracking_metric_that_is_nan_or_begins_half_way() -> None:
    points = sobol_points(SQUARE, 10)
    outcomes = [
        observed(
            loss=sum_of(p),
            c=1.0,
            t=math.nan,
            **({"late": sum_of(p)} if k > 5 else {}),
        )
        for k, p in enumerate(points)
    ]
    now = view("-loss", outcomes, ["c <= 1.5"], space=SQUARE, parameters=points)
    leaves(now, "loss")
    leaves(now, "late")


def test_a_constraint_whose_metric_begins_half_way() -> None:
    points = sobol_points(SQUARE, 10)
    outcomes = [
        observed(loss=sum_of(p), **({"c": sum_of(p)} if k > 4 else {}))
        for k, p in enumerate(points)
    ]
    now = view("-loss", outcomes, ["c <= 1"], space=SQUARE, parameters=points)
    assert not are_waiting(leaves(now, "loss"))


@pytest.mark.parametrize(
    ("space", "order"),
    [
        (cube(1), "second"),
        (cube(25), "second"),
        pytest.param(cube(120), "total", marks=pytest.mark.slow),
        (MIXED, "second"),
        (CONDITIONAL, "second"),
        (SearchSpace((ChoiceParameter("kind", ("a", "b", "c")),)), "second"),
        (SearchSpace((ChoiceParameter("kind", ("a", "b")),)), "total"),
        (
            SearchSpace(
                tuple(RangeParameter(n, 0.0, 1.0) for n in "abc"), ("a + b + c == 1",)
            ),
            "second",
        ),
    ],
)
def test_spaces_of_all_kinds(space: SearchSpace, order: Any) -> None:
    found = leaves(experiment(space, 14, sum_of), "loss", order=order)
    assert not are_waiting(found)


@pytest.mark.parametrize(
    "goal", ["-loss, -c", "loss - 2*d", "-abs(d - 0.5)", "-loss - (d - 1)**2"]
)
def test_goals_of_all_kinds(goal: str) -> None:
    now = experiment(SQUARE, 10, sum_of, goal, ["e <= 2"], d=sum_of, e=sum_of)
    leaves(now, "d")


def test_names_that_break_pages() -> None:
    space = SearchSpace(tuple(RangeParameter(name, 0.0, 1.0) for name in NAMES))
    leaves(experiment(space, 12, sum_of), "loss")


def test_equal_points_with_noise() -> None:
    points = [{"x": 0.5, "y": 0.0}] * 4 + sobol_points(SQUARE, 4)
    outcomes = [observed(loss=(float(k % 3), 0.1), c=0.5) for k in range(8)]
    now = view("-loss", outcomes, ["c <= 1"], space=SQUARE, parameters=points)
    leaves(now, "loss")
