"""The expected improvement of distances from targets, and its gradient."""

from __future__ import annotations

import numpy as np
import pytest

from hpcopt.generation.acquisition.composite_ei import CompositeImprovement
from hpcopt.generation.models.composite_process import CompositeProcess, DistanceTerm
from hpcopt.generation.models.gaussian_process import (
    Array,
    GaussianProcess,
    Hyperparameters,
)
from tests.support.differences import assert_gradients
from tests.support.generation_world import (
    log_ei,
)
from tests.support.last_digits import Numbers

NOTHING = np.zeros((0, 2))


def process(rng: Numbers, X: Array, noise: float) -> GaussianProcess:
    hyperparameters = Hyperparameters(
        lengthscales=np.array([0.4, 0.6]), outputscale=1.0, noise=noise, mean=0.0
    )
    y = rng.normal(len(X))
    return GaussianProcess.of(X, y, np.full(len(X), noise), hyperparameters)


def targets(
    n: int, power: int, *, is_linear: bool, noise: float = 1e-6
) -> CompositeProcess:
    rng = Numbers(n, power)
    X = rng.random(8, 2)
    return CompositeProcess(
        X,
        tuple(
            DistanceTerm(process(rng, X, noise), 0.2 * k, 1.0 + k, power)
            for k in range(n)
        ),
        process(rng, X, noise) if is_linear else None,
        slope=0.7,
    )


KINDS = pytest.mark.parametrize(
    ("n", "power", "is_linear"),
    [(1, 1, False), (1, 2, False), (3, 1, False), (5, 2, False), (2, 1, True)],
)


@KINDS
def test_the_expected_improvement_is_what_many_samples_find(
    n: int, power: int, is_linear: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(CompositeImprovement, "N_SAMPLES", 1024)
    model = targets(n, power, is_linear=is_linear)
    X = Numbers(1).random(60, 2)
    ours = log_ei(model, [], NOTHING).values(X)
    normal = Numbers(2).normal(len(model.processes), 60, 40_000)
    moments = [process.moments(X) for process in model.processes]
    samples = [
        m[:, None] + np.sqrt(v)[:, None] * z
        for (m, v), z in zip(moments, normal, strict=True)
    ]
    values = model.values(samples)
    improvement = np.maximum(values - model.y.max(), 0)
    likely = improvement.mean(axis=1) > 1e-3
    assert likely.sum() > 3
    found = improvement.mean(axis=1)[likely]
    error = improvement.std(axis=1)[likely] / np.sqrt(40_000) / found
    assert (np.abs(ours[likely] - np.log(found)) < 0.1 + 4 * error).all()
    mean, variance = model.moments(X)
    spread = values.std(axis=1)
    np.testing.assert_allclose(mean, values.mean(axis=1), atol=0.05 * spread.max())
    np.testing.assert_allclose(np.sqrt(variance), spread, rtol=0.1)


@KINDS
@pytest.mark.parametrize("noise", [1e-3, 0.05])
@pytest.mark.parametrize("is_greedy", [False, True])
def test_the_gradient_is_that_of_the_values(
    n: int, power: int, is_linear: bool, noise: float, is_greedy: bool
) -> None:
    model = targets(n, power, is_linear=is_linear, noise=noise)
    constraint = process(Numbers(3), model.X, noise)
    pending = np.array([[0.3, 0.4], [0.8, 0.1]])
    acquisition = log_ei(model, [constraint], pending, is_greedy=is_greedy)
    X = Numbers(4).random(20, 2)
    values, gradients = acquisition.values_and_gradients(X)
    assert (values == acquisition.values(X)).all()
    # Where the target is met in one of the samples there is a kink: a short step, which
    # no kink is closer to any of the points than.
    assert_gradients(gradients, acquisition.values, X, step=1e-5, sharp=1e-3)


@pytest.mark.parametrize("target", [30.0, -1e4])
def test_where_no_improvement_is_in_sight_it_still_says_which_way(
    target: float,
) -> None:
    rng = Numbers(0)
    X = rng.random(8, 2)
    model = CompositeProcess(
        X, (DistanceTerm(process(rng, X, 1e-6), target, 1.0, 1),), None, 1.0
    )
    at = np.concatenate([X + 1e-5, rng.random(20, 2)])
    acquisition = log_ei(model, [], NOTHING)
    values, gradients = acquisition.values_and_gradients(at)
    assert values.min() < -1000  # its exponential is 0
    assert np.isfinite(values).all()
    assert np.isfinite(gradients).all()
    assert (np.abs(gradients).max(axis=1) > 0).all()


def test_a_target_that_is_met_to_the_last_digit_is_survived() -> None:
    rng = Numbers(0)
    X = rng.random(8, 2)
    met = process(rng, X, 1e-6)
    model = CompositeProcess(
        X, (DistanceTerm(met, float(met.y[0]), 1.0, 2),), None, 1.0
    )
    acquisition = log_ei(model, [], NOTHING)
    values, gradients = acquisition.values_and_gradients(np.concatenate([X, X + 0.1]))
    assert np.isfinite(values).all()
    assert np.isfinite(gradients).all()
