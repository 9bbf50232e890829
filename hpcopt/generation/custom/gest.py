"""Generators of gest-api, which are told VOCS and speak by ``suggest`` and ``ingest``.

https://github.com/campa-consortium/gest-api; it need not be installed, unless the
user's generator wants it.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from importlib import import_module
from importlib.util import find_spec
from typing import Any

from hpcopt.core.errors import ConfigError
from hpcopt.core.goals.metric_sum import MetricSum
from hpcopt.core.space.search_space import ChoiceParameter, RangeParameter
from hpcopt.core.types import JSONValue, TParameterValue
from hpcopt.generation.snapshot import ObservedTrial, Snapshot

#: The key of a point's own identifier, where a generator gives them.
_ID = "_id"


@dataclass(frozen=True)
class Vocs:
    """What gest-api's ``VOCS`` holds, where that is not installed."""

    variables: Mapping[str, object]
    """``[lower, upper]``, or a set of values, by name."""
    objectives: Mapping[str, str] = field(default_factory=dict)
    """``MINIMIZE`` or ``MAXIMIZE``, by name."""
    constraints: Mapping[str, Sequence[object]] = field(default_factory=dict)
    """``["GREATER_THAN", 0.0]``, by name."""

    @property
    def variable_names(self) -> list[str]:
        """The names of the variables."""
        return list(self.variables)

    @property
    def objective_names(self) -> list[str]:
        """The names of the objectives."""
        return list(self.objectives)

    @property
    def constraint_names(self) -> list[str]:
        """The names of the constraints."""
        return list(self.constraints)


def is_gest(found: object) -> bool:
    """Whether ``found`` is a class of gest-api's kind."""
    return all(callable(getattr(found, name, None)) for name in ("suggest", "ingest"))


class GestGenerator:
    """Tells a generator of gest-api's kind what is new, and asks it.

    It is made at the first request, and told of each completed trial once; one that is
    made anew is told of all.
    """

    def __init__(
        self, make: Callable[..., Any], options: Mapping[str, JSONValue]
    ) -> None:
        self._make = make
        self._options = options
        self._generator: Any = None
        self._told: set[int] = set()
        self._ids: dict[str, object] = {}

    def generate(
        self, n: int, experiment: Snapshot
    ) -> Sequence[Mapping[str, TParameterValue]]:
        """Return what the generator suggests.

        Raises:
            Exception: Whatever it raises.
        """
        if self._generator is None:
            self._generator = self._make(_vocs(experiment), **self._options)
        new = [
            trial
            for trial in experiment.completed
            if trial.index not in self._told
            and experiment.goals.is_known(trial.outcome)
        ]
        if new:
            self._generator.ingest([self._result(trial, experiment) for trial in new])
            self._told.update(trial.index for trial in new)
        return [self._point(point) for point in self._generator.suggest(n)]

    def _result(self, trial: ObservedTrial, experiment: Snapshot) -> dict[str, object]:
        result: dict[str, object] = {
            parameter.name: trial.parameters[parameter.name]
            for parameter in _variables(experiment)
            if parameter.name in trial.parameters
        }
        key = _key(result)
        if key in self._ids:
            result[_ID] = self._ids.pop(key)
        for name, goal, _ in _objectives(experiment):
            is_metric = name in trial.outcome
            result[name] = (
                trial.outcome[name].mean if is_metric else goal.value(trial.outcome)
            )
        for k, constraint in enumerate(experiment.goals.constraints):
            result[f"constraint_{k}"] = constraint.slack(trial.outcome)
        return result

    def _point(self, point: Mapping[str, Any]) -> Mapping[str, TParameterValue]:
        values = {name: value for name, value in point.items() if name != _ID}
        if _ID in point:
            self._ids[_key(values)] = point[_ID]
        return values


def _objectives(experiment: Snapshot) -> list[tuple[str, MetricSum, str]]:
    """Return name, objective and direction: a metric's own, or that of a sum."""
    named: list[tuple[str, MetricSum, str]] = []
    for k, objective in enumerate(experiment.goals.objectives):
        if (name := objective.metric) is not None:
            way = "MINIMIZE" if objective.is_minimised else "MAXIMIZE"
            named.append((name, objective, way))
        else:
            named.append((f"objective_{k}", objective, "MAXIMIZE"))
    return named


def _vocs(experiment: Snapshot) -> object:
    if not experiment.goals.is_absolute:
        raise ConfigError("gest-api knows no constraints relative to a baseline")
    fields = {
        "variables": {p.name: _variable(p) for p in _variables(experiment)},
        "objectives": {name: way for name, _, way in _objectives(experiment)},
        "constraints": {
            f"constraint_{k}": ["GREATER_THAN", 0.0]
            for k in range(len(experiment.goals.constraints))
        },
    }
    if find_spec("gest_api") is None:
        return Vocs(**fields)  # type: ignore[arg-type]
    return import_module("gest_api.vocs").VOCS(**fields)


def _variables(experiment: Snapshot) -> list[RangeParameter | ChoiceParameter]:
    """Return the parameters that are not fixed."""
    return [p for p in experiment.space.searched if p.n_values != 1]


def _variable(parameter: RangeParameter | ChoiceParameter) -> object:
    if isinstance(parameter, RangeParameter) and parameter.n_values is None:
        return [float(parameter.lower), float(parameter.upper)]
    return set(parameter.values_of(parameter.all_codes()))


def _key(values: Mapping[str, Any]) -> str:
    return json.dumps(dict(sorted(values.items())), default=float)
