"""Sobol' indices against functions whose indices are known."""

from __future__ import annotations

import numpy as np
import pytest

from hpcopt.analysis.sobol_indices import mean_slopes, n_evaluations, sobol_indices
from tests.support.ishigami import FIRST, SECOND, TOTAL, Array, ishigami


@pytest.mark.parametrize("with_pairs", [True, False])
@pytest.mark.parametrize("seed", range(5))
def test_those_of_ishigamis_function_are_the_known_ones(
    seed: int, with_pairs: bool
) -> None:
    found = sobol_indices(ishigami, 3, 1024, with_pairs=with_pairs, seed=seed)
    np.testing.assert_allclose(found.first, FIRST, atol=0.02)
    np.testing.assert_allclose(found.total, TOTAL, atol=0.02)
    if found.second is not None:
        np.testing.assert_allclose(found.second, SECOND, atol=0.02)
    assert (found.second is not None) == with_pairs


def test_it_asks_as_often_as_it_says() -> None:
    for with_pairs in (True, False):
        asked: list[int] = []

        def counted(U: Array, asked: list[int] = asked) -> Array:
            asked.append(len(U))
            return ishigami(U)

        sobol_indices(counted, 3, 64, with_pairs=with_pairs)
        assert sum(asked) == 64 * n_evaluations(3, with_pairs=with_pairs)


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
