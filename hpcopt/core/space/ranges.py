"""Range parameters, and their encoding into the unit cube.

A value has a *code*, a float: itself here, its index for a choice; NaN where the
parameter is inactive. Codes have *coordinates* in the unit cube. All arithmetic is on
arrays of codes, one array a parameter, so that ten thousand trials are encoded in
milliseconds.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import cached_property
from typing import Literal

import numpy as np
import numpy.typing as npt

from hpcopt.core.errors import ConfigError, PointError
from hpcopt.core.types import JSONValue, TParameterValue

Array = npt.NDArray[np.float64]

#: A step must divide the range to this relative accuracy.
_STEP_TOLERANCE = 1e-9

#: Floats hold the powers of ten up to this one exactly.
_MAX_DIGITS = 22

#: Values beyond this are no outcome of any trial, and their squares no float.
_LARGEST = 1e150


def _is_whole(n_steps: float) -> bool:
    return abs(n_steps - round(n_steps)) <= _STEP_TOLERANCE * max(1.0, n_steps)


@dataclass(frozen=True)
class RangeParameter:
    """A numeric parameter between two bounds, both included."""

    name: str
    lower: float
    upper: float
    parameter_type: Literal["float", "int"] = "float"
    log: bool = False
    """Search on a logarithmic scale; needs ``lower > 0``."""
    step: float | None = None
    """Only ``lower``, ``lower + step``, … are allowed; must divide the range."""
    default: float | None = None
    """The value of trials that were made before the parameter was added."""

    def __post_init__(self) -> None:
        where = f"parameter {self.name!r}"
        for bound in (self.lower, self.upper):
            if not math.isfinite(bound):
                raise ConfigError(f"{where}: expected finite bounds, found {bound}")
        if not self.lower < self.upper:
            raise ConfigError(
                f"{where}: expected a lower bound below the upper bound, "
                f"found [{self.lower}, {self.upper}]"
            )
        if not math.isfinite(self.upper - self.lower):
            raise ConfigError(
                f"{where}: expected a range that a float can hold, "
                f"found [{self.lower}, {self.upper}]"
            )
        if self.log and self.lower <= 0:
            raise ConfigError(
                f"{where}: a log scale needs a lower bound above 0, found {self.lower}"
            )
        if self.step is not None:
            self._check_step(self.step)
        if self.parameter_type == "int":
            for number in (self.lower, self.upper, self.step or 1):
                if number != int(number):
                    raise ConfigError(
                        f"{where}: expected whole numbers for an int parameter, "
                        f"found {number}"
                    )
        if self.default is not None:
            self._check_default(self.default)

    def _check_step(self, step: float) -> None:
        where = f"parameter {self.name!r}"
        if not step > 0:
            raise ConfigError(f"{where}: expected step_size above 0, found {step}")
        n_steps = (self.upper - self.lower) / step
        if round(n_steps) < 1 or not _is_whole(n_steps):
            raise ConfigError(
                f"{where}: expected step_size to divide the range "
                f"{self.upper - self.lower}, found {step}"
            )

    def _check_default(self, default: float) -> None:
        """Check the type alone: trials may have run outside the bounds of today."""
        is_whole = self.parameter_type == "float" or default % 1 == 0
        if (
            isinstance(default, str | bool)
            or not math.isfinite(default)
            or not is_whole
        ):
            raise ConfigError(
                f"parameter {self.name!r}: default: expected a finite "
                f"{self.parameter_type}, found {default!r}"
            )

    @property
    def n_coordinates(self) -> int:
        """The number of coordinates of its encoding."""
        return 1

    @property
    def is_one_hot(self) -> bool:
        """Whether its encoding is one-hot."""
        return False

    @property
    def is_nominal(self) -> bool:
        """Whether it is categorical."""
        return False

    @property
    def grid(self) -> float | None:
        """The distance between allowed values; ``None`` if continuous."""
        if self.step is not None:
            return self.step
        return 1.0 if self.parameter_type == "int" else None

    @property
    def n_values(self) -> int | None:
        """How many values are allowed; ``None`` if continuous."""
        if self.grid is None:
            return None
        return round((self.upper - self.lower) / self.grid) + 1

    @property
    def edges(self) -> tuple[float, float]:
        """The values at coordinates 0 and 1; on a log scale, their logarithms.

        Half a grid step is added at both ends, so that each allowed value has the
        same share of the coordinate.
        """
        half = (self.grid or 0.0) / 2
        low = self.lower - half
        if self.log:
            return math.log(low if low > 0 else self.lower), math.log(self.upper + half)
        return low, self.upper + half

    def codes(self, values: Sequence[TParameterValue | None]) -> Array:
        """Return the codes of ``n`` values, shape ``(n,)``: themselves.

        NaN for ``None``, which stands for an inactive parameter.
        """
        return np.array(values, dtype=np.float64)

    def values_of(self, codes: Array) -> list[TParameterValue]:
        """Return the values of codes."""
        if self.parameter_type == "int":
            return [round(code) for code in codes.tolist()]
        values: list[TParameterValue] = codes.tolist()
        return values

    def numeric_values(self, codes: Array) -> Array:
        """Return the values of codes as floats: the codes themselves."""
        return codes

    def coordinates(self, codes: Array) -> Array:
        """Return the coordinates of codes, shape ``(n, 1)``; the centre for NaN.

        Those of values outside the bounds lie outside ``[0, 1]``.
        """
        low, high = self.edges
        positions = codes
        if self.log:  # what was attached by hand may lie anywhere
            positions = np.log(np.maximum(codes, np.finfo(np.float64).tiny))
        x = (positions - low) / (high - low)
        x = np.where(self.allows(codes), np.clip(x, 0.0, 1.0), x)
        return np.nan_to_num(x, nan=0.5)[:, None]

    def codes_at(self, X: Array) -> Array:
        """Return the codes of the allowed values nearest to coordinates ``(n, 1)``."""
        codes = self.nearest(self._unrounded(X))
        # The bounds are met exactly, whatever the arithmetic makes of them.
        codes = np.where(X[:, 0] <= 0.0, self.lower, codes)
        return np.where(X[:, 0] >= 1.0, self.upper, codes)

    def steps_at(self, X: Array) -> Array:
        """Return how many steps above the lower bound coordinates are, not rounded.

        The shape is ``(n,)``, that of ``X`` is ``(n, 1)``; only if on a grid.
        """
        assert self.grid is not None
        steps: Array = (self._unrounded(X) - self.lower) / self.grid
        return steps

    def _unrounded(self, X: Array) -> Array:
        low, high = self.edges
        positions: Array = low + X[:, 0] * (high - low)
        return np.exp(positions) if self.log else positions

    def nearest(self, codes: Array) -> Array:
        """Return the codes of the nearest allowed values."""
        if self.grid is not None:
            codes = self.at_steps(np.rint((codes - self.lower) / self.grid))
        clipped: Array = np.clip(codes, self.lower, self.upper)
        return clipped

    def at_steps(self, k: Array) -> Array:
        """Return ``lower + k * grid``, computed as it is written: in decimals.

        Three steps of 0.1 are 0.3 and not 0.30000000000000004; the last step is the
        upper bound.
        """
        assert self.grid is not None
        assert self.n_values is not None
        if self._decimals is None:
            codes = self.lower + k * self.grid
        else:
            scale, lower, grid = self._decimals
            codes = (lower + k * grid) / scale  # rounded once, as whole numbers are
        codes = np.where(k <= 0, self.lower, codes)
        return np.where(k >= self.n_values - 1, self.upper, codes)

    @cached_property
    def _decimals(self) -> tuple[float, float, float] | None:
        """A power of ten, and ``lower`` and ``grid`` times it as whole numbers.

        ``None`` where floats cannot hold them exactly.
        """
        lower, upper, grid = (
            Decimal(repr(float(number)))
            for number in (self.lower, self.upper, self.grid or 0.0)
        )
        exponents = [number.as_tuple().exponent for number in (lower, grid)]
        n_digits = max(0, *(-int(exponent) for exponent in exponents))
        scale = Decimal(10) ** n_digits
        largest = max(abs(lower), abs(upper), grid) * scale
        if n_digits > _MAX_DIGITS or largest > 2**53:
            return None
        return float(scale), float(lower * scale), float(grid * scale)

    def allows(self, codes: Array) -> npt.NDArray[np.bool_]:
        """Return which codes are those of values within the bounds."""
        inside: npt.NDArray[np.bool_] = (codes >= self.lower) & (codes <= self.upper)
        return inside

    def all_codes(self) -> Array:
        """Return the codes of all allowed values, ascending.

        Raises:
            ValueError: The parameter is continuous.
        """
        n_values = self.n_values
        if n_values is None:
            raise ValueError(f"parameter {self.name!r} is continuous")
        return self.nearest(np.linspace(self.lower, self.upper, n_values))

    def on_grid(self, codes: Array) -> npt.NDArray[np.bool_]:
        """Return which codes are those of values on the grid, if there is one."""
        if self.grid is None:
            return np.ones(len(codes), dtype=bool)
        n_steps = (codes - self.lower) / self.grid
        off = np.abs(n_steps - np.rint(n_steps))
        is_on: npt.NDArray[np.bool_] = off <= _STEP_TOLERANCE * np.maximum(1, n_steps)
        return is_on

    def check_type(self, value: TParameterValue) -> None:
        """Raise ``PointError`` unless ``value`` is a number that has a coordinate."""
        self._check_kind(value)
        where = f"parameter {self.name!r}"
        assert isinstance(value, (int, float))
        if not abs(value) <= _LARGEST:
            raise PointError(f"{where}: expected a finite number, found {value!r}")
        if self.log and value <= 0:
            raise PointError(
                f"{where}: expected a number above 0 on a log scale, found {value!r}"
            )

    def _check_kind(self, value: TParameterValue) -> None:
        where = f"parameter {self.name!r}"
        if (
            isinstance(value, bool)
            or not isinstance(value, (int, float))
            or (self.parameter_type == "int" and value % 1 != 0)
        ):
            kind = "a whole number" if self.parameter_type == "int" else "a number"
            raise PointError(f"{where}: expected {kind}, found {value!r}")

    def check(self, value: TParameterValue) -> None:
        """Raise ``PointError`` unless ``value`` is allowed."""
        where = f"parameter {self.name!r}"
        self._check_kind(value)
        assert isinstance(value, (int, float))
        if not self.lower <= value <= self.upper:
            raise PointError(
                f"{where}: expected a value in [{self.lower}, {self.upper}], "
                f"found {value!r}"
            )
        if self.step is not None and not _is_whole((value - self.lower) / self.step):
            raise PointError(
                f"{where}: expected {self.lower} plus a multiple of {self.step}, "
                f"found {value!r}"
            )

    def to_json(self) -> dict[str, JSONValue]:
        """Return the parameter as the config writes it."""
        spec: dict[str, JSONValue] = {
            "name": self.name,
            "type": "range",
            "bounds": [self.lower, self.upper],
            "parameter_type": self.parameter_type,
        }
        if self.log:
            spec["scaling"] = "log"
        if self.step is not None:
            spec["step_size"] = self.step
        if self.default is not None:
            spec["default"] = self.default
        return spec
