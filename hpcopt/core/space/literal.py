"""Constraints that hold literally: in floating point, as a program evaluates them.

A constraint holds to a tolerance, for ``0.1 + 0.2 <= 0.3`` holds for a person. What is
proposed may be read by a program that checks ``a + b <= 1.5`` as it stands; so values
are moved by their last digits until it holds.
"""

from __future__ import annotations

from collections.abc import Collection

import numpy as np
import numpy.typing as npt

from hpcopt.core.space.parameter_constraints import TOLERANCE, ParameterConstraint
from hpcopt.core.space.ranges import RangeParameter
from hpcopt.core.space.structure import Structure

Array = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]

#: For an equality a value is moved by ``2**k`` of its last digits, for ``k`` below
#: this: what it lacks is rounding alone.
_N_DOUBLINGS = 3

#: The tolerance is relative to the sum of a constraint's terms; a value is moved by up
#: to so many times the tolerance of its own size.
_REACH = 16


def literally(structure: Structure, table: Array) -> Array:
    """Return the table with its feasible rows moved to where constraints hold exactly.

    Values of continuous parameters are moved one at a time, by as little as helps,
    within their bounds and the tolerance of constraints. A row stays as it is where it
    violates a constraint by more, and keeps what is broken where no move helps.

    Args:
        structure: The parameters and constraints.
        table: Codes, shape ``(n, p)``.
    """
    if not structure.constraints:
        return table
    rows = np.flatnonzero(_n_broken(structure, table))
    rows = rows[structure.violation(table[rows]) == 0.0]
    table = table.copy()
    for row in rows:
        table[row] = _moved(structure, table[row])
    return table


def _moved(structure: Structure, row: Array) -> Array:
    """Return a row, shape ``(p,)``, with the fewest broken constraints found."""
    solved = {parameter.name for parameter in structure.solved}
    # Equalities last: a move for another constraint solves them anew.
    constraints = sorted(structure.constraints, key=lambda c: c.is_equality)
    best, fewest = row, _n_broken(structure, row[None])[0]
    for _ in range(1 + len(constraints)):  # a chain is pushed along link by link
        for constraint in constraints:
            if _is_broken(structure, constraint, row[None])[0]:
                row = _mended(structure, constraint, row, solved)
        n_broken = _n_broken(structure, row[None])[0]
        if n_broken < fewest:
            best, fewest = row, n_broken
        if fewest == 0:
            break
    return best


def _mended(
    structure: Structure,
    constraint: ParameterConstraint,
    row: Array,
    solved: Collection[str],
) -> Array:
    """Return the row after the move that mends a constraint and breaks the fewest.

    Of several such the shortest; the row itself if there is none.
    """
    candidates: list[Array] = []
    sizes: list[float] = []
    for column, parameter in enumerate(structure.searched):
        follows = parameter.name in solved and not constraint.is_equality
        if not isinstance(parameter, RangeParameter) or parameter.grid or follows:
            continue
        value = row[column]
        if np.isnan(value):
            continue
        for distance in _distances(parameter, value, constraint.is_equality):
            for moved in (value - distance, value + distance):
                candidate = row.copy()
                candidate[column] = np.clip(moved, parameter.lower, parameter.upper)
                candidates.append(candidate)
                sizes.append(distance / (parameter.upper - parameter.lower))
    if not candidates:
        return row
    tried = np.array(candidates)
    if not constraint.is_equality:
        tried = structure.solve(tried)
    n_broken = _n_broken(structure, tried).astype(np.float64)
    is_mended = ~_is_broken(structure, constraint, tried)
    is_mended &= structure.violation(tried) == 0.0
    n_broken[~is_mended] = np.inf
    best = int(np.lexsort((np.array(sizes), n_broken))[0])
    return tried[best] if is_mended[best] else row


def _distances(
    parameter: RangeParameter, value: float, is_equality: bool
) -> list[float]:
    """Return how far a value may be moved: its last digit, twice that, and so on."""
    last_digit = float(np.spacing(abs(value)))
    width = parameter.upper - parameter.lower
    furthest = _REACH * TOLERANCE * max(width, abs(value))
    # The digits of a value near 0 are far below those of what it is added to.
    digit = max(last_digit, float(np.spacing(width)) / 4)
    n = _N_DOUBLINGS if is_equality else max(1, int(np.log2(furthest / digit)))
    return [last_digit, *(digit * 2.0**k for k in range(n))]


def _n_broken(structure: Structure, table: Array) -> npt.NDArray[np.intp]:
    """Return how many constraints do not hold exactly in each row, shape ``(n,)``."""
    counts = np.zeros(len(table), dtype=np.intp)
    for constraint in structure.constraints:
        counts += _is_broken(structure, constraint, table)
    return counts


def _is_broken(
    structure: Structure, constraint: ParameterConstraint, table: Array
) -> Mask:
    """Return in which rows a constraint does not hold exactly, shape ``(n,)``."""
    numeric = structure.numeric_values(table)
    broken = np.broadcast_to(~constraint.holds_exactly(numeric), len(table))
    return broken & structure.counts(constraint.names, table)
