"""Slices and contours are the model's predictions, at the points they say."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from hpcopt.analysis.card import ErrorAnalysisCard, NotApplicableStateAnalysisCard
from hpcopt.analysis.experiment import ExperimentView
from hpcopt.analysis.models import models_of
from hpcopt.analysis.plotly.plotly_analysis import PlotlyAnalysisCard
from hpcopt.analysis.plotly.surface.contour import ContourPlot, compute_contour_adhoc
from hpcopt.analysis.plotly.surface.slice import SlicePlot, compute_slice_adhoc
from hpcopt.core import events as ev
from hpcopt.core.errors import UsageError
from hpcopt.core.expressions import Expression
from hpcopt.core.space.search_space import (
    ChoiceParameter,
    Condition,
    DerivedParameter,
    RangeParameter,
    SearchSpace,
)
from tests.support.analysis_world import experiment, losses, observed, view
from tests.support.generation_world import SQUARE, bowl, sobol_points

ALL = SearchSpace(
    (
        RangeParameter("rate", 1e-4, 1.0, log=True),
        RangeParameter("layers", 1.0, 5.0, "int"),
        ChoiceParameter("size", ("small", "medium", "large"), is_ordered=True),
        ChoiceParameter("kind", ("a", "b", "c")),
        ChoiceParameter("fixed", (7,)),
        DerivedParameter("twice", Expression("2 * layers", "twice")),
        ChoiceParameter("is_on", (False, True)),
    )
)


def view_of(space: SearchSpace, loss: Any, n: int = 16, goal: str = "-loss") -> Any:
    points = sobol_points(space, n)
    outcomes = [observed(loss=loss(point), other=2.0) for point in points]
    return view(goal, outcomes, space=space, parameters=points)


def mixed(p: Any) -> float:
    sizes = {"small": 2.0, "medium": 0.0, "large": 1.0}
    rate = float(np.log10(p["rate"]))
    return (rate + 2) ** 2 + float(p["layers"]) / 5 + sizes[p["size"]]


def card_of(analysis: Any, experiment: Any) -> PlotlyAnalysisCard:
    card = analysis.compute_or_error_card(experiment)
    assert isinstance(card, PlotlyAnalysisCard), f"{card.subtitle} {card.blob}"
    return card


def test_a_slice_is_what_the_model_expects_there() -> None:
    now = view_of(SQUARE, bowl)
    card = card_of(SlicePlot("x"), now)
    df = card.df
    assert card.title == "loss vs. x"
    assert list(df.columns) == [
        "x",
        "loss_mean",
        "loss_sem",
        "sampled",
        "arm_name",
        "trial_index",
    ]
    assert df["x"].is_monotonic_increasing
    assert df["sampled"].sum() == 16
    assert 100 <= len(df) <= 116
    best = min(now.trials.values(), key=lambda t: bowl(t.arm.parameters))
    held = best.arm.parameters["y"]
    mean, sem = models_of(now).predict("loss", [{"x": x, "y": held} for x in df["x"]])
    np.testing.assert_allclose(df["loss_mean"], mean, rtol=1e-6)
    np.testing.assert_allclose(df["loss_sem"], sem, rtol=1e-5)
    assert f"as at the best trial, {best.arm.name}" in card.subtitle
    assert "It is lowest at x = 0.3" in card.subtitle
    row = df[df["trial_index"] == 3].iloc[0]
    assert row["arm_name"] == "3_0"
    assert row["x"] == now.trials[3].arm.parameters["x"]


def test_numbers_on_a_log_scale_are_spaced_on_it() -> None:
    card = card_of(SlicePlot("rate"), view_of(ALL, mixed))
    grid = card.df[~card.df["sampled"]]["rate"].to_numpy()
    np.testing.assert_allclose(np.diff(np.log(grid)).max(), np.log(1e4) / 99, rtol=0.5)
    assert card.get_figure().layout.xaxis.type == "log"
    np.testing.assert_allclose(card.get_figure().layout.xaxis.range, [-4, 0])


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("layers", [1, 2, 3, 4, 5]),
        ("size", ["small", "medium", "large"]),
        ("is_on", [False, True]),
    ],
)
def test_discrete_parameters_have_all_their_values(name: str, values: Any) -> None:
    card = card_of(SlicePlot(name), view_of(ALL, mixed, 3))
    assert list(dict.fromkeys(card.df[name])) == values


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("kind", "whose values have an order, found the unordered choice 'kind'"),
        ("fixed", "which is fixed"),
        ("twice", "which is derived from others"),
        ("rats", "did you mean rate?"),
    ],
)
def test_what_has_no_slice_is_an_error_that_says_why(name: str, why: str) -> None:
    now = view_of(ALL, mixed, 4)
    for analysis in (SlicePlot(name), ContourPlot("rate", name)):
        card = analysis.compute_or_error_card(now)
        assert isinstance(card, ErrorAnalysisCard)
        assert why in card.subtitle
        assert "parameter_name: expected" in card.subtitle


def test_what_follows_by_a_constraint_has_no_slice() -> None:
    space = SearchSpace(
        tuple(RangeParameter(name, 0.0, 1.0) for name in "ab"), ("a + b == 1",)
    )
    now = view_of(space, lambda p: p["a"] ** 2, 6)
    kinds = {type(SlicePlot(n).compute_or_error_card(now)) for n in "ab"}
    assert kinds == {ErrorAnalysisCard, PlotlyAnalysisCard}


def test_a_conditional_parameter_is_made_active_and_that_is_said() -> None:
    space = SearchSpace(
        (ChoiceParameter("kind", ("a", "b")), RangeParameter("depth", 0.0, 1.0)),
        conditions=(Condition("depth", "kind", ("b",)),),
    )

    def loss(p: Any) -> float:
        return 1 + (p["depth"] - 0.2) ** 2 if "depth" in p else 0.0

    now = view_of(space, loss, 14)
    card = card_of(SlicePlot("depth"), now)
    assert "but for kind = b" in card.subtitle
    assert np.ptp(card.df["loss_mean"]) > 0.3
    n_active = sum("depth" in t.arm.parameters for t in now.trials.values())
    assert card.df["sampled"].sum() == n_active < 14


def test_a_contour_is_what_the_model_expects_there() -> None:
    now = view_of(SQUARE, bowl)
    card = card_of(ContourPlot("x", "y"), now)
    assert card.title == "loss (Mean) vs. x, y"
    assert list(card.df.columns) == [
        "x",
        "y",
        "loss_mean",
        "loss_sem",
        "sampled",
        "arm_name",
        "trial_index",
    ]
    points = card.df[["x", "y"]].to_dict("records")
    mean, sem = models_of(now).predict("loss", points)
    np.testing.assert_allclose(card.df["loss_mean"], mean, rtol=1e-5)
    np.testing.assert_allclose(card.df["loss_sem"], sem, rtol=1e-4)
    contour, crosses = card.get_figure().data
    z = contour.z
    i, j = 7, 11
    expected, _ = models_of(now).predict(
        "loss", [{"x": contour.x[j], "y": contour.y[i]}]
    )
    assert z[i, j] == pytest.approx(expected[0])
    assert len(crosses.x) == 16
    assert z.shape == (26, 26)


def test_contours_of_many_trials_stay_small() -> None:
    now = view_of(SQUARE, bowl, 60)
    card = card_of(ContourPlot("x", "y"), now)
    assert card.get_figure().data[0].z.shape == (40, 40)
    assert card.df["sampled"].sum() == 60


def test_uncertainty_can_be_shown() -> None:
    card = card_of(ContourPlot("x", "y", display="sem"), view_of(SQUARE, bowl))
    assert card.title == "loss (Standard Error) vs. x, y"
    z = card.get_figure().data[0].z
    assert z.max() == pytest.approx(card.df[~card.df["sampled"]]["loss_sem"].max())


def test_contours_of_ordered_choices_and_integers() -> None:
    card = card_of(ContourPlot("size", "layers"), view_of(ALL, mixed))
    contour = card.get_figure().data[0]
    assert list(contour.x) == ["small", "medium", "large"]
    assert list(contour.y) == [1, 2, 3, 4, 5]


def with_baseline() -> ExperimentView:
    now = experiment("-loss", losses(4.0, 3.0, 2.0, 3.0, 4.0, 5.0))
    now.apply(
        ev.TrialAttached(20.0, 6, {"x": 0.4, "kind": "a"}, "now", is_baseline=True)
    )
    now.apply(ev.TrialCompleted(21.0, 6, observed(loss=4.0)))
    return ExperimentView(now)


def test_relative_values_are_differences_from_the_baseline() -> None:
    now = with_baseline()
    absolute = card_of(SlicePlot("x"), now)
    relative = card_of(SlicePlot("x", relativize=True), now)
    ((base,), _) = models_of(now).predict("loss", [{"x": 0.4, "kind": "a"}])
    np.testing.assert_allclose(
        relative.df["loss_mean"], absolute.df["loss_mean"] / base - 1
    )
    assert "as at the baseline, now" in relative.subtitle
    assert "%" in relative.subtitle.split("(")[1]
    contour = ContourPlot("x", "kind", relativize=True).compute_or_error_card(now)
    assert isinstance(contour, PlotlyAnalysisCard)


def test_without_a_baseline_nothing_is_relative() -> None:
    now = view_of(SQUARE, bowl)
    for analysis in (
        SlicePlot("x", relativize=True),
        ContourPlot("x", "y", relativize=True),
    ):
        card = analysis.compute_or_error_card(now)
        assert isinstance(card, ErrorAnalysisCard)
        assert "relativize: expected a baseline" in card.subtitle


def test_samples_need_not_be_shown() -> None:
    now = view_of(SQUARE, bowl)
    assert (
        len(card_of(SlicePlot("x", display_sampled=False), now).get_figure().data) == 3
    )
    contour = card_of(ContourPlot("x", "y", display_sampled=False), now)
    assert len(contour.get_figure().data) == 1


def test_arguments_that_make_no_sense_are_refused() -> None:
    with pytest.raises(UsageError, match="y_parameter_name"):
        ContourPlot("x", "x")
    with pytest.raises(UsageError, match="display: expected mean or sem"):
        ContourPlot("x", "y", display="median")  # type: ignore[arg-type]


@pytest.mark.parametrize("n", [0, 1])
def test_too_few_trials_are_waited_for(n: int) -> None:
    now = view("-loss", losses(*[1.0] * n))
    for analysis in (SlicePlot("x"), ContourPlot("x", "kind")):
        card = analysis.compute_or_error_card(now)
        assert isinstance(card, NotApplicableStateAnalysisCard)


def test_equal_outcomes_hardly_change() -> None:
    card = card_of(SlicePlot("x"), view("-loss", losses(*[3.0] * 6)))
    assert "It hardly changes there" in card.subtitle


def test_a_metric_without_a_goal_has_two_ends() -> None:
    points = sobol_points(SQUARE, 12)
    outcomes = [observed(loss=1.0, size=float(p["x"])) for p in points]
    now = view("-loss", outcomes, space=SQUARE, parameters=points)
    card = card_of(SlicePlot("x", "size"), now)
    assert "It is lowest at x = 0" in card.subtitle
    assert "and highest at x = 1" in card.subtitle


def test_the_functions_for_use_without_a_client_give_the_same_cards() -> None:
    now = view_of(SQUARE, bowl)
    assert compute_slice_adhoc("x", now).blob == card_of(SlicePlot("x"), now).blob
    contour = compute_contour_adhoc("x", "y", now, metric_name="other")
    assert contour.title == "other (Mean) vs. x, y"


def test_names_of_users_are_not_executed() -> None:
    name = "<b>x</b>%{y}"
    space = SearchSpace((RangeParameter(name, 0.0, 1.0), *SQUARE.parameters[:1]))
    now = view_of(space, lambda p: p[name])
    for analysis in (SlicePlot(name), ContourPlot("x", name)):
        card = card_of(analysis, now)
        assert "<b>" not in card.blob
        assert "%{y}<" not in card.blob.replace("<br>%{y}", "")


def test_slices_of_many_trials_stay_small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hpcopt.analysis.plotly.surface.slice._MAX_DRAWN", 30)
    card = card_of(SlicePlot("x"), view_of(SQUARE, bowl, 40))
    lower, upper, line, crosses = card.get_figure().data
    assert len(lower.x) == len(upper.x) == len(line.x) == 30
    assert (line.x[0], line.x[-1]) == (0.0, 1.0)
    assert len(crosses.x) == 40
    assert len(card.df) >= 130
