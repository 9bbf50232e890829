"""The priors and the part of the data that a surrogate takes."""

from __future__ import annotations

import copy
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch

from hpcopt.generation.models.priors import Priors
from hpcopt.generation.models.surrogate import Surrogate
from hpcopt.generation.models.training_data import TrainingData
from hpcopt.generation.strategy import BayesianGenerator
from tests.support.generation_world import (
    SQUARE,
    bowl,
    observed,
    parameters_of,
    snapshot,
    sobol_points,
)
from tests.support.last_digits import Numbers


@pytest.mark.parametrize(
    ("frequency", "is_long"), [(0.5, True), (12.0, False)], ids=["trend", "waves"]
)
def test_the_priors_of_largest_leave_one_out_density_are_taken(
    frequency: float, is_long: bool
) -> None:
    X = Numbers(0).random(24, 2)
    short = TrainingData(
        X,
        np.sin(frequency * X.sum(axis=1)),
        None,
        Priors.short_lengthscales(np.zeros(2, dtype=bool)),
    )
    long = replace(short, priors=Priors.long_lengthscales(2))
    chosen = Surrogate.fit(replace(short, alternative_priors=(long.priors,)))
    expected = Surrogate.fit(long if is_long else short)
    assert chosen.details == expected.details


def test_of_many_outcomes_the_best_half_and_a_part_of_the_rest_is_modelled() -> None:
    points = sobol_points(SQUARE, 1200)
    now = snapshot(SQUARE, observed(points, bowl))
    data = TrainingData.of_sum(now, now.objective)
    part = data.subset(1000)
    assert len(part) == 1000
    best = np.argsort(-data.y, kind="stable")[:500]
    assert {*map(tuple, data.X[best])} <= {*map(tuple, part.X)}
    assert (data.subset(1000).X == part.X).all()
    assert data.subset(1200) is data
    assert len(Surrogate.unfitted(data).process.X) == 1000


def test_another_model_in_its_place_changes_the_next_suggestion(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    now = snapshot(SQUARE, observed(sobol_points(SQUARE, 13), bowl))
    before = parameters_of(BayesianGenerator().generate(1, now))
    fit = Surrogate.fit

    def fit_another(data: TrainingData) -> Surrogate:
        found = fit(data)
        model = copy.deepcopy(found.model)
        kernel = model.covar_module.base_kernel
        kernel.lengthscale = 0.3 * kernel.lengthscale.detach()
        return replace(found, model=model)

    assert parameters_of(BayesianGenerator().generate(1, now)) == before
    monkeypatch.setattr(Surrogate, "fit", fit_another)
    assert parameters_of(BayesianGenerator().generate(1, now)) != before


@pytest.mark.parametrize("sem", [None, 0.05], ids=["inferred", "known"])
@pytest.mark.parametrize("kind", ["power", "slack", "linear"])
def test_the_model_predicts_in_the_outcomes_units(kind: str, sem: float | None) -> None:
    now = snapshot(SQUARE, observed(sobol_points(SQUARE, 20), bowl, sem=sem))
    data = TrainingData.of_sum(now, now.objective)
    data = replace(data, is_slack=kind == "slack", is_linear=kind == "linear")
    surrogate = Surrogate.fit(data)
    X = Numbers(0).random(50, 2)
    posterior = surrogate.model.posterior(torch.from_numpy(X))
    mean, variance = surrogate.predict(X)
    np.testing.assert_allclose(mean, posterior.mean.detach().squeeze(-1), atol=1e-9)
    np.testing.assert_allclose(
        variance, posterior.variance.detach().squeeze(-1), atol=1e-8
    )
    transform: Any = surrogate.model.outcome_transform
    Y = torch.from_numpy(data.y).unsqueeze(-1)
    np.testing.assert_allclose(transform.untransform(transform(Y)[0])[0], Y, rtol=1e-6)
    t = torch.linspace(-1.5, 1.5, 7).double().requires_grad_()
    assert torch.autograd.gradcheck(lambda t: transform.untransform(t)[0], t)


def test_hundreds_of_points_are_no_reason_to_approximate() -> None:
    rng = Numbers(0)
    X = rng.random(900, 2)
    data = TrainingData(X, X.sum(axis=1), None, Priors.long_lengthscales(2))
    surrogate = Surrogate.unfitted(data)
    x = rng.random(3, 2)
    mean, _ = surrogate.predict(x)
    theirs = surrogate.model.posterior(torch.from_numpy(x)).mean.detach()
    np.testing.assert_allclose(mean, theirs.squeeze(-1), atol=1e-9)
