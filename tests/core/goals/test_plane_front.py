"""The front of two objectives, against the pairwise definition."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from hpcopt.core.goals.pareto import is_nondominated
from hpcopt.core.goals.plane_front import is_on_plane_front

values = st.one_of(st.integers(-3, 3).map(float), st.floats(-1e300, 1e300))


@given(points=st.lists(st.tuples(values, values), min_size=1, max_size=30))
def test_the_sweep_finds_what_no_other_dominates(
    points: list[tuple[float, float]],
) -> None:
    assert is_on_plane_front(points) == is_nondominated(points).tolist()


def test_there_may_be_no_point() -> None:
    assert is_on_plane_front([]) == []
