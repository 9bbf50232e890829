"""Parameterizations as tables of codes, and back.

A table has the shape ``(n, p)``: a row for each parameterization, a column for each
searched parameter, NaN where that is inactive.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt

from hpcopt.core.errors import PointError
from hpcopt.core.space.choices import ChoiceParameter, DerivedParameter
from hpcopt.core.space.ranges import RangeParameter
from hpcopt.core.space.structure import Structure
from hpcopt.core.types import TParameterization, TParameterValue

Array = npt.NDArray[np.float64]

_Column = list[TParameterValue | None]


def to_table(
    structure: Structure, parameterizations: Sequence[TParameterization]
) -> Array:
    """Return the codes of ``n`` parameterizations, shape ``(n, p)``.

    A value that is missing is that of the fixed parameter, or the default.

    Raises:
        PointError: A value is missing still, or is not one of a choice's.
    """
    table = np.empty((len(parameterizations), len(structure.searched)))
    for k, parameter in enumerate(structure.searched):
        name, default = parameter.name, parameter.default
        if isinstance(parameter, ChoiceParameter) and len(parameter.known) == 1:
            default = parameter.known[0]
        values = [point.get(name, default) for point in parameterizations]
        table[:, k] = parameter.codes(values)
    active = structure.active(table)
    missing = np.argwhere(active & np.isnan(table))
    if len(missing):
        name = structure.searched[missing[0, 1]].name
        raise PointError(
            f"parameterization: expected a value for {name!r}, found none in "
            f"{dict(parameterizations[missing[0, 0]])}"
        )
    return np.where(active, table, np.nan)


def from_table(structure: Structure, table: Array) -> list[dict[str, TParameterValue]]:
    """Return the parameterizations of a table, with their derived values.

    Raises:
        PointError: A derived parameter has no value.
    """
    columns: dict[str, _Column] = {}
    for k, parameter in enumerate(structure.searched):
        is_active = ~np.isnan(table[:, k])
        values = iter(parameter.values_of(table[is_active, k]))
        columns[parameter.name] = [
            next(values) if active else None for active in is_active.tolist()
        ]
    if structure.derived:
        numeric = structure.numeric_values(table)
        for derived in structure.derived:
            holds = structure.holds(derived.name, table).tolist()
            found = numeric.get(derived.name)
            columns[derived.name] = _derived_column(derived, columns, found, holds)
    names = [parameter.name for parameter in structure.parameters]
    return [
        {n: v for n, v in zip(names, values, strict=True) if v is not None}
        for values in zip(*(columns[name] for name in names), strict=True)
    ]


def _derived_column(
    parameter: DerivedParameter,
    columns: Mapping[str, _Column],
    numeric: Array | None,
    holds: Sequence[bool],
) -> _Column:
    """Return the values of a derived parameter; ``None`` where it is inactive.

    Args:
        parameter: The parameter.
        columns: The values of those that it depends on.
        numeric: Its own values as floats; ``None`` if it copies text or truth.
        holds: Where its conditions hold.
    """
    names = parameter.expression.names
    values: _Column = []
    for row, does_hold in enumerate(holds):
        at = {name: columns[name][row] for name in names}
        if not does_hold or None in at.values():
            values.append(None)
        elif numeric is None:  # a copy
            values.extend(at.values())
        elif math.isfinite(value := float(numeric[row])):
            is_whole = parameter.parameter_type == "int"
            values.append(round(value) if is_whole else value)
        else:
            raise PointError(
                f"parameter {parameter.name!r}: {parameter.expression.text!r} has no "
                f"value at {at}"
            )
    return values


def why_outside(
    structure: Structure, parameterization: TParameterization
) -> tuple[str, ...]:
    """Return the reasons for which a parameterization lies outside the space.

    One for each value that is not allowed, and one for the first constraint that it
    violates, in that order; there are none where it lies inside.

    Raises:
        PointError: It has a name that there is not or a value of a wrong type, or lacks
            a value.
    """
    reasons = []
    for parameter in structure.searched:
        if parameter.name in parameterization:
            value = parameterization[parameter.name]
            if isinstance(parameter, RangeParameter):
                parameter.check_type(value)
            try:
                parameter.check(value)
            except PointError as exc:
                reasons.append(str(exc))
    violated = structure.first_violated(to_table(structure, [parameterization]))
    if violated is not None:
        reasons.append(
            f"parameterization: expected {violated}, found {dict(parameterization)}"
        )
    return tuple(reasons)


def check_names(structure: Structure, parameterization: TParameterization) -> None:
    """Raise ``PointError`` unless all names are those of parameters."""
    names = {parameter.name for parameter in structure.parameters}
    if not set(parameterization) <= names:
        raise PointError(
            f"parameterization: expected values for {sorted(names)}, "
            f"found {sorted(parameterization)}"
        )


def complete(
    structure: Structure, parameterization: TParameterization
) -> dict[str, TParameterValue]:
    """Return a parameterization with its fixed and derived values.

    Raises:
        PointError: It lacks a value, has one that is not known, or one of a derived
            parameter that does not follow from the others.
    """
    [completed] = from_table(structure, to_table(structure, [parameterization]))
    for derived in structure.derived:
        value = completed.get(derived.name)
        given = parameterization.get(derived.name, value)
        if given != value:
            raise PointError(
                f"parameter {derived.name!r}: expected {value!r}, which follows "
                f"from the others, found {given!r}"
            )
    return completed
