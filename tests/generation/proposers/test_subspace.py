"""A subspace grows and keeps what was inside."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from hpcopt.generation.proposers.subspace import SparseEmbedding
from hpcopt.generation.snapshot import ObservedTrial
from hpcopt.generation.strategy import BayesianGenerator
from tests.support.generation_world import (
    cube,
    observed,
    snapshot,
    sphere,
)


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
