"""Points of the cube on equalities over grids: rounded together, and exchanged."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt

from hpcopt.core.space.grid_equalities import GridEquality
from hpcopt.core.space.ranges import RangeParameter
from hpcopt.core.space.structure import Structure

Array = npt.NDArray[np.float64]


def balanced_columns(
    structure: Structure, slices: Sequence[slice], X: Array
) -> Iterator[tuple[int, Array]]:
    """Yield the columns of a table that equalities over grids round together.

    Args:
        structure: The parameters and constraints.
        slices: The coordinates of each searched parameter.
        X: Points of the cube, shape ``(n, d)``.

    Yields:
        A column's number, and its codes, shape ``(n,)``.
    """
    for equality in structure.grid_equalities:
        k = equality.balanced(_steps(structure, slices, equality, X))
        for name, steps in zip(equality.names, k.T, strict=True):
            yield structure.columns[name], _range(structure, name).at_steps(steps)


def is_rounded(
    structure: Structure, slices: Sequence[slice], X: Array
) -> npt.NDArray[np.bool_]:
    """Return which points decoding moves by no more than a step, shape ``(n,)``.

    Counted are the parameters of equalities over grids. Other points are moved from
    afar, to where they crowd at the edges.
    """
    near = np.ones(len(X), dtype=bool)
    for equality in structure.grid_equalities:
        steps = _steps(structure, slices, equality, X)
        near &= (np.abs(equality.balanced(steps) - steps) <= 1.0).all(axis=1)
    return near


def exchange_moves(structure: Structure, slices: Sequence[slice], d: int) -> Array:
    """Return moves that keep all equalities over grids, shape ``(n, d)``.

    Each adds steps to one parameter and takes some from another, as few as can be.
    Parameters on a log scale have none, as their steps differ in the cube.
    """
    moves = []
    for equality in structure.grid_equalities:
        for pair in equality.exchanges:
            if any(_range(structure, name).log for name, _ in pair):
                continue
            move = np.zeros(d)
            for name, n_steps in pair:
                parameter = _range(structure, name)
                low, high = parameter.edges
                at = slices[structure.columns[name]]
                move[at] = n_steps * (parameter.grid or 0.0) / (high - low)
            moves.append(move)
    return np.array(moves).reshape(len(moves), d)


def _steps(
    structure: Structure, slices: Sequence[slice], equality: GridEquality, X: Array
) -> Array:
    """Return the steps of an equality's parameters, not rounded, shape ``(n, m)``."""
    parts = [
        _range(structure, name).steps_at(X[:, slices[structure.columns[name]]])
        for name in equality.names
    ]
    return np.stack(parts, axis=1)


def _range(structure: Structure, name: str) -> RangeParameter:
    parameter = structure.searched[structure.columns[name]]
    assert isinstance(parameter, RangeParameter)
    return parameter
