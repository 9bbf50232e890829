"""Which nodes attempts failed on."""

from __future__ import annotations

import math
from typing import Any

import pandas as pd
import plotly.graph_objects as go
from typing_extensions import override

from hpcopt.analysis.analysis import Analysis, AnalysisNotApplicableStateError
from hpcopt.analysis.cluster.attempts import (
    attempt_table,
    uses_in,
    why_without_attempts,
)
from hpcopt.analysis.cluster.colors import COLOR_OF_USE
from hpcopt.analysis.experiment import ExperimentView, required
from hpcopt.analysis.generation_strategy import GenerationStrategyView
from hpcopt.analysis.plotly.plotly_analysis import (
    PlotlyAnalysisCard,
    create_plotly_analysis_card,
)
from hpcopt.analysis.plotly.style import figure, plain
from hpcopt.core.trials.cost import Use

#: So many nodes are drawn, those with most failures; the table has them all.
_MOST_NODES = 25

#: What a person did says nothing about a node.
_FAILURES = [use for use in Use if use.is_waste and use is not Use.USER]

#: Up to so many each whole number has its tick.
_FEW = 6

#: The failures that are hardly ever the trial's own.
_NODES_FAULT = Use.INFRASTRUCTURE.value

#: A node is suspicious that has so many times the share of failures of the others, and
#: at least so many failures.
_TIMES_WORSE = 3.0
_LEAST_FAILURES = 3

#: Chance makes a node of an experiment stand out with this probability.
_LIKELIHOOD = 0.01


class FailuresByNode(Analysis):
    """Failed attempts of each node by cause, beside how many it ran in all."""

    @override
    def validate_applicable_state(
        self,
        experiment: ExperimentView | None = None,
        generation_strategy: GenerationStrategyView | None = None,
        adapter: Any = None,
    ) -> str | None:
        return why_without_attempts(experiment)

    @override
    def compute(
        self,
        experiment: ExperimentView | None = None,
        generation_strategy: GenerationStrategyView | None = None,
        adapter: Any = None,
    ) -> PlotlyAnalysisCard:
        table = attempt_table(required(experiment))
        ended = table[table["has_ended"]]
        df = _by_node(ended)
        if df.empty:
            raise AnalysisNotApplicableStateError(
                "It is of no attempt that has ended known on which node it was."
            )
        if not df["n_failed"].any():
            raise AnalysisNotApplicableStateError(
                f"None of the {int(df['n_attempts'].sum()):,} attempts that have ended "
                "on a known node failed."
            )
        return create_plotly_analysis_card(
            type(self).__name__,
            "Failures by Node",
            _subtitle(df, n_unknown=len(ended) - int(df["n_attempts"].sum())),
            df,
            _figure(df.head(_MOST_NODES), ended),
        )


def _by_node(ended: pd.DataFrame) -> pd.DataFrame:
    """Return one row a node, those with most failures first."""
    known = ended[~ended["node"].isin(["", "None assigned"])]
    counts = pd.crosstab(known["node"], known["use"])
    df = pd.DataFrame(index=counts.index)
    df["n_attempts"] = counts.sum(axis=1)
    for use in _FAILURES:
        df[use.value] = counts.get(use.value, 0)
    df["n_failed"] = df[[use.value for use in _FAILURES]].sum(axis=1)
    df = df.sort_values(["n_failed", "n_attempts"], ascending=False, kind="stable")
    return df.reset_index()


def _figure(df: pd.DataFrame, ended: pd.DataFrame) -> go.Figure:
    nodes = [plain(node) for node in df["node"]]
    traces = [
        go.Bar(
            x=nodes,
            y=df[use.value].to_numpy(),
            marker={"color": COLOR_OF_USE[use]},
            name=use.value,
            customdata=df["n_attempts"].to_numpy(),
            hovertemplate="%{x}: %{y} of %{customdata} attempts"
            f"<extra>{use.value}</extra>",
        )
        for use in uses_in(ended)
        if use in _FAILURES
    ]
    fig = figure(traces, x="node", y="failed attempts", barmode="stack")
    if df["n_failed"].max() <= _FEW:
        fig.update_yaxes(dtick=1)
    return fig.update_xaxes(type="category").update_layout(showlegend=True)


def _subtitle(df: pd.DataFrame, n_unknown: int) -> str:
    n_failed, n_attempts = int(df["n_failed"].sum()), int(df["n_attempts"].sum())
    unknown = f" Of {n_unknown:,} more the node is not known." if n_unknown else ""
    drawn = f" The worst {_MOST_NODES} are drawn." if len(df) > _MOST_NODES else ""
    return (
        f"{n_failed:,} of {n_attempts:,} attempts on {len(df):,} nodes failed, by node "
        f"and cause.{drawn}{unknown} {_conclusion(df)}"
    )


def _conclusion(df: pd.DataFrame) -> str:
    bad = df.loc[_stand_out(df, "n_failed") | _stand_out(df, _NODES_FAULT), "node"]
    if bad.empty:
        return "No node stands out: the cause is rather in the trials than in a node."
    names = ", ".join(bad[:5]) + (" and others" if len(bad) > 5 else "")
    return (
        f"On {names} more than {_TIMES_WORSE:g} times as large a share failed as "
        "elsewhere, in all or for the infrastructure: leave such nodes out by exclude, "
        "and tell the administrators."
    )


def _stand_out(df: pd.DataFrame, column: str) -> pd.Series:
    """Return which nodes have a far larger share of failures than all others.

    And not by chance, by Fisher's exact test, corrected for the number of nodes.
    """
    failed, attempts = df[column], df["n_attempts"]
    n_others = attempts.sum() - attempts
    elsewhere = (failed.sum() - failed) / n_others.where(n_others > 0)
    is_worse = failed / attempts > _TIMES_WORSE * elsewhere
    found: pd.Series = is_worse & (failed >= _LEAST_FAILURES)
    totals = int(failed.sum()), int(attempts.sum())
    for row in df.index[found]:
        p = _chance(int(failed[row]), int(attempts[row]), *totals)
        found[row] = p < _LIKELIHOOD / len(df)
    return found


def _chance(failed: int, attempts: int, all_failed: int, all_attempts: int) -> float:
    """Return how likely so many failures or more are, had each attempt the same chance.

    It is the upper tail of the hypergeometric distribution.
    """
    others = all_attempts - attempts
    return sum(
        math.exp(
            _log_choose(attempts, k)
            + _log_choose(others, all_failed - k)
            - _log_choose(all_attempts, all_failed)
        )
        for k in range(failed, min(attempts, all_failed) + 1)
        if all_failed - k <= others
    )


def _log_choose(n: int, k: int) -> float:
    return math.lgamma(n + 1) - math.lgamma(k + 1) - math.lgamma(n - k + 1)
