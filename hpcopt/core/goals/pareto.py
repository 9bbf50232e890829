"""Points that no other one is better than in everything, and the volume below them.

Larger is better in every coordinate.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]


def is_nondominated(points: npt.ArrayLike) -> npt.NDArray[np.bool_]:
    """Return for each of ``points``, shape ``(n, m)``, whether none dominates it.

    One dominates another if it is nowhere worse and somewhere better; of equal points
    none dominates the others.
    """
    Y = np.asarray(points, dtype=np.float64)
    not_worse = (Y[:, None, :] >= Y[None, :, :]).all(axis=-1)
    better = (Y[:, None, :] > Y[None, :, :]).any(axis=-1)
    return np.logical_not((not_worse & better).any(axis=0))


def nondominated_boxes(Y: Array, reference: Array) -> tuple[Array, Array]:
    """Return boxes that fill what is above ``reference`` and that ``Y`` leaves over.

    Args:
        Y: Points, shape ``(n, m)``, in any order; those that are not above the
            reference in everything, and dominated ones, make no difference.
        reference: Where the volume begins, shape ``(m,)``, ``m`` being 2 at least.

    Returns:
        The boxes' lower and upper corners, each of shape ``(c, m)``; the latter are
        infinite in places. No two boxes overlap.
    """
    Y = np.unique(Y[(reference < Y).all(axis=1)], axis=0)
    Y = Y[is_nondominated(Y)]
    Y = Y[np.argsort(-Y[:, -1], kind="stable")]
    if len(reference) == 2:
        return _strips(Y, reference)
    lower, upper = [], []
    tops = [np.inf, *Y[:, -1]]
    bottoms = [*Y[:, -1], reference[-1]]
    for n, (top, bottom) in enumerate(zip(tops, bottoms, strict=True)):
        if bottom == top:
            continue
        # Between the last coordinates of two points only those above them count.
        low, high = nondominated_boxes(Y[:n, :-1], reference[:-1])
        lower.append(np.column_stack([low, np.full(len(low), bottom)]))
        upper.append(np.column_stack([high, np.full(len(high), top)]))
    return np.concatenate(lower), np.concatenate(upper)


def _strips(Y: Array, reference: Array) -> tuple[Array, Array]:
    """Return the boxes of a plane; ``Y`` is a front, its last coordinate falling."""
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
    """Return the volume above ``reference`` in which ``Y`` dominates.

    Args:
        Y: Points, shape ``(n, m)``.
        reference: Where the volume begins, shape ``(m,)``, ``m`` being 2 at least.
    """
    Y = Y[(reference < Y).all(axis=1)]
    if len(Y) == 0:
        return 0.0
    ideal = Y.max(axis=0)
    lower, upper = nondominated_boxes(Y, reference)
    sides = np.maximum(np.minimum(upper, ideal) - lower, 0.0)
    return float((ideal - reference).prod() - sides.prod(axis=1).sum())
