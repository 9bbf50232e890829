"""The probability that a constraint holds, against samples of the posterior."""

from __future__ import annotations

import numpy as np
import torch

from hpcopt.core.goals.outcome_constraint import parse_constraint
from hpcopt.generation.models.constraint_model import ConstraintModel
from tests.support.generation_world import (
    SQUARE,
    bowl,
    constrained_snapshot,
    cube,
    observed,
    snapshot,
    sobol_points,
    sphere,
)


def test_it_is_the_share_of_samples_that_satisfy_the_constraint() -> None:
    trials = observed(sobol_points(SQUARE, 5), bowl)
    now = snapshot(SQUARE, trials)
    model = ConstraintModel.fit(now, parse_constraint("loss <= 0.1"))
    X = SQUARE.encode(sobol_points(SQUARE, 40)[12:])
    with torch.no_grad():
        posterior = model.surrogate.model.posterior(torch.from_numpy(X))
    torch.manual_seed(0)
    samples = posterior.rsample(torch.Size([20_000]))[..., 0]
    share = (samples >= 0).double().mean(dim=0).numpy()
    assert share.min() < 0.2
    assert share.max() > 0.8
    assert ((share > 0.05) & (share < 0.95)).sum() > 5
    np.testing.assert_allclose(model.probability(X), share, atol=0.02)


def test_a_bound_that_is_far_away_is_held_for_certain() -> None:
    trials = observed(sobol_points(SQUARE, 12), bowl)
    now = snapshot(SQUARE, trials)
    X = SQUARE.encode(sobol_points(SQUARE, 12))
    far = ConstraintModel.fit(now, parse_constraint("loss <= 1000"))
    assert far.probability(X).min() > 0.999
    never = ConstraintModel.fit(now, parse_constraint("loss <= -1000"))
    assert never.probability(X).max() < 0.001


def test_a_trend_decides_where_nothing_was_tried() -> None:
    now = constrained_snapshot(sphere, least=0.5)
    model = ConstraintModel.fit(now, now.goals.constraints[0])
    X = cube(5).encode(
        [{f"x{k}": x0 if k == 0 else 0.5 for k in range(5)} for x0 in (0.0, 1.0)]
    )
    infeasible, feasible = model.probability(X)
    assert infeasible < 0.05
    assert feasible > 0.95
