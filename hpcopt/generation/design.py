"""The initial design: the centre, then a scrambled Sobol sequence. Loads no torch."""

from __future__ import annotations

import itertools
from collections.abc import Iterable

import numpy as np
import numpy.typing as npt
from scipy.stats import qmc

from hpcopt.core.space import ChoiceParameter, Parameter, SearchSpace
from hpcopt.core.types import TParameterization, TParameterValue
from hpcopt.generation.protocol import Suggestion

#: Points of the cube closer than this in every coordinate are the same point.
_DIGITS = 9

#: Random points tried before the points that are left are listed one by one.
_N_TRIES = 100


class UsedPoints:
    """The parameterizations that must not be proposed again."""

    def __init__(
        self, space: SearchSpace, parameterizations: Iterable[TParameterization]
    ) -> None:
        self._space = space
        self._keys = {_key(row) for row in space.encode(parameterizations)}

    def __contains__(self, parameterization: TParameterization) -> bool:
        return _key(self._space.encode([parameterization])[0]) in self._keys

    def add(self, parameterization: TParameterization) -> None:
        """Count ``parameterization`` as used from now on."""
        self._keys.add(_key(self._space.encode([parameterization])[0]))

    @property
    def is_everything(self) -> bool:
        """Whether the space has no other point left."""
        n_points = self._space.n_points
        return n_points is not None and len(self._keys) >= n_points


def initial_suggestion(
    space: SearchSpace, seed: int, index: int, used: UsedPoints
) -> Suggestion:
    """Return the suggestion of the initial design for trial ``index``.

    It depends on the seed and the index alone, unless it is used already: then it is
    another one, drawn at random. The space must have a point left.
    """
    if index == 0:
        suggestion = Suggestion(space.decode(np.full((1, space.d), 0.5))[0], "center")
    else:
        suggestion = Suggestion(space.decode(_sobol(space.d, seed, index))[0], "sobol")
    if suggestion.parameters not in used:
        return suggestion
    return Suggestion(_random_unused(space, seed, index, used), "sobol")


def every_parameterization(space: SearchSpace) -> Iterable[TParameterization]:
    """Yield every parameterization of a space that has an end."""
    names = [parameter.name for parameter in space.parameters]
    for combination in itertools.product(*map(_values, space.parameters)):
        yield dict(zip(names, combination, strict=True))


def _values(parameter: Parameter) -> list[TParameterValue]:
    if isinstance(parameter, ChoiceParameter):
        return list(parameter.values)
    if parameter.n_values is None:
        raise ValueError(f"parameter {parameter.name!r} is continuous")
    grid = np.linspace(parameter.lower, parameter.upper, parameter.n_values)
    return [parameter.decode(parameter.encode(value)) for value in grid.tolist()]


def _sobol(d: int, seed: int, index: int) -> npt.NDArray[np.float64]:
    if d == 0:
        return np.zeros((1, 0))
    engine = qmc.Sobol(d, scramble=True, seed=np.random.default_rng(seed))
    if index > 1:  # the sequence starts with trial 1, after the centre
        engine.fast_forward(index - 1)
    point: npt.NDArray[np.float64] = engine.random(1)
    return point


def _random_unused(
    space: SearchSpace, seed: int, index: int, used: UsedPoints
) -> TParameterization:
    rng = np.random.default_rng([seed, index])
    for parameters in space.decode(rng.random((_N_TRIES, space.d))):
        if parameters not in used:
            return parameters
    left = [p for p in every_parameterization(space) if p not in used]
    return left[int(rng.integers(len(left)))]


def _key(row: npt.NDArray[np.float64]) -> tuple[float, ...]:
    return tuple(np.round(row, _DIGITS).tolist())
