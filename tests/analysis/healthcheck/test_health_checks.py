from __future__ import annotations

from typing import Any

import pytest

from hpcopt.analysis.analysis import Analysis
from hpcopt.analysis.card import ErrorAnalysisCard, NotApplicableStateAnalysisCard
from hpcopt.analysis.experiment import ExperimentView
from hpcopt.analysis.healthcheck import (
    BaselineImprovementAnalysis,
    CanGenerateCandidatesAnalysis,
    EarlyStoppingAnalysis,
    HealthcheckAnalysisCard,
    HealthcheckStatus,
    MetricFetchingErrorsAnalysis,
    RegressionAnalysis,
    SearchSpaceAnalysis,
)
from hpcopt.analysis.learning_curves import curves_of, replayed_share, saved_share
from hpcopt.analysis.overview import OverviewAnalysis
from hpcopt.analysis.plotly.bandit_rollout import BanditRollout
from hpcopt.analysis.trials import AllTrialsAnalysis, TrialAnalysis
from hpcopt.core import events as ev
from hpcopt.core.space.search_space import ChoiceParameter, RangeParameter, SearchSpace
from hpcopt.core.trials.trial import Cause
from tests.support.analysis_world import experiment, losses, observed, view

PASS, FAIL, WARNING, INFO = HealthcheckStatus


def checked(analysis: Analysis, seen: ExperimentView) -> HealthcheckAnalysisCard:
    card = analysis.compute_or_error_card(seen)
    assert isinstance(card, HealthcheckAnalysisCard), card
    return card


# Against the baseline


def test_the_first_trial_is_the_baseline_where_there_is_none() -> None:
    better = checked(
        BaselineImprovementAnalysis(), view("-loss", losses(4.0, 5.0, 1.0))
    )
    assert better.get_status() is INFO
    assert better.get_additional_attrs() == {
        "status": INFO,
        "num_objectives_improved": 1,
        "num_objectives_total": 1,
        "baseline_arm_name": "0_0",
    }
    assert better.df.to_dict("list") == {
        "Metric": ["loss"],
        "Status": ["Improved"],
        "Details": ["loss went from 4 to 1 (-75.0%), by arm 2_0."],
    }
    worse = checked(BaselineImprovementAnalysis(), view("-loss", losses(1.0, 5.0)))
    assert worse.get_status() is WARNING
    assert "loss is 5 at best, and 1 was there before." in worse.subtitle
    assert "run more trials" in worse.subtitle


def test_some_objectives_may_improve() -> None:
    outcomes = [observed(a=1.0, b=1.0), observed(a=2.0, b=3.0)]
    check = BaselineImprovementAnalysis(documentation_link="https://x.y")
    card = checked(check, view("a, -b", outcomes))
    assert card.df["Status"].tolist() == ["Improved", "Not Improved"]
    assert "1 of 2 objectives improved" in card.subtitle
    assert card.subtitle.endswith("More: https://x.y")


def test_the_baseline_and_what_is_compared_can_be_named() -> None:
    seen = view("-loss", losses(4.0, 2.0, 1.0, 3.0))
    named = BaselineImprovementAnalysis(
        ["3_0"], "1_0", no_improvement_message="Ask us."
    )
    card = checked(named, seen)
    assert card.get_status() is WARNING
    assert "Ask us." in card.subtitle
    assert "1_0, the baseline" in card.subtitle
    unknown = BaselineImprovementAnalysis(baseline_arm_name="9_0")
    assert isinstance(unknown.compute_or_error_card(seen), ErrorAnalysisCard)


@pytest.mark.parametrize(
    ("outcomes", "why"),
    [
        ([], "There is no trial yet."),
        (losses(1.0), "There is no feasible trial besides 0_0 yet."),
        ([observed(other=1.0)], "There is no trial yet that others can be compared"),
    ],
)
def test_a_comparison_needs_two(outcomes: list[Any], why: str) -> None:
    card = BaselineImprovementAnalysis().compute_or_error_card(view("-loss", outcomes))
    assert isinstance(card, NotApplicableStateAnalysisCard)
    assert card.blob.startswith(why)


# Results that could not be read


def with_unread_results(*reasons: str) -> ExperimentView:
    core = experiment("-loss", [*losses(1.0), observed(loss=2.0, seen=1.0)])
    for index, reason in enumerate(reasons, start=2):
        trial = ev.GeneratedTrial(index, {"x": 0.5, "kind": "a"}, "sobol")
        core.apply(ev.TrialsGenerated(20.0, (trial,)))
        core.apply(ev.TrialFailed(30.0, index, Cause.RESULT, reason))
    return ExperimentView(core)


def test_results_that_could_be_read_are_nothing_to_say() -> None:
    check = MetricFetchingErrorsAnalysis()
    assert checked(check, view("-loss", [None, *losses(1.0)])).get_status() is PASS


@pytest.mark.parametrize(
    ("reason", "name", "status"),
    [
        ("metric 'loss': no dataset", "loss", FAIL),
        ("metric 'seen': no dataset", "seen", WARNING),
        ("result.h5 is not there", None, FAIL),
    ],
)
def test_results_that_could_not_be_read_are_told(
    reason: str, name: str | None, status: HealthcheckStatus
) -> None:
    card = checked(MetricFetchingErrorsAnalysis(), with_unread_results(reason))
    assert card.get_status() is status
    assert card.df.to_dict("records") == [
        {
            "trial_index": 2,
            "metric_name": name,
            "timestamp": "1970-01-01T00:00:30+00:00",
            "reason": reason,
            "traceback": None,
        }
    ]
    assert card.subtitle.endswith(f"(1 of them): {reason}")


def test_what_is_told_of_them_can_be_added_to() -> None:
    def pasted(name: str, rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
        return [{**row, "traceback": f"{name} said"} for row in rows]

    card = checked(MetricFetchingErrorsAnalysis(pasted), with_unread_results("gone"))
    assert card.df["traceback"].tolist() == ["bowl said"]


# Bounds of the search space


def test_suggestions_on_a_bound_are_warned_about() -> None:
    space = SearchSpace(
        (
            RangeParameter("x", 0.0, 2.0),
            ChoiceParameter("n", (1, 2, 4), is_ordered=True),
            ChoiceParameter("kind", ("a", "b")),
        )
    )
    points = [{"x": 2.0, "n": 2, "kind": "a"}, {"x": 1.0, "n": 2, "kind": "a"}]
    seen = view("-loss", [{}, {}], space=space, parameters=points)
    card = checked(SearchSpaceAnalysis(0), seen)
    assert card.get_status() is WARNING
    assert card.subtitle.endswith("consider to widen x = 2.0.")
    assert card.df["Boundary"].tolist() == ["x = 0.0", "x = 2.0", "n = 1", "n = 4"]
    assert card.df.iloc[:, 2].tolist() == [0.0, 1.0, 0.0, 0.0]
    assert checked(SearchSpaceAnalysis(1), seen).get_status() is PASS
    missing = SearchSpaceAnalysis(2).compute_or_error_card(seen)
    assert "expected one of the 2 trials" in missing.subtitle


# Early stopping


def curves(*ends: int, stopped: tuple[int, ...] = ()) -> ExperimentView:
    """Return an experiment with a curve up to each end, the later the worse."""
    core = experiment("-loss", [{}] * len(ends))
    core.apply(ev.TrialsHandedOut(10.0, tuple(range(len(ends)))))
    for index, end in enumerate(ends):
        for step in range(5, end + 1, 5):
            told = {"loss": ev.ObservedMetric(100.0 + index - step, None, step)}
            core.apply(ev.DataAttached(20.0, index, told))
        core.apply(
            ev.TrialEarlyStopped(30.0, index)
            if index in stopped
            else ev.TrialCompleted(30.0, index, core.trial(index).outcome)
        )
    return ExperimentView(core)


def test_what_early_stopping_saved_is_told() -> None:
    seen = curves(20, 20, 5, stopped=(2,))
    assert saved_share(seen, curves_of(seen, "loss")) == 15 / 60
    card = checked(EarlyStoppingAnalysis(), seen)
    assert card.get_status() is INFO
    assert card.title == "Capacity savings due to early stopping"
    assert card.subtitle.startswith("1 of 3 trials were stopped early. It saved 25% of")
    assert card.get_additional_attrs()["savings"] == 0.25


def test_what_early_stopping_would_have_saved_is_told_where_it_is_much() -> None:
    seen = curves(*[20] * 10)
    # From the sixth trial on each is worse than the median, at step 10 of 20.
    expected = 1 - (5 * 20 + 5 * 10) / 200
    assert replayed_share(curves_of(seen, "loss"), is_minimised=True) == expected
    assert replayed_share(curves_of(seen, "loss"), is_minimised=False) == 0.0
    card = checked(EarlyStoppingAnalysis(nudge_additional_info="Try it."), seen)
    assert card.get_status() is WARNING
    assert "worse than the median of loss would have saved 25% of" in card.subtitle
    assert card.subtitle.endswith("Try it.")
    for quiet in (
        EarlyStoppingAnalysis(min_savings_threshold=0.3),
        EarlyStoppingAnalysis(auto_early_stopping_config="disabled"),
    ):
        assert checked(quiet, seen).get_status() is PASS


def test_without_steps_nothing_can_be_stopped() -> None:
    card = EarlyStoppingAnalysis().compute_or_error_card(view("-loss", losses(1.0)))
    assert isinstance(card, NotApplicableStateAnalysisCard)
    assert (
        saved_share(view("-loss", []), {}) == replayed_share({}, is_minimised=True) == 0
    )


# Proposals


@pytest.mark.parametrize(
    ("n", "days", "status", "text"),
    [
        (0, 0.0, FAIL, "There is no trial yet."),
        (1, 3.5, INFO, "The latest trial is of 3 days ago."),
        (1, 9.0, FAIL, "The latest trial is of 9 days ago."),
    ],
)
def test_what_stops_proposals_is_told(
    n: int, days: float, status: HealthcheckStatus, text: str
) -> None:
    check = CanGenerateCandidatesAnalysis(
        False, "No data.", 5, now=lambda: 1.0 + 86_400 * days
    )
    card = checked(check, view("-loss", losses(*[1.0] * n)))
    assert card.get_status() is status
    assert card.subtitle == f"No trial can be proposed: No data. {text}"


def test_the_overview_tells_what_it_was_told_of_proposals() -> None:
    seen = view("-loss", losses(1.0, 2.0))
    told = OverviewAnalysis(False, "No data.", 5).compute_or_error_card(seen)
    assert "Candidate generation" in [leaf.title for leaf in told.flatten()]
    fine = OverviewAnalysis(True, "All is well.", 5).compute_or_error_card(seen)
    assert "Candidate generation" not in [leaf.title for leaf in fine.flatten()]


def test_there_are_no_bandits() -> None:
    card = BanditRollout().compute_or_error_card(view("-loss", losses(1.0)))
    assert isinstance(card, NotApplicableStateAnalysisCard)


def test_a_trial_is_looked_at_before_it_runs() -> None:
    seen = view("-loss", [*losses(1.0, 2.0, 3.0), {}])
    group = TrialAnalysis(seen.trials[3]).compute_or_error_card(seen)
    assert [leaf.title for leaf in group.flatten()] == [
        "Modeled Arm Effects on loss for trial 3"
    ]
    assert TrialAnalysis(seen.trials[0]).compute_or_error_card(seen).flatten() == []
    assert AllTrialsAnalysis().compute_or_error_card(seen).flatten() == []


# Regressions


def test_arms_that_are_clearly_worse_than_the_baseline_are_told() -> None:
    outcomes = [
        observed(loss=(3.0, 0.1), qps=9.0),
        observed(loss=(2.1, 0.2), qps=1.0),
        observed(loss=1.0),
    ]
    core = experiment("-loss", outcomes, ["qps >= 0.5 * baseline"])
    assert "no outcome of one yet" in (
        RegressionAnalysis()
        .compute_or_error_card(ExperimentView(core))
        .flatten()[0]
        .blob
    )
    core.apply(ev.TrialAttached(9.0, 3, {"x": 0.5, "kind": "b"}, "today", True))
    core.apply(ev.TrialCompleted(9.5, 3, observed(loss=(2.0, 0.1), qps=9.0)))
    card = checked(RegressionAnalysis(), ExperimentView(core))
    assert card.get_status() is WARNING
    assert card.df[["arm_name", "metric_name"]].to_numpy().tolist() == [
        ["0_0", "loss"],
        ["1_0", "qps"],
    ]
    assert card.df["probability"].tolist()[1] == 1.0
    assert "2 arms are worse than today in loss, qps" in card.subtitle
    strict = checked(RegressionAnalysis(1.0), ExperimentView(core))
    assert strict.get_status() is PASS
