"""What is proposed in spaces with constraints, conditions and many values."""

from __future__ import annotations

import numpy as np
import pytest

from hpcopt.core.space.change import continued
from hpcopt.core.space.search_space import SearchSpace
from hpcopt.core.types import TParameterization
from hpcopt.generation.design.initial import MAX_LISTED, UsedPoints
from hpcopt.generation.snapshot import Snapshot
from hpcopt.generation.strategy import BayesianGenerator
from tests.support.constrained_spaces import (
    MIXTURE,
    NAMES,
    SPACES,
    unit,
)
from tests.support.effort import assert_linear
from tests.support.generation_world import observed, snapshot


def told(
    space: SearchSpace, points: list[TParameterization], seed: int = 0
) -> Snapshot:
    """Return what is known after trials at the points."""
    return snapshot(space, observed(points, bowl), seed=seed)


def bowl(point: TParameterization) -> float:
    values = [v for v in point.values() if isinstance(v, float)]
    return sum((v - 0.2) ** 2 for v in values) + (point.get("k") == "b")


def proposed(space: SearchSpace, n: int, seed: int = 0) -> list[TParameterization]:
    points: list[TParameterization] = []
    for _ in range(n):
        generation = BayesianGenerator().generate(1, told(space, points, seed))
        points += [suggestion.parameters for suggestion in generation.suggestions]
    return points


# Proposals of the model


@pytest.mark.parametrize("space", SPACES, ids=NAMES)
def test_every_proposal_satisfies_the_constraints(space: SearchSpace) -> None:
    points = proposed(space, 12)
    for point in points:
        space.check(point)
    if space is MIXTURE:
        sums = [sum(float(value) for value in point.values()) for point in points]
        assert sums == pytest.approx([1.0] * 12, rel=1e-8)


def test_the_model_follows_a_constraint_to_its_best_point() -> None:
    space = SearchSpace.from_json(unit("x", "y"), ["x + y >= 1"])
    best = min(proposed(space, 15), key=bowl)
    assert bowl(best) == pytest.approx(2 * 0.3**2, rel=0.02)


def test_the_model_follows_an_equality_to_its_best_point() -> None:
    space = SearchSpace.from_json(unit("x", "y", "z"), ["x + y == 1.4 - z"])
    best = min(proposed(space, 15), key=bowl)
    assert bowl(best) == pytest.approx(3 * (1.4 / 3 - 0.2) ** 2, rel=0.02)


def test_trials_outside_a_narrowed_space_still_teach() -> None:
    before = SearchSpace.from_json(unit("x"))
    points: list[TParameterization] = [{"x": k / 10} for k in range(11)]
    after = SearchSpace.from_json(unit("x", bounds=[0.15, 0.9]), ["x <= 0.8"])
    space, _ = continued(before, after)
    found = []
    for known in (points, points[2:9]):
        generation = BayesianGenerator().generate(2, told(space, known))
        found.append([suggestion.parameters for suggestion in generation.suggestions])
        for suggestion in generation.suggestions:
            assert suggestion.method == "bo"
            space.check(suggestion.parameters)
    assert found[0] != found[1]


def test_a_best_trial_that_is_left_behind_is_not_what_is_to_be_improved_on() -> None:
    before = SearchSpace.from_json(unit("x", "y"))
    points: list[TParameterization] = [
        {"x": x, "y": y} for x in (0.1, 0.2, 0.3, 0.8) for y in (0.2, 0.3, 0.8)
    ]
    after = SearchSpace.from_json(
        unit("x", bounds=[0.5, 1.0]) + unit("y"), ["x + y >= 0.9"]
    )
    space, _ = continued(before, after)
    for _ in range(6):
        generation = BayesianGenerator().generate(1, told(space, points))
        points += [suggestion.parameters for suggestion in generation.suggestions]
    inside = [point for point in points if space.contains([point])[0]]
    assert min(map(bowl, inside)) == pytest.approx(0.13, rel=0.03)  # at (0.5, 0.4)


def test_points_are_inside_when_the_space_still_has_them() -> None:
    space = SearchSpace.from_json(
        [*unit("x", "y", "z"), {"name": "k", "type": "choice", "values": ["a", "b"],
                                "known": ["a", "b", "c"], "is_ordered": False}],
        ["x + y + z == 1", "x <= 0.5"],
    )  # fmt: skip
    points: list[TParameterization] = [{"x": 0.2, "y": 0.3, "z": 0.5, "k": "a"}]
    changes: list[TParameterization] = [
        {"x": 0.6},
        {"x": 0.6, "z": 0.1},
        {"y": 1.3, "z": -0.5},
        {"k": "c"},
    ]
    points += [{**points[0], **change} for change in changes]
    assert space.is_inside(space.encode(points)).tolist() == [True] + [False] * 4


# Spaces with an end


def test_a_space_without_a_free_parameter_has_one_trial() -> None:
    space = SearchSpace.from_json(
        [{"name": "f", "type": "fixed", "value": 3},
         {"name": "y", "type": "derived", "expression": "2*f"}]
    )  # fmt: skip
    [suggestion] = BayesianGenerator().generate(3, told(space, [])).suggestions
    assert suggestion.parameters == {"f": 3, "y": 6.0}
    again = BayesianGenerator().generate(1, told(space, [{"f": 3, "y": 6.0}]))
    assert again.suggestions == ()


def test_each_feasible_point_of_a_small_space_is_proposed_once() -> None:
    space = SearchSpace.from_json(
        unit("n", "m", bounds=[0, 3], parameter_type="int"), ["n + m <= 2"]
    )
    points = proposed(space, 10)
    assert sorted((p["n"], p["m"]) for p in points[:6]) == [
        (0, 0), (0, 1), (0, 2), (1, 0), (1, 1), (2, 0),
    ]  # fmt: skip
    # Then the best one more time, which tells that there is no noise.
    assert points[6:] == [min(points[:6], key=bowl)]


def test_a_large_space_whose_feasible_points_are_used_up_comes_to_an_end() -> None:
    space = SearchSpace.from_json(
        unit("n", bounds=[0, 10 * MAX_LISTED], parameter_type="int"), ["n <= 2"]
    )
    points = proposed(space, 5)
    assert sorted(point["n"] for point in points) == [0, 1, 2]


# Size


def test_trials_are_encoded_and_not_compared_with_each_other() -> None:
    choice = {"type": "choice", "values": ["a", "b", "c"], "is_ordered": False}
    specs = [*unit(*(f"x{k}" for k in range(18))), {"name": "k", **choice}]
    space = SearchSpace.from_json(
        [*specs, *unit("n", bounds=[1, 9], parameter_type="int")]
    )
    points = space.decode(np.random.default_rng(0).random((2000, space.d)))

    def work(n: int) -> None:
        used = UsedPoints(space, points[:n])
        assert not used.unused(space.encode(points[:n])).any()

    assert_linear(work, 200)


def test_a_choice_of_ten_thousand_values_is_searched() -> None:
    values = [f"file-{k}" for k in range(10_000)]
    space = SearchSpace.from_json(
        [{"name": "file", "type": "choice", "values": values, "is_ordered": False},
         *unit("x")]
    )  # fmt: skip
    points = proposed(space, 8)
    assert len({str(point["file"]) for point in points}) > 3
    assert min(map(bowl, points)) < 0.01
