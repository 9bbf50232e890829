"""The objects are in the loop: others change the suggestion, and people get them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch

from hpcopt.generation.models.surrogate import Surrogate
from hpcopt.generation.models.training_data import TrainingData
from hpcopt.generation.named import outcomes
from hpcopt.generation.named.models import fitted
from hpcopt.generation.predict import fitted_model
from hpcopt.generation.spec import GeneratorSpec
from hpcopt.generation.strategy import BayesianGenerator
from tests.support.generation_world import parameters_of
from tests.support.last_digits import Numbers
from tests.support.named_world import (
    Step,
    named_snapshot,
    propose,
    quick,
    search_little,
)

pytestmark = pytest.mark.filterwarnings(
    "ignore:.torch.jit.script. is deprecated:DeprecationWarning"
)


@pytest.fixture(autouse=True)
def _little_search(monkeypatch: pytest.MonkeyPatch) -> None:
    search_little(monkeypatch)


@pytest.mark.parametrize("kind", ["plain", "two"])
def test_another_model_of_our_own_changes_the_suggestion(
    kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = replace(named_snapshot(kind), n_trials=15)  # one without a turn of its own
    generator = BayesianGenerator(n_initial=2)
    [usual] = parameters_of(generator.generate(1, now))
    fit = Surrogate.fit

    def shorter(data: TrainingData) -> Surrogate:
        found = fit(data)
        kernel: Any = found.model.covar_module
        kernel.base_kernel.raw_lengthscale.data.mul_(0.5)
        return Surrogate(found.model, data, found.details)

    monkeypatch.setattr(Surrogate, "fit", shorter)
    [changed] = parameters_of(generator.generate(1, now))
    assert changed != usual


def test_another_model_by_name_changes_the_suggestion(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    now, step = (
        named_snapshot("plain"),
        Step("single_task", "qLogNEI", {"kernel": "rbf"}),
    )
    usual, _ = propose(now, step)

    def shorter(model: Any) -> Any:
        found: Any = fitted(model)
        found.covar_module.lengthscale = 0.5 * found.covar_module.lengthscale
        return found

    monkeypatch.setattr(outcomes, "fitted", shorter)
    assert propose(now, step)[0] != usual


def test_another_acquisition_changes_the_suggestion() -> None:
    now = named_snapshot("plain")
    names = ["log_ei", "qUCB", "qMES", "thompson", "posterior_mean"]
    found = [propose(now, quick("auto", name))[0] for name in names]
    assert len({str(point) for point in found}) == len(names)


@pytest.mark.parametrize(
    ("kind", "step"),
    [
        ("constrained", quick("auto", "qLogNEI")),
        ("targets", quick("auto", "qLogNEI")),
        ("two_constrained", quick("auto", "qLogNEHVI")),
        ("constrained", quick("saas")),
        ("two", Step("single_task", "auto", {"kernel": "rbf"})),
    ],
)
def test_what_people_get_predicts_what_the_generator_asked(
    kind: str, step: Step
) -> None:
    now = named_snapshot(kind)
    _, proposer = propose(now, step)
    spec = GeneratorSpec(
        model=step.model,
        acquisition=step.acquisition,
        model_options=step.model_options,
        acquisition_options=step.acquisition_options,
    )
    found = fitted_model(now, spec=spec)
    X = torch.from_numpy(Numbers(0).random(20, now.space.d))
    asked = proposer._state.outcomes
    those = [*asked.objectives, *asked.constraints]
    assert found.outcomes == (*(one.name for one in those), "success")
    for one, theirs in zip(those, found.model.models, strict=False):
        model: Any = theirs
        if not hasattr(one.model, "outcome_transform"):
            # The generator asks it on the scale where outcomes look Gaussian.
            transform = model.outcome_transform.fitted
            latent: Any = one.model.posterior(X)
            expected = transform.inverse_moments(
                latent.mean[..., 0].detach().numpy(),
                latent.variance[..., 0].detach().numpy(),
            )[0]
        else:
            expected = one.mean(X).detach().numpy()
        posterior: Any = model.posterior(X)
        mean = getattr(posterior, "mixture_mean", posterior.mean)
        np.testing.assert_allclose(mean.detach()[:, 0], expected, atol=1e-9)
