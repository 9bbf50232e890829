"""Inputs of numeric tests, changed in their last digits.

Processors round differently, and so do versions of a library: sums run in another order
and end in other digits. A test that is green on this processor alone may be seen to be
so by other inputs: with ``--last-digits N``, each test of the generator runs ``N``
more times, each with other relative changes of up to 1e-13, some hundred times what one
rounding makes. What enters by ``changed`` or ``Numbers`` is changed.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from hpcopt.core.space.ranges import RangeParameter
from hpcopt.core.space.search_space import SearchSpace
from hpcopt.core.types import TParameterization, TParameterValue
from hpcopt.generation.snapshot import ObservedTrial

Array = npt.NDArray[np.float64]

#: How large the changes are at most, relative to what is changed.
SIZE = 1e-13

_seed = 0


@contextmanager
def changes(seed: int) -> Iterator[None]:
    """Let ``changed`` change what it is given, each seed in its own way; 0 not."""
    global _seed  # noqa: PLW0603
    before, _seed = _seed, seed
    try:
        yield
    finally:
        _seed = before


def changed(values: Array) -> Array:
    """Return the values with other last digits, equal ones for equal ones."""
    if _seed == 0:
        return values
    with np.errstate(over="ignore"):
        bits = np.array(values, dtype=np.float64).view(np.uint64)
        # The mixing of SplitMix64 (Steele, Lea and Flood 2014).
        mixed = bits + np.uint64(_seed * 0x9E3779B97F4A7C15 % 2**64)
        for shift, factor in ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB)):
            mixed = (mixed ^ (mixed >> np.uint64(shift))) * np.uint64(factor)
        uniform = (mixed >> np.uint64(11)) / 2.0**52 - 1
        return np.asarray(values + values * (SIZE * uniform))


def changed_number(value: float) -> float:
    """Return a number with other last digits."""
    return float(changed(np.array([value]))[0])


def changed_point(space: SearchSpace, point: TParameterization) -> TParameterization:
    """Return a point with other last digits where it is continuous.

    What lies within the bounds stays there.
    """
    if _seed == 0:
        return point
    moved: dict[str, TParameterValue] = dict(point)
    for parameter in space.parameters:
        if not isinstance(parameter, RangeParameter) or parameter.grid is not None:
            continue
        value = moved.get(parameter.name)
        if isinstance(value, float):
            lower, upper = parameter.lower, parameter.upper
            found = changed_number(value)
            is_inside = lower <= value <= upper
            moved[parameter.name] = (
                min(max(found, lower), upper) if is_inside else found
            )
    return moved


def changed_trial(space: SearchSpace, trial: ObservedTrial) -> ObservedTrial:
    """Return a trial with other last digits of its point and its outcome."""
    outcome = {
        name: replace(seen, mean=changed_number(seen.mean))
        for name, seen in trial.outcome.items()
    }
    point = changed_point(space, trial.parameters)
    return replace(trial, parameters=point, outcome=outcome)


class Numbers:
    """Random numbers as those of ``numpy.random.default_rng``, but for last digits."""

    def __init__(self, *seed: int) -> None:
        self._rng = np.random.default_rng(seed[0] if len(seed) == 1 else seed)

    def random(self, *shape: int) -> Array:
        """Return numbers between 0 and 1."""
        return np.minimum(changed(self._rng.random(shape)), 1.0)

    def normal(self, *shape: int) -> Array:
        """Return standard normal numbers."""
        return changed(self._rng.standard_normal(shape))

    def gamma(self, shape_parameter: float, scale: float, n: int) -> Array:
        """Return ``n`` numbers of a gamma distribution."""
        return changed(self._rng.gamma(shape_parameter, scale, n))
