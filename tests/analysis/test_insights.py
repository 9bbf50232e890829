"""Which cards of models an experiment has in its overview."""

from __future__ import annotations

from typing import Any

import pytest

from hpcopt.analysis.card import ErrorAnalysisCard
from hpcopt.analysis.insights import InsightsAnalysis
from hpcopt.analysis.overview import OverviewAnalysis
from hpcopt.core.space.search_space import SearchSpace
from tests.support.analysis_world import observed, view
from tests.support.generation_world import SQUARE, cube, sobol_points
from tests.support.last_digits import Numbers


def experiment(goal: str, constraints: Any = (), space: SearchSpace = SQUARE) -> Any:
    points = sobol_points(space, 12)
    outcomes = []
    for point in points:
        values = [float(value) for value in point.values() if isinstance(value, float)]
        outcomes.append(observed(a=values[0] ** 2, b=sum(values), c=-values[-1]))
    return view(goal, outcomes, constraints, space=space, parameters=points)


def names(analysis: Any, now: Any) -> list[str]:
    leaves = analysis.compute_or_error_card(now).flatten()
    for leaf in leaves:
        assert not isinstance(leaf, ErrorAnalysisCard), f"{leaf.subtitle} {leaf.blob}"
    return [leaf.name for leaf in leaves]


def test_one_constrained_metric_has_a_frontier() -> None:
    found = names(InsightsAnalysis(), experiment("-a", ["b <= 1"]))
    assert found[:3] == [
        "PFeasiblePlot",
        "ObjectivePFeasibleFrontierPlot",
        "SensitivityAnalysisPlot",
    ]
    assert found.count("SensitivityAnalysisPlot") == 2


@pytest.mark.parametrize(
    ("goal", "constraints"), [("-a", []), ("-a, b", []), ("-a, b", ["c >= -4"])]
)
def test_without_constraints_or_with_several_objectives_there_is_none(
    goal: str, constraints: Any
) -> None:
    found = names(InsightsAnalysis(), experiment(goal, constraints))
    assert "ObjectivePFeasibleFrontierPlot" not in found
    assert "PFeasiblePlot" not in found
    n_metrics = len(goal.split(",")) + len(constraints)
    assert found.count("SensitivityAnalysisPlot") == n_metrics


@pytest.mark.parametrize("d", [1, 3, 26])
def test_of_each_metric_up_to_three_effects_are_drawn(d: int) -> None:
    found = names(InsightsAnalysis(), experiment("-a", space=cube(d)))
    assert found[0] == "SensitivityAnalysisPlot"
    assert 1 <= len(found) - 1 <= 3
    assert set(found[1:]) <= {"SlicePlot", "ContourPlot"}


def test_a_weighted_sum_has_cards_of_its_metrics() -> None:
    found = names(OverviewAnalysis(), experiment("2*a - b", ["c >= -4"]))
    assert "ArmEffectsPlot" in found
    assert found.count("SensitivityAnalysisPlot") == 3


def test_models_and_constraints_that_need_a_look_are_warned_about() -> None:
    numbers = Numbers(3)
    outcomes = [observed(a=float(numbers.normal()), b=float(k)) for k in range(11)]
    now = view("a", outcomes, ["b >= 1000"])
    found = names(OverviewAnalysis(), now)
    assert "PredictableMetricsAnalysis" in found
    assert "ConstraintsFeasibilityAnalysis" in found
    lenient = names(OverviewAnalysis(model_fit_threshold=-9.0), now)
    assert "PredictableMetricsAnalysis" not in lenient
    fine = names(OverviewAnalysis(), experiment("-a", ["b <= 1"]))
    assert "PredictableMetricsAnalysis" not in fine
    assert "ConstraintsFeasibilityAnalysis" not in fine
