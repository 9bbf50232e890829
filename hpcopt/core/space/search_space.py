"""The search space: parameters, and their encoding into the unit cube.

A parameterization is encoded as a point of ``d`` coordinates, the input of a model.
``decode`` takes any point of the cube to values that the parameters allow; ``decode``
after ``encode`` is the identity (to rounding, for continuous parameters). Decoded
points may violate constraints: ``is_feasible`` tells which do not.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from hpcopt.core.errors import ConfigError, PointError
from hpcopt.core.space.balancing import balanced_columns, exchange_moves, is_rounded
from hpcopt.core.space.choices import ChoiceParameter, DerivedParameter
from hpcopt.core.space.conditions import Condition
from hpcopt.core.space.encoding import (
    check_names,
    complete,
    from_table,
    to_table,
    why_outside,
)
from hpcopt.core.space.linear_constraints import LinearConstraints, linear_constraints
from hpcopt.core.space.literal import literally
from hpcopt.core.space.ranges import RangeParameter
from hpcopt.core.space.specs import parameters_from_json
from hpcopt.core.space.structure import Mask, Parameter, Structure
from hpcopt.core.types import JSONValue, TParameterization, TParameterValue

__all__ = [
    "ChoiceParameter",
    "Condition",
    "DerivedParameter",
    "Parameter",
    "RangeParameter",
    "SearchSpace",
]

Array = npt.NDArray[np.float64]

#: Coordinates that differ by less are the same but for rounding.
_SAME = 1e-7


@dataclass(frozen=True)
class SearchSpace:
    """The parameters of an experiment, in their order.

    Raises:
        ConfigError: The parameters, constraints or conditions make no sense.
    """

    parameters: tuple[Parameter, ...]
    constraints: tuple[str, ...] = ()
    """As they were written."""
    conditions: tuple[Condition, ...] = ()

    def __post_init__(self) -> None:
        if not self.parameters:
            raise ConfigError("parameters: expected at least one, found none")
        seen: set[str] = set()
        for parameter in self.parameters:
            if parameter.name in seen:
                raise ConfigError(
                    f"parameters: expected distinct names, found "
                    f"{parameter.name!r} twice"
                )
            seen.add(parameter.name)
        _ = self.structure

    @cached_property
    def structure(self) -> Structure:
        """The parameters with the relations between them."""
        return Structure(self.parameters, self.constraints, self.conditions)

    @property
    def searched(self) -> tuple[RangeParameter | ChoiceParameter, ...]:
        """The parameters that are searched over: all but derived ones."""
        return self.structure.searched

    @cached_property
    def slices(self) -> tuple[slice, ...]:
        """The coordinates of each searched parameter."""
        ends = np.cumsum([0, *(p.n_coordinates for p in self.searched)]).tolist()
        return tuple(slice(a, b) for a, b in itertools.pairwise(ends))

    @cached_property
    def d(self) -> int:
        """The dimension of the unit cube."""
        return sum(parameter.n_coordinates for parameter in self.searched)

    @property
    def n_points(self) -> int | None:
        """How many parameterizations there are at most; ``None`` if infinitely many.

        Fewer where there are constraints or conditions.
        """
        total = 1
        for parameter in self.searched:
            if parameter.name not in self._solved:
                if parameter.n_values is None:
                    return None
                total *= parameter.n_values
        return total

    @cached_property
    def is_discrete(self) -> Mask:
        """Which coordinates belong to discrete parameters, shape ``(d,)``."""
        return self._per_coordinate([p.n_values is not None for p in self.searched])

    @cached_property
    def is_one_hot(self) -> Mask:
        """Which coordinates are part of a one-hot encoding, shape ``(d,)``."""
        return self._per_coordinate([p.is_one_hot for p in self.searched])

    @cached_property
    def is_nominal(self) -> Mask:
        """Which coordinates belong to unordered choices of few values, ``(d,)``."""
        return self._per_coordinate([p.is_nominal for p in self.searched])

    @property
    def _solved(self) -> set[str]:
        return {solved.name for solved in self.structure.solved}

    def _per_coordinate(self, flags: Sequence[bool]) -> Mask:
        widths = [parameter.n_coordinates for parameter in self.searched]
        return np.repeat(np.array(flags, dtype=bool), widths)

    @property
    def is_constrained(self) -> bool:
        """Whether some points of the cube may be infeasible."""
        return bool(self.constraints or self.structure.derived)

    # Encoding

    def encode(self, parameterizations: Iterable[TParameterization]) -> Array:
        """Return the points of ``n`` parameterizations, shape ``(n, d)``.

        Inactive parameters have the coordinates of the centre; values outside the
        bounds have coordinates outside ``[0, 1]``.

        Raises:
            PointError: A value is missing, or is not one of a choice's.
        """
        return self._coordinates(to_table(self.structure, list(parameterizations)))

    def decode(self, X: Array) -> list[dict[str, TParameterValue]]:
        """Return the parameterizations of the points ``X``, shape ``(n, d)``.

        Inactive parameters are not in them. Where a point is feasible its values are
        moved by their last digits, so that constraints hold exactly as written.

        Raises:
            PointError: A derived parameter has no value at a point, which is not
                feasible then.
        """
        table = literally(self.structure, self._table_at(X))
        return from_table(self.structure, table)

    def snap(self, X: Array) -> Array:
        """Return ``encode(decode(X))``, shape ``(n, d)``, without making values.

        Discrete coordinates are rounded to allowed values, those eliminated by equality
        constraints follow from the others, and inactive ones are centred.
        """
        return self._coordinates(self._table_at(X))

    def is_feasible(self, X: Array) -> Mask:
        """Return which of the points ``X``, decoded, are feasible, shape ``(n,)``."""
        feasible: Mask = self.violation(X) == 0.0
        return feasible

    def is_inside(self, X: Array) -> Mask:
        """Return which of the points ``X`` lie in the present space, shape ``(n,)``.

        Encoded trials may not: bounds, values and constraints can have changed since.
        """
        is_allowed = np.abs(self.snap(X) - X).max(axis=1, initial=0.0) <= _SAME
        inside: Mask = is_allowed & self.is_feasible(X)
        return inside

    def is_rounded(self, X: Array) -> Mask:
        """Return which points lie near equalities over grids, shape ``(n,)``.

        Decoding only rounds them; others it moves from afar, to where they crowd.
        """
        return is_rounded(self.structure, self.slices, X)

    @cached_property
    def exchange_moves(self) -> Array:
        """Moves of steps that keep all equalities over grids, shape ``(n, d)``."""
        return exchange_moves(self.structure, self.slices, self.d)

    def violation(self, X: Array) -> Array:
        """Return by how much the points ``X``, decoded, violate the constraints.

        The shape is ``(n,)``; it is the sum of relative violations, and 0 where a point
        is feasible.
        """
        return self.structure.violation(self._table_at(X))

    @cached_property
    def linear_constraints(self) -> LinearConstraints:
        """The constraints that are linear in the coordinates, as matrices."""
        return linear_constraints(self.structure, self.slices)

    def contains(self, parameterizations: Sequence[TParameterization]) -> Mask:
        """Return which parameterizations satisfy bounds and constraints, ``(n,)``.

        Raises:
            PointError: As ``encode``.
        """
        table = to_table(self.structure, parameterizations)
        inside: Mask = self.structure.violation(table) == 0.0
        for k, parameter in enumerate(self.searched):
            is_allowed = parameter.allows(table[:, k])
            if isinstance(parameter, RangeParameter):
                is_allowed &= parameter.on_grid(table[:, k])
            inside &= np.isnan(table[:, k]) | is_allowed
        return inside

    @cached_property
    def all_points(self) -> Array:
        """Return all feasible points of a finite space, shape ``(n, d)``.

        Raises:
            ValueError: A parameter is continuous.
        """
        codes = [
            np.zeros(1) if p.name in self._solved else p.all_codes()
            for p in self.searched
        ]
        grids = np.meshgrid(*codes, indexing="ij")
        table = np.stack([grid.ravel() for grid in grids], axis=1)
        table = self._masked(self.structure.solve(table))
        X = self._coordinates(table[self.structure.violation(table) == 0.0])
        if not self.conditions:
            return X
        _, first = np.unique(X, axis=0, return_index=True)
        return X[np.sort(first)]

    def _table_at(self, X: Array) -> Array:
        X = np.asarray(X, dtype=np.float64)
        table = np.empty((len(X), len(self.searched)))
        for k, (parameter, columns) in enumerate(
            zip(self.searched, self.slices, strict=True)
        ):
            table[:, k] = parameter.codes_at(X[:, columns])
        for k, codes in balanced_columns(self.structure, self.slices, X):
            table[:, k] = codes
        return self._masked(self.structure.solve(table))

    def _masked(self, table: Array) -> Array:
        return np.where(self.structure.active(table), table, np.nan)

    def _coordinates(self, table: Array) -> Array:
        parts = [p.coordinates(table[:, k]) for k, p in enumerate(self.searched)]
        return np.concatenate([np.zeros((len(table), 0)), *parts], axis=1)

    # Checking

    def completed(
        self, parameterization: TParameterization
    ) -> dict[str, TParameterValue]:
        """Return it with its fixed and derived values, and without inactive ones.

        Raises:
            PointError: It has a name or a value that the space has not, lacks one, or
                violates a constraint.
        """
        check_names(self.structure, parameterization)
        outside = why_outside(self.structure, parameterization)
        if outside:
            raise PointError(outside[0])
        return complete(self.structure, parameterization)

    def check(self, parameterization: TParameterization) -> None:
        """Raise ``PointError`` unless it is complete and lies in the space."""
        completed = self.completed(parameterization)
        if set(completed) != set(parameterization):
            raise PointError(
                f"parameterization: expected values for {sorted(completed)}, "
                f"found {sorted(parameterization)}"
            )

    # JSON

    def to_json(self) -> list[JSONValue]:
        """Return the parameters, with their conditions, as the config writes them."""
        return [
            {**parameter.to_json(), **self._conditions_of(parameter.name)}
            for parameter in self.parameters
        ]

    def _conditions_of(self, name: str) -> dict[str, JSONValue]:
        found: dict[str, JSONValue] = {
            c.parent: list(c.values) for c in self.conditions if c.parameter == name
        }
        return {"when": found} if found else {}

    @classmethod
    def from_json(
        cls, specs: Sequence[Mapping[str, Any]], constraints: Sequence[str] = ()
    ) -> SearchSpace:
        """Return the space of which ``to_json`` wrote the parameters."""
        parameters, conditions = parameters_from_json(specs)
        return cls(parameters, tuple(constraints), conditions)

    def definition(self) -> dict[str, JSONValue]:
        """Return the space as the keys of an experiment's definition."""
        return {
            "parameters": self.to_json(),
            "parameter_constraints": list(self.constraints),
        }

    @classmethod
    def from_definition(cls, definition: Mapping[str, Any]) -> SearchSpace:
        """Return the space of a definition; earlier ones know no constraints."""
        constraints = definition.get("parameter_constraints", ())
        return cls.from_json(definition["parameters"], constraints)
