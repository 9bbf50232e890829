"""What a process says without a fold is what one says that never had it."""

from __future__ import annotations

import numpy as np
import pytest

from hpcopt.generation.models.gaussian_process import GaussianProcess, Hyperparameters
from hpcopt.generation.models.held_out import folds_of, held_out_moments
from tests.support.last_digits import Numbers

HYPERPARAMETERS = Hyperparameters(np.array([0.3, 0.7]), 1.3, None, 0.2)


def process_of(n: int) -> GaussianProcess:
    numbers = Numbers(1)
    X = numbers.random(n, 2)
    y = np.sin(5 * X[:, 0]) + X[:, 1] ** 2
    return GaussianProcess.of(X, y, 0.01 + 0.05 * X[:, 0], HYPERPARAMETERS)


@pytest.mark.parametrize("n_folds", [-1, 2, 5])
def test_it_is_what_a_process_without_the_fold_says(n_folds: int) -> None:
    process = process_of(23)
    folds = folds_of(23, n_folds)
    mean, variance = held_out_moments(process, folds)
    for fold in folds:
        rest = np.setdiff1d(np.arange(23), fold)
        without = GaussianProcess.of(
            process.X[rest], process.y[rest], process.noise[rest], HYPERPARAMETERS
        )
        expected_mean, expected_variance = without.moments(process.X[fold])
        np.testing.assert_allclose(mean[fold], expected_mean, rtol=1e-8, atol=1e-9)
        np.testing.assert_allclose(variance[fold], expected_variance, rtol=1e-7)


def test_each_outcome_is_in_one_fold() -> None:
    for n_folds, n_expected in ((-1, 7), (3, 3), (7, 7), (50, 7), (0, 7)):
        folds = folds_of(7, n_folds)
        assert len(folds) == n_expected
        assert sorted(np.concatenate(folds).tolist()) == list(range(7))
        assert max(map(len, folds)) - min(map(len, folds)) <= 1
