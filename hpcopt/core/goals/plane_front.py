"""What is not dominated, of two objectives: without numpy, and for thousands."""

from __future__ import annotations

import math
from collections.abc import Sequence


def is_on_plane_front(points: Sequence[Sequence[float]]) -> list[bool]:
    """Return for each of ``n`` points whether no other dominates it.

    It is what ``is_nondominated`` returns for ``m = 2``, by a sweep from the largest
    first objective to the smallest, in ``O(n log n)``.

    Args:
        points: The finite values of two objectives, which are maximised.
    """
    largest = -math.inf
    on_front = set()
    for x, y in sorted({(x, y) for x, y in points}, reverse=True):
        # Of equal first objectives the largest second one comes first.
        if y > largest:
            on_front.add((x, y))
            largest = y
    return [(x, y) in on_front for x, y in points]
