"""What people get is what the generator asks."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from hpcopt.core.errors import GenerationError
from hpcopt.core.trials.trial import Observation
from hpcopt.generation.models.fitted_model import FittedModel
from hpcopt.generation.models.surrogate import FittedOutcome
from hpcopt.generation.predict import fitted_model, predict
from hpcopt.generation.proposers.single_objective import SingleObjectiveProposer
from hpcopt.generation.snapshot import ObservedTrial
from tests.support.generation_world import (
    MIXED,
    SQUARE,
    bowl,
    constrained_snapshot,
    mixed_bowl,
    observed,
    snapshot,
    sobol_points,
    sphere,
)
from tests.support.last_digits import Numbers

pytestmark = pytest.mark.filterwarnings(
    "ignore:.torch.jit.script. is deprecated:DeprecationWarning"
)


def test_it_predicts_what_the_generator_asked_for_its_last_suggestion() -> None:
    now = constrained_snapshot(sphere)
    proposer = SingleObjectiveProposer(now, is_fitted=True)
    models = [proposer._models.objective, *proposer._models.constraints]
    fitted = fitted_model(now)
    assert fitted.outcomes == ("-loss", "c >= 0.2")
    X = torch.from_numpy(Numbers(0).random(20, 5))
    for k, ours in enumerate(models):
        mean, variance = ours.predict(X.numpy())
        posterior: Any = fitted.model.subset_output([k]).posterior(X)
        np.testing.assert_allclose(posterior.mean.detach()[:, 0], mean, atol=1e-9)
        np.testing.assert_allclose(
            posterior.variance.detach()[:, 0], variance, atol=1e-9
        )


def test_it_has_the_data_in_the_outcomes_units_and_the_way_to_the_cube() -> None:
    points = sobol_points(MIXED, 12)
    fitted = fitted_model(snapshot(MIXED, observed(points, mixed_bowl, sem=0.1)))
    torch.testing.assert_close(fitted.X[0], fitted.encode(points))
    losses = torch.tensor([[mixed_bowl(point)] for point in points]).double()
    torch.testing.assert_close(fitted.Y[0], -losses)
    [variance] = fitted.variance
    assert variance is not None
    torch.testing.assert_close(variance, torch.full_like(losses, 0.01))
    decoded = fitted.decode(fitted.encode(points))
    assert [p["kind"] for p in decoded] == [p["kind"] for p in points]
    assert [p["layers"] for p in decoded] == [p["layers"] for p in points]


def test_failures_have_a_model_too() -> None:
    points = sobol_points(SQUARE, 12)
    now = snapshot(SQUARE, observed(points[:10], bowl), failed=points[10:])
    fitted = fitted_model(now)
    assert fitted.outcomes == ("-loss", "success")
    assert fitted.model.num_outputs == 2


def test_several_objectives_are_models_of_their_own() -> None:
    trials = tuple(
        ObservedTrial(
            index,
            point,
            {"a": Observation(bowl(point)), "b": Observation(float(point["x"]))},
        )
        for index, point in enumerate(sobol_points(SQUARE, 12))
    )
    fitted = fitted_model(snapshot(SQUARE, trials, objective="-a, -b"))
    assert fitted.outcomes == ("-a", "-b")
    posterior: Any = fitted.model.posterior(fitted.X[0][None])
    assert posterior.mean.shape == (1, 12, 2)


def test_an_objective_with_targets_is_a_composite_of_its_metrics() -> None:
    trials = tuple(
        ObservedTrial(
            index,
            point,
            {"a": Observation(bowl(point)), "b": Observation(float(point["x"]))},
        )
        for index, point in enumerate(sobol_points(SQUARE, 16))
    )
    now = snapshot(SQUARE, trials, objective="-0.1*a - 2*(b - 0.3)**2")
    fitted = fitted_model(now)
    assert fitted.model.num_outputs == 2
    assert fitted.objective is not None
    X = torch.from_numpy(Numbers(0).random(5, 2))
    samples = fitted.model.posterior(X).rsample(torch.Size([4096]))
    ours = [mean for mean, _ in predict(now, fitted.decode(X))]
    sampled = fitted.objective(samples).mean(dim=0).detach()
    np.testing.assert_allclose(sampled, ours, atol=0.01)


def test_too_little_is_said_to_be_so() -> None:
    now = snapshot(SQUARE, observed(sobol_points(SQUARE, 1), bowl))
    with pytest.raises(GenerationError, match="at least 2 completed trials"):
        fitted_model(now)


def test_the_transform_of_each_model_is_botorchs() -> None:
    now = snapshot(SQUARE, observed(sobol_points(SQUARE, 8), bowl))
    [model] = FittedModel.of(now).model.models
    assert isinstance(model.outcome_transform, FittedOutcome)
