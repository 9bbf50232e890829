"""The trust region follows from the outcomes, and proposals keep to it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from hpcopt.core.errors import GenerationError
from hpcopt.core.goals.goals import parse_goals
from hpcopt.core.trials.trial import Observation
from hpcopt.generation.design.initial import UsedPoints, default_n_initial
from hpcopt.generation.proposers.trust_region import (
    TrustRegionProposer,
    TrustRegionState,
)
from hpcopt.generation.snapshot import ObservedTrial, Snapshot
from hpcopt.generation.strategy import BayesianGenerator
from tests.support.generation_world import (
    cube,
    random_snapshot,
    snapshot,
)
from tests.support.last_digits import Numbers


def with_losses(losses: Sequence[float], d: int = 2) -> Snapshot:
    space = cube(d)
    X = Numbers(0).random(len(losses), d)
    trials = tuple(
        ObservedTrial(k, parameters, {"loss": Observation(loss)})
        for k, (parameters, loss) in enumerate(
            zip(space.decode(X), losses, strict=True)
        )
    )
    return snapshot(space, trials)


N = default_n_initial(2)


def test_a_trust_region_begins_around_the_best_trial() -> None:
    state = TrustRegionState.of(with_losses([3.0, 1.0, 2.0]))
    assert (state.first_index, state.length) == (0, 0.8)
    assert state.best is not None
    assert state.best.index == 1


def test_it_shrinks_after_failures_and_grows_after_successes() -> None:
    start = [10.0] * N
    assert TrustRegionState.of(with_losses(start + [11.0] * 15)).length == 0.8
    assert TrustRegionState.of(with_losses(start + [11.0] * 16)).length == 0.4
    falling = [9.0 - k for k in range(12)]
    assert TrustRegionState.of(with_losses(start + falling[:11])).length == 0.8
    assert TrustRegionState.of(with_losses(start + falling)).length == 1.6


def test_a_trifle_is_no_success_whatever_the_unit_and_the_zero() -> None:
    start = [20.0] * (N - 1) + [10.0]
    falling = [10.0 - 1e-4 * k if k % 2 else 20.0 for k in range(16)]
    gaining = [10.0 - 5e-2 * k if k % 2 else 20.0 for k in range(16)]
    for unit, zero in ((1.0, 0.0), (1e-6, 0.0), (1e6, 0.0), (1.0, 1e6), (1.0, -10.0)):
        trifles, gains = (
            TrustRegionState.of(
                with_losses([zero + unit * loss for loss in start + losses])
            )
            for losses in (falling, gaining)
        )
        assert trifles.length == 0.4
        assert gains.length > 0.4


def test_a_tiny_region_ends_the_episode_and_the_next_one_begins_with_a_design() -> None:
    n = N + 16 * 7
    assert TrustRegionState.of(with_losses([1.0] * (n - 1))).first_index == 0
    ended = with_losses([1.0] * n)
    state = TrustRegionState.of(ended)
    assert (state.first_index, state.length) == (n, 0.8)
    assert state.best is None
    generation = BayesianGenerator(method="trust_region").generate(1, ended)
    assert generation.suggestions[0].method == "sobol"


def test_what_violates_constraints_less_goes_before_what_is_better() -> None:
    goals = parse_goals("-loss", ["c >= 0"])
    space = cube(2)
    outcomes = [(1.0, -3.0), (9.0, -1.0), (5.0, -2.0)]
    trials = [
        ObservedTrial(k, p, {"loss": Observation(loss), "c": Observation(c)})
        for k, (p, (loss, c)) in enumerate(
            zip(space.decode(np.eye(3)[:, :2]), outcomes, strict=True)
        )
    ]
    some = Snapshot(space, goals, 0, 3, 0, completed=tuple(trials))
    best = TrustRegionState.of(some).best
    assert best is not None
    assert best.index == 1


def test_proposals_are_within_the_box() -> None:
    some = random_snapshot(20, 40)
    proposer = TrustRegionProposer(some, is_fitted=True)
    found = proposer.propose(40, [], UsedPoints(some.space, []))
    assert found is not None
    lengthscales = proposer._models.objective.process.lengthscales
    shape = lengthscales / np.exp(np.log(lengthscales).mean())
    [center] = proposer._models.incumbents(1, np.ones(40, dtype=bool))
    distance = np.abs(some.space.encode([found])[0] - center)
    assert (distance <= 0.8 * shape / 2 + 1e-9).all()


def test_a_trust_region_is_for_one_objective() -> None:
    goals = parse_goals("-a, -b", [])
    points = cube(2).decode(np.random.default_rng(0).random((6, 2)))
    trials = tuple(
        ObservedTrial(k, p, {"a": Observation(k), "b": Observation(2.0)})
        for k, p in enumerate(points)
    )
    some = Snapshot(cube(2), goals, 0, 6, 0, completed=trials)
    for method in ("trust_region", "subspace"):
        with pytest.raises(GenerationError, match="expected one objective, found 2"):
            BayesianGenerator(method=method).generate(1, some)
