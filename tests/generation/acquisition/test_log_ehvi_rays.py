"""The logarithm of expected hypervolume improvement along rays, and its gradient."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest

from hpcopt.generation.acquisition.log_ehvi import (
    LogNoisyExpectedHypervolumeImprovement,
)
from hpcopt.generation.acquisition.log_ehvi_rays import (
    LogNoisyHypervolumeImprovementByRays,
)
from tests.support.differences import assert_gradients
from tests.support.hypervolume_world import baseline, problem, process
from tests.support.last_digits import Numbers

Array = npt.NDArray[np.float64]

_NOTHING = np.empty((0, 2))


@pytest.mark.parametrize(
    ("m", "optimism", "noise"),
    [(4, [], 1e-6), (5, [0.0], 0.1), (6, [2.0], 0.1)],
    ids=["four", "five, constrained", "six, optimistic"],
)
def test_the_gradient_is_that_of_the_value(
    m: int, optimism: list[float], noise: float
) -> None:
    models, X = problem(m + len(optimism), noise)
    acquisition = LogNoisyHypervolumeImprovementByRays(
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


@pytest.mark.parametrize(("m", "n_constraints"), [(4, 0), (4, 1), (5, 0)])
def test_the_value_is_that_of_boxes(m: int, n_constraints: int) -> None:
    models, _ = problem(m + n_constraints)
    X = Numbers(0).random(40, 2)
    by_boxes, by_rays = (
        improvement(
            models[:m],
            models[m:],
            np.full(m, -1.0),
            baseline(models, m),
            _NOTHING,
            seed=0,
        ).values(X)
        for improvement in (
            LogNoisyExpectedHypervolumeImprovement,
            LogNoisyHypervolumeImprovementByRays,
        )
    )
    best = by_boxes > by_boxes.max() - 5
    assert best.sum() > 5
    assert np.median(np.abs(by_rays - by_boxes)[best]) < 0.25
    assert np.corrcoef(by_rays, by_boxes)[0, 1] > 0.95


def test_a_pending_point_adds_nothing_more() -> None:
    models, X = problem(4)
    alone, taken = (
        LogNoisyHypervolumeImprovementByRays(
            models, [], np.full(4, -1.0), baseline(models, 4), X_pending, seed=0
        )
        for X_pending in (_NOTHING, X[:1])
    )
    assert taken.values(X[:1])[0] < alone.values(X[:1])[0] - 2


@pytest.mark.parametrize("reference", [-1.0, 30.0])
def test_far_from_any_improvement_there_is_a_slope_to_follow(reference: float) -> None:
    models, X = problem(4)
    acquisition = LogNoisyHypervolumeImprovementByRays(
        models, [], np.full(4, reference), baseline(models, 4), _NOTHING, seed=0
    )
    values, gradients = acquisition.values_and_gradients(X)
    assert np.isfinite(values).all()
    assert (np.abs(gradients).max(axis=1) > 1e-3).all()


def test_the_number_of_terms_is_the_same_whatever_the_front_is() -> None:
    rng = Numbers(0)
    counts = set()
    for m, n in ((4, 2), (4, 40), (6, 40)):
        X = rng.random(n, 2)
        models = [process(X, rng.normal(n)) for _ in range(m)]
        acquisition = LogNoisyHypervolumeImprovementByRays(
            models, [], np.full(m, -9.0), X, _NOTHING, seed=0
        )
        counts.add(acquisition.n_terms)
    assert len(counts) == 1
    assert counts.pop() <= 5000
