"""What is proposed holds literally: constraints, grids, bounds."""

from __future__ import annotations

from decimal import Decimal

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hpcopt.core.space.search_space import RangeParameter, SearchSpace


def space(*constraints: str, lower: float = 0.0, upper: float = 1.0) -> SearchSpace:
    parameters = tuple(RangeParameter(name, lower, upper) for name in "abc")
    return SearchSpace(parameters, constraints)


def on_the_boundary(weights: list[float], total: float) -> list[float]:
    """Return values that add up to ``total`` but for rounding."""
    scale = total / sum(weights)
    return [weight * scale for weight in weights]


positive = st.floats(0.05, 1.0)


@given(a=positive, b=positive, off=st.floats(-2e-9, 2e-9))
def test_a_sum_is_kept_as_a_program_adds_it(a: float, b: float, off: float) -> None:
    bounded = space("a + b <= 1.5", upper=2.0)
    first, second = on_the_boundary([a, b], 1.5 + off)
    X = np.array([[first / 2, second / 2, 0.5]])
    [point] = bounded.decode(X)
    assert point["a"] + point["b"] <= 1.5  # type: ignore[operator]
    assert np.abs(bounded.encode([point]) - X).max() < 1e-8


@given(at=st.floats(0.0, 1.0), offs=st.tuples(*[st.floats(-4e-10, 4e-10)] * 3))
def test_an_order_is_kept_as_a_program_compares_it(
    at: float, offs: tuple[float, float, float]
) -> None:
    ordered = space("a <= b", "b <= c", lower=200.0, upper=8000.0)
    X = np.clip(at + np.array([offs]), 0.0, 1.0)
    if not ordered.is_feasible(X)[0]:
        return
    [point] = ordered.decode(X)
    assert point["a"] <= point["b"] <= point["c"]  # type: ignore[operator]


@given(a=positive, b=positive, c=positive)
def test_shares_add_up_as_a_program_adds_them(a: float, b: float, c: float) -> None:
    mixture = space("a + b + c == 1")
    [point] = mixture.decode(np.array([on_the_boundary([a, b, c], 1.0)]))
    assert point["a"] + point["b"] + point["c"] == 1.0  # type: ignore[operator]


@given(r=st.floats(0.0, 1.0), share=st.floats(0.0, 1.0))
def test_a_curved_constraint_is_kept_too(r: float, share: float) -> None:
    disc = space("a**2 + b**2 <= 1")
    a = share**0.5
    [point] = disc.decode(np.array([[a, (1 - a**2) ** 0.5, r]]))
    assert point["a"] ** 2 + point["b"] ** 2 <= 1  # type: ignore[operator]


def test_what_is_feasible_literally_is_not_moved() -> None:
    bounded, X = space("a + b <= 1.5"), np.array([[0.1, 0.7, 0.3], [0.9, 0.6, 1.0]])
    assert bounded.decode(X) == space().decode(X)


def test_what_is_infeasible_is_not_moved() -> None:
    bounded, X = space("a + b <= 1.5"), np.array([[0.9, 0.7, 0.3]])
    assert bounded.decode(X) == space().decode(X)


@given(
    lower=st.decimals(-100, 100, places=3),
    step=st.decimals("0.001", 10, places=3),
    n_steps=st.integers(1, 2000),
    share=st.floats(0.0, 1.0),
)
def test_a_grid_has_the_values_that_a_person_writes(
    lower: Decimal, step: Decimal, n_steps: int, share: float
) -> None:
    upper = lower + n_steps * step
    parameter = RangeParameter("a", float(lower), float(upper), step=float(step))
    [value] = parameter.codes_at(np.array([[share]])).tolist()
    k = round((value - float(lower)) / float(step))
    assert value == float(lower + k * step)


def test_a_grid_of_tenths_is_written_with_one_digit() -> None:
    parameter = RangeParameter("a", 0.0, 1.0, step=0.1)
    assert [str(code) for code in parameter.all_codes().tolist()] == [
        *("0.0", "0.1", "0.2", "0.3", "0.4", "0.5", "0.6", "0.7", "0.8", "0.9", "1.0")
    ]


def test_a_grid_that_decimals_cannot_write_is_met_all_the_same() -> None:
    parameter = RangeParameter("a", 0.0, 1.0, step=1 / 3)
    assert parameter.all_codes().tolist() == pytest.approx([0, 1 / 3, 2 / 3, 1])
    assert parameter.all_codes()[-1] == 1.0


@given(lower=st.floats(1e-9, 1e6), width=st.floats(1e-3, 1e6), log=st.booleans())
def test_bounds_are_met_exactly(lower: float, width: float, log: bool) -> None:
    parameter = RangeParameter("a", lower, lower + width, log=log)
    codes = parameter.codes_at(np.array([[0.0], [1.0]])).tolist()
    assert codes == [lower, lower + width]
