from __future__ import annotations

from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest

from hpcopt.api.client import Client
from hpcopt.api.configs import (
    ChoiceParameterConfig,
    DerivedParameterConfig,
    RangeParameterConfig,
)
from hpcopt.core.errors import ConfigError
from hpcopt.core.space.search_space import ChoiceParameter, Condition, RangeParameter
from hpcopt.core.space.specs import derived_parameter

RANGE: dict[str, Any] = {"name": "x", "bounds": (0, 8), "parameter_type": "float"}
CHOICE: dict[str, Any] = {"name": "k", "values": ["a"], "parameter_type": "str"}


def test_a_range_is_the_parameter_of_the_same_meaning() -> None:
    config = RangeParameterConfig("x", (1, 100), "int", scaling="log")
    assert config.parameter() == RangeParameter("x", 1, 100, "int", log=True)


def test_the_bounds_of_a_float_are_floats() -> None:
    parameter = RangeParameterConfig("x", (0, 1), "float", step_size=1).parameter()
    assert isinstance(parameter, RangeParameter)
    bounds = [parameter.lower, parameter.upper, parameter.step]
    assert [type(bound) for bound in bounds] == [float, float, float]


def test_numbers_of_numpy_are_welcome() -> None:
    bounds: Any = np.float32(0.5), np.int64(2)
    config = RangeParameterConfig("x", bounds, "float")
    assert config.parameter() == RangeParameter("x", 0.5, 2.0)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            {"bounds": (8, 0)},
            r"lower bound below the upper bound, found \[8\.0, 0\.0\]",
        ),
        ({"bounds": (0, float("inf"))}, "expected finite bounds, found inf"),
        ({"bounds": (0, "8")}, "bounds: expected numbers, found '8'"),
        ({"bounds": (None, 8)}, "bounds: expected a number.*found None"),
        ({"bounds": (0, 4, 8)}, r"a lower and an upper bound, found \(0, 4, 8\)"),
        ({"bounds": (0, 1.5), "parameter_type": "int"}, "expected whole numbers"),
        ({"parameter_type": "str"}, r"one of \['float', 'int'\], found 'str'"),
        ({"scaling": "logit"}, "scaling: expected one of .*, found 'logit'"),
        ({"scaling": "log"}, "a log scale needs a lower bound above 0"),
        ({"step_size": 3}, r"expected step_size to divide the range 8\.0, found 3\.0"),
    ],
    ids=lambda value: str(value) if isinstance(value, dict) else "",
)
def test_a_range_that_makes_no_sense_is_refused_where_it_is_written(
    change: dict[str, Any], message: str
) -> None:
    with pytest.raises(ConfigError, match=rf"parameter 'x': .*{message}"):
        RangeParameterConfig(**{**RANGE, **change})


@pytest.mark.parametrize(
    ("values", "parameter_type", "is_ordered"),
    [
        ([1, 2, 3], "int", True),
        ([0.1, 0.2, 0.3], "float", True),
        ([False, True], "bool", True),
        (["a", "b"], "str", True),
        (["a", "b", "c"], "str", False),
    ],
)
def test_all_but_three_strings_or_more_are_ordered_unless_said_otherwise(
    values: list[Any], parameter_type: Any, is_ordered: bool
) -> None:
    default = ChoiceParameterConfig("k", values, parameter_type)
    assert default.parameter() == ChoiceParameter("k", tuple(values), is_ordered)
    opposite = ChoiceParameterConfig("k", values, parameter_type, not is_ordered)
    assert opposite.parameter() == ChoiceParameter("k", tuple(values), not is_ordered)


def test_numbers_are_sorted_and_strings_are_not() -> None:
    numbers = ChoiceParameterConfig("k", [8, 2, 4], "int")
    strings = ChoiceParameterConfig("k", ["small", "large"], "str")
    assert numbers.parameter() == ChoiceParameter("k", (2, 4, 8), True)
    assert strings.parameter() == ChoiceParameter("k", ("small", "large"), True)


def test_a_choice_of_floats_gives_floats() -> None:
    parameter = ChoiceParameterConfig("k", [2, 1], "float").parameter()
    assert [type(v) for v in parameter.values] == [float, float]  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"values": []}, "expected at least one value, found none"),
        ({"values": [1, True], "parameter_type": "int"}, "of type int, found True"),
        ({"values": [1.5], "parameter_type": "int"}, r"of type int, found 1\.5"),
        ({"values": [None]}, "values: expected a number, a string.*found None"),
        ({"parameter_type": "complex"}, "parameter_type: expected one of"),
        (
            {"dependent_parameters": {"a": "x"}},
            "dependent_parameters: expected a list of names for 'a', found 'x'",
        ),
    ],
    ids=lambda value: str(value) if isinstance(value, dict) else "",
)
def test_a_choice_that_makes_no_sense_is_refused_where_it_is_written(
    change: dict[str, Any], message: str
) -> None:
    with pytest.raises(ConfigError, match=rf"parameter 'k': .*{message}"):
        ChoiceParameterConfig(**{**CHOICE, **change})


@pytest.mark.parametrize(
    ("values", "parameter_type", "expected"),
    [
        ([1.0, 2.0], "int", (1, 2)),
        (["a", 1], "str", ("a", "1")),
        ([1, 2], "str", ("1", "2")),
        ([3, 1, 3, 1.0], "int", (1, 3)),
        (["b", "a", "b"], "str", ("b", "a")),
    ],
)
def test_values_become_those_of_the_type_and_repeated_ones_one(
    values: Any, parameter_type: Any, expected: tuple[object, ...]
) -> None:
    parameter: Any = ChoiceParameterConfig("k", values, parameter_type).parameter()
    assert parameter.values == expected
    assert list(map(type, parameter.values)) == list(map(type, expected))


def test_the_fields_of_a_config_may_change_and_are_checked_again(
    tmp_path: Path,
) -> None:
    config = RangeParameterConfig("x", (0.0, 1.0), "float")
    config.bounds = (0.0, 2.0)
    client = Client(folder=tmp_path)
    client.configure_experiment([config])
    config.bounds = (2.0, 0.0)
    with pytest.raises(ConfigError, match="lower bound below the upper"):
        Client(folder=tmp_path).configure_experiment([config])


def test_dependent_parameters_are_conditions_of_the_others() -> None:
    config = ChoiceParameterConfig(
        "optimizer",
        ["sgd", "adam"],
        "str",
        dependent_parameters={"sgd": ["momentum", "rate"], "adam": ["rate"]},
    )
    assert config.conditions() == [
        Condition("momentum", "optimizer", ("sgd",)),
        Condition("rate", "optimizer", ("sgd", "adam")),
    ]


def test_a_derived_parameter_is_that_of_its_expression() -> None:
    config = DerivedParameterConfig("y", "2*x + 1", "int")
    parameter = config.parameter()
    assert parameter == derived_parameter("y", "2*x + 1", "int")
    with pytest.raises(ConfigError, match=r"parameter 'y': .*found 'sin'"):
        DerivedParameterConfig("y", "sin(x)", "float")
    with pytest.raises(ConfigError, match="parameter_type: expected one of"):
        DerivedParameterConfig("y", "x", cast(Any, "complex"))
