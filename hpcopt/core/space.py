"""The search space: parameters, and their encoding into the unit cube.

A parameterization of ``n_parameters`` values becomes a point of ``d`` coordinates in
``[0, 1]``, which is what a model sees. ``decode`` takes any point of the cube to a
valid parameterization, so that whatever is proposed can be run; ``decode`` after
``encode`` is the identity (to rounding, for continuous parameters).
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from hpcopt.core.errors import ConfigError, UsageError
from hpcopt.core.types import JSONValue, TParameterization, TParameterValue

#: A step must divide the range to this relative accuracy.
_STEP_TOLERANCE = 1e-9


def _is_whole(n_steps: float) -> bool:
    return abs(n_steps - round(n_steps)) <= _STEP_TOLERANCE * max(1.0, n_steps)


@dataclass(frozen=True)
class RangeParameter:
    """A number between two bounds, both included."""

    name: str
    lower: float
    upper: float
    parameter_type: Literal["float", "int"] = "float"
    log: bool = False
    """Search on a logarithmic scale; needs ``lower > 0``."""
    step: float | None = None
    """Only ``lower``, ``lower + step``, … are allowed; must divide the range."""

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

    @property
    def n_coordinates(self) -> int:
        """How many coordinates of the unit cube it takes."""
        return 1

    @property
    def _grid(self) -> float | None:
        """The distance between allowed values; ``None`` if continuous."""
        if self.step is not None:
            return self.step
        return 1.0 if self.parameter_type == "int" else None

    @property
    def n_values(self) -> int | None:
        """How many values are allowed; ``None`` if continuous."""
        if self._grid is None:
            return None
        return round((self.upper - self.lower) / self._grid) + 1

    def _edges(self) -> tuple[float, float]:
        """The values at coordinates 0 and 1.

        Half a grid step is added at both ends, so that each allowed value has the
        same share of the coordinate.
        """
        half = (self._grid or 0.0) / 2
        low = self.lower - half
        if self.log:
            return math.log(low if low > 0 else self.lower), math.log(self.upper + half)
        return low, self.upper + half

    def encode(self, value: TParameterValue) -> list[float]:
        """Return the value's coordinate."""
        low, high = self._edges()
        number = float(value)
        position = math.log(number) if self.log else number
        return [min(1.0, max(0.0, (position - low) / (high - low)))]

    def decode(self, coordinates: Sequence[float]) -> TParameterValue:
        """Return the allowed value nearest to the coordinate."""
        low, high = self._edges()
        position = low + float(coordinates[0]) * (high - low)
        number = math.exp(position) if self.log else position
        if self._grid is not None:
            number = self.lower + round((number - self.lower) / self._grid) * self._grid
        number = min(self.upper, max(self.lower, number))
        return round(number) if self.parameter_type == "int" else float(number)

    def check(self, value: TParameterValue) -> None:
        """Raise ``UsageError`` unless ``value`` is allowed."""
        where = f"parameter {self.name!r}"
        if (
            isinstance(value, bool)
            or not isinstance(value, (int, float))
            or (self.parameter_type == "int" and value % 1 != 0)
        ):
            kind = "a whole number" if self.parameter_type == "int" else "a number"
            raise UsageError(f"{where}: expected {kind}, found {value!r}")
        if not self.lower <= value <= self.upper:
            raise UsageError(
                f"{where}: expected a value in [{self.lower}, {self.upper}], "
                f"found {value!r}"
            )
        if self.step is not None and not _is_whole((value - self.lower) / self.step):
            raise UsageError(
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
        return spec


@dataclass(frozen=True)
class ChoiceParameter:
    """One of several values."""

    name: str
    values: tuple[TParameterValue, ...]
    is_ordered: bool = False
    """Whether neighbours in ``values`` are alike (small, medium, large)."""

    def __post_init__(self) -> None:
        where = f"parameter {self.name!r}"
        if not self.values:
            raise ConfigError(f"{where}: expected at least one value, found none")
        if len({_identity(value) for value in self.values}) < len(self.values):
            raise ConfigError(
                f"{where}: expected distinct values, found {list(self.values)}"
            )
        for value in self.values:
            if isinstance(value, float) and not math.isfinite(value):
                raise ConfigError(f"{where}: expected finite values, found {value}")

    @property
    def n_coordinates(self) -> int:
        """One if ordered or of two values, none if fixed, else one for each value."""
        if len(self.values) == 1:
            return 0
        return 1 if self.is_ordered or len(self.values) == 2 else len(self.values)

    @property
    def n_values(self) -> int | None:
        """How many values are allowed."""
        return len(self.values)

    def _index(self, value: TParameterValue) -> int:
        for index, allowed in enumerate(self.values):
            if _identity(allowed) == _identity(value):
                return index
        raise UsageError(
            f"parameter {self.name!r}: expected one of {list(self.values)}, "
            f"found {value!r}"
        )

    def encode(self, value: TParameterValue) -> list[float]:
        """Return the value's coordinates: its place in the order, or one-hot."""
        index = self._index(value)
        if self.n_coordinates <= 1:
            return [(index + 0.5) / len(self.values)] * self.n_coordinates
        return [float(k == index) for k in range(len(self.values))]

    def decode(self, coordinates: Sequence[float]) -> TParameterValue:
        """Return the value at the coordinate, or of the largest coordinate."""
        if self.n_coordinates == 0:
            return self.values[0]
        if self.n_coordinates == 1:
            index = int(float(coordinates[0]) * len(self.values))
            return self.values[min(len(self.values) - 1, max(0, index))]
        return self.values[int(np.argmax(coordinates))]

    def check(self, value: TParameterValue) -> None:
        """Raise ``UsageError`` unless ``value`` is allowed."""
        self._index(value)

    def to_json(self) -> dict[str, JSONValue]:
        """Return the parameter as the config writes it."""
        return {
            "name": self.name,
            "type": "choice",
            "values": list(self.values),
            "is_ordered": self.is_ordered,
        }


Parameter = RangeParameter | ChoiceParameter


def _identity(value: TParameterValue) -> tuple[bool, bool, TParameterValue]:
    """Tell ``True`` from ``1`` and ``"1"``, but not ``1`` from ``1.0``."""
    return isinstance(value, bool), isinstance(value, str), value


@dataclass(frozen=True)
class SearchSpace:
    """The parameters of an experiment, in their order."""

    parameters: tuple[Parameter, ...]

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

    @property
    def d(self) -> int:
        """The dimension of the unit cube."""
        return sum(parameter.n_coordinates for parameter in self.parameters)

    @property
    def n_points(self) -> int | None:
        """How many parameterizations there are; ``None`` if without end."""
        total = 1
        for parameter in self.parameters:
            if parameter.n_values is None:
                return None
            total *= parameter.n_values
        return total

    def encode(
        self, parameterizations: Iterable[TParameterization]
    ) -> npt.NDArray[np.float64]:
        """Return the points of ``parameterizations``, shape ``(n, d)``."""
        rows = [
            [x for p in self.parameters for x in p.encode(parameterization[p.name])]
            for parameterization in parameterizations
        ]
        return np.array(rows, dtype=np.float64).reshape(len(rows), self.d)

    def decode(self, X: npt.NDArray[np.float64]) -> list[dict[str, TParameterValue]]:
        """Return the parameterizations of the points ``X``, shape ``(n, d)``."""
        return [self._decode_one(row) for row in np.asarray(X, dtype=np.float64)]

    def _decode_one(self, row: npt.NDArray[np.float64]) -> dict[str, TParameterValue]:
        values: dict[str, TParameterValue] = {}
        at = 0
        for parameter in self.parameters:
            width = parameter.n_coordinates
            values[parameter.name] = parameter.decode(row[at : at + width].tolist())
            at += width
        return values

    def check(self, parameterization: TParameterization) -> None:
        """Raise ``UsageError`` unless the parameterization lies in the space."""
        names = [parameter.name for parameter in self.parameters]
        if set(names) != set(parameterization):
            raise UsageError(
                f"parameterization: expected values for {sorted(names)}, "
                f"found {sorted(parameterization)}"
            )
        for parameter in self.parameters:
            parameter.check(parameterization[parameter.name])

    def to_json(self) -> list[JSONValue]:
        """Return the space as the config writes it."""
        return [parameter.to_json() for parameter in self.parameters]

    @classmethod
    def from_json(cls, specs: Sequence[Mapping[str, Any]]) -> SearchSpace:
        """Return the space that ``to_json`` wrote."""
        return cls(tuple(_parameter_from_json(spec) for spec in specs))


def _parameter_from_json(spec: Mapping[str, Any]) -> Parameter:
    name = str(spec["name"])
    if spec["type"] == "range":
        lower, upper = spec["bounds"]
        return RangeParameter(
            name=name,
            lower=lower,
            upper=upper,
            parameter_type=spec.get("parameter_type", "float"),
            log=spec.get("scaling") == "log",
            step=spec.get("step_size"),
        )
    if spec["type"] == "choice":
        return ChoiceParameter(
            name=name,
            values=tuple(spec["values"]),
            is_ordered=bool(spec["is_ordered"]),
        )
    raise ConfigError(
        f"parameter {name!r}: expected type range or choice, found {spec['type']!r}"
    )
