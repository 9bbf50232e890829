from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from hpcopt.analysis.card import (
    AnalysisCardGroup,
    ErrorAnalysisCard,
    NotApplicableStateAnalysisCard,
)
from hpcopt.analysis.experiment import Arm
from hpcopt.analysis.healthcheck.constraints_feasibility import (
    ConstraintsFeasibilityAnalysis,
)
from hpcopt.analysis.healthcheck.healthcheck_analysis import (
    HealthcheckAnalysisCard,
    HealthcheckStatus,
)
from hpcopt.analysis.healthcheck.predictable_metrics import PredictableMetricsAnalysis
from hpcopt.analysis.insights import OutcomeConstraintsAnalysis
from hpcopt.analysis.models import models_of
from hpcopt.analysis.plotly.constraint_feasibility import ConstraintFeasibilityPlot
from hpcopt.analysis.plotly.objective_p_feasible_frontier import (
    ObjectivePFeasibleFrontierPlot,
)
from hpcopt.analysis.plotly.p_feasible import PFeasiblePlot
from hpcopt.analysis.plotly.plotly_analysis import PlotlyAnalysisCard
from hpcopt.core.trials.trial import TrialStatus
from tests.support.analysis_world import losses, observed, view
from tests.support.generation_world import SQUARE, bowl, sobol_points
from tests.support.last_digits import Numbers

POINTS = sobol_points(SQUARE, 14)
CARDS = (
    PFeasiblePlot,
    ConstraintFeasibilityPlot,
    ObjectivePFeasibleFrontierPlot,
    OutcomeConstraintsAnalysis,
)


def constrained(
    constraints: Any = ("c >= 0.5", "c + d <= 1.2"), goal: str = "-loss", n: int = 14
) -> Any:
    outcomes: list[Any] = [
        observed(loss=bowl(p), c=float(p["x"]), d=(float(p["y"]) / 10, 0.05), e=math.pi)
        for p in POINTS[:n]
    ]
    return view(goal, outcomes, constraints, space=SQUARE, parameters=POINTS[:n])


def card_of(analysis: Any, experiment: Any) -> PlotlyAnalysisCard:
    card = analysis.compute_or_error_card(experiment)
    assert isinstance(card, PlotlyAnalysisCard), f"{card.subtitle} {card.blob}"
    return card


def test_each_arm_has_the_probability_of_the_models() -> None:
    now = constrained()
    card = card_of(PFeasiblePlot(), now)
    assert card.title == "Predicted Probability of Feasibility"
    assert list(card.df.columns) == [
        "trial_index",
        "arm_name",
        "trial_status",
        "generation_node",
        "p_feasible_mean",
        "p_feasible_sem",
    ]
    np.testing.assert_allclose(
        card.df["p_feasible_mean"], models_of(now).probability_feasible(POINTS)
    )
    n = int((card.df["p_feasible_mean"] > 0.5).sum())
    assert f"{n} of 14 arms are more likely feasible than not" in card.subtitle


def test_observed_it_is_of_the_outcomes_and_their_noise_alone() -> None:
    now = constrained(["c >= 0.5", "d <= 0.2"])
    card = card_of(PFeasiblePlot(use_model_predictions=False), now)
    assert card.title == "Observed Probability of Feasibility"
    for point, probability in zip(POINTS, card.df["p_feasible_mean"], strict=True):
        z = (0.2 - float(point["y"]) / 10) / 0.05
        expected = 0.5 * math.erfc(-z / math.sqrt(2)) * (float(point["x"]) >= 0.5)
        assert probability == pytest.approx(expected)


@pytest.mark.parametrize("use_model", [True, False])
def test_each_constraint_has_an_axis_and_a_column(use_model: bool) -> None:
    now = constrained()
    card = card_of(ConstraintFeasibilityPlot(use_model), now)
    assert list(card.df.columns) == [
        "trial_index",
        "arm_name",
        "trial_status",
        "generation_node",
        "overall p(feasible)",
        "p_feasible_c >= 0.5",
        "p_feasible_c + d <= 1.2",
        "loss_mean",
        "loss_sem",
    ]
    labels = [axis.label for axis in card.get_figure().data[0].dimensions]
    assert labels == ["c &gt;= 0.5", "c + d &lt;= 1.2", "all of them"]
    product = card.df["p_feasible_c >= 0.5"] * card.df["p_feasible_c + d <= 1.2"]
    np.testing.assert_allclose(card.df["overall p(feasible)"], product)
    assert "c >= 0.5 is the hardest" in card.subtitle


def test_new_points_trade_the_objective_against_feasibility() -> None:
    now = constrained(["c >= 0.6"])
    card = card_of(ObjectivePFeasibleFrontierPlot(num_points_to_generate=6), now)
    assert card.title == (
        "Modeled Effect on the Objective vs % Chance of Satisfying the Constraints"
    )
    new = card.df[card.df["trial_index"] == -1]
    assert 2 <= len(new) <= 6
    assert list(new["arm_name"]) == [f"frontier_{k}" for k in range(len(new))]
    assert new["p_feasible_mean"].is_monotonic_increasing
    assert new["loss_mean"].is_monotonic_increasing
    assert "with at least 90% to satisfy them it is 0.0" in card.subtitle
    assert len(card.df) == 14 + len(new)


def test_constraints_may_cost_nothing_or_be_too_tight() -> None:
    loose = card_of(ObjectivePFeasibleFrontierPlot(), constrained(["c >= -9"]))
    assert "They cost nothing" in loose.subtitle
    tight = card_of(ObjectivePFeasibleFrontierPlot(), constrained(["c >= 9"]))
    assert "they may be too tight" in tight.subtitle
    assert (
        "Perhaps the constraints are too tight"
        in card_of(PFeasiblePlot(), constrained(["c >= 9"])).subtitle
    )


def test_both_stand_in_a_group() -> None:
    group = OutcomeConstraintsAnalysis().compute_or_error_card(constrained())
    assert isinstance(group, AnalysisCardGroup)
    assert [leaf.name for leaf in group.flatten()] == [
        "PFeasiblePlot",
        "ObjectivePFeasibleFrontierPlot",
    ]


@pytest.mark.parametrize("analysis", CARDS)
def test_without_constraints_there_is_nothing_to_show(analysis: Any) -> None:
    card = analysis().compute_or_error_card(constrained([]))
    assert isinstance(card, NotApplicableStateAnalysisCard)
    assert card.blob == "The experiment has no outcome constraints."


@pytest.mark.parametrize("analysis", CARDS)
@pytest.mark.parametrize(
    ("constraints", "n", "why"),
    [
        (["c >= 0.5"], 0, "There is no trial yet."),
        (["c >= 0.5"], 1, "c >= 0.5: expected at least 2 completed trials"),
        (["late <= 1"], 14, "No trial has a value of late yet."),
        (["c >= 1.1 * baseline"], 14, "the baseline, to which it is relative"),
    ],
)
def test_what_is_missing_is_said(
    analysis: Any, constraints: Any, n: int, why: str
) -> None:
    card = analysis().compute_or_error_card(constrained(constraints, n=n))
    assert isinstance(card, NotApplicableStateAnalysisCard)
    assert why in card.blob


@pytest.mark.parametrize(
    ("goal", "why"),
    [("-loss, -e", "several objectives"), ("-loss - 2*e", "not a single metric")],
)
def test_the_frontier_is_of_one_metric(goal: str, why: str) -> None:
    now = constrained(["c >= 0.5"], goal)
    card = ObjectivePFeasibleFrontierPlot().compute_or_error_card(now)
    assert isinstance(card, NotApplicableStateAnalysisCard)
    assert why in card.blob
    assert card_of(PFeasiblePlot(), now).df.shape == (14, 6)


def test_a_target_may_be_constrained_too() -> None:
    now = constrained(["c <= 0.4"], "-abs(c - 0.5)")
    assert card_of(PFeasiblePlot(), now).df["p_feasible_mean"].between(0, 1).all()


def test_arms_can_be_chosen_and_added() -> None:
    now = constrained()
    extra = [Arm("mine", {"x": 0.9, "y": 0.0})]
    card = card_of(PFeasiblePlot(trial_index=3, additional_arms=extra), now)
    assert list(card.df["arm_name"]) == ["3_0", "mine"]
    none = PFeasiblePlot(trial_statuses=[TrialStatus.FAILED])
    assert isinstance(none.compute_or_error_card(now), NotApplicableStateAnalysisCard)
    wrong = PFeasiblePlot(trial_index=99).compute_or_error_card(now)
    assert isinstance(wrong, ErrorAnalysisCard)


def checked(analysis: Any, experiment: Any) -> HealthcheckAnalysisCard:
    card = analysis.compute_or_error_card(experiment)
    assert isinstance(card, HealthcheckAnalysisCard), f"{card.subtitle} {card.blob}"
    return card


def test_constraints_that_nearly_all_arms_violate_are_warned_about() -> None:
    card = checked(
        ConstraintsFeasibilityAnalysis(), constrained(["c >= 0.97", "d <= 9"])
    )
    assert card.get_status() is HealthcheckStatus.WARNING
    assert "Nearly all arms violate c >= 0.97" in card.subtitle
    assert list(card.df.columns) == [
        "constraint",
        "num_arms_below_threshold",
        "total_arms",
        "fraction_below_threshold",
    ]
    assert list(card.df["total_arms"]) == [14, 14]
    assert card.df["num_arms_below_threshold"][1] == 0
    lenient = ConstraintsFeasibilityAnalysis(fraction_arms_threshold=1.01)
    assert checked(lenient, constrained(["c >= 0.97"])).is_passing()


def test_constraints_that_can_be_satisfied_are_fine() -> None:
    for constraints in (["c >= 0.5"], []):
        card = checked(ConstraintsFeasibilityAnalysis(), constrained(constraints))
        assert card.get_status() is HealthcheckStatus.PASS
        assert not card.is_user_facing()


def test_predictable_metrics_are_fine() -> None:
    card = checked(PredictableMetricsAnalysis(), constrained(["c >= 0.5"]))
    assert card.get_status() is HealthcheckStatus.PASS


def test_a_metric_that_is_noise_or_constant_is_warned_about() -> None:
    numbers = Numbers(3)
    outcomes = [observed(a=float(numbers.normal()), b=1.0, c=k / 10) for k in range(11)]
    card = checked(
        PredictableMetricsAnalysis(guidance_message="Ask."),
        view("a", outcomes, ["b >= 0", "c >= 0.1"]),
    )
    assert card.get_status() is HealthcheckStatus.WARNING
    assert list(card.df["Metric"]) == ["a", "b"]
    assert "b (all outcomes are equal)" in card.subtitle
    assert card.subtitle.endswith("Ask.")


def test_two_outcomes_are_too_few_to_judge_a_model() -> None:
    card = PredictableMetricsAnalysis().compute_or_error_card(
        view("-loss", losses(1.0, 2.0))
    )
    assert isinstance(card, NotApplicableStateAnalysisCard)
