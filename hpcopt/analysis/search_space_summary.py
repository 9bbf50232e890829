"""The table of parameters: what each may be."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pandas as pd
from typing_extensions import override

from hpcopt.analysis.analysis import Analysis
from hpcopt.analysis.card import AnalysisCard
from hpcopt.analysis.experiment import ExperimentView, required
from hpcopt.analysis.generation_strategy import GenerationStrategyView
from hpcopt.core.space.search_space import (
    ChoiceParameter,
    Condition,
    DerivedParameter,
    Parameter,
    RangeParameter,
    SearchSpace,
)
from hpcopt.core.types import TParameterValue

_DATATYPES = {bool: "bool", int: "int", float: "float", str: "string"}


class SearchSpaceSummary(Analysis):
    """One row a parameter: its kind, its domain, its type, what depends on it."""

    @override
    def compute(
        self,
        experiment: ExperimentView | None = None,
        generation_strategy: GenerationStrategyView | None = None,
        adapter: Any = None,
    ) -> AnalysisCard:
        view = required(experiment)
        space = view.core.space
        constraints = (
            f"They satisfy {'; '.join(space.constraints)}."
            if space.constraints
            else "There are no constraints between them."
        )
        return self._create_analysis_card(
            title=f"Search Space Summary for {view.name}",
            subtitle=f"Every parameter with what it may be. {constraints}",
            df=search_space_table(space),
        )


def search_space_table(space: SearchSpace) -> pd.DataFrame:
    """Return one row a parameter."""
    rows = [
        {
            "Name": parameter.name,
            "Type": _kind(parameter),
            "Domain": _domain(parameter),
            "Datatype": _datatype(parameter),
            "Flags": ", ".join(_flags(parameter, space.conditions)),
            "Dependent Parameters": _dependents(parameter, space.conditions),
        }
        for parameter in space.parameters
    ]
    df = pd.DataFrame(rows)
    return df if space.conditions else df.drop(columns="Dependent Parameters")


def _kind(parameter: Parameter) -> str:
    match parameter:
        case RangeParameter():
            return "Range"
        case DerivedParameter():
            return "Derived"
        case _ if len(parameter.values) == 1:
            return "Fixed"
        case _:
            return "Choice"


def _domain(parameter: Parameter) -> str:
    match parameter:
        case RangeParameter():
            return f"range=[{parameter.lower}, {parameter.upper}]"
        case DerivedParameter():
            return f"value={parameter.expression.text}"
        case _ if len(parameter.values) == 1:
            return f"value={parameter.values[0]!r}"
        case _:
            return f"values={list(parameter.values)}"


def _datatype(parameter: Parameter) -> str:
    if isinstance(parameter, ChoiceParameter):
        types = {type(value) for value in parameter.values}
        return _DATATYPES[float if types == {int, float} else types.pop()]
    return {"str": "string"}.get(parameter.parameter_type, parameter.parameter_type)


def _flags(parameter: Parameter, conditions: Sequence[Condition]) -> list[str]:
    flags = []
    if isinstance(parameter, RangeParameter):
        flags += ["log_scale"] if parameter.log else []
        flags += [] if parameter.step is None else [f"step_size={parameter.step}"]
    if isinstance(parameter, ChoiceParameter) and len(parameter.values) > 1:
        flags.append("ordered" if parameter.is_ordered else "unordered")
        flags.append("sorted" if _is_sorted(parameter.values) else "unsorted")
    if any(condition.parent == parameter.name for condition in conditions):
        flags.append("hierarchical")
    return flags


def _is_sorted(values: Sequence[TParameterValue]) -> bool:
    keys: Any = list(values)
    return bool(keys == sorted(keys))


def _dependents(parameter: Parameter, conditions: Sequence[Condition]) -> str | None:
    """Return which parameters each of its values makes active."""
    found: dict[TParameterValue, list[str]] = {}
    for condition in conditions:
        if condition.parent == parameter.name:
            for value in condition.values:
                found.setdefault(value, []).append(condition.parameter)
    return str(found) if found else None
