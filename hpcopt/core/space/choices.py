"""Parameters without a range: choices, fixed values, and derived parameters."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import numpy as np
import numpy.typing as npt

from hpcopt.core.errors import ConfigError, PointError
from hpcopt.core.expressions import Expression
from hpcopt.core.types import JSONValue, TParameterValue

Array = npt.NDArray[np.float64]

#: An unordered choice of more values than this has a binary code instead of a
#: coordinate for each value, which fills the space but says nothing to a model: that
#: sees fewer of the values (``narrowing.py``).
MAX_ONE_HOT = 32

#: So many values are written out in a message.
_MAX_SHOWN = 10


@dataclass(frozen=True)
class ChoiceParameter:
    """A categorical or ordinal parameter; with a single value, a fixed one."""

    name: str
    values: tuple[TParameterValue, ...]
    is_ordered: bool = False
    """Whether the values are ordinal (small, medium, large)."""
    default: TParameterValue | None = None
    """The value of trials that were made before the parameter was added."""
    known: tuple[TParameterValue, ...] = ()
    """``values`` and those that were removed, in order; ``values`` by default. A model
    still learns from trials that have a removed value."""

    def __post_init__(self) -> None:
        where = f"parameter {self.name!r}"
        if not self.values:
            raise ConfigError(f"{where}: expected at least one value, found none")
        object.__setattr__(self, "known", self.known or self.values)
        if len(self._index_of) < len(self.known):
            raise ConfigError(
                f"{where}: expected distinct values, found {_shown(self.known)}"
            )
        for value in self.known:
            if isinstance(value, float) and not math.isfinite(value):
                raise ConfigError(f"{where}: expected finite values, found {value}")
        if self.default is not None and identity(self.default) not in self._index_of:
            raise ConfigError(
                f"{where}: default: expected one of {_shown(self.known)}, "
                f"found {self.default!r}"
            )

    @cached_property
    def _index_of(self) -> dict[object, int]:
        """A value's identity to its index in ``known``."""
        return {identity(value): index for index, value in enumerate(self.known)}

    @cached_property
    def _allowed(self) -> npt.NDArray[np.intp]:
        """The indices of the allowed values, ascending."""
        indices = [self._index_of[identity(value)] for value in self.values]
        return np.array(sorted(indices), dtype=np.intp)

    @cached_property
    def _nearest(self) -> npt.NDArray[np.intp]:
        """For each index the nearest one of an allowed value."""
        indices = np.arange(len(self.known))
        after = np.searchsorted(self._allowed, indices).clip(0, len(self._allowed) - 1)
        before = np.maximum(after - 1, 0)
        above, below = self._allowed[after], self._allowed[before]
        is_below = np.abs(indices - below) < np.abs(above - indices)
        nearest: npt.NDArray[np.intp] = np.where(is_below, below, above)
        return nearest

    @property
    def is_one_hot(self) -> bool:
        """Whether its encoding is one-hot."""
        return not self.is_ordered and 2 < len(self.known) <= MAX_ONE_HOT

    @property
    def is_nominal(self) -> bool:
        """Whether it is categorical, with at most ``MAX_ONE_HOT`` values."""
        return not self.is_ordered and 1 < len(self.known) <= MAX_ONE_HOT

    @property
    def n_coordinates(self) -> int:
        """The number of coordinates of its encoding.

        None if fixed, one if ordered or of two values, else one for each value
        (one-hot), or, of more than ``MAX_ONE_HOT`` values, one for each binary digit.
        """
        n = len(self.known)
        if n == 1:
            return 0
        if self.is_ordered or n == 2:
            return 1
        return n if self.is_one_hot else (n - 1).bit_length()

    @property
    def n_values(self) -> int:
        """How many values are allowed."""
        return len(self.values)

    @property
    def is_numeric(self) -> bool:
        """Whether all of its values are numbers, or true and false."""
        return not any(isinstance(value, str) for value in self.known)

    def codes(self, values: Sequence[TParameterValue | None]) -> Array:
        """Return the codes of values, shape ``(n,)``: indices in ``known``.

        Args:
            values: ``n`` values; ``None``, whose code is NaN, where inactive.

        Raises:
            PointError: One is not among the known values.
        """
        index_of = self._index_of
        try:
            found = [
                math.nan if value is None else index_of[identity(value)]
                for value in values
            ]
        except KeyError:
            for value in values:
                if value is not None and identity(value) not in index_of:
                    raise self.unknown(value) from None
            raise
        return np.array(found, dtype=np.float64)

    def values_of(self, codes: Array) -> list[TParameterValue]:
        """Return the values of codes."""
        return [self.known[index] for index in codes.astype(np.intp).tolist()]

    @cached_property
    def _numeric_known(self) -> Array:
        return np.array([*self.known, math.nan], dtype=np.float64)

    def numeric_values(self, codes: Array) -> Array:
        """Return the values of codes as floats; only if ``is_numeric``."""
        values: Array = self._numeric_known[_indices(codes)]
        return values

    def coordinates(self, codes: Array) -> Array:
        """Return the coordinates of codes, shape ``(n, n_coordinates)``.

        They are the middle of the index's share of ``[0, 1]``, one-hot, or the index's
        binary digits; for NaN, the centre.
        """
        n, width = len(self.known), self.n_coordinates
        is_missing = np.isnan(codes)[:, None]
        indices = _indices(codes)
        if width == 0:
            return np.zeros((len(codes), 0))
        if width == 1:
            return np.where(is_missing, 0.5, (indices[:, None] + 0.5) / n)
        if self.is_one_hot:
            return np.where(is_missing, 1 / n, indices[:, None] == np.arange(n))
        bits = (indices[:, None] >> np.arange(width)) & 1
        return np.where(is_missing, 0.5, bits)

    def codes_at(self, X: Array) -> Array:
        """Return the codes of the allowed values nearest to coordinates, ``(n,)``."""
        n, width = len(self.known), self.n_coordinates
        if width == 0:
            return np.zeros(len(X))
        indices: npt.NDArray[np.intp]
        if self.is_one_hot:
            indices = self._allowed[X[:, self._allowed].argmax(axis=1)]
            return indices.astype(np.float64)
        if width == 1:
            indices = np.clip(np.floor(X[:, 0] * n), 0, n - 1).astype(np.intp)
        else:
            indices = (X >= 0.5).astype(np.intp) @ (1 << np.arange(width))
            # Without its highest digit, a code of no value is that of a value.
            indices = np.where(indices < n, indices, indices - (1 << (width - 1)))
        return self._nearest[indices].astype(np.float64)

    def allows(self, codes: Array) -> npt.NDArray[np.bool_]:
        """Return which codes are those of allowed values."""
        is_allowed: npt.NDArray[np.bool_] = np.isin(codes, self._allowed)
        return is_allowed

    def all_codes(self) -> Array:
        """Return the codes of all allowed values, ascending."""
        return self._allowed.astype(np.float64)

    def check(self, value: TParameterValue) -> None:
        """Raise ``PointError`` unless ``value`` is allowed."""
        index = self._index_of.get(identity(value))
        if index is None or self._nearest[index] != index:
            raise self.unknown(value)

    def unknown(self, value: TParameterValue) -> PointError:
        """Return the error for a value that is not among those allowed."""
        return PointError(
            f"parameter {self.name!r}: expected one of {_shown(self.values)}, "
            f"found {value!r}"
        )

    def to_json(self) -> dict[str, JSONValue]:
        """Return the parameter as the config writes it."""
        if len(self.known) == 1 and not self.is_ordered and self.default is None:
            return {"name": self.name, "type": "fixed", "value": self.values[0]}
        spec: dict[str, JSONValue] = {
            "name": self.name,
            "type": "choice",
            "values": list(self.values),
            "is_ordered": self.is_ordered,
        }
        if self.known != self.values:
            spec["known"] = list(self.known)
        if self.default is not None:
            spec["default"] = self.default
        return spec


@dataclass(frozen=True)
class DerivedParameter:
    """A parameter computed from others; it has no coordinate."""

    name: str
    expression: Expression
    parameter_type: Literal["float", "int", "str", "bool"] = "float"
    """``int`` rounds to a whole number; ``str`` and ``bool`` can only be copied."""

    def __post_init__(self) -> None:
        if self.parameter_type in ("str", "bool") and not self.expression.is_name:
            raise ConfigError(
                f"parameter {self.name!r}: expected the name of another parameter for "
                f"a derived {self.parameter_type}, found {self.expression.text!r}"
            )

    def evaluate(self, values: Mapping[str, Array]) -> Array:
        """Return its value at each of ``n`` points; NaN or infinite where it has none.

        Args:
            values: The numeric values of other parameters by name, shape ``(n,)``.
        """
        found = self.expression(values)
        return np.rint(found) if self.parameter_type == "int" else found

    def to_json(self) -> dict[str, JSONValue]:
        """Return the parameter as the config writes it."""
        return {
            "name": self.name,
            "type": "derived",
            "expression": self.expression.text,
            "parameter_type": self.parameter_type,
        }


def identity(value: TParameterValue) -> object:
    """Return a key that is equal for equal values.

    It tells ``True`` from ``1`` and ``"1"``, but not ``1`` from ``1.0``.
    """
    return (bool, value) if isinstance(value, bool) else value


def _indices(codes: Array) -> npt.NDArray[np.intp]:
    """Return codes as whole numbers; -1 for NaN."""
    return np.nan_to_num(codes, nan=-1.0).astype(np.intp)


def _shown(values: Sequence[TParameterValue]) -> str:
    if len(values) <= _MAX_SHOWN:
        return str(list(values))
    return f"{str(list(values[:_MAX_SHOWN]))[:-1]}, …] ({len(values)} values)"
