"""Standardised outcomes keep the ratios of their differences."""

from __future__ import annotations

import numpy as np
import pytest

from hpcopt.generation.models.standardize import Standardize


def test_the_linear_transform_keeps_ratios_of_differences() -> None:
    y = np.array([0.0, 1.0, 2.0, 4.0, 5.0, -1e9])
    transform = Standardize.fit(y)
    t = transform(y)
    assert (t[3] - t[2]) / (t[1] - t[0]) == pytest.approx(2)
    assert t[5] > -100  # bad beyond measure is just bad
    mean, _ = transform.inverse_moments(t[:5], np.zeros(5))
    assert mean == pytest.approx(y[:5], abs=1e-6)
    assert transform.scaled(4.0) == pytest.approx(t[3])


def test_outcomes_that_are_all_equal_can_be_transformed() -> None:
    transform = Standardize.fit(np.full(4, 7.0))
    assert transform(np.full(4, 7.0)).tolist() == [0.0] * 4
