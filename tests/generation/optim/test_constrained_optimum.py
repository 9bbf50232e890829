"""The constrained optimum of the means, and the lengthscales of the objective then."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest

from hpcopt.core.space.linear_constraints import LinearConstraints
from hpcopt.generation.design.initial import UsedPoints
from hpcopt.generation.models.gaussian_process import Array, GaussianProcess
from hpcopt.generation.models.priors import Priors
from hpcopt.generation.models.surrogate import Surrogate
from hpcopt.generation.models.training_data import TrainingData
from hpcopt.generation.optim.constrained_optimum import constrained_mean_optima
from hpcopt.generation.optim.optimize import SearchBox
from hpcopt.generation.proposers import single_objective
from hpcopt.generation.proposers.single_objective import SingleObjectiveProposer
from tests.support.generation_world import (
    constrained_snapshot,
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


@pytest.mark.parametrize(("least", "is_wanted"), [(0.2, True), (2.0, False)])
def test_the_optimum_of_means_waits_for_the_first_feasible_trial(
    least: float, is_wanted: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks: list[Array] = []

    def watched(*arguments: object) -> Array:
        looks.append(constrained_mean_optima(*arguments))  # type: ignore[arg-type]
        return looks[-1]

    monkeypatch.setattr(single_objective, "constrained_mean_optima", watched)
    now = constrained_snapshot(lambda point: float(point["x1"]), least)
    proposer = SingleObjectiveProposer(now, is_fitted=True)
    assert proposer.propose(20, [], UsedPoints(now.space, [])) is not None
    assert bool(looks) is is_wanted
