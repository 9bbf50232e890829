"""The logarithm of expected hypervolume improvement, and its gradient."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
from scipy.special import ndtr

from hpcopt.core.goals.pareto import hypervolume
from hpcopt.generation.acquisition.log_ehvi import (
    LogNoisyExpectedHypervolumeImprovement,
    posterior_mean_front,
)
from tests.support.differences import assert_gradients
from tests.support.hypervolume_world import baseline, problem, process
from tests.support.last_digits import Numbers

Array = npt.NDArray[np.float64]


@pytest.mark.parametrize(
    ("m", "optimism", "noise"),
    [(2, [], 1e-6), (2, [0.0], 1e-6), (2, [], 0.3), (3, [0.0], 0.1), (2, [2.0], 0.1)],
    ids=["two", "constrained", "noisy", "three", "optimistic"],
)
def test_the_gradient_is_that_of_the_value(
    m: int, optimism: list[float], noise: float
) -> None:
    models, X = problem(m + len(optimism), noise)
    acquisition = LogNoisyExpectedHypervolumeImprovement(
        models[:m],
        models[m:],
        np.full(m, -1.0),
        baseline(models, m),
        np.array([[0.5, 0.5]]),
        seed=0,
        optimism=optimism,
    )
    values, gradients = acquisition.values_and_gradients(X)
    assert np.array_equal(acquisition.values(X), values)
    assert_gradients(gradients, acquisition.values, X, step=1e-3, sharp=1e-3)


@pytest.mark.slow
@pytest.mark.parametrize("n_constraints", [0, 1])
def test_the_value_is_the_expected_growth_of_the_volume(n_constraints: int) -> None:
    models, X = problem(2 + n_constraints)
    reference = np.full(2, -1.0)
    acquisition = LogNoisyExpectedHypervolumeImprovement(
        models[:2], models[2:], reference, baseline(models, 2), np.empty((0, 2)), seed=0
    )
    moments = [model.moments(X) for model in models]
    feasible = np.all([model.y >= 0 for model in models[2:]], axis=0)
    Y = np.column_stack([model.y for model in models[:2]])
    Y = Y[np.broadcast_to(feasible, len(Y))]
    before = hypervolume(Y, reference)
    rng = Numbers(0)
    for b, found in enumerate(acquisition.values(X)):
        gains = []
        for z in rng.normal(4000, len(models)):
            drawn = [
                m[b] + np.sqrt(v[b]) * s for (m, v), s in zip(moments, z, strict=True)
            ]
            outcome = np.array([drawn[:2]])
            is_feasible = all(slack >= 0 for slack in drawn[2:])
            after = hypervolume(np.concatenate([Y, outcome]), reference)
            gains.append(is_feasible * (after - before))
        error = 4 * np.std(gains) / np.sqrt(len(gains)) + 1e-4
        assert np.exp(found) == pytest.approx(np.mean(gains), abs=error)


def test_a_pending_point_adds_nothing_more() -> None:
    models, X = problem(2)
    empty = np.empty((0, 2))
    reference = np.full(2, -1.0)
    alone, taken = (
        LogNoisyExpectedHypervolumeImprovement(
            models, [], reference, baseline(models, 2), X_pending, seed=0
        )
        for X_pending in (empty, X[:1])
    )
    assert taken.values(X[:1])[0] < alone.values(X[:1])[0] - 5


def test_optimism_is_for_what_is_unknown_not_for_what_is_known_to_be_infeasible() -> (
    None
):
    X = np.array([[0.1, 0.1], [0.15, 0.1]])
    objectives = [process(X, np.zeros(2)) for _ in range(2)]
    constraints = [process(X, np.full(2, -1.0))]
    gains = [
        LogNoisyExpectedHypervolumeImprovement(
            objectives,
            constraints,
            np.full(2, -1.0),
            X,
            np.empty((0, 2)),
            seed=0,
            optimism=[optimism],
        ).values(np.array([[0.1, 0.1001], [0.9, 0.9]]))
        for optimism in (0.0, 2.0)
    ]
    known, unknown = gains[1] - gains[0]
    assert unknown == pytest.approx(np.log(ndtr(2.0) / ndtr(0.0)), abs=0.05)
    assert gains[1][0] < gains[1][1] - 100
    assert known > 0


def test_far_from_any_improvement_there_is_a_slope_to_follow() -> None:
    models, X = problem(2)
    acquisition = LogNoisyExpectedHypervolumeImprovement(
        models, [], np.full(2, 30.0), baseline(models, 2), np.empty((0, 2)), seed=0
    )
    values, gradients = acquisition.values_and_gradients(X)
    assert (values < -100).all()
    assert np.isfinite(gradients).all()
    assert (np.abs(gradients).max(axis=1) > 1e-3).all()


def test_the_front_is_that_of_feasible_outcomes_where_there_are_any() -> None:
    X = np.array([[0.1, 0.1], [0.5, 0.5], [0.9, 0.9]])
    models = [process(X, np.array([3.0, 2.0, 1.0])) for _ in range(2)]
    some, none = np.array([-1.0, 1.0, 1.0]), np.full(3, -1.0)
    assert posterior_mean_front(X, models, [process(X, some)])[0].tolist() == [
        [0.5, 0.5]
    ]
    assert posterior_mean_front(X, models, [process(X, none)])[0].tolist() == [
        [0.1, 0.1]
    ]
