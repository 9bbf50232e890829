"""Conditional parameters: one is active where its conditions hold.

``when: {optimizer: [sgd]}`` makes a parameter active where ``optimizer`` is ``sgd``; an
inactive one has no value.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from hpcopt.core.errors import ConfigError, UsageError
from hpcopt.core.space.choices import ChoiceParameter
from hpcopt.core.space.ranges import RangeParameter
from hpcopt.core.types import TParameterValue


@dataclass(frozen=True)
class Condition:
    """A parameter is active only where its parent has one of these values."""

    parameter: str
    parent: str
    values: tuple[TParameterValue, ...]


def check_conditions(
    conditions: Sequence[Condition],
    parameters: Mapping[str, RangeParameter | ChoiceParameter],
    names: Iterable[str],
) -> None:
    """Check that each condition can be decided.

    Args:
        conditions: The conditions.
        parameters: The parameters that can be parents, by name.
        names: The names of all parameters.

    Raises:
        ConfigError: One names no parameter, or a parent or a value that there is not.
    """
    known = set(names)
    for condition in conditions:
        where = f"parameter {condition.parameter!r}: when"
        if condition.parameter not in known:
            raise ConfigError(
                f"parameters: expected the name of a parameter to depend on "
                f"{condition.parent!r}, found {condition.parameter!r}"
            )
        parent = parameters.get(condition.parent)
        if parent is None or parent.n_values is None:
            raise ConfigError(
                f"{where}: expected a parameter of separate values, "
                f"found {condition.parent!r}"
            )
        if not condition.values:
            raise ConfigError(
                f"{where}: {condition.parent}: expected at least one value, found none"
            )
        for value in condition.values:
            try:
                _check_value(parent, value)
            except UsageError as exc:
                raise ConfigError(f"{where}: {exc}") from exc


def _check_value(
    parent: RangeParameter | ChoiceParameter, value: TParameterValue
) -> None:
    """Check the value, which may be one that was taken away."""
    if isinstance(parent, ChoiceParameter):
        parent.codes([value])
    else:
        parent.check(value)


def in_order(names: Sequence[str], needs: Mapping[str, Sequence[str]]) -> list[str]:
    """Return ``names`` in topological order: each after those that it needs.

    Raises:
        ConfigError: Some need each other in a circle.
    """
    done: dict[str, None] = {}

    def visit(name: str, path: tuple[str, ...]) -> None:
        if name in path:
            circle = " -> ".join([*path[path.index(name) :], name])
            raise ConfigError(
                f"parameter {name!r}: expected parameters that do not depend on each "
                f"other in a circle, found {circle}"
            )
        if name not in done:
            for other in needs.get(name, ()):
                visit(other, (*path, name))
            done[name] = None

    for name in names:
        visit(name, ())
    return list(done)
