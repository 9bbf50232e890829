"""A user's functions: how they are asked, and what is said of what they do wrong."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from hpcopt.core.errors import ConfigError, GenerationError
from tests.support.named_world import (
    Step,
    named_snapshot,
    propose,
    said,
    search_little,
)

pytestmark = pytest.mark.filterwarnings(
    "ignore:.torch.jit.script. is deprecated:DeprecationWarning"
)

MODULE = """
import math
import torch
from botorch.acquisition.acquisition import AcquisitionFunction
from botorch.acquisition.analytic import UpperConfidenceBound
from botorch.acquisition.logei import qLogNoisyExpectedImprovement
from botorch.models import SingleTaskGP
from botorch.models.deterministic import GenericDeterministicModel
from gpytorch.kernels import MaternKernel, PeriodicKernel, ScaleKernel

told = []

def periodic(train_X, train_Y, train_Yvar, context, period=0.5):
    told.append(context)
    kernel = ScaleKernel(PeriodicKernel() * MaternKernel(ard_num_dims=2))
    kernel.base_kernel.kernels[0].initialize(period_length=period)
    return SingleTaskGP(train_X, train_Y, train_Yvar, covar_module=kernel)

def known(train_X, train_Y, train_Yvar, context):
    return GenericDeterministicModel(lambda X: X[..., :1] - 1.0)

def raises(*args):
    raise ZeroDivisionError("no such thing")

def returns_text(*args):
    return "a model"

def two_outcomes(train_X, train_Y, train_Yvar, context):
    return SingleTaskGP(train_X, train_Y.repeat(1, 2))

def not_a_number(train_X, train_Y, train_Yvar, context):
    return GenericDeterministicModel(lambda X: X[..., :1] * math.nan)

def bound(model, context, beta=2.0):
    return UpperConfidenceBound(model, beta=beta)

def improvement(model, context):
    return qLogNoisyExpectedImprovement(
        context.model,
        context.X_baseline,
        sampler=context.sampler(16),
        objective=context.objective,
        constraints=context.constraints(),
        X_pending=context.X_pending,
    )

class Value(AcquisitionFunction):
    def __init__(self, model, value):
        super().__init__(model)
        self.value = value
    def forward(self, X):
        return self.value(X)

def first_coordinate(model, context):
    return Value(model, lambda X: X[..., 0, 0])

def acquisition_not_a_number(model, context):
    return Value(model, lambda X: X[..., 0, 0] * math.nan)

def wrong_shape(model, context):
    return Value(model, lambda X: X)

def fails_when_asked(model, context):
    return Value(model, lambda X: 1 / 0)

def fails_in_the_search(model, context):
    def value(X):
        if X.requires_grad:
            raise KeyError("gradient")
        return X[..., 0, 0]
    return Value(model, value)
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a folder with a module of a user's functions."""
    search_little(monkeypatch)
    (tmp_path / "of_a_user.py").write_text(MODULE, encoding="utf-8")
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.delitem(sys.modules, "of_a_user", raising=False)
    return tmp_path


@pytest.mark.slow
def test_a_users_kernel_changes_the_suggestion(folder: Path) -> None:
    now = named_snapshot("plain")
    quick = {"mc_samples": 16}
    ours, _ = propose(now, Step("auto", "qLogNEI", {}, quick))
    found = [
        propose(now, Step("of_a_user:periodic", "auto", options, quick), folder)[0]
        for options in ({}, {"period": 0.3})
    ]
    assert found[0] != ours
    assert found[1] != found[0]


def test_a_model_function_is_told_what_it_models(folder: Path) -> None:
    now = named_snapshot("constrained")
    propose(now, Step("of_a_user:periodic", "thompson", {}, {"num_points": 16}), folder)
    contexts = sys.modules["of_a_user"].told
    assert [one.outcome for one in contexts] == ["-loss", "c >= 0.6"]
    assert contexts[0].parameters == ("x", "y")
    assert contexts[0].bounds.tolist() == [[0.0, 0.0], [1.0, 1.0]]


def test_a_model_that_is_no_process_is_asked_as_it_is(folder: Path) -> None:
    step = Step("of_a_user:known", "posterior_mean")
    found, proposer = propose(named_snapshot("plain"), step, folder)
    assert float(found["x"]) > 0.9
    assert "-loss cannot be conditioned: posterior_mean takes nothing" in said(proposer)


def test_a_users_acquisition_is_weighed_and_told_of_pending_points(
    folder: Path,
) -> None:
    now = named_snapshot("constrained")
    found, proposer = propose(now, Step("auto", "of_a_user:bound"), folder)
    assert float(found["x"]) >= 0.55
    assert "bound knows no constraints on outcomes: it is weighed" in said(proposer)
    assert "bound is told of pending points by sampled outcomes" in said(proposer)
    without, _ = propose(
        named_snapshot("constrained", n_pending=0),
        Step("auto", "of_a_user:bound"),
        folder,
    )
    assert without != found


def test_who_asks_for_constraints_and_pending_points_heeds_them(folder: Path) -> None:
    now = named_snapshot("constrained")
    step = Step("auto", "of_a_user:improvement")
    found, proposer = propose(now, step, folder)
    assert said(proposer) == ""
    assert found == propose(now, Step("auto", "qLogNEI", {}, {"mc_samples": 16}))[0]


def test_who_pays_no_heed_to_pending_points_gets_another_model(folder: Path) -> None:
    step = Step("auto", "of_a_user:first_coordinate")
    found, proposer = propose(named_snapshot("plain"), step, folder)
    assert float(found["x"]) > 0.9
    assert "first_coordinate is told of pending points by sampled" in said(proposer)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("raises", "model: of_a_user:raises raised ZeroDivisionError: no such thing"),
        ("returns_text", "returns_text to return a botorch.models.model.Model, found"),
        ("two_outcomes", "to return a model of one outcome, found one of 2"),
        ("not_a_number", "a finite mean at the observed points, found one that is not"),
    ],
)
def test_what_a_model_function_does_wrong_is_one_sentence(
    folder: Path, name: str, expected: str
) -> None:
    with pytest.raises(GenerationError, match=expected) as caught:
        propose(named_snapshot("plain"), Step(f"of_a_user:{name}", "qLogNEI"), folder)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("raises", "acquisition: of_a_user:raises raised ZeroDivisionError: no such"),
        ("returns_text", "returns_text to return a botorch AcquisitionFunction, found"),
        ("acquisition_not_a_number", "to be finite at the observed points, found"),
        ("wrong_shape", "one value for each of 8 batches of one point, found"),
        ("fails_when_asked", "fails_when_asked raised ZeroDivisionError: division by"),
        ("fails_in_the_search", "fails_in_the_search raised KeyError: 'gradient'"),
    ],
)
def test_what_an_acquisition_function_does_wrong_is_one_sentence(
    folder: Path, name: str, expected: str
) -> None:
    with pytest.raises(GenerationError, match=expected) as caught:
        propose(named_snapshot("plain"), Step("auto", f"of_a_user:{name}"), folder)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "step", [Step("nowhere:kernel"), Step("auto", "of_a_user:missing")]
)
def test_a_function_that_there_is_not_is_said_to_be_so(
    folder: Path, step: Step
) -> None:
    with pytest.raises(ConfigError, match=r"expected (kernel|missing) in a module"):
        propose(named_snapshot("plain"), step, folder)
