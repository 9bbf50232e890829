"""The fit finds the hyperparameters of largest posterior density."""

from __future__ import annotations

import math

import numpy as np
import pytest
from gpytorch.mlls import ExactMarginalLogLikelihood

from hpcopt.generation.models import map_fit
from hpcopt.generation.models.gaussian_process import (
    Array,
    GaussianProcess,
)
from hpcopt.generation.models.map_fit import LogPosterior
from hpcopt.generation.models.priors import Priors
from hpcopt.generation.models.surrogate import Surrogate
from hpcopt.generation.models.training_data import TrainingData
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
    loss = LogPosterior(X, y, noise, priors).loss

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


@pytest.mark.parametrize("sem", [None, 0.05], ids=["inferred", "known"])
@pytest.mark.parametrize("is_long", [False, True], ids=["short", "long"])
def test_the_fit_to_many_begins_with_a_part_and_ends_where_it_would_without(
    monkeypatch: pytest.MonkeyPatch, *, sem: float | None, is_long: bool
) -> None:
    monkeypatch.setattr(map_fit, "_MIN_PART", 40)
    rng = Numbers(0)
    X = rng.random(120, 2)
    y = np.sin(7 * X[:, 0]) + X[:, 1] ** 2 + 0.05 * rng.normal(120)
    noise = None if sem is None else np.full(120, sem**2)
    one_hot = np.array([False, False])
    short, long = Priors.short_lengthscales(one_hot), Priors.long_lengthscales(2)
    sizes = []
    evaluated = LogPosterior.loss

    def counted(posterior: LogPosterior, theta: Array) -> tuple[float, Array]:
        sizes.append(len(posterior))
        return evaluated(posterior, theta)

    monkeypatch.setattr(LogPosterior, "loss", counted)
    priors = long if is_long else short
    found = map_fit.fit_hyperparameters(X, y, noise, priors)
    n_evaluations = sizes.count(120)
    assert set(sizes) == {40, 120}
    monkeypatch.setattr(map_fit, "_MIN_PART", math.inf)
    sizes.clear()
    wanted = map_fit.fit_hyperparameters(X, y, noise, priors)
    assert n_evaluations < len(sizes)
    assert found.lengthscales == pytest.approx(wanted.lengthscales, rel=0.05)
    assert found.outputscale == pytest.approx(wanted.outputscale, rel=0.1)
    assert (found.noise or 0.0) == pytest.approx(wanted.noise or 0.0, rel=0.05)


def test_the_fit_sees_all_outcomes_that_the_model_is_conditioned_on(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    seen = []
    evaluated = LogPosterior.loss

    def noted(posterior: LogPosterior, theta: Array) -> tuple[float, Array]:
        seen.append(len(posterior))
        return evaluated(posterior, theta)

    monkeypatch.setattr(LogPosterior, "loss", noted)
    now = snapshot(SQUARE, observed(sobol_points(SQUARE, 310), bowl))
    model = Surrogate.fit(TrainingData.of_sum(now, now.objective)).model
    assert len(model.train_targets) == 310
    assert set(seen) == {103, 310}


@pytest.mark.parametrize("sem", [None, 0.02], ids=["inferred", "known"])
@pytest.mark.parametrize("is_long", [False, True], ids=["short", "long"])
def test_gpytorchs_fit_ends_where_ours_does(
    *, sem: float | None, is_long: bool
) -> None:
    from botorch.fit import fit_gpytorch_mll

    now = snapshot(SQUARE, observed(sobol_points(SQUARE, 20), bowl, sem=sem))
    data = TrainingData.of_sum(now, now.objective)
    data = data.with_long_lengthscales() if is_long else data
    model = Surrogate.fit(data).model
    ours = GaussianProcess.of_model(model).hyperparameters
    likelihood = ExactMarginalLogLikelihood(model.likelihood, model)
    density = log_density(likelihood)
    kernel = model.covar_module
    kernel.base_kernel.lengthscale = 2 * kernel.base_kernel.lengthscale.detach()
    kernel.outputscale = 0.5 * kernel.outputscale.detach()
    fit_gpytorch_mll(likelihood)
    theirs = GaussianProcess.of_model(model).hyperparameters
    # Not the mean itself: the density is all but flat in it, and their search stops
    # where a 20th of a nat is all that is left to gain.
    assert log_density(likelihood) == pytest.approx(density, abs=0.05)
    np.testing.assert_allclose(theirs.lengthscales, ours.lengthscales, rtol=0.05)
    assert theirs.outputscale == pytest.approx(ours.outputscale, rel=0.2)
    if ours.noise is not None:
        assert theirs.noise is not None
        assert math.log(theirs.noise) == pytest.approx(math.log(ours.noise), abs=0.5)


def log_density(likelihood: ExactMarginalLogLikelihood) -> float:
    """Return the posterior density of a model's hyperparameters, in nats."""
    model = likelihood.model.train()
    per_outcome = likelihood(model(*model.train_inputs), model.train_targets)
    model.eval()
    return len(model.train_targets) * float(per_outcome.detach())
