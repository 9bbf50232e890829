"""Points that satisfy the constraints on parameters."""

from __future__ import annotations

import numpy as np
import pytest

from hpcopt.core.errors import ConfigError
from hpcopt.core.space.search_space import SearchSpace
from hpcopt.generation.design.center import center_of
from hpcopt.generation.design.feasible import FeasibleRegion, check_feasible
from hpcopt.generation.design.initial import InitialDesign, UsedPoints
from tests.support.constrained_spaces import (
    HALF,
    MIXTURE,
    NAMES,
    SLICE,
    SPACES,
    unit,
)


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
