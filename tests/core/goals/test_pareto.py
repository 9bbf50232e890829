from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hpcopt.core.goals.pareto import (
    hypervolume,
    infer_reference_point,
    is_nondominated,
    nondominated_partitioning,
)

#: A coarse grid: equal coordinates and equal points are common.
coordinates = st.integers(-1, 5)


def fronts(m: int) -> st.SearchStrategy[list[list[int]]]:
    return st.lists(st.lists(coordinates, min_size=m, max_size=m), max_size=7)


@pytest.mark.parametrize(
    ("points", "expected"),
    [
        ([[1, 2], [2, 1], [1, 1]], [True, True, False]),
        ([[1, 2], [1, 2]], [True, True]),
        ([[1, 2], [1, 3]], [False, True]),
        ([[3, 3, 3]], [True]),
    ],
    ids=["dominated", "equal", "better in one", "alone"],
)
def test_a_point_is_dominated_by_one_that_is_nowhere_worse(
    points: list[list[int]], expected: list[bool]
) -> None:
    assert is_nondominated(np.array(points, dtype=float)).tolist() == expected


@pytest.mark.parametrize("m", [2, 3, 4])
def test_the_boxes_hold_what_no_point_dominates_and_nothing_twice(m: int) -> None:
    cells = np.stack(np.meshgrid(*[np.arange(6) + 0.5] * m), axis=-1).reshape(-1, m)

    @settings(deadline=None)
    @given(points=fronts(m))
    def holds(points: list[list[int]]) -> None:
        Y = np.array(points, dtype=float).reshape(-1, m)
        lower, upper = nondominated_partitioning(Y, np.zeros(m))
        inside = (cells[:, None] > lower) & (cells[:, None] < upper)
        is_above = (Y > 0).all(axis=1)
        is_dominated = (Y[is_above] > cells[:, None]).all(axis=-1).any(axis=-1)
        assert np.array_equal(inside.all(axis=-1).sum(axis=1), ~is_dominated)

    holds()


@pytest.mark.parametrize("m", [2, 3, 4])
def test_the_hypervolume_is_the_number_of_dominated_cells(m: int) -> None:
    cells = np.stack(np.meshgrid(*[np.arange(6) + 0.5] * m), axis=-1).reshape(-1, m)

    @settings(deadline=None)
    @given(points=fronts(m))
    def holds(points: list[list[int]]) -> None:
        Y = np.array(points, dtype=float).reshape(-1, m)
        is_above = (Y > 0).all(axis=1)
        is_dominated = (Y[is_above] > cells[:, None]).all(axis=-1).any(axis=-1)
        volume = hypervolume(Y, np.zeros(m))
        assert volume == pytest.approx(is_dominated.sum(), abs=1e-9)

    holds()


@pytest.mark.parametrize(
    ("thresholds", "expected"),
    [
        ((None, None), [-0.2, -0.3]),
        ((0.5, None), [0.5, -0.1]),
        ((0.5, -7.0), [0.5, -7.0]),
        ((9.0, None), [9.0, -0.3]),
    ],
    ids=["inferred", "one given", "both given", "beyond the front"],
)
def test_the_reference_point_is_given_or_lies_below_the_front(
    thresholds: tuple[float | None, ...], expected: list[float]
) -> None:
    front = np.array([[0.0, 3.0], [1.0, 1.0], [2.0, 0.0]])
    assert infer_reference_point(front, thresholds) == pytest.approx(expected)


def test_a_front_of_one_point_has_a_reference_point_below_it() -> None:
    assert (infer_reference_point(np.array([[1.0, 2.0]]), (None, None)) < [1, 2]).all()


@settings(deadline=None, max_examples=40)
@given(m=st.integers(1, 4), seed=st.integers(0, 2**32 - 1), is_coarse=st.booleans())
def test_many_points_are_compared_as_few_are(
    m: int, seed: int, is_coarse: bool
) -> None:
    rng = np.random.default_rng(seed)
    n = 40
    Y = rng.integers(0, 4, (n, m)) if is_coarse else rng.normal(size=(n, m))
    Y = np.where(rng.random((n, m)) < 0.05, rng.choice([np.nan, np.inf]), Y)
    # So many copies of each are compared in the other way; copies dominate nothing.
    many = np.tile(Y, (20, 1))
    assert (is_nondominated(many).reshape(20, n) == is_nondominated(Y)).all()
