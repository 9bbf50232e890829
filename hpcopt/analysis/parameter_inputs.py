"""Parameters as independent uniform inputs, for what is averaged over all of them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from hpcopt.core.space.search_space import ChoiceParameter, RangeParameter, SearchSpace

Array = npt.NDArray[np.float64]


@dataclass(frozen=True)
class ParameterInputs:
    """One input for each parameter that can be changed, however it is encoded.

    Over an input's range from 0 to 1 a number goes from its lower to its upper bound,
    on its scale, and each value of a choice has an equal share.
    """

    space: SearchSpace
    columns: tuple[int, ...]
    """Which of the space's searched parameters they are."""

    @classmethod
    def of(cls, space: SearchSpace) -> ParameterInputs:
        """Return the inputs: of all that is neither fixed nor follows from others."""
        solved = {parameter.name for parameter in space.structure.solved}
        columns = [
            k
            for k, parameter in enumerate(space.searched)
            if parameter.n_values != 1 and parameter.name not in solved
        ]
        return cls(space, tuple(columns))

    @property
    def parameters(self) -> list[RangeParameter | ChoiceParameter]:
        """The parameters, in the order of the inputs."""
        return [self.space.searched[k] for k in self.columns]

    @property
    def names(self) -> tuple[str, ...]:
        """Their names."""
        return tuple(parameter.name for parameter in self.parameters)

    @property
    def is_ordered(self) -> npt.NDArray[np.bool_]:
        """Of each, whether its values have an order, shape ``(p,)``."""
        return np.array([has_order(parameter) for parameter in self.parameters], bool)

    def points(self, U: Array) -> Array:
        """Return the points of the unit cube of inputs ``U``: ``(b, p)`` to ``(b, d)``.

        What is inactive at a point is at the centre, as the model sees it.
        """
        X = np.full((len(U), self.space.d), 0.5)
        for u, k in zip(U.T, self.columns, strict=True):
            parameter, where = self.space.searched[k], self.space.slices[k]
            if parameter.n_values is None:
                X[:, where] = u[:, None]
            elif parameter.n_coordinates == 1:
                X[:, where] = parameter.coordinates(parameter.codes_at(u[:, None]))
            else:
                codes = parameter.all_codes()
                chosen = np.minimum((u * len(codes)).astype(np.intp), len(codes) - 1)
                X[:, where] = parameter.coordinates(codes[chosen])
        return self.space.snap(X) if self._is_entangled else X

    @property
    def _is_entangled(self) -> bool:
        """Whether what a parameter is at a point may depend on others."""
        structure = self.space.structure
        return bool(
            self.space.conditions or structure.solved or structure.grid_equalities
        )


def has_order(parameter: RangeParameter | ChoiceParameter) -> bool:
    """Whether a parameter's values go from low to high: two always do."""
    if isinstance(parameter, RangeParameter):
        return True
    return parameter.is_ordered or len(parameter.values) <= 2
