"""Parameters as JSON writes them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from hpcopt.core.errors import ConfigError
from hpcopt.core.expressions import Expression
from hpcopt.core.space.choices import ChoiceParameter, DerivedParameter
from hpcopt.core.space.conditions import Condition
from hpcopt.core.space.ranges import RangeParameter

Parameter = RangeParameter | ChoiceParameter | DerivedParameter


def parameters_from_json(
    specs: Sequence[Mapping[str, Any]],
) -> tuple[tuple[Parameter, ...], tuple[Condition, ...]]:
    """Return the parameters and conditions that ``SearchSpace.to_json`` wrote.

    Raises:
        ConfigError: A type is unknown, or a parameter makes no sense.
    """
    conditions = tuple(
        Condition(str(spec["name"]), str(parent), tuple(values))
        for spec in specs
        for parent, values in spec.get("when", {}).items()
    )
    return tuple(_parameter(spec) for spec in specs), conditions


def _parameter(spec: Mapping[str, Any]) -> Parameter:
    name = str(spec["name"])
    match spec["type"]:
        case "range":
            lower, upper = spec["bounds"]
            return RangeParameter(
                name=name,
                lower=lower,
                upper=upper,
                parameter_type=spec.get("parameter_type", "float"),
                log=spec.get("scaling") == "log",
                step=spec.get("step_size"),
                default=spec.get("default"),
            )
        case "choice":
            return ChoiceParameter(
                name=name,
                values=tuple(spec["values"]),
                is_ordered=bool(spec["is_ordered"]),
                default=spec.get("default"),
                known=tuple(spec.get("known", ())),
            )
        case "fixed":
            return ChoiceParameter(name, (spec["value"],))
        case "derived":
            return derived_parameter(
                name, spec["expression"], spec.get("parameter_type", "float")
            )
    raise ConfigError(
        f"parameter {name!r}: expected type range, choice, fixed or derived, "
        f"found {spec['type']!r}"
    )


def derived_parameter(
    name: str, expression: str, parameter_type: Any
) -> DerivedParameter:
    """Return a derived parameter.

    Raises:
        ConfigError: The expression is malformed.
    """
    where = f"parameter {name!r}: expression"
    return DerivedParameter(name, Expression(expression, where), parameter_type)
