"""Arithmetic over parameters: what is computed, what is linear, what is refused."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hpcopt.core.errors import ConfigError
from hpcopt.core.expressions import Expression, LinearForm

VALUES = {"x": np.array([1.0, 4.0]), "y": np.array([-2.0, 0.5])}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2*x + y", [0.0, 8.5]),
        ("-x - +y", [1.0, -4.5]),
        ("x/2 - y**2", [-3.5, 1.75]),
        ("(x + y)*x", [-1.0, 18.0]),
        ("min(x, y, 1)", [-2.0, 0.5]),
        ("max(x, abs(y))", [2.0, 4.0]),
        ("exp(log(sqrt(x)))", [1.0, 2.0]),
        ("2**-1 + 0*x", [0.5, 0.5]),
    ],
)
def test_arithmetic_is_computed_row_by_row(text: str, expected: list[float]) -> None:
    assert Expression(text, "here")(VALUES) == pytest.approx(expected)


@pytest.mark.parametrize("text", ["1/(x - 1)", "log(-x)", "y**0.5", "9**9**9 * x"])
def test_what_has_no_value_is_not_finite(text: str) -> None:
    assert not np.isfinite(Expression(text, "here")(VALUES)).all()


numbers = st.floats(-100, 100).map(lambda x: round(x, 3))


@given(a=numbers, b=numbers, c=numbers)
def test_a_weighted_sum_is_found_whatever_way_it_is_written(
    a: float, b: float, c: float
) -> None:
    form = Expression(f"({a})*x - (y*({b}) - ({c})) + 0.5*x", "here").linear()
    assert form is not None
    assert form.weights == {"x": pytest.approx(a + 0.5), "y": pytest.approx(-b)}
    assert form.constant == pytest.approx(c)


@pytest.mark.parametrize("text", ["x*y", "x**2", "1/x", "max(x, 0)", "x/0"])
def test_what_is_not_a_weighted_sum_is_distinguished(text: str) -> None:
    assert Expression(text, "here").linear() is None


def test_forms_are_added_and_multiplied() -> None:
    form = LinearForm({"x": 1.0}, 2.0).plus(LinearForm({"x": 3.0, "y": 1.0}).times(2.0))
    assert form == LinearForm({"x": 7.0, "y": 2.0}, 2.0)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("sin(x)", "'sin'"),
        ("x if y else 1", "'x if y else 1'"),
        ("x < y", "'x < y'"),
        ("x.real", "'x.real'"),
        ("x[0]", "'x[0]'"),
        ("'a'", "\"'a'\""),
        ("True", "'True'"),
        ("1j", "'1j'"),
        ("x % 2", "'x % 2'"),
        ("__import__('os')", "'__import__'"),
        ("(lambda: x)()", "'(lambda: x)()'"),
        ("min(x, *y)", "'*y'"),
        ("sqrt(x=1)", "'sqrt(x=1)'"),
        ("sqrt(x, y)", "found 2"),
        ("min()", "found 0"),
        ("x +", "'x +'"),
        ("", "''"),
        ("(" * 1500 + "x" + ")" * 1500, "found"),
        ("-" * 1900 + "x", "found more in '-----"),
        ("-" * 100_000 + "x", "found"),
    ],
)
def test_nothing_else_is_taken(text: str, found: str) -> None:
    with pytest.raises(ConfigError, match=r"^here: .*expected") as caught:
        Expression(text, "here")
    assert found in str(caught.value)


def test_a_huge_number_is_infinite_and_not_an_error() -> None:
    value = Expression("1" + "0" * 400, "here")({})
    assert float(value) == math.inf
    assert Expression("1" + "0" * 400, "here").linear() is None
