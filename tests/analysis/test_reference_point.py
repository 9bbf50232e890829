from __future__ import annotations

from typing import Any

import numpy as np

from hpcopt.analysis.experiment import ExperimentView
from hpcopt.analysis.reference_point import ReferencePoint
from hpcopt.core import events as ev
from hpcopt.core.space.search_space import (
    ChoiceParameter,
    Condition,
    RangeParameter,
    SearchSpace,
)
from tests.support.analysis_world import experiment, losses, observed, view

CONDITIONAL = SearchSpace(
    (
        ChoiceParameter("solver", ("direct", "cg", "gmres")),
        RangeParameter("tolerance", 1e-8, 1e-2, log=True),
        ChoiceParameter("preconditioner", ("none", "ilu")),
        RangeParameter("fill", 0.0, 10.0),
    ),
    conditions=(
        Condition("tolerance", "solver", ("cg", "gmres")),
        Condition("preconditioner", "solver", ("cg", "gmres")),
        Condition("fill", "preconditioner", ("ilu",)),
    ),
)


def test_it_is_the_trial_of_which_most_is_expected() -> None:
    found = ReferencePoint.of(view("-loss", losses(3.0, 1.0, 2.0, 4.0)))
    assert found.description == "the best trial, 1_0"
    assert found.code(0) == 0.1


def test_what_is_infeasible_is_not_the_best() -> None:
    outcomes = [observed(loss=loss, c=c) for loss, c in ((1, 0), (2, 1), (3, 1))]
    found = ReferencePoint.of(view("-loss", outcomes, ["c >= 0.5"]))
    assert found.description == "the best trial, 1_0"


def test_without_a_best_trial_it_is_the_centre() -> None:
    outcomes = [observed(loss=1.0, c=0.0), observed(loss=2.0, c=0.1)]
    for now in (
        view("-loss", outcomes, ["c >= 0.5"]),
        view("-loss, -c", outcomes),
    ):
        found = ReferencePoint.of(now)
        assert found.description == "the centre of the search space"
        assert found.code(0) == 0.5


def test_a_baseline_goes_before_the_best() -> None:
    now = experiment("-loss", losses(1.0, 2.0))
    now.apply(
        ev.TrialAttached(9.0, 2, {"x": 0.7, "kind": "b"}, "now", is_baseline=True)
    )
    found = ReferencePoint.of(ExperimentView(now))
    assert found.description == "the baseline, now"
    np.testing.assert_allclose(found.code(0), 0.7)


def direct(*outcomes: float) -> ReferencePoint:
    parameters = [{"solver": "direct"} for _ in outcomes]
    return ReferencePoint.of(
        view("-loss", losses(*outcomes), space=CONDITIONAL, parameters=parameters)
    )


def decoded(point: ReferencePoint, varied: Any) -> list[dict[str, Any]]:
    return [dict(p) for p in CONDITIONAL.decode(point.points(varied))]


def test_what_is_varied_is_made_active() -> None:
    point = direct(1.0, 2.0)
    assert point.activating({1}) == {0: 1.0}
    found = decoded(point, {1: np.array([1e-8, 1e-2])})
    assert [p["solver"] for p in found] == ["cg", "cg"]
    assert [p["tolerance"] for p in found] == [1e-8, 1e-2]
    deep = decoded(point, {3: np.array([2.0])})
    assert deep[0]["solver"] == "cg"
    assert deep[0]["preconditioner"] == "ilu"
    assert deep[0]["fill"] == 2.0


def test_what_is_varied_itself_is_not_held() -> None:
    found = decoded(
        direct(1.0, 2.0), {0: np.array([0.0, 1.0]), 1: np.array([1e-4] * 2)}
    )
    assert found[0] == {"solver": "direct"}
    assert found[1]["solver"] == "cg"
    np.testing.assert_allclose(found[1]["tolerance"], 1e-4)


def test_nothing_else_changes() -> None:
    point = ReferencePoint.of(view("-loss", losses(3.0, 1.0, 2.0, 4.0)))
    X = point.points({0: np.array([0.0, 0.5])})
    np.testing.assert_array_equal(X[:, 1], np.repeat(point.x[1], 2))
