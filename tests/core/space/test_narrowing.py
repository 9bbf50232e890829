"""Large choices as a model sees them: the values in use, and some others."""

from __future__ import annotations

import numpy as np
import pytest

from hpcopt.core.errors import UsageError
from hpcopt.core.expressions import Expression
from hpcopt.core.space.choices import ChoiceParameter, DerivedParameter
from hpcopt.core.space.narrowing import narrowed
from hpcopt.core.space.ranges import RangeParameter
from hpcopt.core.space.search_space import Condition, SearchSpace
from hpcopt.core.types import TParameterization

VALUES = tuple(f"v{k:03d}" for k in range(200))
X = RangeParameter("x", 0.0, 1.0)
LARGE = SearchSpace((ChoiceParameter("c", VALUES), X))
TRIED: list[TParameterization] = [{"c": f"v{k:03d}", "x": 0.5} for k in (7, 3, 7, 190)]


def choice(space: SearchSpace, name: str = "c") -> ChoiceParameter:
    [found] = (p for p in space.parameters if p.name == name)
    assert isinstance(found, ChoiceParameter)
    return found


def test_the_values_in_use_are_kept_and_as_many_others_as_asked_for() -> None:
    space = narrowed(LARGE, TRIED, 5, [0])
    kept = choice(space).values
    assert len(kept) == 3 + 5
    assert {"v003", "v007", "v190"} < set(kept) < set(VALUES)
    assert list(kept) == sorted(kept)
    assert space.d == 8 + 1
    assert (
        space.is_one_hot.tolist() == space.is_nominal.tolist() == [True] * 8 + [False]
    )
    points = space.decode(np.eye(9))
    assert [point["c"] for point in points[:8]] == list(kept)
    assert LARGE.contains(points).all()


def test_values_that_are_left_out_are_encoded_as_one_that_no_trial_had() -> None:
    space = narrowed(LARGE, TRIED, 5, [0])
    others: list[TParameterization] = [
        {"c": value, "x": 0.5} for value in VALUES if value not in choice(space).values
    ]
    encoded = space.encode(others)
    assert (encoded == encoded[0]).all()
    assert not (space.encode(TRIED) == encoded[0]).all(axis=1).any()
    with pytest.raises(UsageError, match="found 'w'"):
        space.encode([{"c": "w", "x": 0.5}])


def test_which_others_are_kept_is_drawn() -> None:
    kept = {choice(narrowed(LARGE, TRIED, 5, [seed])).values for seed in (0, 0, 1, 2)}
    assert len(kept) == 3


@pytest.mark.parametrize(
    "parameters",
    [
        (ChoiceParameter("c", VALUES[:32]), X),
        (ChoiceParameter("c", VALUES, is_ordered=True), X),
        (RangeParameter("c", 0, 500, "int"), X),
    ],
    ids=["32 values", "ordered", "a range"],
)
def test_other_spaces_are_as_they_were(
    parameters: tuple[ChoiceParameter | RangeParameter, ...],
) -> None:
    space = SearchSpace(parameters)
    assert narrowed(space, [], 5, [0]) is space


def test_values_that_constraints_are_about_are_all_kept() -> None:
    n = ChoiceParameter("n", tuple(range(100)))
    double = DerivedParameter("double", Expression("2 * n", "double"))
    for space in (
        SearchSpace((n, X), ("n + 9 * x <= 12",)),
        SearchSpace((n, double, X), ("double + 9 * x <= 12",)),
    ):
        assert narrowed(space, [], 5, [0]) is space
    other = SearchSpace((n, X, RangeParameter("y", 0.0, 1.0)), ("x + y <= 1",))
    assert len(choice(narrowed(other, [], 5, [0]), "n").values) == 5


def test_values_of_conditions_and_defaults_are_kept() -> None:
    space = SearchSpace(
        (ChoiceParameter("c", VALUES, default="v100"), X),
        conditions=(Condition("x", "c", ("v050", "v060")),),
    )
    space = narrowed(space, [{"c": "v007"}], 5, [0])
    kept = choice(space).values
    assert {"v007", "v050", "v060", "v100"} < set(kept)
    assert len(kept) == 4 + 5
    assert space.encode([{"c": "v050", "x": 0.25}])[0, -1] == 0.25


def test_removed_values_are_known_only_where_a_trial_had_them() -> None:
    whole = SearchSpace((ChoiceParameter("c", VALUES[100:], known=VALUES), X))
    space = narrowed(whole, TRIED, 5, [0])
    kept = choice(space)
    assert len(kept.values) == 1 + 5
    assert set(kept.known) == {*kept.values, "v003", "v007"}
    assert set(kept.values) <= set(VALUES[100:])
    assert not space.is_inside(space.encode(TRIED[:1]))[0]


def test_all_that_is_allowed_may_have_been_tried() -> None:
    whole = SearchSpace((ChoiceParameter("c", VALUES[:2], known=VALUES), X))
    tried: list[TParameterization] = [{"c": v, "x": 0.5} for v in VALUES[:2]]
    space = narrowed(whole, tried, 5, [0])
    assert choice(space).values == VALUES[:2]
    assert not (space.encode(tried) == space.encode([{"c": "v150", "x": 0.5}])).all()


def test_what_was_narrowed_is_not_narrowed_again() -> None:
    space = narrowed(LARGE, TRIED, 40, [0])
    assert narrowed(space, TRIED, 5, [0]) is space
