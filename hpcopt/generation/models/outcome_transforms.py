"""Transforms of outcomes: to values that look Gaussian, and back. Pure numpy.

``YeoJohnson`` is for a single objective, ``Bilog`` for constraints; ``Standardize``, of
``standardize.py``, is for what must stay linear.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize_scalar

from hpcopt.core.types import JSONValue

Array = npt.NDArray[np.float64]

#: Bad values further than this many interquartile ranges below the middle half say
#: no more than "bad", however wild they are.
_FENCE = 10.0

#: Good values are kept apart up to here, in interquartile ranges.
_CEILING = 1e6

#: The bounds of the power, where 1 changes nothing.
_POWERS = (-2.0, 4.0)

#: Spreads smaller than this, relative to the values, are rounding.
_RELATIVE_SPREAD = 1e-12

#: Numbers below this lose digits.
_SMALLEST = 1e-300

_NODES, _WEIGHTS = np.polynomial.hermite_e.hermegauss(32)

#: The nodes and weights of the mean of a function of a standard normal number.
QUADRATURE = _NODES, _WEIGHTS / _WEIGHTS.sum()


class FittedTransform(Protocol):
    """An increasing function of an outcome, to values with a variance of about 1."""

    def __call__(self, y: Array) -> Array:
        """Return the transformed outcomes, shape ``(n,)`` as ``y`` has."""

    def variance(self, y: Array, variance: Array) -> Array:
        """Return the variance of each transformed outcome's noise, shape ``(n,)``."""

    def inverse(self, t: Array) -> tuple[Array, Array]:
        """Return the outcomes of the transformed ones ``t``, and the slopes there.

        All of them have one shape.
        """

    def inverse_moments(self, mean: Array, variance: Array) -> tuple[Array, Array]:
        """Return mean and variance of outcomes that are Gaussian when transformed.

        Args:
            mean: Of the transformed outcomes, shape ``(n,)``.
            variance: Of the transformed outcomes, shape ``(n,)``.
        """

    @property
    def details(self) -> Mapping[str, JSONValue]:
        """What a person may want to know of it."""


@dataclass(frozen=True)
class YeoJohnson:
    """Clip, shift and scale; a power transform; standardise.

    Yeo and Johnson, "A New Family of Power Transformations to Improve Normality or
    Symmetry" (2000). Medians and quartiles scale the outcomes and say what is clipped,
    so that a diverged simulation changes little.
    """

    location: float
    """The median."""
    scale: float
    """The interquartile range."""
    power: float
    mean: float
    """Of the outcomes after the power, as is ``std``."""
    std: float
    lowest: float
    """The clipped range of the outcomes, in units of ``scale`` from ``location``."""
    highest: float

    @classmethod
    def fit(cls, y: Array) -> YeoJohnson:
        """Return the transform of largest likelihood for the outcomes ``y``, ``(n,)``.

        The likelihood is that of a normal distribution of the transformed outcomes.
        """
        lower, location, upper = np.quantile(y, [0.25, 0.5, 0.75])
        scale = _spread(lower, upper) or _spread(y.min(), y.max())
        if scale is None:
            return cls(float(location), 1.0, 1.0, 0.0, 1.0, 0.0, 0.0)
        low = (float(lower - location)) / scale - _FENCE
        z = _clipped(y, float(location), scale, low, _CEILING)
        power = _best_power(z)
        transformed = _yeo_johnson(z, power)
        return cls(
            location=float(location),
            scale=scale,
            power=power,
            mean=float(transformed.mean()),
            std=float(transformed.std()),
            lowest=float(z.min()),
            highest=float(z.max()),
        )

    def __call__(self, y: Array) -> Array:
        """Return the transformed outcomes."""
        z = self._clipped(y)
        standardised: Array = (_yeo_johnson(z, self.power) - self.mean) / self.std
        return standardised

    def variance(self, y: Array, variance: Array) -> Array:
        """Return the variance of the transformed outcomes, to first order."""
        z = self._clipped(y)
        exponent = np.where(z >= 0, self.power - 1, 1 - self.power)
        slope = np.exp(exponent * np.log1p(np.abs(z))) / (self.scale * self.std)
        transformed: Array = variance * slope**2
        return transformed

    def inverse(self, t: Array) -> tuple[Array, Array]:
        """Return the outcomes of the transformed ones ``t``, and the slopes there."""
        # A power has a bounded range: beyond the outcomes' own range, extended by
        # itself on both sides, its inverse means nothing.
        reach = self.highest - self.lowest
        ends = np.array([self.lowest - reach, self.highest + reach])
        ends = _yeo_johnson(ends, self.power)
        powered = t * self.std + self.mean
        z = _inverse_yeo_johnson(np.clip(powered, *ends), self.power)
        exponent = np.where(z >= 0, 1 - self.power, self.power - 1)
        slope = np.exp(exponent * np.log1p(np.abs(z))) * (self.scale * self.std)
        is_inside = (powered > ends[0]) & (powered < ends[1])
        return self.location + self.scale * z, np.where(is_inside, slope, 0.0)

    def inverse_moments(self, mean: Array, variance: Array) -> tuple[Array, Array]:
        """Return mean and variance of outcomes that are Gaussian when transformed."""
        return _integrated(self.inverse, mean, variance)

    @property
    def details(self) -> Mapping[str, JSONValue]:
        """What a person may want to know of it."""
        return {"power": self.power}

    def _clipped(self, y: Array) -> Array:
        return _clipped(y, self.location, self.scale, self.lowest, self.highest)


@dataclass(frozen=True)
class Bilog:
    """Scale, and take the logarithm of what is far from 0, keeping the sign.

    ``sign(z) log(1 + |z|)``, as Eriksson and Poloczek, "Scalable Constrained Bayesian
    Optimization" (2021), transform constraints. Feasible stays feasible: 0 stays 0.
    """

    scale: float
    """Where the logarithm begins: the median of the slacks' magnitudes."""
    std: float
    """Of the slacks after the logarithm; their mean is left as it is."""

    @classmethod
    def fit(cls, y: Array) -> Bilog:
        """Return the transform for the slacks ``y``, shape ``(n,)``."""
        scale = float(np.median(np.abs(y))) or float(np.abs(y).max()) or 1.0
        scale = max(scale, _SMALLEST)
        return cls(scale, float(_bilog(y / scale).std()) or 1.0)

    def __call__(self, y: Array) -> Array:
        """Return the transformed slacks."""
        t: Array = _bilog(y / self.scale) / self.std
        return t

    def variance(self, y: Array, variance: Array) -> Array:
        """Return the variance of the transformed slacks, to first order."""
        slope = 1 / ((1 + np.abs(y / self.scale)) * self.scale * self.std)
        transformed: Array = variance * slope**2
        return transformed

    def inverse(self, t: Array) -> tuple[Array, Array]:
        """Return the slacks of the transformed ones ``t``, and the slopes there."""
        z = t * self.std
        slope = self.scale * self.std * np.exp(np.abs(z))
        return self.scale * np.sign(z) * np.expm1(np.abs(z)), slope

    def inverse_moments(self, mean: Array, variance: Array) -> tuple[Array, Array]:
        """Return mean and variance of slacks that are Gaussian when transformed."""
        return _integrated(self.inverse, mean, variance)

    @property
    def details(self) -> Mapping[str, JSONValue]:
        """What a person may want to know of it."""
        return {"scale": self.scale}


def _clipped(
    y: Array, location: float, scale: float, lowest: float, highest: float
) -> Array:
    """Return ``(y - location) / scale``, clipped, whatever the scale is."""
    with np.errstate(over="ignore"):
        return np.clip((y - location) / scale, lowest, highest)


def _bilog(z: Array) -> Array:
    """Return ``sign(z) log(1 + |z|)``."""
    t: Array = np.sign(z) * np.log1p(np.abs(z))
    return t


def _integrated(
    inverse: Callable[[Array], tuple[Array, Array]], mean: Array, variance: Array
) -> tuple[Array, Array]:
    """Return mean and variance of ``inverse`` of Gaussian numbers, by quadrature."""
    nodes, weights = QUADRATURE
    values = inverse(mean[:, None] + np.sqrt(variance)[:, None] * nodes)[0]
    first = values @ weights
    return first, ((values - first[:, None]) ** 2) @ weights


def _spread(lower: float, upper: float) -> float | None:
    """Return the distance, unless it is rounding."""
    distance = float(upper - lower)
    rounding = _RELATIVE_SPREAD * max(abs(lower), abs(upper))
    return distance if distance > rounding else None


def _best_power(z: Array) -> float:
    """Return Yeo and Johnson's power of largest profile likelihood for ``z``."""
    signed_log = float(_bilog(z).sum())

    def loss(power: float) -> float:
        variance = float(_yeo_johnson(z, power).var())
        if variance <= 0.0:
            return math.inf
        return 0.5 * len(z) * math.log(variance) - (power - 1) * signed_log

    return float(minimize_scalar(loss, bounds=_POWERS, method="bounded").x)


def _yeo_johnson(z: Array, power: float) -> Array:
    return np.where(z >= 0, _box_cox(np.abs(z), power), -_box_cox(np.abs(z), 2 - power))


def _inverse_yeo_johnson(t: Array, power: float) -> Array:
    up = _inverse_box_cox(np.abs(t), power)
    return np.where(t >= 0, up, -_inverse_box_cox(np.abs(t), 2 - power))


def _box_cox(z: Array, power: float) -> Array:
    """``((1 + z)^power - 1) / power``."""
    log = np.log1p(z)
    if abs(power) < 1e-9:
        return log
    result: Array = np.expm1(power * log) / power
    return result


def _inverse_box_cox(t: Array, power: float) -> Array:
    if abs(power) < 1e-9:
        return np.expm1(t)
    # The other sign's values pass through here too and may lie outside the domain.
    inside = np.maximum(power * t, -1 + 1e-12)
    result: Array = np.expm1(np.log1p(inside) / power)
    return result
