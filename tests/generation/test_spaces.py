"""What is proposed in spaces with constraints, conditions and many values."""

from __future__ import annotations

import time
from typing import Any

import numpy as np
import pytest

from hpcopt.core.errors import ConfigError
from hpcopt.core.space.change import continued
from hpcopt.core.space.search_space import SearchSpace
from hpcopt.core.types import TParameterization
from hpcopt.generation.design.center import center_of
from hpcopt.generation.design.feasible import FeasibleRegion, check_feasible
from hpcopt.generation.design.initial import MAX_LISTED, InitialDesign, UsedPoints
from hpcopt.generation.snapshot import Snapshot
from hpcopt.generation.strategy import BayesianGenerator
from tests.support.generation_world import observed, snapshot


def unit(*names: str, **changes: Any) -> list[dict[str, Any]]:
    spec = {"type": "range", "bounds": [0.0, 1.0], "parameter_type": "float"}
    return [{"name": name, **spec, **changes} for name in names]


DISC = SearchSpace.from_json(unit("x", "y"), ["(x - 0.3)**2 + (y - 0.7)**2 <= 0.01"])
HALF = SearchSpace.from_json(unit("x", "y"), ["x + y <= 1"])
MIXTURE = SearchSpace.from_json(unit(*"abcdefghij"), ["+".join("abcdefghij") + " == 1"])
SLICE = SearchSpace.from_json(unit("x", "y", "z"), ["0.999 <= x + y + z <= 1"])
GRID = SearchSpace.from_json(
    [*unit("n", "m", bounds=[0, 9], parameter_type="int"), *unit("x", step_size=0.1)],
    ["n + m <= 3", "n*m*x >= 0.05"],
)
MIXED = SearchSpace.from_json(
    [
        *unit("n", bounds=[1, 64], parameter_type="int"),
        *unit("r", bounds=[1e-4, 1.0], scaling="log"),
        {"name": "k", "type": "choice", "values": ["a", "b", "c"], "is_ordered": False},
        *unit("m", when={"k": ["a", "b"]}),
        *unit("x"),
        {"name": "s", "type": "derived", "expression": "n*x"},
    ],
    ["n*r <= 4", "x + r >= 0.3", "s <= 40", "m <= x"],
)
SPACES = [DISC, HALF, MIXTURE, SLICE, GRID, MIXED]
NAMES = ["disc", "half", "mixture", "slice", "grid", "mixed"]


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


# The initial design


@pytest.mark.parametrize("space", SPACES, ids=NAMES)
def test_the_initial_design_satisfies_the_constraints_and_spreads(
    space: SearchSpace,
) -> None:
    used = UsedPoints(space, [])
    points = []
    design = InitialDesign(space, seed=3)
    for index in range(8):
        suggestion = design.suggestion(index, used)
        assert suggestion is not None
        points.append(suggestion.parameters)
        used.add(suggestion.parameters)
    for point in points:
        space.check(point)
    assert len({tuple(sorted(point.items())) for point in points}) == 8
    alone = InitialDesign(space, seed=3).suggestion(5, UsedPoints(space, []))
    assert alone is not None
    assert alone.parameters == points[5]  # whatever was proposed before


@pytest.mark.parametrize("space", [HALF, MIXTURE, SLICE], ids=["half", "mix", "slice"])
def test_feasible_points_fill_the_region_evenly(space: SearchSpace) -> None:
    points = space.decode(FeasibleRegion(space).sample(400, np.random.default_rng(1)))
    values = np.array([list(point.values()) for point in points], dtype=float)
    # Each of a point's d numbers, with the rest to 1, is Dirichlet(1, …, 1).
    d = values.shape[1] + (space is HALF)
    assert values.mean(axis=0) == pytest.approx(1 / d, rel=0.2)
    assert values.std(axis=0) == pytest.approx(
        np.sqrt((d - 1) / (d**2 * (d + 1))), rel=0.2
    )


def test_the_first_trial_is_the_deepest_point() -> None:
    found = center_of(HALF)
    assert found["x"] == pytest.approx(1 / (2 + 2**0.5))
    assert found["y"] == pytest.approx(found["x"])
    assert center_of(SearchSpace.from_json(unit("x"))) == {"x": 0.5}


def test_a_region_of_one_part_in_a_billion_is_found() -> None:
    space = SearchSpace.from_json(
        unit("x", "y", "z"), ["(x-0.2)**2 + (y-0.9)**2 + (z-0.5)**2 <= 1e-7"]
    )
    X = FeasibleRegion(space).sample(50, np.random.default_rng(0))
    assert space.is_feasible(X).all()
    assert X.std(axis=0) == pytest.approx(np.sqrt(1e-7 / 5), rel=0.5)


@pytest.mark.parametrize(
    ("space", "message"),
    [
        (
            SearchSpace.from_json(unit("x", "y"), ["x + y <= 1", "x + y >= 1.5"]),
            "within the bounds, found that they contradict each other",
        ),
        (
            SearchSpace.from_json(unit("x"), ["x**2 >= 2"]),
            "found none among .* tried; they contradict each other, or leave too",
        ),
        (
            SearchSpace.from_json(
                unit("n", bounds=[0, 9], parameter_type="int"), ["0.2 <= n/10 <= 0.25",
                                                                 "n >= 3"]
            ),
            "expected points that satisfy all of",
        ),
        (
            SearchSpace.from_json(
                [{"name": "f", "type": "fixed", "value": 3}], ["f <= 2"]
            ),
            "contradict each other",
        ),
    ],
    ids=["linear", "curved", "whole", "fixed"],
)  # fmt: skip
def test_constraints_that_leave_nothing_are_told(
    space: SearchSpace, message: str
) -> None:
    with pytest.raises(ConfigError, match=f"^parameter_constraints: .*{message}"):
        check_feasible(space)


def test_constraints_that_leave_something_pass() -> None:
    for space in SPACES:
        check_feasible(space)


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
    assert sorted((p["n"], p["m"]) for p in points) == [
        (0, 0), (0, 1), (0, 2), (1, 0), (1, 1), (2, 0),
    ]  # fmt: skip


def test_a_large_space_whose_feasible_points_are_used_up_comes_to_an_end() -> None:
    space = SearchSpace.from_json(
        unit("n", bounds=[0, 10 * MAX_LISTED], parameter_type="int"), ["n <= 2"]
    )
    points = proposed(space, 5)
    assert sorted(point["n"] for point in points) == [0, 1, 2]


# Size


def test_ten_thousand_trials_are_encoded_and_compared_in_no_time() -> None:
    choice = {"type": "choice", "values": ["a", "b", "c"], "is_ordered": False}
    specs = [*unit(*(f"x{k}" for k in range(18))), {"name": "k", **choice}]
    space = SearchSpace.from_json(
        [*specs, *unit("n", bounds=[1, 9], parameter_type="int")]
    )
    points = space.decode(np.random.default_rng(0).random((10_000, space.d)))
    started = time.process_time()
    used = UsedPoints(space, points)
    assert not used.unused(space.encode(points)).any()
    assert time.process_time() - started < 1.0


def test_a_choice_of_ten_thousand_values_is_searched() -> None:
    values = [f"file-{k}" for k in range(10_000)]
    space = SearchSpace.from_json(
        [{"name": "file", "type": "choice", "values": values, "is_ordered": False},
         *unit("x")]
    )  # fmt: skip
    points = proposed(space, 8)
    assert len({str(point["file"]) for point in points}) > 3
    assert min(map(bowl, points)) < 0.01
