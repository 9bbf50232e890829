"""Conditional parameters: which value makes which others active."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from typing_extensions import override

from hpcopt.analysis.analysis import Analysis
from hpcopt.analysis.experiment import ExperimentView, required
from hpcopt.analysis.generation_strategy import GenerationStrategyView
from hpcopt.analysis.graphviz.graphviz_analysis import (
    GraphvizAnalysisCard,
    create_graphviz_analysis_card,
    digraph,
    quoted,
)
from hpcopt.analysis.search_space_summary import search_space_table
from hpcopt.analysis.text import escape
from hpcopt.core.space.search_space import SearchSpace
from hpcopt.core.types import TParameterValue


class HierarchicalSearchSpaceGraph(Analysis):
    """Conditional parameters as boxes within boxes."""

    @override
    def validate_applicable_state(
        self,
        experiment: ExperimentView | None = None,
        generation_strategy: GenerationStrategyView | None = None,
        adapter: Any = None,
    ) -> str | None:
        if experiment is None:
            return "It is of an experiment, and none was given."
        if not experiment.core.space.conditions:
            return "No parameter depends on another one's value."
        return None

    @override
    def compute(
        self,
        experiment: ExperimentView | None = None,
        generation_strategy: GenerationStrategyView | None = None,
        adapter: Any = None,
    ) -> GraphvizAnalysisCard:
        space = required(experiment).core.space
        dependent = {condition.parameter for condition in space.conditions}
        n = len(space.parameters)
        return create_graphviz_analysis_card(
            type(self).__name__,
            "Hierarchical Search Space Graph",
            "Each parameter, and within a box those that are active only where it has "
            f"a certain value. {n - len(dependent)} of {n} parameters are always "
            "active.",
            search_space_table(space),
            _dot(space),
            picture=_picture(space, _top(space)),
        )


def _top(space: SearchSpace) -> list[str]:
    """Return the parameters that are always active."""
    dependent = {condition.parameter for condition in space.conditions}
    return [p.name for p in space.parameters if p.name not in dependent]


def _branches(space: SearchSpace, parent: str) -> dict[TParameterValue, list[str]]:
    """Return which parameters each value of ``parent`` makes active."""
    found: dict[TParameterValue, list[str]] = {}
    for condition in space.conditions:
        if condition.parent == parent:
            for value in condition.values:
                found.setdefault(value, []).append(condition.parameter)
    return found


def _dot(space: SearchSpace) -> str:
    statements = ["rankdir=LR"]
    statements += [f"{quoted(p.name)} [shape=box]" for p in space.parameters]
    statements += [
        f"{quoted(parent.name)} -> {quoted(name)} [label={quoted(value)}]"
        for parent in space.parameters
        for value, names in _branches(space, parent.name).items()
        for name in names
    ]
    return digraph("SearchSpace", statements)


def _picture(space: SearchSpace, names: Sequence[str]) -> str:
    parts = []
    for name in names:
        inner = "".join(
            f'<div class="hpcopt-branch"><small>where it is {escape(value)}'
            f"</small>{_picture(space, below)}</div>"
            for value, below in _branches(space, name).items()
        )
        parts.append(f'<div class="hpcopt-node"><b>{escape(name)}</b>{inner}</div>')
    return f'<div class="hpcopt-tree">{"".join(parts)}</div>'
