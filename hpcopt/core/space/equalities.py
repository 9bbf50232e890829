"""Linear equality constraints: each eliminates one float parameter, if it has one.

They are brought to reduced row echelon form (Gauss-Jordan elimination); the pivot of
each is the parameter whose weight times range is largest.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from hpcopt.core.errors import ConfigError
from hpcopt.core.expressions import LinearForm
from hpcopt.core.space.ranges import RangeParameter

Array = npt.NDArray[np.float64]

#: Coefficients smaller than this, relative to the others of their row, are rounding.
_ROUNDING = 1e-12


@dataclass(frozen=True)
class SolvedParameter:
    """A parameter whose value is a weighted sum of others."""

    name: str
    form: LinearForm

    def value(self, values: Mapping[str, Array]) -> Array:
        """Return its value at each of ``n`` points, shape ``(n,)``.

        Args:
            values: The values of the others by name, shape ``(n,)``.
        """
        terms = [w * values[name] for name, w in self.form.weights.items()]
        return sum(terms, np.array(self.form.constant))


def solve_equalities(
    forms: Sequence[LinearForm], parameters: Mapping[str, RangeParameter]
) -> tuple[tuple[SolvedParameter, ...], tuple[LinearForm, ...]]:
    """Solve the system ``form == 0``, for all of ``forms``, for one parameter each.

    Args:
        forms: Over names of which some are in ``parameters``.
        parameters: The continuous parameters by name.

    Returns:
        The parameters that are solved for, and the forms that have no continuous
        parameter left, which shall be 0.

    Raises:
        ConfigError: The equalities contradict each other.
    """
    names = list(dict.fromkeys(name for form in forms for name in form.weights))
    rows = np.array(
        [[f.weights.get(name, 0.0) for name in names] + [f.constant] for f in forms]
    ).reshape(len(forms), len(names) + 1)
    reach = np.array(
        [
            parameters[name].upper - parameters[name].lower
            if name in parameters
            else 0.0
            for name in names
        ]
    )
    pivots: list[tuple[int, int]] = []
    unsolved: list[LinearForm] = []
    for k in range(len(rows)):
        size = np.abs(rows[k, :-1]).max(initial=0.0)
        if size <= _ROUNDING * max(1.0, np.abs(rows[k]).max()):
            if abs(rows[k, -1]) > _ROUNDING:
                raise ConfigError(
                    "parameter_constraints: the equalities contradict each other"
                )
            continue  # it follows from the others
        weights = np.abs(rows[k, :-1]) * reach
        column = int(weights.argmax())
        if weights[column] == 0.0:
            sizes = zip(names, rows[k, :-1].tolist(), strict=True)
            rest = {name: w for name, w in sizes if abs(w) > _ROUNDING * size}
            unsolved.append(LinearForm(rest, float(rows[k, -1])))
            continue
        rows[k] /= rows[k, column]
        for other in range(len(rows)):
            if other != k:
                rows[other] -= rows[other, column] * rows[k]
        pivots.append((k, column))
    solved = tuple(
        SolvedParameter(
            names[column],
            LinearForm(
                {
                    name: -float(weight)
                    for name, weight in zip(names, rows[k, :-1], strict=True)
                    if name != names[column] and abs(weight) > _ROUNDING
                },
                -float(rows[k, -1]),
            ),
        )
        for k, column in pivots
    )
    return solved, tuple(unsolved)
