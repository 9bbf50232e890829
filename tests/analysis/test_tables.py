"""The tables: of metrics, of parameters, of the best trials, of the strategy."""

from __future__ import annotations

import pytest

from hpcopt.analysis.best_trials import BestTrials
from hpcopt.analysis.card import AnalysisCard, NotApplicableStateAnalysisCard
from hpcopt.analysis.generation_strategy import GenerationStrategyView
from hpcopt.analysis.graphviz.generation_strategy_graph import GenerationStrategyGraph
from hpcopt.analysis.graphviz.graphviz_analysis import quoted
from hpcopt.analysis.graphviz.hierarchical_search_space_graph import (
    HierarchicalSearchSpaceGraph,
)
from hpcopt.analysis.metric_summary import MetricSummary
from hpcopt.analysis.search_space_summary import SearchSpaceSummary
from hpcopt.analysis.summary import Summary
from hpcopt.core.expressions import Expression
from hpcopt.core.space.search_space import (
    ChoiceParameter,
    Condition,
    DerivedParameter,
    RangeParameter,
    SearchSpace,
)
from hpcopt.core.trials.trial import TrialStatus
from tests.support.analysis_world import experiment, losses, observed, view


def test_of_each_metric_the_goal_is_told() -> None:
    seen = view(
        "-abs(ph - 7) - cost",
        [observed(ph=1.0, cost=1.0, heat=1.0, q=1.0, seen=1.0)],
        ["2*heat <= 8", "q >= 0.9 * baseline", "heat + q <= 9"],
    )
    card = MetricSummary().compute_or_error_card(seen)
    assert isinstance(card, AnalysisCard)
    rows = card.df.set_index("Name")
    assert rows["Goal"].to_dict() == {
        "cost": "minimize",
        "ph": "target",
        "heat": "constrain",
        "q": "constrain",
        "seen": "track",
    }
    assert rows["Bound"].to_dict() == {
        "cost": None,
        "ph": "abs(ph - 7)",
        "heat": "<= 4, heat + q <= 9",
        "q": ">= 0.9 * baseline, heat + q <= 9",
        "seen": None,
    }
    assert rows["Lower is Better"].to_dict()["heat"] is True
    assert "4 of 5 decide" in card.subtitle


def test_thresholds_are_bounds_of_objectives() -> None:
    card = MetricSummary().compute_or_error_card(view("a, -b", [], ["a >= 0.5"]))
    assert card.flatten()[0].df["Bound"].tolist() == [">= 0.5", None]
    assert card.flatten()[0].df["Goal"].tolist() == ["maximize", "minimize"]


def test_of_each_parameter_the_domain_is_told() -> None:
    space = SearchSpace(
        (
            RangeParameter("lr", 1e-3, 1.0, log=True),
            RangeParameter("n", 1, 9, "int", step=2),
            ChoiceParameter("kind", ("b", "a")),
            ChoiceParameter("size", (1, 2, 4), is_ordered=True),
            ChoiceParameter("fixed", (True,)),
            DerivedParameter("twice", Expression("2 * n", "twice")),
            RangeParameter("m", 0.0, 1.0),
        ),
        ("lr + m <= 1.5",),
        (Condition("m", "kind", ("a",)),),
    )
    card = SearchSpaceSummary().compute_or_error_card(view("-loss", [], space=space))
    assert isinstance(card, AnalysisCard)
    columns = card.df.to_dict("list")
    assert columns["Type"] == [
        "Range",
        "Range",
        "Choice",
        "Choice",
        "Fixed",
        "Derived",
        "Range",
    ]
    assert columns["Domain"] == [
        "range=[0.001, 1.0]",
        "range=[1, 9]",
        "values=['b', 'a']",
        "values=[1, 2, 4]",
        "value=True",
        "value=2 * n",
        "range=[0.0, 1.0]",
    ]
    assert columns["Datatype"] == [
        "float",
        "int",
        "string",
        "int",
        "bool",
        "float",
        "float",
    ]
    assert columns["Flags"] == [
        "log_scale",
        "step_size=2",
        "unordered, unsorted, hierarchical",
        "ordered, sorted",
        "",
        "",
        "",
    ]
    assert columns["Dependent Parameters"][2] == "{'a': ['m']}"
    assert "lr + m <= 1.5" in card.subtitle
    plain = SearchSpaceSummary().compute_or_error_card(view("-loss", []))
    assert "Dependent Parameters" not in plain.flatten()[0].df


def test_conditional_parameters_are_boxes_within_boxes() -> None:
    space = SearchSpace(
        (ChoiceParameter("kind", ('a"', "b")), RangeParameter("m", 0.0, 1.0)),
        (),
        (Condition("m", "kind", ('a"',)),),
    )
    graph = HierarchicalSearchSpaceGraph()
    card = graph.compute_or_error_card(view("-loss", [], space=space))
    assert isinstance(card, AnalysisCard)
    assert '"kind" -> "m" [label="a\\""]' in card.blob
    assert "where it is a&quot;" in card.to_html()
    assert "1 of 2 parameters are always active" in card.subtitle
    without = graph.compute_or_error_card(view("-loss", []))
    assert isinstance(without, NotApplicableStateAnalysisCard)
    assert quoted("a\\b\nc") == '"a\\\\b\\nc"'


def test_the_best_trial_is_a_row_of_the_summary() -> None:
    outcomes = [None, *losses(3.0, 1.0, 2.0)]
    card = BestTrials().compute_or_error_card(view("-loss", outcomes))
    assert card.title == "Best Trial for Experiment"
    [leaf] = card.flatten()
    assert leaf.df["trial_index"].tolist() == [2]
    assert list(leaf.df.columns)[-3:] == ["loss", "x", "kind"]


def test_of_several_objectives_the_front_is_best() -> None:
    outcomes = [observed(a=a, b=b) for a, b in ((1.0, 3.0), (2.0, 2.0), (1.0, 1.0))]
    card = BestTrials().compute_or_error_card(view("a, b", outcomes))
    assert card.title == "Pareto Frontier Trials for Experiment"
    assert card.flatten()[0].df["trial_index"].tolist() == [0, 1]


def test_the_best_can_be_told_by_the_model() -> None:
    noisy = [
        observed(loss=((k - 4) ** 2 / 4 + (0.4 if k == 4 else 0), 0.5))
        for k in range(9)
    ]
    card = BestTrials(use_model_predictions=True).compute_or_error_card(
        view("-loss", noisy)
    )
    assert card.flatten()[0].df["trial_index"].tolist() == [4]
    assert "by what the model expects" in card.subtitle
    several = [observed(a=float(k), b=5.0 - k) for k in range(5)]
    front = BestTrials(use_model_predictions=True).compute_or_error_card(
        view("a, b", several)
    )
    assert front.flatten()[0].df["trial_index"].tolist() == [0, 1, 2, 3, 4]


@pytest.mark.parametrize(
    ("statuses", "why"),
    [
        ([TrialStatus.EARLY_STOPPED], "No trial is EARLY_STOPPED yet."),
        (None, "None of the 2 trials that are COMPLETED is known to satisfy"),
    ],
)
def test_without_a_best_trial_it_is_said_why(
    statuses: list[TrialStatus] | None, why: str
) -> None:
    outcomes = [observed(loss=1.0, heat=9.0), observed(loss=2.0)]
    card = BestTrials(statuses).compute_or_error_card(
        view("-loss", outcomes, ["heat <= 4"])
    )
    assert isinstance(card, NotApplicableStateAnalysisCard)
    assert card.blob.startswith(why)


def test_the_summary_can_be_of_some_trials() -> None:
    seen = view("-loss", [None, *losses(3.0), {}])
    card = Summary([0, 1], [TrialStatus.FAILED], False).compute_or_error_card(seen)
    [leaf] = card.flatten()
    assert leaf.df["trial_index"].tolist() == [0]
    assert "outside" in leaf.df
    assert leaf.subtitle.endswith("Of 3 trials, 1 candidate, 1 failed, 1 completed.")


# The strategy


def nodes(n: int, **generation: object) -> tuple[list[str], str]:
    core = experiment(
        "-loss",
        losses(*(float(k) for k in range(n))),
        settings={"generation": generation} if generation else {},
    )
    strategy = GenerationStrategyView(core)
    return [node.name for node in strategy.nodes], strategy.current_node_name


@pytest.mark.parametrize(
    ("n", "current"), [(0, "center"), (1, "sobol"), (3, "sobol"), (4, "bo")]
)
def test_the_present_node_is_that_of_the_next_trial(n: int, current: str) -> None:
    assert nodes(n) == (["center", "sobol", "bo"], current)


def test_the_nodes_are_those_of_the_method_or_the_steps() -> None:
    assert nodes(9, method="sobol") == (["center", "sobol"], "sobol")
    assert nodes(9, generator="mine:Own") == (["mine:Own"], "mine:Own")
    steps = [
        {"method": "sobol", "until": {"trials": 6}},
        {"method": "trust_region", "until": {"completed": 20, "no_better_for": 5}},
        {"method": "bo"},
    ]
    names = ["center", "steps[0]: sobol", "steps[1]: trust_region", "steps[2]: bo"]
    assert nodes(3, steps=steps) == (names, names[1])
    assert nodes(8, steps=steps) == (names, names[2])


def test_the_graph_says_when_a_node_gives_way() -> None:
    seen = view("-loss", losses(1.0, 2.0))
    card = GenerationStrategyGraph().compute_or_error_card(seen)
    [leaf] = card.flatten()
    assert leaf.df["transitions"].tolist() == [
        "-> sobol: 1 trial",
        "-> bo: 4 trials in all",
        "None",
    ]
    assert leaf.df["is_current"].tolist() == [False, True, False]
    assert '"sobol" -> "bo" [label="4 trials in all"]' in leaf.blob
    assert 'aria-current="step"' in leaf.to_html()
    assert GenerationStrategyView(seen.core).adapter.trials.keys() == seen.trials.keys()
