"""The fit finds the hyperparameters of largest posterior density."""

from __future__ import annotations

import numpy as np
import pytest

from hpcopt.generation.models import map_fit
from hpcopt.generation.models.gaussian_process import (
    Array,
)
from hpcopt.generation.models.map_fit import Priors
from hpcopt.generation.models.surrogate import Surrogate, TrainingData
from tests.support.differences import assert_gradients
from tests.support.generation_world import (
    SQUARE,
    bowl,
    observed,
    snapshot,
    sobol_points,
)
from tests.support.last_digits import Numbers

pytestmark = pytest.mark.filterwarnings(
    "ignore:.torch.jit.script. is deprecated:DeprecationWarning"
)


@pytest.mark.parametrize("noise", [None, np.full(20, 0.01)], ids=["inferred", "known"])
@pytest.mark.parametrize(
    "priors",
    [
        Priors.short_lengthscales(np.array([False, False, True])),
        Priors.long_lengthscales(3),
    ],
    ids=["short", "long"],
)
def test_the_gradient_of_the_fit_is_that_of_its_loss(
    noise: np.ndarray[tuple[int], np.dtype[np.float64]] | None, priors: Priors
) -> None:
    rng = Numbers(0)
    X, y = rng.random(20, 3), rng.normal(20)
    theta = np.log([0.3, 0.5, 2.0, 1.5] + ([1e-3] if noise is None else []))
    loss = map_fit._Posterior(X, y, noise, priors).loss

    def losses(thetas: Array) -> Array:
        return np.array([loss(one)[0] for one in thetas])

    assert_gradients(loss(theta)[1][None], losses, theta[None], step=1e-3, sharp=1e-5)


def test_the_fit_tells_noise_from_signal() -> None:
    rng = Numbers(0)
    X = rng.random(60, 1)
    signal = np.sin(6 * X[:, 0])
    priors = Priors.short_lengthscales(np.array([False]))
    exact = map_fit.fit_hyperparameters(X, signal, None, priors)
    noisy = map_fit.fit_hyperparameters(X, signal + 0.3 * rng.normal(60), None, priors)
    assert exact.noise is not None
    assert noisy.noise is not None
    assert exact.noise < 1e-4
    assert 0.04 < noisy.noise < 0.2


def test_the_fit_is_that_of_gpytorchs_likelihood() -> None:
    import torch
    from gpytorch.mlls import ExactMarginalLogLikelihood

    from hpcopt.generation.models.botorch import single_task_gp

    now = snapshot(SQUARE, observed(sobol_points(SQUARE, 12), bowl, sem=0.01))
    data = TrainingData.of_sum(now, now.objective)
    model = single_task_gp(Surrogate.fit(data).process)
    model.requires_grad_(True)
    model.train()
    mll = ExactMarginalLogLikelihood(model.likelihood, model)
    kernel = model.covar_module
    with torch.no_grad():
        lengthscale, scale = kernel.base_kernel.lengthscale, kernel.outputscale
    log_prior = (2 * lengthscale.log() - 6 * lengthscale).sum()
    log_prior += scale.log() - 0.15 * scale

    def posterior() -> float:
        value = mll(model(*model.train_inputs), model.train_targets) * len(data)
        ell, s = kernel.base_kernel.lengthscale, kernel.outputscale
        prior = (2 * ell.log() - 6 * ell).sum() + s.log() - 0.15 * s
        return float((value + prior).detach())

    best = posterior()
    for factor in (0.9, 1.1):
        kernel.base_kernel.lengthscale = lengthscale * factor
        assert posterior() < best
        kernel.base_kernel.lengthscale = lengthscale
        kernel.outputscale = scale * factor
        assert posterior() < best
        kernel.outputscale = scale
