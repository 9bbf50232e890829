"""The constrained optimum of the means, and the lengthscales of the objective then."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import pytest

from hpcopt.core.space.linear_constraints import LinearConstraints
from hpcopt.core.space.ranges import RangeParameter
from hpcopt.core.space.search_space import SearchSpace
from hpcopt.core.trials.trial import Observation
from hpcopt.core.types import TParameterization
from hpcopt.generation.design.initial import UsedPoints
from hpcopt.generation.models.gaussian_process import Array, GaussianProcess
from hpcopt.generation.models.map_fit import Priors
from hpcopt.generation.models.outcome_models import SingleObjectiveModels
from hpcopt.generation.models.surrogate import Surrogate, TrainingData
from hpcopt.generation.optim.constrained_optimum import constrained_mean_optima
from hpcopt.generation.optim.optimize import SearchBox, optimize_acquisition
from hpcopt.generation.proposers import single_objective
from hpcopt.generation.proposers.single_objective import SingleObjectiveProposer
from hpcopt.generation.snapshot import ObservedTrial, Snapshot
from tests.support.differences import assert_gradients
from tests.support.generation_world import (
    SQUARE,
    bowl,
    observed,
    snapshot,
    sobol_points,
)
from tests.support.last_digits import Numbers

_WHOLE, _NONE_FIXED = SearchBox.whole(3), np.zeros(3, dtype=bool)
_NO_ROWS, _NO_SIDES = np.zeros((0, 3)), np.zeros(0)
_FREE = LinearConstraints(_NO_ROWS, _NO_SIDES, _NO_ROWS, _NO_SIDES)


def _objective() -> GaussianProcess:
    """Return a model whose third coordinate has little to say."""
    X = Numbers(0).random(30, 3)
    return _process(X, X @ [1.0, 0.5, 0.02], is_slack=False)


def _slacks() -> list[GaussianProcess]:
    """Return the models of two constraints that bound the first two coordinates."""
    X = Numbers(0).random(30, 3)
    slacks = (0.6 - X[:, 0], 0.9 - X[:, 0] - X[:, 1])
    return [_process(X, slack, is_slack=True) for slack in slacks]


def _process(X: Array, y: Array, *, is_slack: bool) -> GaussianProcess:
    data = TrainingData(X, y, None, Priors.long_lengthscales(3), is_slack=is_slack)
    return Surrogate.fit(data).process


def _optimum(
    linear: LinearConstraints = _FREE,
    box: SearchBox = _WHOLE,
    fixed: npt.NDArray[np.bool_] = _NONE_FIXED,
) -> Array:
    optima = constrained_mean_optima(
        _objective(),
        _slacks(),
        linear,
        np.array([[0.2, 0.2, 0.1]]),
        box,
        fixed,
    )
    assert len(optima) == 1
    return optima.ravel()


def test_the_gradient_of_the_mean_is_that_of_its_values() -> None:
    process = _objective()
    X = Numbers(1).random(5, 3)
    means, gradients = zip(*map(process.mean_and_gradient, X), strict=True)
    np.testing.assert_allclose(means, process.mean(X), rtol=1e-9)
    assert_gradients(np.array(gradients), process.mean, X, step=1e-3, sharp=1e-5)


def test_the_way_up_follows_the_constraints_to_where_the_least_slope_leads() -> None:
    np.testing.assert_allclose(_optimum(), [0.6, 0.3, 1.0], atol=0.02)


def test_the_way_up_keeps_to_the_region_and_leaves_fixed_coordinates() -> None:
    box = SearchBox.around(np.array([0.2, 0.2, 0.1]), np.full(3, 0.15))
    optimum = _optimum(box=box, fixed=np.array([False, True, False]))
    np.testing.assert_allclose(optimum, [0.35, 0.2, 0.25], atol=1e-6)


def test_the_way_up_keeps_to_constraints_on_parameters() -> None:
    sum_of_ends = LinearConstraints(
        np.array([[1.0, 0.0, 1.0]]), np.array([0.8]), _NO_ROWS, _NO_SIDES
    )
    optimum = _optimum(sum_of_ends)
    assert optimum[0] + optimum[2] <= 0.8 + 1e-6
    np.testing.assert_allclose(optimum, [0.6, 0.3, 0.2], atol=0.02)


class _Needle:
    """Nothing anywhere but close to one point, where it rises to its end."""

    point = np.array([0.123, 0.877])

    def values(self, X: Array) -> Array:
        distances = np.abs(X - self.point).max(axis=1)
        values: Array = np.where(distances < 1e-4, 1.0, 0.0)
        return values

    def values_and_gradients(self, X: Array) -> tuple[Array, Array]:
        return self.values(X), np.zeros_like(X)


def test_what_the_search_would_miss_is_found_from_a_guess() -> None:
    def found(guesses: Array | None) -> Array:
        parameters = optimize_acquisition(
            _Needle(),
            SQUARE,
            np.array([[0.5, 0.5]]),
            UsedPoints(SQUARE, []),
            np.random.default_rng(0),
            SearchBox.whole(2),
            guesses,
        )
        assert parameters is not None
        return SQUARE.encode([parameters]).ravel()

    assert np.abs(found(None) - _Needle.point).max() > 1e-3
    assert np.abs(found(_Needle.point[None]) - _Needle.point).max() < 1e-3


_CUBE = SearchSpace(tuple(RangeParameter(f"x{k}", 0.0, 1.0) for k in range(5)))


def _of_the_cube(
    loss: Callable[[TParameterization], float], least: float = 0.2
) -> Snapshot:
    points = sobol_points(_CUBE, 20)
    trials = tuple(
        ObservedTrial(
            index,
            point,
            {"loss": Observation(loss(point)), "c": Observation(float(point["x0"]))},
        )
        for index, point in enumerate(points)
    )
    return snapshot(_CUBE, trials, constraints=[f"c >= {least}"])


@pytest.mark.parametrize(("least", "is_wanted"), [(0.2, True), (2.0, False)])
def test_the_optimum_of_means_waits_for_the_first_feasible_trial(
    least: float, is_wanted: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks: list[Array] = []

    def watched(*arguments: object) -> Array:
        looks.append(constrained_mean_optima(*arguments))  # type: ignore[arg-type]
        return looks[-1]

    monkeypatch.setattr(single_objective, "constrained_mean_optima", watched)
    now = _of_the_cube(lambda point: float(point["x1"]), least)
    proposer = SingleObjectiveProposer(now, is_fitted=True)
    assert proposer.propose(20, [], UsedPoints(_CUBE, [])) is not None
    assert bool(looks) is is_wanted


def test_an_objective_has_long_lengthscales_where_they_are_much_likelier() -> None:
    def loss(point: TParameterization) -> float:
        return sum((k + 1) * float(point[f"x{k}"]) ** 2 for k in range(5))

    now = _of_the_cube(loss)
    models = SingleObjectiveModels.of(now, Surrogate.fit)
    likelier = models.with_likelier_objective(now)
    processes = [m.objective.process for m in (models, likelier)]
    shortest = [float(p.lengthscales.min()) for p in processes]
    assert shortest[1] > 2 * shortest[0]


def test_without_much_evidence_the_objectives_model_stays() -> None:
    now = _of_the_cube(lambda point: math.sin(25 * float(point["x1"])))
    models = SingleObjectiveModels.of(now, Surrogate.fit)
    assert models.with_likelier_objective(now) is models


def test_the_likelihood_is_the_density_of_the_outcomes() -> None:
    now = snapshot(SQUARE, observed(sobol_points(SQUARE, 12), bowl, sem=0.05))
    process = Surrogate.fit(TrainingData.of_sum(now, now.objective)).process
    K = process.root @ process.root.T
    residual = process.y - process.hyperparameters.mean
    expected = -0.5 * (residual @ np.linalg.solve(K, residual))
    expected -= 0.5 * np.linalg.slogdet(K)[1]
    assert math.isclose(process.log_likelihood, expected, rel_tol=1e-6)
