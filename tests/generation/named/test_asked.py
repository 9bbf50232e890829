"""What cards and people ask is what a named model's suggestions ask."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np
import pytest
import torch
from botorch.models import SingleTaskGP
from botorch.models.model import Model
from gpytorch.kernels import RBFKernel
from scipy.special import ndtr

from hpcopt.analysis.models import Models
from hpcopt.core.errors import GenerationError
from hpcopt.generation.predict import fitted_model, metric_model, predict
from hpcopt.generation.spec import GeneratorSpec
from tests.support.analysis_world import observed as observation
from tests.support.analysis_world import view
from tests.support.generation_world import (
    SQUARE,
    bowl,
    observed,
    snapshot,
    sobol_points,
)

pytestmark = pytest.mark.filterwarnings("ignore::Warning")

POINTS = sobol_points(SQUARE, 12)
OTHERS = sobol_points(SQUARE, 20)[12:]
NOW = snapshot(SQUARE, observed(POINTS, bowl))


def rbf(train_X: Any, train_Y: Any, train_Yvar: Any, context: Any) -> SingleTaskGP:
    """Return a model with a kernel of the user's."""
    kernel = RBFKernel(ard_num_dims=train_X.shape[-1])
    return SingleTaskGP(train_X, train_Y, train_Yvar, covar_module=kernel)


class Constant(Model):
    """A model of the user's that is no Gaussian process of gpytorch's."""

    def __init__(self, inside: SingleTaskGP) -> None:
        super().__init__()
        self.inside = inside

    @property
    def num_outputs(self) -> int:
        """One."""
        return 1

    def posterior(self, X: Any, *args: Any, **options: Any) -> Any:
        """Return that of what is inside."""
        return self.inside.posterior(X)


def wrapped(train_X: Any, train_Y: Any, train_Yvar: Any, context: Any) -> Constant:
    """Return such a model."""
    return Constant(rbf(train_X, train_Y, train_Yvar, context).eval())


def asked_of_botorch(now: Any, spec: GeneratorSpec, k: int) -> tuple[Any, Any]:
    """Return mean and variance of an outcome, by the models that people get."""
    fitted = fitted_model(now, spec=spec)
    models: Any = fitted.model
    with torch.no_grad():
        posterior = models.models[k].posterior(fitted.encode(OTHERS))
        mean = getattr(posterior, "mixture_mean", posterior.mean)
        variance = getattr(posterior, "mixture_variance", posterior.variance)
    return mean.squeeze(-1).numpy(), variance.squeeze(-1).numpy()


@pytest.mark.parametrize(
    "model",
    ["saas", pytest.param("additive", marks=pytest.mark.slow), f"{__name__}:rbf"],
)
def test_each_outcome_is_that_of_the_model_that_people_get(model: str) -> None:
    spec = GeneratorSpec(model=model)
    mean, variance = asked_of_botorch(NOW, spec, 0)
    objective = predict(NOW, OTHERS, spec=spec)
    np.testing.assert_allclose([m for m, _ in objective], mean, atol=1e-9)
    np.testing.assert_allclose([v for _, v in objective], variance, atol=1e-9)
    metric = metric_model(NOW, "loss", spec=spec)
    mean_of_metric, sem = metric.predict(SQUARE.encode(OTHERS))
    np.testing.assert_allclose(-mean_of_metric, mean, atol=1e-9)
    np.testing.assert_allclose(sem**2, variance, atol=1e-9)
    average, error = metric.average(SQUARE.encode(OTHERS))
    assert average == pytest.approx(-mean.mean())
    assert 0 < error < sem.max()


def test_cards_ask_the_model_that_is_named() -> None:
    now = view(
        "-loss",
        [observation(loss=bowl(p), c=float(p["x"])) for p in POINTS],
        ("c >= 0.4",),
        space=SQUARE,
        parameters=POINTS,
        settings={"generation": {"method": "auto", "model": f"{__name__}:rbf"}},
    )
    models = Models(now)
    spec = GeneratorSpec(model=f"{__name__}:rbf")
    mean, _ = asked_of_botorch(models.snapshot, spec, 0)
    np.testing.assert_allclose(models.objective(OTHERS)[0], mean, atol=1e-9)
    np.testing.assert_allclose(-models.predict("loss", OTHERS)[0], mean, atol=1e-9)
    slack, of_slack = asked_of_botorch(models.snapshot, spec, 1)
    np.testing.assert_allclose(
        models.probabilities(OTHERS)[:, 0], ndtr(slack / np.sqrt(of_slack)), atol=1e-9
    )
    assert models.r_squared("loss") > 0.5


@pytest.mark.parametrize("model", ["saas", f"{__name__}:rbf"])
@pytest.mark.parametrize("n_folds", [-1, 4])
def test_held_out_outcomes_are_not_seen(model: str, n_folds: int) -> None:
    metric: Any = metric_model(NOW, "loss", spec=GeneratorSpec(model=model))
    found = metric.held_out(n_folds)
    scaled = metric.held_out(n_folds, in_units=False)
    assert found.trials == tuple(range(12))
    np.testing.assert_allclose(found.observed, [bowl(point) for point in POINTS])
    from hpcopt.generation.models.held_out import folds_of

    gp = metric.outcome.model
    [X] = gp.train_inputs
    for fold in folds_of(12, n_folds):
        rest = np.setdiff1d(np.arange(12), fold)
        other = copy.deepcopy(gp)
        del other.outcome_transform
        other.set_train_data(X[..., rest, :], gp.train_targets[..., rest], strict=False)
        with torch.no_grad():
            posterior = other.posterior(torch.from_numpy(SQUARE.encode(POINTS))[fold])
        mean = getattr(posterior, "mixture_mean", posterior.mean)
        variance = getattr(posterior, "mixture_variance", posterior.variance)
        np.testing.assert_allclose(
            -scaled.predicted[fold], mean.squeeze(-1), rtol=1e-3, atol=1e-4
        )
        np.testing.assert_allclose(
            scaled.predicted_sem[fold] ** 2, variance.squeeze(-1), rtol=0.02, atol=1e-4
        )


def test_of_a_model_that_is_no_gaussian_process_nothing_is_held_out() -> None:
    metric = metric_model(NOW, "loss", spec=GeneratorSpec(model=f"{__name__}:wrapped"))
    with pytest.raises(GenerationError, match=r"expected a model that is a gpytorch"):
        metric.held_out()
    assert np.isfinite(metric.predict(SQUARE.encode(OTHERS))[0]).all()


def test_an_objective_with_targets_is_that_of_samples() -> None:
    now = snapshot(SQUARE, observed(POINTS, bowl), objective="-abs(loss - 0.2)")
    spec = GeneratorSpec(model="saas")
    found = predict(now, POINTS, spec=spec)
    expected = [-abs(bowl(point) - 0.2) for point in POINTS]
    np.testing.assert_allclose([mean for mean, _ in found], expected, atol=0.1)
