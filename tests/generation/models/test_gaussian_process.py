"""The process is that of BoTorch's model, and what follows from it."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.stats import norm

from hpcopt.generation.models.gaussian_process import (
    GaussianProcess,
    Hyperparameters,
)
from hpcopt.generation.models.surrogate import Surrogate
from hpcopt.generation.models.training_data import TrainingData
from tests.support.differences import assert_gradients
from tests.support.generation_world import (
    SQUARE,
    bowl,
    observed,
    snapshot,
    sobol_points,
    untransformed,
)
from tests.support.last_digits import Numbers

pytestmark = pytest.mark.filterwarnings(
    "ignore:.torch.jit.script. is deprecated:DeprecationWarning"
)


def test_the_leave_one_out_density_is_that_of_each_outcome_given_the_others() -> None:
    rng = Numbers(0)
    X, y, noise = rng.random(7, 2), rng.normal(7), np.full(7, 0.1)
    known = Hyperparameters(np.array([0.4, 0.7]), 1.3, 0.1, 0.2)
    expected = 0.0
    for k in range(7):
        others = np.arange(7) != k
        process = GaussianProcess.of(X[others], y[others], noise[others], known)
        mean, variance = process.moments(X[k : k + 1])
        expected += norm.logpdf(y[k], mean[0], np.sqrt(variance[0] + noise[k]))
    found = GaussianProcess.of(X, y, noise, known).loo_log_density
    assert found == pytest.approx(expected)


@pytest.mark.parametrize("sem", [None, 0.01], ids=["inferred", "known"])
def test_the_process_is_that_of_botorchs_model(sem: float | None) -> None:
    import torch

    now = snapshot(SQUARE, observed(sobol_points(SQUARE, 12), bowl, sem=sem))
    surrogate = Surrogate.fit(TrainingData.of_sum(now, now.objective))
    X = Numbers(0).random(50, 2)
    with torch.no_grad():
        posterior = untransformed(surrogate).posterior(torch.from_numpy(X))
    mean, variance = surrogate.process.moments(X)
    np.testing.assert_allclose(mean, posterior.mean.squeeze(-1), atol=1e-9)
    np.testing.assert_allclose(variance, posterior.variance.squeeze(-1), atol=1e-8)


def test_the_gradient_of_the_mean_is_that_of_its_values() -> None:
    X = Numbers(0).random(30, 3)
    known = Hyperparameters(np.array([0.8, 1.0, 3.0]), 2.0, 1e-4, 0.1)
    y = X @ [1.0, 0.5, 0.02]
    process = GaussianProcess.of(X, y, np.full(30, 1e-4), known)
    X = Numbers(1).random(5, 3)
    means, gradients = zip(*map(process.mean_and_gradient, X), strict=True)
    np.testing.assert_allclose(means, process.mean(X), rtol=1e-9)
    assert_gradients(np.array(gradients), process.mean, X, step=1e-3, sharp=1e-5)


def test_the_likelihood_is_the_density_of_the_outcomes() -> None:
    now = snapshot(SQUARE, observed(sobol_points(SQUARE, 12), bowl, sem=0.05))
    process = Surrogate.fit(TrainingData.of_sum(now, now.objective)).process
    K = process.root @ process.root.T
    residual = process.y - process.hyperparameters.mean
    expected = -0.5 * (residual @ np.linalg.solve(K, residual))
    expected -= 0.5 * np.linalg.slogdet(K)[1]
    assert math.isclose(process.log_likelihood, expected, rel_tol=1e-6)
