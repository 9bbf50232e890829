"""What is held out is shown as it is, in the metric's units or on the model's scale."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from hpcopt.analysis.analysis import NotApplicableStateAnalysisCard
from hpcopt.analysis.card import AnalysisCardGroup, ErrorAnalysisCard
from hpcopt.analysis.model_fit import r_squared
from hpcopt.analysis.models import models_of
from hpcopt.analysis.plotly.cross_validation import (
    CrossValidationPlot,
    compute_cross_validation_adhoc,
)
from hpcopt.core.errors import UsageError
from tests.support.analysis_world import losses, observed, view
from tests.support.generation_world import SQUARE, bowl, sobol_points
from tests.support.last_digits import Numbers

POINTS = sobol_points(SQUARE, 18)


def bowl_view(objective: str = "-loss", constraints: Any = (), **more: Any) -> Any:
    outcomes = [
        observed(
            loss=bowl(point),
            cost=float(point["x"]) + 1,
            **{name: metric(point) for name, metric in more.items()},
        )
        for point in POINTS
    ]
    return view(objective, outcomes, constraints, space=SQUARE, parameters=POINTS)


def group(analysis: CrossValidationPlot, experiment: Any) -> AnalysisCardGroup:
    found = analysis.compute_or_error_card(experiment)
    assert isinstance(found, AnalysisCardGroup), found
    return found


def test_each_metric_of_the_goals_has_a_card_and_a_row() -> None:
    experiment = bowl_view("-loss", ["cost <= 1.5"], other=lambda _: 1.0)
    *cards, table = group(CrossValidationPlot(), experiment).children
    assert [card.title.split(" (")[0] for card in cards] == [
        "Cross Validation for loss",
        "Cross Validation for cost",
    ]
    leaf = table.flatten()[0]
    assert list(leaf.df.columns) == ["Metric", "R²"]
    assert list(leaf.df["Metric"]) == ["loss", "cost"]
    assert (leaf.df["R²"] > 0.9).all()
    assert f"(R² = {leaf.df['R²'][0]:.2f})" in cards[0].title
    assert "#009E73" in leaf.to_html()


def test_the_numbers_are_those_of_leaving_one_out() -> None:
    experiment = bowl_view()
    [card, _] = group(CrossValidationPlot(untransform=True), experiment).flatten()
    held_out = models_of(experiment).held_out("loss")
    assert list(card.df.columns) == [
        "arm_name",
        "observed",
        "predicted",
        "observed_95_ci",
        "predicted_95_ci",
    ]
    np.testing.assert_allclose(card.df["observed"], [bowl(p) for p in POINTS])
    np.testing.assert_allclose(card.df["predicted"], held_out.predicted)
    np.testing.assert_allclose(
        card.df["predicted_95_ci"], 1.96 * held_out.predicted_sem, rtol=1e-3
    )
    assert card.df["observed_95_ci"].isna().all()
    assert list(card.df["arm_name"]) == [f"{k}_0" for k in range(18)]
    fit = r_squared(held_out.observed, held_out.predicted)
    assert f"R² = {fit:.2f}" in card.title


def test_on_the_models_scale_outcomes_have_a_variance_of_one() -> None:
    [card, _] = group(CrossValidationPlot(), bowl_view()).flatten()
    assert card.df["observed"].std() == pytest.approx(1.0, abs=0.1)
    assert "loss, scaled: observed" in card.blob


def test_a_function_for_use_without_a_client_is_in_the_metrics_units() -> None:
    experiment = bowl_view()
    [card, _] = compute_cross_validation_adhoc(
        ["loss"], labels={"loss": "Loss!"}, experiment=experiment
    ).flatten()
    assert "Cross Validation for Loss!" in card.title
    np.testing.assert_allclose(card.df["observed"], [bowl(p) for p in POINTS])


def test_noise_is_not_predicted_and_the_card_says_so() -> None:
    numbers = Numbers(3)
    experiment = bowl_view("-noise", noise=lambda _: float(numbers.normal()))
    [card, table] = group(CrossValidationPlot(), experiment).flatten()
    assert "It predicts no better than the mean" in card.subtitle
    assert "learnt little of noise" in table.subtitle
    assert "#D55E00" in table.to_html()


def test_only_the_chosen_trial_is_shown() -> None:
    analysis = CrossValidationPlot(test_trial_index=4)
    [card, _] = group(analysis, bowl_view()).flatten()
    assert list(card.df["arm_name"]) == ["4_0"]
    wrong = CrossValidationPlot(test_trial_index=99).compute_or_error_card(bowl_view())
    assert isinstance(wrong, ErrorAnalysisCard)


def test_equal_outcomes_leave_nothing_to_predict() -> None:
    experiment = view("-loss", losses(*[2.0] * 6))
    [card, table] = group(CrossValidationPlot(), experiment).flatten()
    assert "R² unknown" in card.title
    assert "unknown" in table.to_html()


def test_two_outcomes_are_too_few() -> None:
    card = CrossValidationPlot().compute_or_error_card(view("-loss", losses(1.0, 2.0)))
    assert isinstance(card, NotApplicableStateAnalysisCard)
    assert card.blob == "A model of loss needs 3 completed trials, and there are 2."


def test_a_metric_with_too_few_outcomes_has_no_card() -> None:
    outcomes = [observed(a=k / 3, b=1 - k) for k in range(6)]
    outcomes += [observed(a=0.3 * k) for k in range(3)]
    experiment = view("a, -b", outcomes, ["late <= 1"])
    titles = [leaf.title for leaf in group(CrossValidationPlot(), experiment).flatten()]
    assert len(titles) == 3
    assert not any("late" in title for title in titles)


@pytest.mark.parametrize(
    "arguments", [{"folds": 1}, {"folds": 0}, {"preference_metrics": ["a"]}]
)
def test_what_makes_no_sense_is_refused(arguments: Any) -> None:
    with pytest.raises(UsageError):
        CrossValidationPlot(**arguments)


def test_folds_are_said_to_be_folds() -> None:
    [card, _] = group(CrossValidationPlot(folds=3), bowl_view()).flatten()
    assert "without its fold, one of 3" in card.subtitle
