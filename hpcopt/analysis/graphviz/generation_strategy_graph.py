"""What proposes the trials, one after the other."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import pandas as pd
from typing_extensions import override

from hpcopt.analysis.analysis import Analysis
from hpcopt.analysis.experiment import ExperimentView
from hpcopt.analysis.generation_strategy import (
    GenerationNode,
    GenerationStrategyView,
)
from hpcopt.analysis.graphviz.graphviz_analysis import (
    GraphvizAnalysisCard,
    create_graphviz_analysis_card,
    digraph,
    quoted,
)
from hpcopt.analysis.text import escape


class GenerationStrategyGraph(Analysis):
    """The nodes of the strategy, when each gives way, and the present one."""

    @override
    def validate_applicable_state(
        self,
        experiment: ExperimentView | None = None,
        generation_strategy: GenerationStrategyView | None = None,
        adapter: Any = None,
    ) -> str | None:
        if generation_strategy is None and experiment is None:
            return "It is of a generation strategy, and none was given."
        return None

    @override
    def compute(
        self,
        experiment: ExperimentView | None = None,
        generation_strategy: GenerationStrategyView | None = None,
        adapter: Any = None,
    ) -> GraphvizAnalysisCard:
        strategy = generation_strategy
        if strategy is None:
            assert experiment is not None
            strategy = GenerationStrategyView(experiment.core)
        nodes, current = strategy.nodes, strategy.current_node_name
        return create_graphviz_analysis_card(
            type(self).__name__,
            "Generation Strategy Graph",
            f"What proposes the trials of {strategy.name}, one after the other, and "
            f"when each gives way to the next. The next trial is of {current}.",
            _table(nodes, current),
            _dot(nodes, current),
            picture=_picture(nodes, current),
        )


def _table(nodes: Sequence[GenerationNode], current: str) -> pd.DataFrame:
    following = [*(node.name for node in nodes[1:]), ""]
    return pd.DataFrame(
        [
            {
                "node_name": node.name,
                "generators": node.generators,
                "transitions": "None"
                if node.transition is None
                else f"-> {after}: {node.transition}",
                "is_current": node.name == current,
            }
            for node, after in zip(nodes, following, strict=True)
        ]
    )


def _dot(nodes: Sequence[GenerationNode], current: str) -> str:
    statements = ["rankdir=TB"]
    for node in nodes:
        style = (
            'style="filled,bold" fillcolor=lightblue penwidth=2'
            if node.name == current
            else "style=rounded"
        )
        label = quoted(f"{node.name}\n{node.generators}")
        statements.append(f"{quoted(node.name)} [label={label} shape=box {style}]")
    for node, after in pairwise(nodes):
        ends = f"{quoted(node.name)} -> {quoted(after.name)}"
        statements.append(f"{ends} [label={quoted(node.transition)}]")
    return digraph("GenerationStrategy", statements)


def _picture(nodes: Sequence[GenerationNode], current: str) -> str:
    parts = []
    for node in nodes:
        is_current = node.name == current
        now = ' hpcopt-current" aria-current="step' if is_current else ""
        parts.append(
            f'<div class="hpcopt-node{now}"><b>{escape(node.name)}</b>'
            f"<br><small>{escape(node.generators)}</small></div>"
        )
        if node.transition is not None:
            parts.append(
                f'<div class="hpcopt-arrow">↓ <small>{escape(node.transition)}</small>'
                "</div>"
            )
    return f'<div class="hpcopt-chain">{"".join(parts)}</div>'
