"""What each card of the cluster says, and what it says where it cannot be made."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

from hpcopt.analysis import (
    AttemptTimeline,
    ClusterAnalysis,
    CoreHours,
    FailuresByNode,
    QueueWait,
    Resources,
    SchedulerCalls,
    SlotUse,
)
from hpcopt.analysis.analysis import Analysis
from hpcopt.analysis.card import (
    AnalysisCard,
    AnalysisCardGroup,
    ErrorAnalysisCard,
    NotApplicableStateAnalysisCard,
)
from hpcopt.analysis.cluster.attempts import attempt_table, duration
from hpcopt.analysis.experiment import ExperimentView
from hpcopt.analysis.plotly.plotly_analysis import PlotlyAnalysisCard
from hpcopt.core.space.search_space import ChoiceParameter, RangeParameter, SearchSpace
from hpcopt.core.trials.trial import Cause
from tests.support.analysis_world import view
from tests.support.cluster_world import Ran, cluster_view

CARDS: list[type[Analysis]] = [
    AttemptTimeline,
    SlotUse,
    QueueWait,
    CoreHours,
    FailuresByNode,
    Resources,
    SchedulerCalls,
]

HOUR = 3600.0


def card_of(analysis: Analysis, experiment: ExperimentView) -> PlotlyAnalysisCard:
    card = analysis.compute_or_error_card(experiment)
    assert isinstance(card, PlotlyAnalysisCard), getattr(card, "blob", card)
    return card


def why_not(analysis: Analysis, experiment: ExperimentView | None) -> str:
    card = analysis.compute_or_error_card(experiment)
    assert isinstance(card, NotApplicableStateAnalysisCard), card
    return card.blob


def mixed() -> ExperimentView:
    """Return two hours of success, an hour stopped early, and what went wrong."""
    return cluster_view(
        [
            [Ran(0, HOUR, 3 * HOUR, facts={"node": "n1"}).accounted(4)],
            [
                Ran(0, HOUR, 2 * HOUR, Cause.INFRASTRUCTURE, {"node": "n2"}),
                Ran(2 * HOUR, 2.5 * HOUR, 3 * HOUR, facts={"node": "n1"}),
            ],
            [Ran(0, HOUR, 2 * HOUR, Cause.USER, {"node": "n1"})],
            [Ran(0, HOUR, 2 * HOUR, Cause.TRIAL, {"node": "n1"}, {})],
            [Ran(0, None, HOUR, Cause.USER)],
            [Ran(0, 3.5 * HOUR, None)],
            [Ran(0, None, None)],
        ],
        early_stopped=[2],
        settings={"run": {"parallelism": 4}, "runner": "slurm"},
        calls={"squeue": 30, "sbatch": 8, "sacct": 2},
        end=4 * HOUR,
    )


def test_core_hours_by_what_they_went_into() -> None:
    card = card_of(CoreHours(), mixed())
    found = {row["use"]: row for row in card.df.to_dict("records")}
    assert {use: row["core_hours"] for use, row in found.items()} == {
        "success": 9.0,
        "early-stopped": 2.0,
        "running": 1.0,
        "failed trial": 0.0,
        "infrastructure": 2.0,
        "user": 0.0,
    }
    assert (found["success"]["accounted"], found["success"]["estimated"]) == (8.0, 1.0)
    assert card.subtitle.startswith("14 core-hours, of which 2 (14%) were wasted")
    assert "43% of them (hatched) are requested, not accounted" in card.subtitle
    assert "Of 1 attempts it is not known" in card.subtitle
    assert "Most of the waste is by infrastructure" in card.subtitle
    names = [trace.name for trace in card.get_figure().data]
    assert names == ["accounted by Slurm", "requested, not accounted"]


@pytest.mark.parametrize(
    ("ran", "says"),
    [
        (Ran(0, 1, 2), "They are requested, not accounted"),
        (Ran(0, 1, 2).accounted(1), "All are as Slurm's accounting tells them."),
    ],
)
def test_whether_core_hours_are_accounted_is_said(ran: Ran, says: str) -> None:
    assert says in card_of(CoreHours(), cluster_view([[ran]])).subtitle


def test_core_hours_of_attempts_of_which_nothing_is_known() -> None:
    experiment = cluster_view([[Ran(0, 1, 2, requested={})]])
    assert "how many CPUs it had" in why_not(CoreHours(), experiment)


def test_the_timeline_has_a_bar_for_each_attempt() -> None:
    card = card_of(AttemptTimeline(), mixed())
    assert len(card.df) == 8
    assert card.df["row"].max() == 6  # seven were live at once
    data = {trace.name: trace for trace in card.get_figure().data}
    assert list(data["success"].x[:2]) == [1.0, 3.0]  # hours
    assert np.isnan(data["success"].x[2])
    assert list(data["queued"].x[:2]) == [0.0, 1.0]
    assert list(data["running"].x[:2]) == [3.5, 4.0]
    assert list(data["ended without having been seen to run"].x) == [1.0]
    assert "8 attempts within 4 hours" in card.subtitle
    assert "1 running, 1 failed trial, 1 infrastructure, 1 user and 1 queued" in (
        card.subtitle
    )


def test_bars_that_do_not_overlap_share_a_row() -> None:
    experiment = cluster_view([[Ran(10 * k, 10 * k + 1, 10 * k + 9)] for k in range(5)])
    assert set(card_of(AttemptTimeline(), experiment).df["row"]) == {0}


def test_thousands_of_attempts_are_bounded() -> None:
    experiment = cluster_view(
        [[Ran(k, k + 5 + k % 7, k + 50 + k % 13)] for k in range(3000)],
        settings={"run": {"parallelism": 50}},
    )
    timeline = card_of(AttemptTimeline(), experiment)
    assert len(timeline.df) == 1000
    assert "The latest 1,000 are shown." in timeline.subtitle
    assert len(card_of(SlotUse(), experiment).df) == 400
    for analysis in (AttemptTimeline(), SlotUse(), QueueWait(), Resources()):
        assert len(card_of(analysis, experiment).blob) < 250_000
    assert len(card_of(QueueWait(), experiment).df) == 3000


def test_the_use_of_slots_is_the_exact_mean() -> None:
    """Of four slots over four hours eight hours ran: half of the use."""
    runs = [Ran(0, 0, 4 * HOUR), Ran(0, 2 * HOUR, 4 * HOUR), Ran(0, 1 * HOUR, 3 * HOUR)]
    experiment = cluster_view(
        [[ran] for ran in runs], settings={"run": {"parallelism": 4}}
    )
    card = card_of(SlotUse(), experiment)
    assert card.df["n_running"].mean() == pytest.approx(2.0, abs=1e-3)
    assert card.df["n_queued"].mean() == pytest.approx(0.75, abs=1e-3)
    assert card.df["n_running"].max() == 3.0
    assert "50% of parallelism 4 ran" in card.subtitle


@pytest.mark.parametrize(
    ("wait", "says"),
    [
        (0.0, "the slots were nearly always taken"),
        (50.0, "the cluster was the limit"),
    ],
)
def test_what_held_trials_back_is_said(wait: float, says: str) -> None:
    experiment = cluster_view(
        [[Ran(0, wait, 100)]], settings={"run": {"parallelism": 1}}
    )
    assert says in card_of(SlotUse(), experiment).subtitle


def test_slots_that_nobody_filled() -> None:
    experiment = cluster_view([[Ran(0, 0, 9)]], settings={"run": {"parallelism": 8}})
    assert "slots were empty" in card_of(SlotUse(), experiment).subtitle
    unlimited = cluster_view([[Ran(0, 0, 9)]])
    assert "is not known" in card_of(SlotUse(), unlimited).subtitle


def test_queue_wait_against_run_time() -> None:
    card = card_of(QueueWait(), mixed())
    row = card.df.iloc[0]
    assert (row["queue_s"], row["run_s"], row["is_accounted"]) == (HOUR, 2 * HOUR, True)
    assert len(card.df) == 5
    assert "half of them waited 60 minutes or less" in card.subtitle
    assert "Of 1 more it is not known." in card.subtitle


def test_no_attempt_has_ended() -> None:
    experiment = cluster_view([[Ran(0, 1, None)]])
    assert "No attempt has ended" in why_not(QueueWait(), experiment)
    assert "No attempt has succeeded" in why_not(Resources(), experiment)
    assert "on which node" in why_not(FailuresByNode(), experiment)


def test_a_bad_node_stands_out() -> None:
    bad = [Ran(0, 1, 2, Cause.INFRASTRUCTURE, {"node": "n3"})] * 3
    good = [Ran(0, 1, 2, facts={"node": f"n{k % 3}"}) for k in range(30)]
    own = Ran(0, 1, 2, Cause.TRIAL, {"node": "n1"})
    experiment = cluster_view([[ran] for ran in [*bad, *good, own]])
    card = card_of(FailuresByNode(), experiment)
    assert card.df.iloc[0].to_dict() | {"node": "n3"} == {
        "node": "n3",
        "n_attempts": 3,
        "n_failed": 3,
        "infrastructure": 3,
        "failed trial": 0,
        "time": 0,
        "memory": 0,
    }
    assert "4 of 34 attempts on 4 nodes failed" in card.subtitle
    assert "On n3 more than 3 times" in card.subtitle


def test_no_node_stands_out() -> None:
    runs = [Ran(0, 1, 2, Cause.TRIAL, {"host": f"n{k % 3}"}) for k in range(9)]
    runs.append(Ran(0, 1, 2, Cause.TRIAL, {"node": "n1.cluster.edu"}))
    runs.append(Ran(0, 1, 2, Cause.TRIAL, {"node": "vm"}).accounted(1, node="n2"))
    card = card_of(FailuresByNode(), cluster_view([[ran] for ran in runs]))
    assert "No node stands out" in card.subtitle
    counts = dict(zip(card.df["node"], card.df["n_failed"], strict=True))
    assert counts == {"n0": 3, "n1": 4, "n2": 4}


def test_a_node_with_bad_luck_does_not_stand_out() -> None:
    """Three of four failed there, a fifth elsewhere: among ten nodes that happens."""
    runs = [
        Ran(
            0, 1, 2, Cause.TRIAL if k % 5 == 0 else Cause.SUCCESS, {"node": f"n{k % 9}"}
        )
        for k in range(45)
    ]
    runs += [
        Ran(0, 1, 2, Cause.TRIAL if k else Cause.SUCCESS, {"node": "n9"})
        for k in range(4)
    ]
    card = card_of(FailuresByNode(), cluster_view([[ran] for ran in runs]))
    assert "No node stands out" in card.subtitle


def test_a_cluster_without_failures() -> None:
    experiment = cluster_view([[Ran(0, 1, 2, facts={"node": "n1"})]])
    assert "None of the 1 attempts" in why_not(FailuresByNode(), experiment)


def test_calls_of_the_scheduler() -> None:
    card = card_of(SchedulerCalls(), mixed())
    assert card.df["command"].tolist() == ["squeue", "sbatch", "sacct"]
    assert card.df["per_minute"].tolist() == pytest.approx([30 / 240, 8 / 240, 2 / 240])
    assert "40 calls within the 4 hours" in card.subtitle
    assert "5 for each of 8 attempts: they are few." in card.subtitle


@pytest.mark.parametrize(
    ("runner", "says"),
    [("slurm", "No driver has told of its calls yet"), ("local", "is not Slurm's")],
)
def test_calls_that_are_not_known(runner: str, says: str) -> None:
    experiment = cluster_view([[Ran(0, 1, 2)]], settings={"runner": runner})
    assert says in why_not(SchedulerCalls(), experiment)


def test_what_run_time_and_memory_go_with() -> None:
    runs = [
        [Ran(0, 1, 1 + 100 * (k % 11 + 1)).accounted(1, max_rss_bytes=2**30 + k)]
        for k in range(30)
    ]
    card = card_of(Resources(), cluster_view(runs))
    assert card.df.columns.tolist() == [
        *("trial_index", "run_s", "max_rss_bytes", "x", "kind")
    ]
    assert "It goes with x (rank correlation 1.00)" in card.subtitle
    assert "memory of 30 of them, at most 1 GiB a task" in card.subtitle
    assert len(card.get_figure().data) == 4


def test_run_times_of_a_choice_on_a_log_scale_and_of_five_parameters() -> None:
    space = SearchSpace(
        (
            ChoiceParameter("kind <b>", ("a", "b", "c")),
            *(RangeParameter(f"y{k}", 1.0, 100.0, log=True) for k in range(4)),
        )
    )
    rng = np.random.default_rng(0)
    parameters = [
        {"kind <b>": "abc"[k % 3], **{f"y{i}": float(rng.random()) for i in range(4)}}
        for k in range(30)
    ]
    runs = [[Ran(0, 1, 100 * (k % 3) + 10 + k)] for k in range(30)]
    experiment = cluster_view(runs, space=space, parameters=parameters)
    card = card_of(Resources(), experiment)
    assert "those 4 of 5 parameters" in card.subtitle
    assert "It goes with kind <b>" in card.subtitle
    assert "the memory was told of none" in card.subtitle
    layout = card.get_figure().layout
    assert (layout.xaxis.type, layout.xaxis2.type) == ("category", "log")
    assert layout.xaxis.title.text == "kind &lt;b&gt;"


@pytest.mark.parametrize("analysis", [*CARDS, ClusterAnalysis])
def test_what_there_is_nothing_of(analysis: type[Analysis]) -> None:
    assert "none was given" in why_not(analysis(), None)
    assert "There is no trial yet" in why_not(analysis(), view("-loss", []))
    told = why_not(analysis(), view("-loss", [None, None]))
    assert "No trial was submitted by a runner" in told


def test_all_cards_in_a_group() -> None:
    group = ClusterAnalysis().compute_or_error_card(mixed())
    assert isinstance(group, AnalysisCardGroup)
    names = [card.name for card in group.flatten()]
    assert sorted(names) == sorted(card.__name__ for card in CARDS)
    assert not any(isinstance(card, ErrorAnalysisCard) for card in group.flatten())


def odd_cases() -> dict[str, ExperimentView]:
    strange: dict[str, Any] = {"node": "<evil>", "accounting": {"cpus": 0}}
    return {
        "one that waits": cluster_view([[Ran(0, None, None)]]),
        "all at one time": cluster_view([[Ran(0, 0, 0)]]),
        "only failed": cluster_view([[Ran(0, 1, 2, Cause.MEMORY)]] * 2),
        "a strange node": cluster_view([[Ran(0, 1, 2, Cause.TRIAL, strange)]]),
        "a clock that went back": cluster_view([[Ran(50, 20, 10)]]),
    }


@pytest.mark.parametrize("case", list(odd_cases()))
def test_odd_experiments_break_no_card(case: str) -> None:
    group = ClusterAnalysis().compute_or_error_card(odd_cases()[case])
    for card in group.flatten():
        assert isinstance(card, AnalysisCard)
        assert not isinstance(card, ErrorAnalysisCard), card.blob
        assert "<evil>" not in card.to_html()
        if isinstance(card, PlotlyAnalysisCard):
            json.loads(card.blob)


def test_the_table_is_made_once() -> None:
    experiment = mixed()
    assert attempt_table(experiment) is attempt_table(experiment)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.0, "0 seconds"),
        (90.0, "90 seconds"),
        (600.0, "10 minutes"),
        (5 * HOUR, "5 hours"),
        (10 * 24 * HOUR, "10 days"),
        (float("nan"), "an unknown time"),
    ],
)
def test_durations(seconds: float, text: str) -> None:
    assert duration(seconds) == text
