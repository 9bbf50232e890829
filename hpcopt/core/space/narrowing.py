"""A search space whose large choices have the values that matter to a model.

Each value of an unordered choice has a coordinate of its own, which thousands of values
would make thousands. But to a model all values that no trial had are alike: a few of
them stand for all, and the number of coordinates grows with the trials instead.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from typing_extensions import override

from hpcopt.core.space.choices import MAX_ONE_HOT, ChoiceParameter, identity
from hpcopt.core.space.search_space import SearchSpace
from hpcopt.core.space.structure import Parameter
from hpcopt.core.types import TParameterization, TParameterValue


@dataclass(frozen=True)
class NarrowedChoice(ChoiceParameter):
    """An unordered choice without some of its values, and one-hot whatever is left."""

    left_out: tuple[TParameterValue, ...] = ()
    """Those that it is without; they are encoded as ``stand_in``."""
    stand_in: TParameterValue | None = None
    """One of ``known`` that no trial had; ``None`` if there is none."""

    @property
    @override
    def is_one_hot(self) -> bool:
        return len(self.known) > 2

    @property
    @override
    def is_nominal(self) -> bool:
        return len(self.known) > 1

    @cached_property
    @override
    def _index_of(self) -> dict[object, int]:
        found = {identity(value): index for index, value in enumerate(self.known)}
        if self.stand_in is not None:
            index = found[identity(self.stand_in)]
            found.update((identity(value), index) for value in self.left_out)
        return found


def narrowed(
    space: SearchSpace,
    tried: Sequence[TParameterization],
    n_untried: int,
    seed: Sequence[int],
) -> SearchSpace:
    """Return the space with fewer values of each large unordered choice.

    Args:
        space: The whole space.
        tried: Parameterizations whose values are kept.
        n_untried: How many other values are kept of each choice, or all that there are;
            at least 1.
        seed: Which ones they are follows from it.

    Returns:
        A space whose parameterizations are all of the whole space, and which encodes
        all of that; the whole space itself if no choice is large.
    """
    if not any(_is_large(parameter, space) for parameter in space.parameters):
        return space
    rng = np.random.default_rng(seed)
    parameters = tuple(
        _narrowed(parameter, _in_use(parameter, space, tried), n_untried, rng)
        if isinstance(parameter, ChoiceParameter) and _is_large(parameter, space)
        else parameter
        for parameter in space.parameters
    )
    return SearchSpace(parameters, space.constraints, space.conditions)


def _is_large(parameter: Parameter, space: SearchSpace) -> bool:
    """Whether it is an unordered choice of many values that no constraint is about."""
    if not isinstance(parameter, ChoiceParameter) or parameter.is_ordered:
        return False
    if isinstance(parameter, NarrowedChoice):
        return False
    structure = space.structure
    named = {name for one in structure.constraints for name in one.names}
    for derived in structure.derived:
        if derived.parameter_type != "str":  # a mere copy
            named.update(derived.expression.names)
    return len(parameter.known) > MAX_ONE_HOT and parameter.name not in named


def _in_use(
    parameter: ChoiceParameter, space: SearchSpace, tried: Sequence[TParameterization]
) -> set[object]:
    """Return the identities of the values of trials, conditions and the default."""
    name = parameter.name
    values = [point[name] for point in tried if name in point]
    for condition in space.conditions:
        if condition.parent == name:
            values += condition.values
    if parameter.default is not None:
        values.append(parameter.default)
    return {identity(value) for value in values}


def _narrowed(
    parameter: ChoiceParameter,
    in_use: set[object],
    n_untried: int,
    rng: np.random.Generator,
) -> NarrowedChoice:
    """Return the choice of the values in use and of some others, in their order."""
    values, known = parameter.values, parameter.known
    others = [v for v in values if identity(v) not in in_use]
    others = others or [v for v in known if identity(v) not in in_use]
    drawn = [others[k] for k in rng.permutation(len(others))[:n_untried].tolist()]
    kept = in_use | {identity(value) for value in drawn}
    return NarrowedChoice(
        parameter.name,
        tuple(v for v in values if identity(v) in kept),
        default=parameter.default,
        known=tuple(v for v in known if identity(v) in kept),
        left_out=tuple(v for v in known if identity(v) not in kept),
        stand_in=drawn[0] if drawn else None,
    )
