"""Parameterizations from outside a search space, such as an earlier campaign's.

They are encoded as those are that lie outside since the space was changed: numbers
beyond the bounds have coordinates outside the unit cube, and values of a choice that
are not offered have coordinates of their own without being allowed.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

from hpcopt.core.errors import PointError
from hpcopt.core.space.choices import ChoiceParameter, identity
from hpcopt.core.space.encoding import check_names, complete, why_outside
from hpcopt.core.space.search_space import Parameter, SearchSpace
from hpcopt.core.types import TParameterization, TParameterValue


def admitted(
    space: SearchSpace, parameterization: TParameterization
) -> tuple[dict[str, TParameterValue], tuple[str, ...]]:
    """Return it completed, and why it lies outside the space: a sentence a reason.

    There is no reason if it lies inside. What lies outside can be encoded by the space
    that is ``knowing`` it.

    Raises:
        PointError: It has a name that the space has not or a value of a wrong type,
            lacks one, or has a derived one that does not follow from the others.
    """
    check_names(space.structure, parameterization)
    wider = knowing(space, [parameterization]).structure
    outside = why_outside(wider, parameterization)
    return complete(wider, parameterization), outside


def knowing(
    space: SearchSpace, parameterizations: Sequence[TParameterization]
) -> SearchSpace:
    """Return the space with the values known that these have for its choices.

    Raises:
        PointError: A value is of a wrong type, or has no place in an order.
    """
    parameters = tuple(_knowing(p, parameterizations) for p in space.parameters)
    if parameters == space.parameters:
        return space
    return SearchSpace(parameters, space.constraints, space.conditions)


def _knowing(
    parameter: Parameter, parameterizations: Sequence[TParameterization]
) -> Parameter:
    """Return a choice with the values that it has in ``parameterizations`` known.

    They are placed by size among ordered numbers, and after the others else.
    """
    if not isinstance(parameter, ChoiceParameter):
        return parameter
    known = list(parameter.known)
    identities = {identity(value) for value in known}
    for point in parameterizations:
        value = point.get(parameter.name, known[0])
        if identity(value) not in identities:
            _check_place(parameter, value)
            identities.add(identity(value))
            known.append(value)
    if len(known) == len(parameter.known):
        return parameter
    if parameter.is_ordered:
        is_falling = known[0] > parameter.known[-1]  # type: ignore[operator]
        known.sort(reverse=is_falling)
    default = parameter.default
    if default is None and len(parameter.known) == 1:
        [default] = parameter.known  # as trials had it when there was no other value
    return replace(parameter, known=tuple(known), default=default)


def _check_place(parameter: ChoiceParameter, value: TParameterValue) -> None:
    """Raise ``PointError`` unless a value can become one that the choice knows.

    It is of the kind of those: text, truth or number. Where these are ordered it is a
    number, for else it has no place among them.
    """
    is_finite = not isinstance(value, float) or math.isfinite(value)
    if _kind(value) not in map(_kind, parameter.known) or not is_finite:
        raise parameter.unknown(value)
    if parameter.is_ordered and not _are_by_size(parameter.known):
        raise PointError(
            f"{parameter.unknown(value)}, which has no place in their order; add it to "
            "the values, from which it may be taken away again"
        )


def _kind(value: TParameterValue) -> type:
    """Return what kind of value it is: text, truth or a number."""
    return float if type(value) is int else type(value)


def _are_by_size(values: Sequence[TParameterValue]) -> bool:
    """Return whether they are numbers that rise all along, or fall."""
    if any(_kind(value) is not float for value in values):
        return False
    rising = sorted(values)
    return list(values) in (rising, rising[::-1])
