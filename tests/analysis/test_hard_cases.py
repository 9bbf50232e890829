"""All cards of experiments that are hard to show: no card is an error.

What cannot be shown yet says what it waits for; what users name is shown as it is.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import pytest

from hpcopt.analysis import Analysis
from hpcopt.analysis.card import ErrorAnalysisCard, NotApplicableStateAnalysisCard
from hpcopt.analysis.experiment import ExperimentView
from hpcopt.analysis.generation_strategy import GenerationStrategyView
from hpcopt.analysis.graphviz.hierarchical_search_space_graph import (
    HierarchicalSearchSpaceGraph,
)
from hpcopt.analysis.metric_summary import MetricSummary
from hpcopt.analysis.overview import OverviewAnalysis
from hpcopt.analysis.plotly.marginal_effects import MarginalEffectsPlot
from hpcopt.analysis.plotly.parallel_coordinates import ParallelCoordinatesPlot
from hpcopt.analysis.plotly.plotly_analysis import PlotlyAnalysisCard
from hpcopt.analysis.search_space_summary import SearchSpaceSummary
from hpcopt.core import events as ev
from hpcopt.core.space.search_space import (
    ChoiceParameter,
    Condition,
    RangeParameter,
    SearchSpace,
)
from tests.support.analysis_world import experiment, losses, observed, view

HOSTILE = "<b>\"x'</script>%{y} & 🦊 \u202eabc"


def no_trial() -> ExperimentView:
    return view("-loss", [])


def one_trial() -> ExperimentView:
    return view("-loss", losses(1.0))


def only_failed() -> ExperimentView:
    return view("-loss", [None, None, None])


def only_pending() -> ExperimentView:
    return view("-loss", [{}, {}])


def nan_in_tracking() -> ExperimentView:
    outcomes = [observed(loss=k / 3, seen=math.nan if k % 2 else k) for k in range(6)]
    return view("-loss", outcomes)


def half_way() -> ExperimentView:
    outcomes = [
        observed(loss=k / 3) if k < 3 else observed(loss=k / 3, late=float(k))
        for k in range(6)
    ]
    return view("-loss", outcomes)


def constraint_half_way() -> ExperimentView:
    outcomes = [
        observed(loss=k / 3) if k < 4 else observed(loss=k / 3, heat=float(k))
        for k in range(7)
    ]
    return view("-loss", outcomes, ["heat <= 5"])


def equal_outcomes() -> ExperimentView:
    return view("-loss", losses(*[2.0] * 5))


def one_parameter() -> ExperimentView:
    space = SearchSpace((RangeParameter("x", 0.0, 1.0),))
    points = [{"x": k / 5} for k in range(6)]
    means = [(k / 5 - 0.3) ** 2 for k in range(6)]
    return view("-loss", losses(*means), space=space, parameters=points)


def one_fixed_parameter() -> ExperimentView:
    space = SearchSpace((ChoiceParameter("x", (1,)),))
    points = [{"x": 1}, {"x": 1}]
    return view("-loss", losses(1.0, 2.0), space=space, parameters=points)


def conditional() -> ExperimentView:
    space = SearchSpace(
        (
            ChoiceParameter("kind", ("sgd", "adam")),
            RangeParameter("momentum", 0.0, 1.0),
            RangeParameter("rate", 1e-4, 1.0, log=True),
        ),
        (),
        (Condition("momentum", "kind", ("sgd",)),),
    )
    points = [
        {"kind": "sgd", "momentum": k / 8, "rate": 10.0 ** (-k / 2)}
        if k % 2
        else {"kind": "adam", "rate": 10.0 ** (-k / 2)}
        for k in range(8)
    ]
    means = [k * 0.1 + (k % 2) for k in range(8)]
    return view("-loss", losses(*means), space=space, parameters=points)


def hostile_names() -> ExperimentView:
    space = SearchSpace(
        (
            RangeParameter(HOSTILE, 0.0, 1.0),
            ChoiceParameter("kind", (HOSTILE, "b", "c")),
        )
    )
    points = [{HOSTILE: k / 7, "kind": (HOSTILE, "b", "c")[k % 3]} for k in range(8)]
    outcomes = [{**losses(k / 3)[0], HOSTILE: ev.ObservedMetric(k)} for k in range(8)]
    return view(
        "-loss", outcomes, space=space, parameters=points, name=f"run {HOSTILE}"
    )


def several_with_constraints() -> ExperimentView:
    outcomes = [
        None
        if k == 4
        else observed(a=(k / 3, 0.1), b=math.sin(k), heat=float(k), load=k % 4)
        for k in range(10)
    ]
    return view("a, -b", outcomes, ["a >= 0.5", "heat <= 7", "load + heat <= 11"])


def nothing_feasible() -> ExperimentView:
    outcomes = [observed(loss=float(k), heat=9.0 + k) for k in range(5)]
    return view("-loss", outcomes, ["heat <= 4"])


def weighted_sum() -> ExperimentView:
    outcomes = [observed(a=float(k), b=math.cos(k)) for k in range(6)]
    return view("2*a - b", outcomes)


def targets() -> ExperimentView:
    outcomes = [observed(ph=6 + k / 5, cost=float(k)) for k in range(6)]
    return view("-abs(ph - 7) - 0.1*cost", outcomes)


def relative_constraint_without_baseline() -> ExperimentView:
    outcomes = [observed(loss=float(k), qps=1.0 + k) for k in range(5)]
    return view("-loss", outcomes, ["qps >= 0.9 * baseline"])


def with_a_baseline() -> ExperimentView:
    core = experiment(
        "-loss",
        [observed(loss=k + 1.0, qps=9.0 - k) for k in range(5)],
        ["qps >= 0.5 * baseline"],
    )
    core.apply(ev.TrialAttached(9.0, 5, {"x": 0.35, "kind": "b"}, "today", True))
    core.apply(ev.TrialCompleted(9.5, 5, observed(loss=3.5, qps=8.0)))
    return ExperimentView(core)


def learning_curves() -> ExperimentView:
    core = experiment("-loss", [{}] * 8)
    core.apply(ev.TrialsHandedOut(20.0, tuple(range(8))))
    for index in range(8):
        for step in (5, 10, 15):
            value = ev.ObservedMetric(1.0 + index - step / 20, None, step)
            core.apply(ev.DataAttached(30.0 + 9 * index + step, index, {"loss": value}))
        time = 60.0 + 9 * index
        if index == 6:
            core.apply(ev.TrialEarlyStopped(time, index))
        elif index < 6:
            core.apply(ev.TrialCompleted(time, index, core.trial(index).outcome))
    return ExperimentView(core)


def huge_values() -> ExperimentView:
    return view("-loss", losses(1.0, 2.0, 1e290, 0.5, -1e250, 3.0))


def many_parameters() -> ExperimentView:
    space = SearchSpace(tuple(RangeParameter(f"x{k}", 0.0, 1.0) for k in range(500)))
    points = [
        {f"x{k}": (k * trial + trial) % 7 / 7 for k in range(500)} for trial in range(8)
    ]
    means = [point["x0"] + point["x9"] for point in points]
    return view("-loss", losses(*means), space=space, parameters=points)


CASES: list[Callable[[], ExperimentView]] = [
    no_trial,
    one_trial,
    only_failed,
    only_pending,
    nan_in_tracking,
    half_way,
    constraint_half_way,
    equal_outcomes,
    one_parameter,
    one_fixed_parameter,
    conditional,
    hostile_names,
    several_with_constraints,
    nothing_feasible,
    weighted_sum,
    targets,
    relative_constraint_without_baseline,
    with_a_baseline,
    learning_curves,
    huge_values,
    many_parameters,
]


def analyses(seen: ExperimentView) -> list[Analysis]:
    """Return all that is not in the overview, and the overview."""
    first = next(iter(seen.metrics))
    return [
        OverviewAnalysis(),
        MetricSummary(),
        SearchSpaceSummary(),
        HierarchicalSearchSpaceGraph(),
        *(ParallelCoordinatesPlot(name) for name in seen.metrics),
        MarginalEffectsPlot(first),
    ]


@pytest.mark.parametrize("make", CASES, ids=lambda make: make.__name__)
def test_no_card_is_an_error(make: Callable[[], ExperimentView]) -> None:
    seen = make()
    strategy = GenerationStrategyView(seen.core)
    for analysis in analyses(seen):
        card = analysis.compute_or_error_card(seen, strategy)
        for leaf in card.flatten():
            where = f"{leaf.name}: {leaf.title}"
            assert not isinstance(leaf, ErrorAnalysisCard), f"{where}\n{leaf.blob}"
            assert leaf.subtitle.endswith((".", ")", '"')), where
            if isinstance(leaf, NotApplicableStateAnalysisCard):
                assert leaf.blob.endswith("."), where
            if isinstance(leaf, PlotlyAnalysisCard):
                assert leaf.get_figure().layout.template.layout.font.family, where
        html = card.to_html()
        assert "<b>\"x'" not in html
        assert html.count("<script>") == html.count("</script>")


def test_before_the_first_trial_there_is_nothing_to_show_but_the_plan() -> None:
    seen = no_trial()
    card = OverviewAnalysis().compute_or_error_card(seen)
    shown = [
        leaf.name
        for leaf in card.flatten()
        if not isinstance(leaf, NotApplicableStateAnalysisCard)
    ]
    assert shown == ["GenerationStrategyGraph"]
