"""A search space with some parameters fixed, for a few suggestions.

The coordinates stay as they are, so that a model learns from trials with other values.
"""

from __future__ import annotations

from dataclasses import replace

from hpcopt.core.errors import ConfigError
from hpcopt.core.space.choices import ChoiceParameter, DerivedParameter, identity
from hpcopt.core.space.ranges import RangeParameter
from hpcopt.core.space.search_space import SearchSpace
from hpcopt.core.space.structure import Parameter
from hpcopt.core.types import TParameterization, TParameterValue

#: A value may be this share of a step off a multiple of it.
_STEP_TOLERANCE = 1e-9


def with_fixed(space: SearchSpace, fixed: TParameterization) -> SearchSpace:
    """Return ``space`` restricted to the values of ``fixed``.

    Raises:
        ConfigError: A name or a value is not of the space, the parameter is derived or
            a range that exists under a condition only, or nothing is left.
    """
    if not fixed:
        return space
    parameters = {parameter.name: parameter for parameter in space.parameters}
    conditional = {condition.parameter for condition in space.conditions}
    constraints = list(space.constraints)
    for name, value in fixed.items():
        parameter = parameters.get(name)
        if isinstance(parameter, RangeParameter) and name not in conditional:
            constraints += _fixing(parameter, value)
        elif isinstance(parameter, ChoiceParameter):
            parameters[name] = _fixed_choice(parameter, value)
        else:
            raise ConfigError(_refusal(name, parameter))
    return SearchSpace(tuple(parameters.values()), tuple(constraints), space.conditions)


def _fixing(parameter: RangeParameter, value: TParameterValue) -> list[str]:
    """Return the constraints that fix a range parameter."""
    name, lower, upper = parameter.name, parameter.lower, parameter.upper
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    if not is_number or not lower <= float(value) <= upper:
        raise ConfigError(
            f"fixed_parameters: {name}: expected a number from {lower} to {upper}, "
            f"found {value!r}"
        )
    if parameter.parameter_type == "float" and parameter.step is None:
        return [f"{name} == {float(value)!r}"]
    step = parameter.step or 1
    n_steps = (float(value) - lower) / step
    if abs(n_steps - round(n_steps)) > _STEP_TOLERANCE:
        raise ConfigError(
            f"fixed_parameters: {name}: expected {lower} plus a multiple of {step}, "
            f"found {value!r}"
        )
    # Equalities are for parameters that can be solved for, which take any value.
    return [f"{name} <= {value!r}", f"{name} >= {value!r}"]


def _fixed_choice(
    parameter: ChoiceParameter, value: TParameterValue
) -> ChoiceParameter:
    if identity(value) not in {identity(known) for known in parameter.values}:
        raise ConfigError(
            f"fixed_parameters: {parameter.name}: expected one of "
            f"{list(parameter.values)}, found {value!r}"
        )
    return replace(parameter, values=(value,))


def _refusal(name: str, parameter: Parameter | None) -> str:
    if parameter is None:
        return f"fixed_parameters: expected names of parameters, found {name!r}"
    why = "follows from others"
    if not isinstance(parameter, DerivedParameter):
        why = "is a range that exists under a condition only"
    return f"fixed_parameters: {name} cannot be fixed, as it {why}"
