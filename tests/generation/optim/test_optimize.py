"""The search for the largest acquisition value, and the box that it keeps to."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from botorch.acquisition.acquisition import AcquisitionFunction
from hypothesis import given
from hypothesis import strategies as st
from typing_extensions import override

from hpcopt.generation.acquisition.botorch import (
    AnalyticAcquisition,
    AutogradAcquisition,
)
from hpcopt.generation.design.initial import UsedPoints
from hpcopt.generation.models.gaussian_process import Array
from hpcopt.generation.optim import optimize
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


class _Hills(AcquisitionFunction):
    """Two hills, whose tops are at given points; the second one is higher.

    Asked near ``nowhere``, if there is that, it is not a number.
    """

    tops = torch.tensor([[0.2, 0.3], [0.7, 0.9]], dtype=torch.double)

    def __init__(self, nowhere: float = 2.0) -> None:
        super().__init__(None)  # type: ignore[arg-type]
        self.n_calls = 0
        self._nowhere = nowhere

    @override
    def forward(self, X: torch.Tensor) -> torch.Tensor:
        self.n_calls += 1
        squared = ((X - self.tops) ** 2).sum(dim=-1)
        heights = torch.tensor([1.0, 1.5], dtype=torch.double)
        value = (heights * torch.exp(-10 * squared)).sum(dim=-1)
        # A root of what is negative there.
        return value + 0.0 * (self._nowhere - X[..., 0, 0]).sqrt()


def test_searches_of_an_acquisition_by_autograd_share_their_calls() -> None:
    starts = np.array([[0.25, 0.25], [0.65, 0.95], [0.6, 0.8], [0.1, 0.4]])
    hills = _Hills()
    acquisition = AutogradAcquisition(hills)
    box, free = SearchBox.whole(2), np.array([False, False])

    def loss(x: Array) -> tuple[float, Array]:
        values, gradients = acquisition.values_and_gradients(x[None])
        return -float(values[0]), -gradients[0]

    one_by_one = optimize.local_minima(loss, starts, box, free, [])
    n_calls, hills.n_calls = hills.n_calls, 0
    together = optimize._local_maxima(acquisition, SQUARE, box, starts, free)
    assert together == pytest.approx(one_by_one, abs=1e-4)
    assert hills.n_calls < n_calls / 2


def test_searches_together_keep_to_the_box_and_what_is_fixed() -> None:
    starts = np.array([[0.25, 0.25], [0.45, 0.35]])
    acquisition = AutogradAcquisition(_Hills())
    box = SearchBox.around(np.array([0.5, 0.5]), np.array([0.2, 0.5]))
    fixed = np.array([False, True])
    ends = optimize._local_maxima(acquisition, SQUARE, box, starts, fixed)
    assert ends[:, 1] == pytest.approx(starts[:, 1], abs=1e-12)
    assert ends[:, 0] == pytest.approx([0.3, 0.3])


def test_an_acquisition_that_is_not_a_number_on_the_way_is_told() -> None:
    acquisition = AutogradAcquisition(_Hills(nowhere=0.3))
    starts = np.array([[0.25, 0.3], [0.35, 0.5]])
    box, free = SearchBox.whole(2), np.array([False, False])
    with pytest.raises(FloatingPointError, match="not a number"):
        optimize._local_maxima(acquisition, SQUARE, box, starts, free)


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
