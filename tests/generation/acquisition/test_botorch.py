"""Our acquisition functions are BoTorch's, and BoTorch's can take their place."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from botorch.acquisition.acquisition import AcquisitionFunction
from botorch.acquisition.analytic import UpperConfidenceBound
from botorch.acquisition.logei import qLogNoisyExpectedImprovement
from botorch.acquisition.multi_objective.logei import (
    qLogNoisyExpectedHypervolumeImprovement,
)
from botorch.optim.optimize import optimize_acqf
from botorch.sampling.normal import SobolQMCNormalSampler

from hpcopt.core.space.search_space import RangeParameter, SearchSpace
from hpcopt.core.trials.trial import Observation
from hpcopt.generation.acquisition.botorch import AnalyticAcquisition
from hpcopt.generation.acquisition.composite_ei import CompositeImprovement
from hpcopt.generation.acquisition.log_ehvi import (
    LogNoisyExpectedHypervolumeImprovement,
)
from hpcopt.generation.design.initial import UsedPoints
from hpcopt.generation.models.composite_objective import CompositeSurrogate
from hpcopt.generation.models.outcome_models import (
    MultiObjectiveModels,
    SingleObjectiveModels,
)
from hpcopt.generation.models.surrogate import Surrogate
from hpcopt.generation.optim.optimize import SearchBox, optimize_acquisition
from hpcopt.generation.predict import fitted_model
from hpcopt.generation.proposers import single_objective
from hpcopt.generation.snapshot import ObservedTrial, Snapshot
from hpcopt.generation.strategy import BayesianGenerator
from tests.support.generation_world import (
    SQUARE,
    bowl,
    log_ei,
    observed,
    parameters_of,
    snapshot,
    sobol_points,
)
from tests.support.last_digits import Numbers

pytestmark = pytest.mark.filterwarnings(
    "ignore:.torch.jit.script. is deprecated:DeprecationWarning"
)

KINDS = ["improvement", "constrained", "composite", "hypervolume"]


def two_metrics(objective: str, constraint: str | None = None) -> Snapshot:
    """Return what 14 trials say of the bowl, a, and of the first coordinate, b."""
    trials = tuple(
        ObservedTrial(
            index,
            point,
            {
                "a": Observation(bowl(point), 0.02),
                "b": Observation(float(point["x"]), 0.02),
            },
        )
        for index, point in enumerate(sobol_points(SQUARE, 14))
    )
    constraints = [] if constraint is None else [constraint]
    return snapshot(SQUARE, trials, objective=objective, constraints=constraints)


def acquisition_of(kind: str) -> AnalyticAcquisition:
    """Return an acquisition of that kind, with two pending points."""
    pending = np.array([[0.2, 0.3], [0.8, 0.6]])
    if kind == "hypervolume":
        multi = MultiObjectiveModels.of(two_metrics("-a, b"), Surrogate.fit)
        processes = [surrogate.process for surrogate in multi.objectives]
        return LogNoisyExpectedHypervolumeImprovement(
            processes,
            [],
            np.array([-2.0, -2.0]),
            processes[0].X,
            pending,
            seed=0,
            model=multi.model,
        )
    objective = "-a - (b - 0.4)**2" if kind == "composite" else "-a"
    constraint = "b >= 0.4" if kind == "constrained" else None
    now = two_metrics(objective, constraint)
    models = SingleObjectiveModels.of(now, Surrogate.fit)
    return log_ei(models.objective.process, models.constraint_processes, pending)


@pytest.mark.parametrize("kind", KINDS)
def test_the_gradient_by_hand_is_autograds(kind: str) -> None:
    acquisition = acquisition_of(kind)
    X = Numbers(1).random(4, 2)
    values, gradients = acquisition.values_and_gradients(X)
    points = torch.from_numpy(X).unsqueeze(-2).requires_grad_()
    ours = acquisition(points)
    (by_autograd,) = torch.autograd.grad(ours.sum(), points)
    np.testing.assert_array_equal(ours.detach(), values)
    np.testing.assert_array_equal(by_autograd.squeeze(-2), gradients)
    assert torch.autograd.gradcheck(acquisition, points, eps=1e-5, atol=1e-3, rtol=1e-2)


def test_several_points_at_once_are_refused() -> None:
    with pytest.raises(ValueError, match="one point a batch, found 2"):
        acquisition_of("improvement")(torch.rand(3, 2, 2))


@pytest.mark.parametrize("kind", KINDS)
def test_botorchs_search_finds_no_more_than_ours(kind: str) -> None:
    acquisition = acquisition_of(kind)
    bounds = torch.tensor([[0.0, 0.0], [1.0, 1.0]]).double()
    torch.manual_seed(0)
    _, theirs = optimize_acqf(acquisition, bounds, q=1, num_restarts=4, raw_samples=64)
    found = optimize_acquisition(
        acquisition,
        SQUARE,
        np.array([[0.5, 0.5]]),
        UsedPoints(SQUARE, []),
        np.random.default_rng(0),
        SearchBox.whole(2),
    )
    assert found is not None
    assert theirs is not None
    ours = acquisition.values(SQUARE.encode([found]))[0]
    assert ours > float(theirs) - 0.02


def test_the_composite_is_what_botorch_finds_by_sampling(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    now = two_metrics("-a - (b - 0.4)**2")
    fitted = fitted_model(now)
    models = SingleObjectiveModels.of(now, Surrogate.fit)
    composite = models.objective
    assert isinstance(composite, CompositeSurrogate)
    monkeypatch.setattr(CompositeImprovement, "N_SAMPLES", 1024)
    ours = log_ei(composite.process, [], np.zeros((0, 2)))
    theirs = qLogNoisyExpectedImprovement(
        fitted.model,
        fitted.X[0],
        objective=fitted.objective,
        sampler=SobolQMCNormalSampler(torch.Size([1024]), seed=1),
        prune_baseline=False,
    )
    X = Numbers(0).random(200, 2)
    # Ours is in units of the composite's scale.
    expected = theirs(torch.from_numpy(X).unsqueeze(-2)).detach().numpy()
    found = ours.values(X) + math.log(composite.scale)
    likely = expected > expected.max() - 2
    assert likely.sum() > 5
    np.testing.assert_allclose(found[likely], expected[likely], atol=0.2)


def test_the_hypervolume_is_what_botorch_finds_by_sampling(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from hpcopt.generation.acquisition import log_ehvi

    monkeypatch.setattr(log_ehvi, "_N_SAMPLES", {2: 256})
    models = MultiObjectiveModels.of(two_metrics("-a, b"), Surrogate.fit)
    processes = [surrogate.process for surrogate in models.objectives]
    reference = np.array([-2.0, -2.0])
    ours = LogNoisyExpectedHypervolumeImprovement(
        processes, [], reference, processes[0].X, np.zeros((0, 2)), seed=0
    )
    units = np.array([surrogate.unit for surrogate in models.objectives])
    zeros = np.array([surrogate.scaled(0.0) for surrogate in models.objectives])
    theirs = qLogNoisyExpectedHypervolumeImprovement(
        models.model,
        ref_point=((reference - zeros) * units).tolist(),
        X_baseline=torch.from_numpy(processes[0].X),
        sampler=SobolQMCNormalSampler(torch.Size([256]), seed=1),
        prune_baseline=False,
    )
    X = Numbers(0).random(60, 2)
    expected = theirs(torch.from_numpy(X).unsqueeze(-2)).detach().numpy()
    found = ours.values(X) + np.log(units).sum()
    likely = expected > expected.max() - 4
    assert likely.sum() > 5
    np.testing.assert_allclose(found[likely], expected[likely], atol=0.3)


def test_one_of_botorchs_in_its_place_changes_the_next_suggestion(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    space = SearchSpace(
        (RangeParameter("x", 0.0, 1.0), RangeParameter("y", -5.0, 5.0)),
        constraints=("x + 0.1*y <= 0.3",),
    )
    points = sobol_points(space, 13)
    now = snapshot(space, observed(points, bowl))
    before = parameters_of(BayesianGenerator().generate(1, now))
    asked = []

    def another(
        models: SingleObjectiveModels, *_: object, **__: object
    ) -> AcquisitionFunction:
        asked.append(models.model)
        return UpperConfidenceBound(models.model.subset_output([0]), beta=100.0)

    monkeypatch.setattr(single_objective, "log_noisy_ei", another)
    after = parameters_of(BayesianGenerator().generate(1, now))
    assert len(asked) == 1
    assert after != before
    assert space.contains(after).all()
    assert parameters_of(BayesianGenerator().generate(1, now)) == after
