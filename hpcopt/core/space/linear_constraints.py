"""Linear constraints as matrices over the coordinates of the unit cube."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from hpcopt.core.expressions import LinearForm
from hpcopt.core.space.choices import ChoiceParameter
from hpcopt.core.space.ranges import RangeParameter
from hpcopt.core.space.structure import Structure

Array = npt.NDArray[np.float64]


@dataclass(frozen=True)
class LinearConstraints:
    """The constraints that are linear in the ``d`` coordinates of the cube.

    They hold for values before these are rounded to a grid.
    """

    A: Array
    """``A @ x <= b``, shape ``(m, d)``."""
    b: Array
    A_equal: Array
    """``A_equal @ x == b_equal``."""
    b_equal: Array


def linear_constraints(
    structure: Structure, slices: Sequence[slice]
) -> LinearConstraints:
    """Return the constraints over range parameters that are linear and unconditional.

    Args:
        structure: The parameters and constraints.
        slices: The coordinates of each searched parameter.
    """
    d = slices[-1].stop if slices else 0
    rows: dict[bool, list[Array]] = {False: [], True: []}
    sides: dict[bool, list[float]] = {False: [], True: []}
    for constraint in structure.constraints:
        form = structure.reduced_form(constraint)
        row = None if form is None else _row(form, structure, slices, d)
        if row is not None:
            rows[constraint.is_equality].append(row[0])
            sides[constraint.is_equality].append(row[1])
    return LinearConstraints(
        A=np.array(rows[False]).reshape(len(rows[False]), d),
        b=np.array(sides[False]),
        A_equal=np.array(rows[True]).reshape(len(rows[True]), d),
        b_equal=np.array(sides[True]),
    )


def _row(
    form: LinearForm, structure: Structure, slices: Sequence[slice], d: int
) -> tuple[Array, float] | None:
    """Return a constraint's weights of the coordinates, ``(d,)``, and its right side.

    They are scaled so that the largest weight is 1 in magnitude; ``None`` if the
    constraint is not linear in the coordinates.
    """
    weights, side = np.zeros(d), -form.constant
    for name, weight in form.weights.items():
        column = structure.columns[name]
        parameter = structure.searched[column]
        if isinstance(parameter, ChoiceParameter) and parameter.n_coordinates == 0:
            side -= weight * float(parameter.numeric_values(np.zeros(1))[0])
        elif (
            isinstance(parameter, RangeParameter)
            and not parameter.log
            and name not in structure.conditional
        ):
            low, high = parameter.edges
            weights[slices[column]] += weight * (high - low)
            side -= weight * low
        else:
            return None
    size = float(np.abs(weights).max(initial=0.0)) or 1.0
    return weights / size, side / size
