"""The linear outcome transform: for several objectives, and for what has a target.

A power, as for a single objective, would change what a Pareto front's volume is, and
how far a metric is from its target.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from hpcopt.core.types import JSONValue

Array = npt.NDArray[np.float64]

#: Bad values further than this many interquartile ranges below the middle half say
#: no more than "bad", however wild they are.
_FENCE = 10.0

#: Spreads smaller than this, relative to the values, are rounding.
_RELATIVE_SPREAD = 1e-12


@dataclass(frozen=True)
class Standardize:
    """Clip what is bad beyond measure, and standardise to mean 0 and variance 1."""

    lowest: float
    """The outcomes are clipped to what is between these."""
    highest: float
    mean: float
    """Of the clipped outcomes, as is ``std``: the unit of the transformed ones."""
    std: float

    @classmethod
    def fit(cls, y: Array, target: float | None = None) -> Standardize:
        """Return the transform for the outcomes ``y``, shape ``(n,)``.

        Larger is better; or, with a ``target``, what is closer to it.
        """
        lower, upper = np.quantile(y, [0.25, 0.75])
        lowest = float(lower - _FENCE * (upper - lower)) if upper > lower else y.min()
        highest = math.inf
        if target is not None:
            lowest = min(lowest, target)
            highest = max(
                float(upper + _FENCE * (upper - lower)) if upper > lower else y.max(),
                target,
            )
        clipped = np.clip(y, lowest, highest)
        std = float(clipped.std())
        largest = float(np.abs(clipped).max())
        if target is not None:
            largest = max(largest, float(np.abs(clipped - target).max()))
        if std <= _RELATIVE_SPREAD * largest:
            # A target is never further away than a few of these units.
            std = 1.0 if target is None else largest or 1.0
        return cls(float(lowest), float(highest), float(clipped.mean()), std)

    def __call__(self, y: Array) -> Array:
        """Return the transformed outcomes."""
        standardised: Array = (
            np.clip(y, self.lowest, self.highest) - self.mean
        ) / self.std
        return standardised

    def scaled(self, value: float) -> float:
        """Return a value in units of the transformed outcomes, without clipping it."""
        return (value - self.mean) / self.std

    def variance(self, y: Array, variance: Array) -> Array:
        """Return the variance of the transformed outcomes."""
        return variance / self.std**2

    def inverse(self, t: Array) -> tuple[Array, Array]:
        """Return the outcomes of the transformed ones ``t``, and the slopes there."""
        return self.mean + self.std * t, np.full_like(t, self.std)

    def inverse_moments(self, mean: Array, variance: Array) -> tuple[Array, Array]:
        """Return mean and variance of outcomes that are Gaussian when transformed."""
        return self.mean + self.std * mean, self.std**2 * variance

    @property
    def details(self) -> Mapping[str, JSONValue]:
        """What a person may want to know of it."""
        return {"mean": self.mean, "std": self.std}
