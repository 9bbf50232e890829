"""Sobol' indices against functions whose indices are known."""

from __future__ import annotations

import numpy as np
import pytest

from hpcopt.analysis.sobol_indices import mean_slopes, sobol_indices
from tests.support.ishigami import FIRST, SECOND, TOTAL, ishigami


@pytest.mark.parametrize("seed", range(5))
def test_those_of_ishigamis_function_are_the_known_ones(seed: int) -> None:
    found = sobol_indices(ishigami, 3, 1024, with_pairs=True, seed=seed)
    assert found.second is not None
    np.testing.assert_allclose(found.first, FIRST, atol=0.02)
    np.testing.assert_allclose(found.total, TOTAL, atol=0.02)
    np.testing.assert_allclose(found.second, SECOND, atol=0.02)


def test_a_sum_has_no_pairs() -> None:
    found = sobol_indices(lambda U: U @ [3.0, 2.0, 1.0, 0.0], 4, 512, with_pairs=True)
    expected = np.array([9, 4, 1, 0]) / 14
    np.testing.assert_allclose(found.first, expected, atol=0.01)
    np.testing.assert_allclose(found.total, expected, atol=0.01)
    assert found.second is not None
    assert found.second.max() < 0.01


def test_one_input_has_all_the_variance() -> None:
    found = sobol_indices(lambda U: U[:, 0] ** 2, 1, 256)
    np.testing.assert_allclose([found.first[0], found.total[0]], 1.0, atol=0.01)
    assert found.second is None


def test_a_constant_has_none() -> None:
    found = sobol_indices(lambda U: np.full(len(U), 1e6), 3, 64, with_pairs=True)
    assert found.second is not None
    assert not np.any([found.first, found.total, *found.second])


def test_a_large_offset_changes_nothing() -> None:
    near = sobol_indices(ishigami, 3, 256)
    far = sobol_indices(lambda U: ishigami(U) + 1e7, 3, 256)
    np.testing.assert_allclose(near.first, far.first, atol=1e-6)


def test_without_inputs_there_is_nothing_to_tell() -> None:
    assert len(sobol_indices(lambda U: np.zeros(len(U)), 0, 64).first) == 0
    assert len(mean_slopes(lambda U: np.zeros(len(U)), 0, 64)) == 0


def test_slopes_are_the_mean_gradient() -> None:
    slopes = mean_slopes(
        lambda U: U[:, 0] ** 2 * U[:, 1] - 3 * U[:, 2] + np.sin(2 * np.pi * U[:, 3]),
        4,
        1024,
    )
    np.testing.assert_allclose(slopes, [0.5, 1 / 3, -3.0, 0.0], atol=1e-3)
