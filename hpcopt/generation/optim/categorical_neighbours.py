"""The neighbours of a point in its unordered choices. Pure numpy.

A value of an unordered choice is no closer to one other value than to another, so that
a model knows little of those that few trials had, and expected improvement keeps to the
ones that it knows. Points that differ in one choice alone are their neighbours.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from hpcopt.core.space.search_space import SearchSpace

Array = npt.NDArray[np.float64]

#: Coordinates closer than this are the same value's.
_SAME = 1e-6


def categorical_neighbours(space: SearchSpace, x: Array) -> Array:
    """Return the points that differ from ``x`` in one unordered choice.

    Args:
        space: The space that the cube stands for.
        x: A point of it, shape ``(d,)``.

    Returns:
        Those that the constraints leave, shape ``(n, d)``; what a condition makes of
        other parameters may differ too.
    """
    found = [x[None]]
    for parameter, columns in zip(space.searched, space.slices, strict=True):
        if parameter.is_nominal:
            values = parameter.coordinates(parameter.all_codes())
            points = np.tile(x, (len(values), 1))
            points[:, columns] = values
            found.append(points)
    X = space.snap(np.concatenate(found))
    is_other = np.abs(X - x).max(axis=1) > _SAME
    others: Array = X[is_other & space.is_feasible(X)]
    return others


def untried(space: SearchSpace, X: Array, X_tried: Array, reach: float) -> Array:
    """Return those of ``X`` near which no trial had the same choices.

    Args:
        space: The space that the cube stands for.
        X: Points, shape ``(n, d)``.
        X_tried: The trials' points, shape ``(m, d)``.
        reach: How far, in each other coordinate, is near.

    Returns:
        Shape ``(k, d)``.
    """
    reaches = np.where(space.is_nominal, _SAME, reach)
    # One after the other: thousands of trials and hundreds of coordinates are many.
    is_tried = [(np.abs(X_tried - x) <= reaches).all(axis=1).any() for x in X]
    rest: Array = X[~np.array(is_tried, dtype=bool)]
    return rest
