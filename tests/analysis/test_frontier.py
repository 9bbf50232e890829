"""The frontier is the best that there is, not only among what was tried."""

from __future__ import annotations

from typing import Any

import numpy as np

from hpcopt.analysis.frontier import feasibility_frontier
from hpcopt.analysis.models import models_of
from hpcopt.core.space.search_space import RangeParameter, SearchSpace
from tests.support.analysis_world import observed, view
from tests.support.generation_world import SQUARE, cube, sobol_points
from tests.support.last_digits import Numbers


def trade_off(space: SearchSpace = SQUARE, n: int = 10, **kwargs: Any) -> Any:
    """Return an experiment: x is to be large and must not exceed about a half."""
    points = sobol_points(space, n)
    numbers = Numbers(2)
    outcomes = [
        observed(
            gain=float(point["x"]),
            heat=(float(point["x"]) + 0.1 * float(numbers.normal()), 0.1),
        )
        for point in points
    ]
    return view("gain", outcomes, ["heat <= 0.5"], space=space, parameters=points)


def values(models: Any, X: Any) -> Any:
    return np.stack([models.objective(X)[0], models.probability_feasible(X)], axis=1)


def test_no_point_of_the_space_is_better_in_both() -> None:
    models = models_of(trade_off())
    front = values(models, feasibility_frontier(models, 12))
    assert 8 <= len(front) <= 12
    assert (np.diff(front[:, 1]) > 0).all()
    assert (np.diff(front[:, 0]) < 0).all()
    side = np.linspace(0, 1, 201)
    grid = np.stack(np.meshgrid(side, side), axis=-1).reshape(-1, 2)
    everything = values(models, grid)
    for mean, probability in front:
        better = everything[everything[:, 1] >= probability, 0].max(initial=-np.inf)
        assert mean >= better - 0.01


def test_it_reaches_both_ends() -> None:
    models = models_of(trade_off())
    front = values(models, feasibility_frontier(models, 5))
    everything = values(models, Numbers(0).random(4000, 2))
    assert front[:, 0].max() >= everything[:, 0].max() - 1e-3
    assert front[:, 1].max() >= everything[:, 1].max() - 1e-3


def test_it_keeps_to_the_constraints_on_parameters() -> None:
    space = SearchSpace(
        (RangeParameter("x", 0.0, 1.0), RangeParameter("y", 0.0, 1.0)),
        ("x + y <= 0.6",),
    )
    models = models_of(trade_off(space))
    X = feasibility_frontier(models, 10)
    assert space.is_feasible(X).all()


def test_the_same_is_found_each_time_also_in_many_dimensions() -> None:
    space = cube(25)
    points = sobol_points(space, 20)
    outcomes = [
        observed(gain=float(p["x0"]), heat=float(p["x0"]) + float(p["x1"]))
        for p in points
    ]
    now = view("gain", outcomes, ["heat <= 1"], space=space, parameters=points)
    found = feasibility_frontier(models_of(now), 10)
    np.testing.assert_array_equal(found, feasibility_frontier(models_of(now), 10))
    best = values(models_of(now), found)
    assert best[best[:, 1] > 0.9, 0].max() > 0.8
