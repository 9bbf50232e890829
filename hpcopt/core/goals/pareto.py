"""Pareto dominance, the partitioning of what is not dominated, the hypervolume.

All objectives are maximised.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]

#: An inferred reference point lies this share of the front's extent below it.
_BELOW_NADIR = 0.1

#: So few points are all compared with all at once.
_FEW = 500


def is_nondominated(points: npt.ArrayLike) -> npt.NDArray[np.bool_]:
    """Return for each of ``n`` points whether no other dominates it, shape ``(n,)``.

    One dominates another if it is nowhere worse and somewhere better; of equal points
    none dominates the others.

    Args:
        points: The values of ``m`` objectives, shape ``(n, m)``.
    """
    Y = np.asarray(points, dtype=np.float64)
    if len(Y) > _FEW:
        return _swept(Y)
    not_worse = (Y[:, None, :] >= Y[None, :, :]).all(axis=-1)
    better = (Y[:, None, :] > Y[None, :, :]).any(axis=-1)
    return np.logical_not((not_worse & better).any(axis=0))


def _swept(Y: Array) -> npt.NDArray[np.bool_]:
    """Return what ``is_nondominated`` does, in time by the size of the front."""
    # What is not a number is neither better nor worse.
    found = np.asarray(np.isnan(Y).any(axis=1))
    numbers = np.flatnonzero(~found)
    # In ascending order, by the first objective first: a point that dominates another
    # comes after it, so the last one that is left is not dominated.
    unique, of = np.unique(Y[numbers], axis=0, return_inverse=True)
    is_front = np.zeros(len(unique), dtype=bool)
    left = np.arange(len(unique))
    while len(left):
        last = left[-1]
        is_front[last] = True
        left = left[(unique[left] > unique[last]).any(axis=1)]
    found[numbers] = is_front[of.reshape(-1)]
    return found


def nondominated_partitioning(Y: Array, reference: Array) -> tuple[Array, Array]:
    """Partition the region above the reference point that no point dominates.

    The cells are found by sweeping the last objective, one dimension at a time.

    Args:
        Y: The values of ``m`` objectives at ``n`` points, shape ``(n, m)``, in any
            order; points that are not above the reference point in every objective,
            and dominated ones, make no difference.
        reference: The reference point, shape ``(m,)``, with ``m`` at least 2.

    Returns:
        The lower and the upper vertices of the ``c`` cells, each of shape ``(c, m)``;
        upper ones may be infinite. No two cells overlap.
    """
    Y = np.unique(Y[(reference < Y).all(axis=1)], axis=0)
    Y = Y[is_nondominated(Y)]
    Y = Y[np.argsort(-Y[:, -1], kind="stable")]
    if len(reference) == 2:
        return _partition_plane(Y, reference)
    lower, upper = [], []
    tops = [np.inf, *Y[:, -1]]
    bottoms = [*Y[:, -1], reference[-1]]
    for n, (top, bottom) in enumerate(zip(tops, bottoms, strict=True)):
        if bottom == top:
            continue
        # Between the last coordinates of two points only those above them count.
        low, high = nondominated_partitioning(Y[:n, :-1], reference[:-1])
        lower.append(np.column_stack([low, np.full(len(low), bottom)]))
        upper.append(np.column_stack([high, np.full(len(high), top)]))
    return np.concatenate(lower), np.concatenate(upper)


def _partition_plane(Y: Array, reference: Array) -> tuple[Array, Array]:
    """Return the cells for two objectives.

    Args:
        Y: A Pareto front, shape ``(n, 2)``, sorted by its last objective, descending.
        reference: The reference point, shape ``(2,)``.
    """
    lower = np.column_stack(
        [
            np.concatenate([reference[:1], Y[:, 0]]),
            np.concatenate([Y[:, 1], reference[1:]]),
        ]
    )
    upper = np.full_like(lower, np.inf)
    upper[1:, 1] = Y[:, 1]
    return lower, upper


def hypervolume(Y: Array, reference: Array) -> float:
    """Return the volume that ``Y`` dominates above the reference point.

    Args:
        Y: The values of ``m`` objectives at ``n`` points, shape ``(n, m)``.
        reference: The reference point, shape ``(m,)``, with ``m`` at least 2.
    """
    Y = Y[(reference < Y).all(axis=1)]
    if len(Y) == 0:
        return 0.0
    ideal = Y.max(axis=0)
    lower, upper = nondominated_partitioning(Y, reference)
    sides = np.maximum(np.minimum(upper, ideal) - lower, 0.0)
    return float((ideal - reference).prod() - sides.prod(axis=1).sum())


def infer_reference_point(front: Array, thresholds: Sequence[float | None]) -> Array:
    """Return the thresholds, and below the front where there are none, as Ax does.

    Args:
        front: The Pareto front, shape ``(f, m)``.
        thresholds: The least value of interest of each of the ``m`` objectives.

    Returns:
        Shape ``(m,)``.
    """
    given = np.array([-math.inf if t is None else t for t in thresholds])
    of_interest = front[(front > given).all(axis=1)]
    if len(of_interest) == 0:
        of_interest = front
    nadir = of_interest.min(axis=0)
    extent = of_interest.max(axis=0) - nadir
    # One point has no extent; outcomes are best scaled to one of about 1.
    extent = np.where(extent > 0, extent, 1.0)
    return np.where(np.isfinite(given), given, nadir - _BELOW_NADIR * extent)


def front_volume(
    values: Sequence[Sequence[float]], thresholds: Sequence[float | None]
) -> tuple[float, list[float]]:
    """Return the hypervolume of a Pareto front, and the reference point below it.

    Args:
        values: The values of ``m`` objectives of each of its points, at least one.
        thresholds: The least value of interest of each objective; where there is none,
            the reference point lies a little below the front.
    """
    front = np.array(values, dtype=np.float64)
    reference = infer_reference_point(front, thresholds)
    return hypervolume(front, reference), reference.tolist()
