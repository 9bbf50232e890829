"""Many parameters and many trials: trust regions, subspaces, parts of the data."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hpcopt.core.errors import GenerationError
from hpcopt.core.goals.goals import parse_goals
from hpcopt.core.space.search_space import RangeParameter, SearchSpace
from hpcopt.core.trials.trial import Observation
from hpcopt.core.types import TParameterization
from hpcopt.generation.design.initial import UsedPoints, default_n_initial
from hpcopt.generation.models.surrogate import Surrogate, TrainingData
from hpcopt.generation.proposers.subspace import SparseEmbedding
from hpcopt.generation.proposers.trust_region import (
    TrustRegionProposer,
    TrustRegionState,
)
from hpcopt.generation.snapshot import ObservedTrial, Snapshot
from hpcopt.generation.strategy import BayesianGenerator, automatic_method
from tests.support.generation_world import (
    SQUARE,
    bowl,
    observed,
    snapshot,
    sobol_points,
)
from tests.support.last_digits import Numbers


def cube(d: int) -> SearchSpace:
    return SearchSpace(tuple(RangeParameter(f"x{k}", 0.0, 1.0) for k in range(d)))


def sphere(parameters: TParameterization) -> float:
    return sum((float(value) - 0.3) ** 2 for value in parameters.values())


def random_snapshot(d: int, n: int, seed: int = 0) -> Snapshot:
    space = cube(d)
    points = space.decode(Numbers(seed).random(n, d))
    return snapshot(space, observed(points, sphere), seed=seed)


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


def test_a_trifle_is_no_success() -> None:
    falling = [10.0 - 1e-4 * k for k in range(16)]
    assert TrustRegionState.of(with_losses([10.0] * N + falling)).length == 0.4


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


@given(
    d=st.integers(51, 200),
    n=st.integers(0, 500),
    later=st.integers(0, 500),
    seed=st.integers(0, 2**32),
)
def test_a_subspace_that_grows_keeps_what_was_inside(
    d: int, n: int, later: int, seed: int
) -> None:
    early = SparseEmbedding.of(d, n, seed)
    late = SparseEmbedding.of(d, n + later, seed)
    assert early.target_d <= late.target_d <= d
    X = early.embed(np.random.default_rng(seed).random((3, early.target_d)))
    assert ((X >= 0) & (X <= 1)).all()
    Z, distances = late.project(X, np.ones(d, dtype=bool))
    assert (distances < 1e-9).all()
    np.testing.assert_allclose(late.embed(Z), X, atol=1e-9)


def test_in_hundreds_of_dimensions_new_points_are_in_the_subspace() -> None:
    space = cube(100)
    completed: tuple[ObservedTrial, ...] = ()
    for _ in range(12):
        some = snapshot(space, completed)
        [suggestion] = BayesianGenerator().generate(1, some).suggestions
        trial = observed([suggestion.parameters], sphere)[0]
        completed += (ObservedTrial(len(completed), trial.parameters, trial.outcome),)
    X = space.encode(trial.parameters for trial in completed)
    _, distances = SparseEmbedding.of(100, 12, 0).project(X, np.ones(100, dtype=bool))
    assert (distances[2:] < 1e-6).all()
    assert len(np.unique(X, axis=0)) == 12


@pytest.mark.parametrize(
    ("d", "method"), [(12, "bo"), (13, "trust_region"), (51, "subspace")]
)
def test_the_method_follows_the_number_of_parameters(d: int, method: str) -> None:
    assert automatic_method(random_snapshot(d, 3)) == method


def test_a_trust_region_is_for_one_objective() -> None:
    goals = parse_goals("-a, -b", [])
    outcome = {"a": Observation(1.0), "b": Observation(2.0)}
    points = cube(2).decode(np.random.default_rng(0).random((6, 2)))
    trials = tuple(ObservedTrial(k, p, outcome) for k, p in enumerate(points))
    some = Snapshot(cube(2), goals, 0, 6, 0, completed=trials)
    for method in ("trust_region", "subspace"):
        with pytest.raises(GenerationError, match="expected one objective, found 2"):
            BayesianGenerator(method=method).generate(1, some)


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
