"""The search for the largest acquisition value, and the box that it keeps to."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from typing_extensions import override

from hpcopt.generation.acquisition.botorch import AnalyticAcquisition
from hpcopt.generation.design.initial import UsedPoints
from hpcopt.generation.models.gaussian_process import Array
from hpcopt.generation.optim.optimize import SearchBox, optimize_acquisition
from tests.support.generation_world import (
    SQUARE,
)


class _Needle(AnalyticAcquisition):
    """Nothing anywhere but close to one point, where it rises to its end."""

    point = np.array([0.123, 0.877])

    def __init__(self) -> None:
        super().__init__(None)  # type: ignore[arg-type]

    @override
    def values(self, X: Array) -> Array:
        distances = np.abs(X - self.point).max(axis=1)
        values: Array = np.where(distances < 1e-4, 1.0, 0.0)
        return values

    @override
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


def test_points_drawn_towards_a_feasible_centre_stay_feasible() -> None:
    center, rng = np.array([0.1, 0.2]), np.random.default_rng(0)
    X = rng.random((100, 2))
    X = X[X.sum(axis=1) <= 0.5]
    box = SearchBox.around(center, np.full(2, 0.3))
    moved = box.shrunk(X)
    assert (moved.sum(axis=1) <= 0.5).all()
    assert (box.lower <= moved).all()
    assert (moved <= box.upper).all()


@given(
    st.lists(st.floats(0, 1), min_size=2, max_size=2).map(np.array),
    st.floats(0, 1).map(lambda reach: np.full(2, reach)),
)
def test_a_box_stays_inside_the_cube(
    center: np.ndarray[tuple[int], np.dtype[np.float64]],
    reach: np.ndarray[tuple[int], np.dtype[np.float64]],
) -> None:
    box = SearchBox.around(center, reach)
    ends = np.array([[0.0, 0.0], [1.0, 1.0]])
    for moved in (box.shrunk(ends), box.spread(ends)):
        assert (moved >= -1e-12).all()
        assert (moved <= 1 + 1e-12).all()
