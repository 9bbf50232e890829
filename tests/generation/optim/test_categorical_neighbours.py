"""Other values of choices at the best point."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hpcopt.core.space.conditions import Condition
from hpcopt.core.space.search_space import ChoiceParameter, RangeParameter, SearchSpace
from hpcopt.core.types import TParameterization, TParameterValue
from hpcopt.generation.optim.categorical_neighbours import (
    categorical_neighbours,
    untried,
)
from hpcopt.generation.proposers.schedule import is_categorical_turn, is_greedy_turn
from hpcopt.generation.snapshot import Snapshot
from hpcopt.generation.strategy import BayesianGenerator
from tests.support.generation_world import (
    MIXED,
    SQUARE,
    mixed_bowl,
    observed,
    snapshot,
    sobol_points,
)

WORDS = SearchSpace(
    (
        RangeParameter("x", 0.0, 1.0),
        ChoiceParameter("kind", ("a", "b", "c")),
        ChoiceParameter("is_fast", (True, False)),
        ChoiceParameter("size", ("small", "medium", "large"), is_ordered=True),
        ChoiceParameter("code", tuple(range(100))),
    )
)
HERE: dict[str, TParameterValue] = {
    "x": 0.25,
    "kind": "b",
    "is_fast": True,
    "size": "medium",
    "code": 17,
}


def _neighbours(
    space: SearchSpace, parameters: TParameterization
) -> list[TParameterization]:
    [x] = space.encode([parameters])
    return list(space.decode(categorical_neighbours(space, x)))


def test_neighbours_differ_in_one_unordered_choice_of_few_values() -> None:
    assert _neighbours(WORDS, HERE) == [
        HERE | {"kind": "a"},
        HERE | {"kind": "c"},
        HERE | {"is_fast": False},
    ]


def test_numbers_are_not_neighbours() -> None:
    assert categorical_neighbours(SQUARE, np.array([0.5, 0.5])).shape == (0, 2)


def test_what_constraints_forbid_is_no_neighbour() -> None:
    space = SearchSpace(
        (RangeParameter("x", 0.0, 10.0), ChoiceParameter("n", (1, 9, 4, 2))),
        ("x + n <= 10",),
    )
    found = _neighbours(space, {"x": 5.0, "n": 1})
    assert found == [{"x": 5.0, "n": 4}, {"x": 5.0, "n": 2}]


def test_a_neighbour_brings_its_own_parameters() -> None:
    space = SearchSpace(
        (
            ChoiceParameter("solver", ("cg", "gmres", "lu")),
            RangeParameter("restart", 0.0, 10.0),
        ),
        conditions=(Condition("restart", "solver", ("gmres",)),),
    )
    found = _neighbours(space, {"solver": "gmres", "restart": 3.0})
    assert found == [{"solver": "cg"}, {"solver": "lu"}]
    assert _neighbours(space, {"solver": "cg"}) == [
        {"solver": "gmres", "restart": 5.0},
        {"solver": "lu"},
    ]


@given(st.lists(st.floats(0, 1), min_size=WORDS.d, max_size=WORDS.d).map(np.array))
def test_neighbours_are_points_of_the_space(
    x: np.ndarray[tuple[int], np.dtype[np.float64]],
) -> None:
    [x] = WORDS.snap(x[None])
    X = categorical_neighbours(WORDS, x)
    assert len(X) == 3
    assert WORDS.is_inside(X).all()
    np.testing.assert_array_equal(
        X[:, ~WORDS.is_nominal], x[~WORDS.is_nominal][None].repeat(3, 0)
    )


@pytest.mark.parametrize(
    ("tried", "n_left"),
    [
        (HERE, 3),
        (HERE | {"kind": "a"}, 2),
        (HERE | {"kind": "a", "x": 0.34}, 2),
        (HERE | {"kind": "a", "x": 0.36}, 3),
        (HERE | {"kind": "a", "is_fast": False}, 3),
        (HERE | {"kind": "a", "size": "large"}, 3),
    ],
)
def test_a_neighbour_is_tried_by_a_trial_near_by(
    tried: TParameterization, n_left: int
) -> None:
    [x], X_tried = WORDS.encode([HERE]), WORDS.encode([tried])
    assert len(untried(WORDS, categorical_neighbours(WORDS, x), X_tried, 0.1)) == n_left


def _now(
    points: list[TParameterization], failed: Sequence[TParameterization]
) -> tuple[Snapshot, TParameterization]:
    """Return an experiment whose next trial is a neighbour, and its best trial."""
    now = snapshot(MIXED, observed(points, mixed_bowl), failed=failed)
    turn = next(
        k for k in range(40, 80) if is_categorical_turn(k) and not is_greedy_turn(k)
    )
    return dataclasses.replace(now, n_trials=turn), min(points, key=mixed_bowl)


def _next(now: Snapshot) -> TParameterization:
    [suggestion] = BayesianGenerator().generate(1, now).suggestions
    return suggestion.parameters


def _is_neighbour(found: TParameterization, best: TParameterization) -> bool:
    [x], [x_best] = MIXED.encode([found]), MIXED.encode([best])
    numbers = ~MIXED.is_nominal
    is_near = bool((np.abs(x - x_best)[numbers] <= 0.1 + 1e-9).all())
    return is_near and found["kind"] != best["kind"]


def test_every_fourth_trial_has_another_value_of_a_choice_at_the_best_point() -> None:
    now, best = _now(sobol_points(MIXED, 16), failed=[])
    assert _is_neighbour(_next(now), best)


def test_neighbours_that_failed_are_not_tried_again() -> None:
    points = sobol_points(MIXED, 16)
    best = min(points, key=mixed_bowl)
    others = [{**best, "kind": kind} for kind in "abc" if kind != best["kind"]]
    now, _ = _now(points, failed=others[:1])
    assert _next(now)["kind"] == others[1]["kind"]
    now, _ = _now(points, failed=others)
    assert not _is_neighbour(_next(now), best)
