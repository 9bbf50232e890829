"""Models of several outcomes of two numbers, for tests of hypervolume improvements."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from hpcopt.generation.models.gaussian_process import GaussianProcess, Hyperparameters
from hpcopt.generation.models.outcome_models import possibly_best
from tests.support.last_digits import Numbers

Array = npt.NDArray[np.float64]


def process(X: Array, y: Array, noise: float = 1e-6) -> GaussianProcess:
    known = Hyperparameters(
        mean=0.0, lengthscales=np.full(X.shape[1], 0.4), outputscale=1.0, noise=noise
    )
    return GaussianProcess.of(X, y, np.full(len(y), noise), known)


def problem(m: int, noise: float = 1e-6) -> tuple[list[GaussianProcess], Array]:
    """Return the models of ``m`` outcomes and where they are asked."""
    rng = Numbers(m)
    X = rng.random(8, 2)
    return [process(X, rng.normal(8), noise) for _ in range(m)], rng.random(5, 2)


def baseline(models: list[GaussianProcess], m: int) -> Array:
    """Return what there is to improve on, where the first ``m`` are the objectives."""
    X = models[0].X
    return X[possibly_best(X, models[:m], models[m:])]
