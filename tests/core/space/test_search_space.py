from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from hpcopt.core.errors import ConfigError, UsageError
from hpcopt.core.space.search_space import ChoiceParameter, RangeParameter, SearchSpace
from hpcopt.core.types import TParameterValue

Searched = RangeParameter | ChoiceParameter

coordinates = st.floats(0.0, 1.0)


@st.composite
def float_ranges(draw: st.DrawFn) -> RangeParameter:
    log = draw(st.booleans())
    lower = draw(st.floats(1e-9 if log else -1e6, 1e6))
    upper = lower + draw(st.floats(1e-9, 1e6))
    assume(upper - lower > 1e-9 * abs(lower))
    return RangeParameter("x", lower, upper, log=log)


@st.composite
def stepped_ranges(draw: st.DrawFn) -> RangeParameter:
    log = draw(st.booleans())
    lower = draw(st.sampled_from([1e-3, 0.1, 1.0, 7.3] + [-5.0, 0.0] * (not log)))
    step = draw(st.sampled_from([1e-3, 0.1, 1 / 3, 1.0, 25.0]))
    upper = lower + draw(st.integers(1, 1000)) * step
    return RangeParameter("x", lower, upper, log=log, step=step)


@st.composite
def int_ranges(draw: st.DrawFn) -> RangeParameter:
    log = draw(st.booleans())
    step = draw(st.none() | st.integers(1, 100))
    lower = draw(st.integers(1 if log else -(10**6), 10**6))
    upper = lower + (step or 1) * draw(st.integers(1, 10**6))
    return RangeParameter("x", lower, upper, "int", log=log, step=step)


def identity(value: TParameterValue) -> tuple[type, TParameterValue]:
    return (float if isinstance(value, int | float) and not isinstance(value, bool)
            else type(value)), value  # fmt: skip


choices = st.builds(
    ChoiceParameter,
    st.just("x"),
    st.lists(
        st.one_of(
            st.booleans(),
            st.integers(-5, 5),
            st.floats(-5, 5),
            st.sampled_from(["a", "b", "1", "True"]),
        ),
        min_size=1,
        max_size=6,
        unique_by=identity,
    ).map(tuple),
    st.booleans(),
)

gridded = st.one_of(stepped_ranges(), int_ranges(), choices)
parameters = st.one_of(float_ranges(), gridded)


@st.composite
def spaces(draw: st.DrawFn) -> SearchSpace:
    drawn = draw(st.lists(parameters, min_size=1, max_size=5))
    return SearchSpace(tuple(_renamed(p, f"x{k}") for k, p in enumerate(drawn)))


def _renamed(parameter: Searched, name: str) -> Searched:
    return replace(parameter, name=name)


def encode(parameter: Searched, value: TParameterValue) -> list[float]:
    [x] = parameter.coordinates(parameter.codes([value]))
    return [float(coordinate) for coordinate in x]


def decode(parameter: Searched, point: Sequence[float]) -> TParameterValue:
    [value] = parameter.values_of(parameter.codes_at(np.array([point])))
    return value


# Encoding


@settings(deadline=None)
@given(space=spaces(), data=st.data())
def test_every_point_of_the_cube_is_a_valid_parameterization(
    space: SearchSpace, data: st.DataObject
) -> None:
    points = data.draw(hnp.arrays(np.float64, (3, space.d), elements=coordinates))
    for parameterization in space.decode(points):
        space.check(parameterization)


@settings(deadline=None)
@given(space=spaces(), data=st.data())
def test_every_encoded_parameterization_lies_in_the_cube(
    space: SearchSpace, data: st.DataObject
) -> None:
    points = data.draw(hnp.arrays(np.float64, (3, space.d), elements=coordinates))
    encoded = space.encode(space.decode(points))
    assert encoded.shape == (3, space.d)
    assert np.all((encoded >= 0) & (encoded <= 1))


@settings(deadline=None)
@given(parameter=gridded, data=st.data())
def test_a_value_of_a_grid_comes_back_exactly(
    parameter: Searched, data: st.DataObject
) -> None:
    n = parameter.n_coordinates
    point = data.draw(st.lists(coordinates, min_size=n, max_size=n))
    value = decode(parameter, point)
    again = decode(parameter, encode(parameter, value))
    assert identity(again) == identity(value)
    assert type(again) is type(value)


@settings(deadline=None)
@given(parameter=float_ranges(), coordinate=coordinates)
def test_a_continuous_value_comes_back_to_rounding(
    parameter: RangeParameter, coordinate: float
) -> None:
    value = float(decode(parameter, [coordinate]))
    again = float(decode(parameter, encode(parameter, value)))
    scale = max(abs(parameter.lower), abs(parameter.upper))
    assert again == pytest.approx(value, rel=1e-12, abs=1e-12 * scale)


@settings(deadline=None)
@given(parameter=st.one_of(float_ranges(), stepped_ranges(), int_ranges()))
def test_the_ends_of_the_coordinate_are_the_bounds(parameter: RangeParameter) -> None:
    assert decode(parameter, [0.0]) == pytest.approx(parameter.lower, rel=1e-12)
    assert decode(parameter, [1.0]) == pytest.approx(parameter.upper, rel=1e-9)
    for bound in (parameter.lower, parameter.upper):
        parameter.check(int(bound) if parameter.parameter_type == "int" else bound)


def test_each_value_of_a_grid_has_the_same_share_of_the_coordinate() -> None:
    parameter = RangeParameter("x", 1, 4, "int")
    centres = (np.arange(400) + 0.5) / 400
    decoded = [decode(parameter, [x]) for x in centres]
    assert decoded == [1] * 100 + [2] * 100 + [3] * 100 + [4] * 100


def test_a_log_scale_gives_each_decade_the_same_share() -> None:
    parameter = RangeParameter("x", 1e-4, 1.0, log=True)
    assert decode(parameter, [0.25]) == pytest.approx(1e-3)
    assert encode(parameter, 0.01) == [pytest.approx(0.5)]


@pytest.mark.parametrize(
    ("choice", "expected"),
    [
        (ChoiceParameter("x", ("only",)), [[]]),
        (ChoiceParameter("x", (False, True)), [[0.25], [0.75]]),
        (ChoiceParameter("x", ("s", "m", "l"), True), [[1 / 6], [0.5], [5 / 6]]),
        (ChoiceParameter("x", (1, 2, 3)), [[1, 0, 0], [0, 1, 0], [0, 0, 1]]),
    ],
    ids=["fixed", "two", "ordered", "one-hot"],
)
def test_a_choice_has_as_many_coordinates_as_it_needs(
    choice: ChoiceParameter, expected: list[list[float]]
) -> None:
    encoded = [encode(choice, value) for value in choice.values]
    assert encoded == [pytest.approx(row) for row in expected]
    assert choice.n_coordinates == len(expected[0])


def test_true_and_one_and_their_names_are_three_choices() -> None:
    choice = ChoiceParameter("x", (True, 1, "1", "True"))
    for value in choice.values:
        again = decode(choice, encode(choice, value))
        assert (type(again), again) == (type(value), value)


def test_a_choice_of_a_float_takes_the_int_that_equals_it() -> None:
    choice = ChoiceParameter("x", (1.0, 2.0))
    choice.check(1)
    assert encode(choice, 2) == encode(choice, 2.0)


# Counting


@settings(deadline=None)
@given(space=spaces())
def test_the_number_of_points_is_the_product_of_the_numbers_of_values(
    space: SearchSpace,
) -> None:
    numbers = [parameter.n_values for parameter in space.searched]
    expected = None if None in numbers else math.prod(n for n in numbers if n)
    assert space.n_points == expected


@pytest.mark.parametrize(
    ("parameter", "n_values"),
    [
        (RangeParameter("x", 0, 1), None),
        (RangeParameter("x", 0, 1, step=0.1), 11),
        (RangeParameter("x", -3, 3, "int"), 7),
        (RangeParameter("x", 0, 10, "int", step=5), 3),
        (ChoiceParameter("x", ("a", "b")), 2),
    ],
    ids=["continuous", "stepped", "int", "stepped int", "choice"],
)
def test_a_parameter_has_so_many_values(
    parameter: Searched, n_values: int | None
) -> None:
    assert parameter.n_values == n_values


# JSON


@settings(deadline=None)
@given(space=spaces())
def test_a_space_comes_back_from_json(space: SearchSpace) -> None:
    text = json.dumps(space.to_json(), allow_nan=False)
    assert SearchSpace.from_json(json.loads(text)) == space


def test_a_parameter_of_an_unknown_type_is_reported() -> None:
    with pytest.raises(
        ConfigError, match=r"parameter 'x': expected type range, choice, .*found 'moon'"
    ):
        SearchSpace.from_json([{"name": "x", "type": "moon"}])


# What is wrong


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"lower": -math.inf}, "expected finite bounds, found -inf"),
        ({"upper": math.nan}, "expected finite bounds, found nan"),
        ({"lower": 1}, r"expected a lower bound below the upper bound, found \[1, 1\]"),
        ({"lower": -1e308, "upper": 1e308}, "expected a range that a float can hold"),
        ({"log": True}, "a log scale needs a lower bound above 0, found 0"),
        (
            {"upper": 1.5, "parameter_type": "int"},
            r"expected whole numbers for an int parameter, found 1\.5",
        ),
        (
            {"upper": 3, "parameter_type": "int", "step": 1.5},
            r"expected whole numbers for an int parameter, found 1\.5",
        ),
        ({"step": 0}, "expected step_size above 0, found 0"),
        ({"step": -0.5}, r"expected step_size above 0, found -0\.5"),
        ({"step": math.nan}, "expected step_size above 0, found nan"),
        ({"step": math.inf}, "expected step_size to divide the range 1, found inf"),
        ({"step": 1e30}, r"expected step_size to divide the range 1, found 1e\+30"),
        ({"step": 0.3}, r"expected step_size to divide the range 1, found 0\.3"),
    ],
    ids=str,
)
def test_a_range_that_is_none_is_reported(
    arguments: dict[str, Any], message: str
) -> None:
    with pytest.raises(ConfigError, match=f"^parameter 'x': {message}"):
        RangeParameter(**{"name": "x", "lower": 0, "upper": 1, **arguments})


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ((), "expected at least one value, found none"),
        ((1, 2, 1.0), r"expected distinct values, found \[1, 2, 1\.0\]"),
        ((0.5, math.inf), "expected finite values, found inf"),
    ],
    ids=["none", "twice", "infinite"],
)
def test_a_choice_that_is_none_is_reported(
    values: tuple[TParameterValue, ...], message: str
) -> None:
    with pytest.raises(ConfigError, match=f"^parameter 'x': {message}"):
        ChoiceParameter("x", values)


def test_a_space_without_parameters_is_reported() -> None:
    with pytest.raises(ConfigError, match="parameters: expected at least one"):
        SearchSpace(())


def test_a_name_that_is_used_twice_is_reported() -> None:
    with pytest.raises(ConfigError, match="expected distinct names, found 'x' twice"):
        SearchSpace((RangeParameter("x", 0, 1), ChoiceParameter("x", (1,))))


@pytest.mark.parametrize(
    ("parameter", "value", "message"),
    [
        (RangeParameter("x", 0, 1), "0.5", "expected a number, found '0.5'"),
        (RangeParameter("x", 0, 1), True, "expected a number, found True"),
        (RangeParameter("x", 0, 1), None, "expected a number, found None"),
        (RangeParameter("x", 0, 1), math.nan, "expected a finite number, found nan"),
        (RangeParameter("x", 0, 1), 1.5, r"expected a value in \[0, 1\], found 1\.5"),
        (RangeParameter("x", 0, 3, "int"), 1.5, r"a whole number, found 1\.5"),
        (RangeParameter("x", 0, 3, "int"), "1", "expected a whole number, found '1'"),
        (RangeParameter("x", 0, 3, "int"), math.nan, "a whole number, found nan"),
        (RangeParameter("x", 0, 3, "int"), math.inf, "a whole number, found inf"),
        (RangeParameter("x", 0, 3, "int"), 4, r"in \[0, 3\], found 4"),
        (
            RangeParameter("x", 0, 1, step=0.5),
            0.6,
            r"0 plus a multiple of 0\.5, .* 0\.6",
        ),
        (
            ChoiceParameter("x", (1, "a")),
            True,
            r"expected one of \[1, 'a'\], found True",
        ),
        (ChoiceParameter("x", (1, "a")), "1", r"expected one of \[1, 'a'\], found '1'"),
    ],
    ids=str,
)
def test_a_value_that_is_not_allowed_is_reported(
    parameter: Searched, value: Any, message: str
) -> None:
    with pytest.raises(UsageError, match=f"^parameter 'x': .*{message}"):
        SearchSpace((parameter,)).check({"x": value})


@pytest.mark.parametrize("given_", [{"x": 0, "y": 0}, {"y": 0}], ids=str)
def test_a_parameterization_of_other_names_is_reported(given_: dict[str, int]) -> None:
    with pytest.raises(UsageError, match=r"expected values for \['x'\], found \["):
        SearchSpace((RangeParameter("x", 0, 1),)).check(given_)
