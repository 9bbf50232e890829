"""A minimum that is close by is found in few steps, within its bounds."""

from __future__ import annotations

import numpy as np
import pytest

from hpcopt.generation.models.gaussian_process import Array
from hpcopt.generation.models.refinement import curvature, refined_minimum

#: A narrow valley, and the lowest point of it.
_SECOND = np.array([[400.0, 390.0], [390.0, 400.0]])
_LOWEST = np.array([0.3, -0.2])

_LOWER, _UPPER = np.array([-1.0, -1.0]), np.array([1.0, 1.0])


class _Valley:
    """Counts how often it is evaluated."""

    def __init__(self) -> None:
        self.n = 0

    def __call__(self, x: Array) -> tuple[float, Array]:
        self.n += 1
        away = x - _LOWEST
        fourth = 0.1 * float((away**4).sum())
        gradient = _SECOND @ away + 0.4 * away**3
        return 0.5 * float(away @ _SECOND @ away) + fourth, gradient


def test_the_curvature_is_the_second_derivatives() -> None:
    at_the_bound = np.array([1.0, 0.5])
    second = curvature(_Valley(), at_the_bound, _LOWER, _UPPER)
    away = at_the_bound - _LOWEST
    exact = _SECOND + np.diag(1.2 * away**2)
    assert second == pytest.approx(exact, rel=1e-3)
    assert (second == second.T).all()


def test_a_narrow_valley_takes_a_handful_of_steps() -> None:
    valley = _Valley()
    x, value = refined_minimum(
        valley, np.array([0.1, 0.2]), _LOWER, _UPPER, 1.2 * _SECOND, 1e-6
    )
    assert valley.n < 10
    assert value < 1e-4
    assert x == pytest.approx(_LOWEST, abs=1e-2)


def test_bounds_are_kept() -> None:
    upper = np.array([1.0, -0.5])
    x, value = refined_minimum(
        _Valley(), np.array([0.1, -0.6]), _LOWER, upper, _SECOND, 1e-8
    )
    # Along the bound the lowest point is another one.
    lowest = 0.3 + 390 / 400 * 0.3
    assert x == pytest.approx([lowest, -0.5], abs=1e-3)
    assert value == pytest.approx(_Valley()(x)[0])
    assert (x <= upper).all()


def test_a_curvature_of_the_wrong_sign_is_of_no_harm() -> None:
    x, value = refined_minimum(
        _Valley(), np.array([0.1, 0.2]), _LOWER, _UPPER, -_SECOND, 1e-10
    )
    assert value < 1e-4
    assert x == pytest.approx(_LOWEST, abs=1e-2)
