"""What people get is what a named model's suggestions ask."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from botorch.models import SingleTaskGP
from gpytorch.kernels import RBFKernel

from hpcopt.core.errors import ConfigError
from hpcopt.generation.predict import fitted_model, predict_metrics
from hpcopt.generation.spec import GeneratorSpec
from tests.support.generation_world import (
    SQUARE,
    bowl,
    observed,
    snapshot,
    sobol_points,
)

pytestmark = pytest.mark.filterwarnings("ignore::Warning")


def rbf(
    train_X: torch.Tensor,
    train_Y: torch.Tensor,
    train_Yvar: torch.Tensor | None,
    context: Any,
) -> SingleTaskGP:
    """Return a model with a kernel of the user's."""
    kernel = RBFKernel(ard_num_dims=train_X.shape[-1])
    return SingleTaskGP(train_X, train_Y, train_Yvar, covar_module=kernel)


@pytest.mark.parametrize("model", ["saas", f"{__name__}:rbf"])
def test_predictions_are_those_of_the_model(model: str) -> None:
    spec = GeneratorSpec(model=model)
    points = sobol_points(SQUARE, 12)
    now = snapshot(SQUARE, observed(points, bowl))
    known = [outcome["loss"] for outcome in predict_metrics(now, points, spec=spec)]
    losses = [bowl(point) for point in points]
    np.testing.assert_allclose([mean for mean, _ in known], losses, atol=0.1)
    fitted = fitted_model(now, spec=spec)
    models: Any = fitted.model
    posterior = models.models[0].posterior(fitted.encode(points))
    mean = getattr(posterior, "mixture_mean", posterior.mean).detach().squeeze(-1)
    np.testing.assert_allclose([-value for value, _ in known], mean, atol=1e-9)
    plain = [outcome["loss"] for outcome in predict_metrics(now, points)]
    assert plain != known


def test_a_function_that_is_not_there_is_told() -> None:
    now = snapshot(SQUARE, observed(sobol_points(SQUARE, 5), bowl))
    spec = GeneratorSpec(model="nothing_here:kernel")
    with pytest.raises(ConfigError, match="expected kernel in a module nothing_here"):
        fitted_model(now, spec=spec)
