"""What is done where numerics fail, and what BoTorch must not do."""

from __future__ import annotations

from typing import Any

import pytest
from botorch.acquisition.multi_objective import logei
from botorch.exceptions.errors import ModelFittingError

from hpcopt.generation.named import acquisitions, outcomes
from hpcopt.generation.protocol import FallbackLevel
from hpcopt.generation.steps import GenerationStep
from hpcopt.generation.strategy import BayesianGenerator
from tests.support.generation_world import methods_of, parameters_of
from tests.support.named_world import named_snapshot, search_little

pytestmark = pytest.mark.filterwarnings(
    "ignore:.torch.jit.script. is deprecated:DeprecationWarning"
)

STEP = GenerationStep(model="saas", acquisition="qSR")


@pytest.fixture(autouse=True)
def _little_search(monkeypatch: pytest.MonkeyPatch) -> None:
    search_little(monkeypatch)


def test_a_fit_that_fails_is_replaced_by_fixed_hyperparameters(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def fails(model: Any) -> Any:
        raise ModelFittingError("all attempts failed")

    monkeypatch.setattr(outcomes, "fitted", fails)
    now = named_snapshot("plain")
    found = BayesianGenerator(n_initial=2, steps=(STEP,)).generate(1, now)
    assert methods_of(found) == ["bo"]
    told = str(found.details["fallbacks"])
    assert told.startswith("['the fit failed; a model with fixed hyperparameters is")
    assert "ModelFittingError: all attempts failed" in told


def test_an_unfitted_model_is_our_own_and_the_acquisition_stays() -> None:
    now = named_snapshot("plain")
    generator = BayesianGenerator(n_initial=2, steps=(STEP,))
    unfitted = generator.generate(1, now, FallbackLevel.UNFITTED)
    assert methods_of(unfitted) == ["bo"]
    assert parameters_of(unfitted) != parameters_of(generator.generate(1, now))


def test_botorch_compiles_nothing() -> None:
    assert set(acquisitions.MAKERS)
    assert logei._load_attempted
    assert logei._C is None
