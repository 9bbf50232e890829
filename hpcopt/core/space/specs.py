"""Parameters as they are written down: in a config, by a script, in the journal.

This is the one place that says what the keys mean.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from hpcopt.core.errors import ConfigError
from hpcopt.core.expressions import Expression
from hpcopt.core.space.choices import ChoiceParameter, DerivedParameter
from hpcopt.core.space.conditions import Condition
from hpcopt.core.space.ranges import RangeParameter
from hpcopt.core.types import TParameterValue

Parameter = RangeParameter | ChoiceParameter | DerivedParameter


def parameters_from_json(
    specs: Sequence[Mapping[str, Any]],
) -> tuple[tuple[Parameter, ...], tuple[Condition, ...]]:
    """Return the parameters, and the conditions under which they are active.

    Args:
        specs: A mapping for each parameter: its keys in a config, or what
            ``SearchSpace.to_json`` wrote.

    Raises:
        ConfigError: A type is unknown, or a parameter is invalid.
    """
    conditions = tuple(
        Condition(str(spec["name"]), str(parent), _several(values))
        for spec in specs
        for parent, values in spec.get("when", {}).items()
    )
    return tuple(parameter_from_json(spec) for spec in specs), conditions


def parameter_from_json(spec: Mapping[str, Any]) -> Parameter:
    """Return a parameter, whatever the conditions under which it is active.

    Raises:
        ConfigError: Its type is unknown, or it makes no sense.
    """
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
                is_ordered=bool(spec.get("is_ordered", False)),
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


def _several(values: Any) -> tuple[TParameterValue, ...]:
    """Return the values of a condition, of which there may be a single one."""
    return tuple(values) if isinstance(values, list | tuple) else (values,)


def derived_parameter(
    name: str, expression: str, parameter_type: Any
) -> DerivedParameter:
    """Return a derived parameter.

    Raises:
        ConfigError: The expression is malformed.
    """
    where = f"parameter {name!r}: expression"
    return DerivedParameter(name, Expression(expression, where), parameter_type)
