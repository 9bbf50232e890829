"""The parameter configs of ``ax.api``.

A config is checked when it is made, so that what is wrong is reported at its own line,
and again when an experiment is made of it, as its fields may be changed.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from hpcopt.core.errors import ConfigError
from hpcopt.core.space.search_space import Condition, Parameter
from hpcopt.core.space.specs import parameter_from_json
from hpcopt.core.trials.trial import python_value
from hpcopt.core.types import TParameterValue


@dataclass
class RangeParameterConfig:
    """A number between two bounds, both included.

    Raises:
        ConfigError: The fields do not make a parameter.
    """

    name: str
    bounds: tuple[float, float]
    parameter_type: Literal["float", "int"]
    step_size: float | None = None
    """Only the lower bound and multiples of this above it are allowed."""
    scaling: Literal["linear", "log"] | None = None
    """``None`` is ``"linear"``."""

    def __post_init__(self) -> None:
        self.parameter()

    def parameter(self) -> Parameter:
        """Return the parameter of the search space."""
        where = f"parameter {self.name!r}"
        _check_one_of(where, "parameter_type", self.parameter_type, ["float", "int"])
        _check_one_of(where, "scaling", self.scaling, ["linear", "log", None])
        if len(self.bounds) != 2:
            raise ConfigError(
                f"{where}: expected a lower and an upper bound, found {self.bounds}"
            )
        lower, upper = (self._number("bounds", bound) for bound in self.bounds)
        step = self.step_size
        return parameter_from_json(
            {
                "name": self.name,
                "type": "range",
                "bounds": (lower, upper),
                "parameter_type": self.parameter_type,
                "scaling": self.scaling,
                "step_size": None if step is None else self._number("step_size", step),
            }
        )

    def _number(self, field: str, value: object) -> float:
        number = _plain(f"parameter {self.name!r}: {field}", value)
        if isinstance(number, (bool, str)):
            raise ConfigError(
                f"parameter {self.name!r}: {field}: expected numbers, found {value!r}"
            )
        return float(number) if self.parameter_type == "float" else number


@dataclass
class ChoiceParameterConfig:
    """One of several values.

    Values other than strings are sorted, as in Ax: the order of ordered strings is the
    one in which they are written.

    Raises:
        ConfigError: The fields do not make a parameter.
    """

    name: str
    values: Sequence[float] | Sequence[int] | Sequence[str] | Sequence[bool]
    parameter_type: Literal["float", "int", "str", "bool"]
    is_ordered: bool | None = None
    """Whether neighbours are alike; by default all but three strings or more are."""
    dependent_parameters: Mapping[TParameterValue, Sequence[str]] | None = None
    """A value to the names of the parameters that are active only where it is chosen;
    the others have no value then. A name may stand under several values."""

    def __post_init__(self) -> None:
        self.parameter()
        self.conditions()

    def parameter(self) -> Parameter:
        """Return the parameter of the search space."""
        where = f"parameter {self.name!r}"
        _check_one_of(where, "parameter_type", self.parameter_type, list(_VALUE_TYPES))
        values = list(dict.fromkeys(map(self._value, self.values)))
        is_string = self.parameter_type == "str"
        is_ordered = self.is_ordered
        if is_ordered is None:
            is_ordered = not is_string or len(values) <= 2
        return parameter_from_json(
            {
                "name": self.name,
                "type": "choice",
                "values": values if is_string else sorted(values),
                "is_ordered": is_ordered,
            }
        )

    def conditions(self) -> list[Condition]:
        """Return which parameters depend on this one, and on which of its values."""
        values_of: dict[str, list[TParameterValue]] = {}
        for value, names in (self.dependent_parameters or {}).items():
            if isinstance(names, str):
                raise ConfigError(
                    f"parameter {self.name!r}: dependent_parameters: expected a list "
                    f"of names for {value!r}, found {names!r}"
                )
            for name in names:
                values_of.setdefault(name, []).append(self._value(value))
        return [
            Condition(name, self.name, tuple(values))
            for name, values in values_of.items()
        ]

    def _value(self, value: object) -> TParameterValue:
        found = _plain(f"parameter {self.name!r}: values", value)
        if self.parameter_type == "float" and type(found) is int:
            return float(found)
        if self.parameter_type == "int" and type(found) is float and found % 1 == 0:
            return int(found)
        if self.parameter_type == "str":
            return str(found)
        if type(found) is not _VALUE_TYPES[self.parameter_type]:
            raise ConfigError(
                f"parameter {self.name!r}: expected values of type "
                f"{self.parameter_type}, found {found!r}"
            )
        return found


@dataclass
class DerivedParameterConfig:
    """A parameter that is computed from others.

    Raises:
        ConfigError: The fields do not make a parameter.
    """

    name: str
    expression_str: str
    """Arithmetic over the names of other parameters: ``"2*x1 + x2"``. In Ax it must be
    linear; here it may be any of ``+ - * / **``, ``abs exp log sqrt min max``."""
    parameter_type: Literal["float", "int", "str", "bool"]
    """A ``str`` or ``bool`` can only be the copy of another parameter."""

    def __post_init__(self) -> None:
        self.parameter()

    def parameter(self) -> Parameter:
        """Return the parameter of the search space."""
        where = f"parameter {self.name!r}"
        _check_one_of(where, "parameter_type", self.parameter_type, list(_VALUE_TYPES))
        return parameter_from_json(
            {
                "name": self.name,
                "type": "derived",
                "expression": self.expression_str,
                "parameter_type": self.parameter_type,
            }
        )


@dataclass
class StorageConfig:
    """Where experiments are kept besides their folders: not supported yet.

    It is here for scripts that make one; a ``Client`` refuses it.
    """

    creator: Callable[..., Any] | None = None
    """Makes a connection to a database."""
    url: str | None = None
    """Names a database."""
    registry_bundle: Any = None
    """What Ax stores other classes by."""


AnyParameterConfig = (
    RangeParameterConfig | ChoiceParameterConfig | DerivedParameterConfig
)


#: ``parameter_type`` to the type of the values.
_VALUE_TYPES: Mapping[str, type[TParameterValue]] = {
    "float": float,
    "int": int,
    "str": str,
    "bool": bool,
}


def _plain(where: str, value: object) -> TParameterValue:
    try:
        return python_value(value)
    except TypeError as exc:
        raise ConfigError(f"{where}: {exc}") from exc


def _check_one_of(
    where: str, field: str, value: object, allowed: Sequence[object]
) -> None:
    if value not in allowed:
        raise ConfigError(
            f"{where}: {field}: expected one of {list(allowed)}, found {value!r}"
        )
