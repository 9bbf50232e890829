"""What tests lean on holds: checks that fail, inputs that change, waits that end."""

from __future__ import annotations

import numpy as np
import pytest

from tests.support.differences import Array, assert_gradients
from tests.support.generation_world import (
    MIXED,
    SQUARE,
    mixed_bowl,
    observed,
    snapshot,
    sobol_points,
)
from tests.support.last_digits import SIZE, Numbers, changes
from tests.support.waiting import wait_until


def _steep(X: Array) -> Array:
    """Return values that bend on a scale of 0.01, rounded as by some processor."""
    rng = np.random.default_rng(int(1e9 * float(X.sum())) % 2**32)
    exact = 100 * np.sin(100 * X[:, 0]) + X[:, 1] ** 2
    return np.asarray(exact + 1e-9 * rng.uniform(-1, 1, len(X)))


def _slopes(X: Array) -> Array:
    return np.column_stack([10_000 * np.cos(100 * X[:, 0]), 2 * X[:, 1]])


def test_a_gradient_passes_where_values_are_rounded_in_the_tenth_digit() -> None:
    X = np.random.default_rng(0).random((50, 2))
    assert_gradients(_slopes(X), _steep, X, step=1e-4, sharp=0.02)


@pytest.mark.parametrize("factor", [0.99, 1.01, -1.0])
def test_a_wrong_gradient_is_found(factor: float) -> None:
    X = np.random.default_rng(0).random((50, 2))
    with pytest.raises(AssertionError):
        assert_gradients(factor * _slopes(X), _steep, X, step=1e-4, sharp=0.02)


def test_differences_that_prove_nothing_are_no_proof() -> None:
    X = np.random.default_rng(0).random((50, 2))
    with pytest.raises(AssertionError):
        assert_gradients(_slopes(X), _steep, X, step=0.1, sharp=0.02)


def test_last_digits_of_points_and_outcomes_change_and_no_others() -> None:
    def told(seed: int) -> tuple[Array, Array]:
        with changes(seed):
            now = snapshot(MIXED, observed(sobol_points(MIXED, 8), mixed_bowl))
        X = MIXED.encode([trial.parameters for trial in now.completed])
        return X, np.array([trial.outcome["loss"].mean for trial in now.completed])

    (X, y), (X_changed, y_changed) = told(0), told(1)
    assert (y != y_changed).all()
    np.testing.assert_allclose(y_changed, y, rtol=SIZE)
    assert (X_changed != X).any(axis=0).tolist() == (~MIXED.is_discrete).tolist()
    np.testing.assert_allclose(X_changed, X, atol=10 * SIZE)
    assert (told(1)[1] == y_changed).all()
    assert (told(2)[1] != y_changed).all()


def test_random_numbers_are_numpys_but_for_their_last_digits() -> None:
    expected = np.random.default_rng(3).random((5, 2))
    assert (Numbers(3).random(5, 2) == expected).all()
    with changes(1):
        found = Numbers(3).random(5, 2)
    assert (found != expected).all()
    np.testing.assert_allclose(found, expected, rtol=SIZE)


def test_a_point_within_bounds_stays_there() -> None:
    corner = {"x": 1.0, "y": -5.0}
    for seed in range(20):
        with changes(seed):
            [point] = snapshot(SQUARE, pending=[corner]).pending
        assert SQUARE.contains([point]).all()


def test_waiting_in_vain_ends_with_what_was_seen() -> None:
    with pytest.raises(AssertionError, match=r"waited 0\.01 s in vain: 3 of 4"):
        wait_until(lambda: False, 0.01, told=lambda: "3 of 4")
