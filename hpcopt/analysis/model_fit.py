"""How good a model's predictions are."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]

#: A model whose R² is below the first has learnt nothing to speak of; from the second
#: on, what it says may be relied on.
LEAST_FIT, GOOD_FIT = 0.1, 0.8


def r_squared(observed: Array, predicted: Array) -> float:
    """Return the coefficient of determination of predictions of outcomes.

    1 is perfect, 0 is as good as the mean of the outcomes, and there is no lower bound.
    NaN where all outcomes are equal. Both have the shape ``(n,)``.
    """
    total = float(((observed - observed.mean()) ** 2).sum())
    if total == 0.0:
        return math.nan
    return 1.0 - float(((observed - predicted) ** 2).sum()) / total
