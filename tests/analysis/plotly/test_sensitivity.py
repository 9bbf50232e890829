from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from hpcopt.analysis.card import (
    AnalysisCard,
    AnalysisCardGroup,
    ErrorAnalysisCard,
    NotApplicableStateAnalysisCard,
)
from hpcopt.analysis.generation_strategy import GenerationStrategyView
from hpcopt.analysis.models import models_of
from hpcopt.analysis.plotly.cross_validation import compute_cross_validation_adhoc
from hpcopt.analysis.plotly.plotly_analysis import PlotlyAnalysisCard
from hpcopt.analysis.plotly.sensitivity import (
    SensitivityAnalysisPlot,
    compute_sensitivity_adhoc,
)
from hpcopt.analysis.plotly.top_surfaces import TopSurfacesAnalysis
from hpcopt.core.errors import UsageError
from hpcopt.core.space.search_space import ChoiceParameter, RangeParameter, SearchSpace
from tests.support.analysis_world import losses, observed, view
from tests.support.generation_world import (
    MIXED,
    cube,
    mixed_bowl,
    sobol_points,
)
from tests.support.last_digits import Numbers


def view_of(space: SearchSpace, loss: Any, n: int = 24, goal: str = "-loss") -> Any:
    points = sobol_points(space, n)
    outcomes = [observed(loss=loss(point), other=1.0) for point in points]
    return view(goal, outcomes, space=space, parameters=points)


def linear(point: Any) -> float:
    return 3 * float(point["x0"]) - 2 * float(point["x1"])


def card_of(analysis: Any, experiment: Any) -> PlotlyAnalysisCard:
    card = analysis.compute_or_error_card(experiment)
    assert isinstance(card, PlotlyAnalysisCard), card.subtitle
    return card


def test_shares_are_signed_and_add_up_to_one() -> None:
    card = card_of(SensitivityAnalysisPlot(), view_of(cube(3), linear))
    df = card.df.set_index("parameter_name")["sensitivity"]
    assert list(card.df.columns) == ["parameter_name", "sensitivity"]
    assert list(df.index) == ["x0", "x1", "x2"]
    assert df.abs().sum() == pytest.approx(1.0)
    np.testing.assert_allclose(df, [9 / 13, -4 / 13, 0.0], atol=0.02)
    assert "x0 explains most" in card.subtitle
    assert "raises it" in card.subtitle
    assert "x2 hardly matters" in card.subtitle


def test_pairs_are_rows_of_their_own() -> None:
    experiment = view_of(
        cube(3), lambda p: (float(p["x0"]) - 0.5) * (float(p["x2"]) - 0.5)
    )
    card = card_of(SensitivityAnalysisPlot(order="second"), experiment)
    assert list(card.df["parameter_name"]) == [
        "x0",
        "x1",
        "x2",
        "x0 & x1",
        "x0 & x2",
        "x1 & x2",
    ]
    assert card.df.set_index("parameter_name")["sensitivity"].idxmax() == "x0 & x2"
    assert card.df["sensitivity"][4] > 0.8


def test_only_the_largest_are_drawn() -> None:
    experiment = view_of(cube(9), linear)
    card = card_of(SensitivityAnalysisPlot(), experiment)
    assert len(card.df) == 9
    assert sum(len(bar["x"]) for bar in card.get_figure().data) == 6
    everything = compute_sensitivity_adhoc(experiment=experiment)
    assert sum(len(bar["x"]) for bar in everything.get_figure().data) == 9


def test_scripts_for_ax_give_an_adapter() -> None:
    experiment = view_of(cube(3), linear)
    adapter = GenerationStrategyView(experiment.core).adapter
    card = compute_sensitivity_adhoc(adapter=adapter)
    assert card.df.equals(compute_sensitivity_adhoc(experiment=experiment).df)
    assert compute_cross_validation_adhoc(adapter=adapter).flatten()


def test_an_unordered_choice_is_one_row_without_a_direction() -> None:
    card = card_of(SensitivityAnalysisPlot(), view_of(MIXED, mixed_bowl, 30))
    assert list(card.df["parameter_name"]) == ["rate", "layers", "dropout", "kind"]
    assert card.df["sensitivity"][3] > 0
    names = [trace.name for trace in card.get_figure().data]
    assert "has no direction" in names


def test_equal_outcomes_are_said_to_tell_nothing() -> None:
    card = card_of(SensitivityAnalysisPlot(), view("-loss", losses(*[1.0] * 5)))
    assert (card.df["sensitivity"] == 0).all()
    assert "No parameter explains anything" in card.subtitle


def test_what_a_poor_model_says_may_be_chance() -> None:
    numbers = Numbers(5)
    experiment = view_of(cube(4), lambda _: float(numbers.normal()), 12)
    assert models_of(experiment).r_squared("loss") < 0.1
    assert "may be chance" in card_of(SensitivityAnalysisPlot(), experiment).subtitle


def test_names_are_shown_as_they_are_and_short() -> None:
    name = "<img src=x onerror=alert(1)> of a very long name %{y} 🚀"
    space = SearchSpace((RangeParameter(name, 0.0, 1.0), *cube(1).parameters))
    card = card_of(
        SensitivityAnalysisPlot(), view_of(space, lambda p: float(p[name]) ** 2)
    )
    assert "<img" not in card.blob
    assert "&lt;img src=x onerror…" in str(card.get_figure().layout.yaxis.ticktext)
    assert "<img" not in card.to_html()


@pytest.mark.parametrize("n_parameters", [1, 25, 26])
def test_surfaces_of_few_and_of_many_parameters(n_parameters: int) -> None:
    experiment = view_of(cube(n_parameters), lambda p: float(p["x0"]) ** 2, 20)
    order: Any = "second" if n_parameters <= 25 else "total"
    group = TopSurfacesAnalysis(order=order, top_k=3).compute_or_error_card(experiment)
    assert isinstance(group, AnalysisCardGroup)
    titles = [leaf.title for leaf in group.flatten()]
    assert titles[:2] == ["Sensitivity Analysis for loss", "loss vs. x0"]
    assert not any("Error" in title for title in titles)


def test_pairs_of_too_many_parameters_are_an_error_that_says_so() -> None:
    experiment = view_of(cube(26), lambda p: float(p["x0"]), 10)
    card = TopSurfacesAnalysis().compute_or_error_card(experiment)
    assert isinstance(card, ErrorAnalysisCard)
    assert "expected first or total" in card.subtitle


def test_the_strongest_effects_are_drawn_and_pairs_as_contours() -> None:
    def loss(p: Any) -> float:
        x = [float(value) - 0.5 for value in p.values()]
        return 4 * x[0] * x[2] + 0.5 * x[1] ** 2

    group = TopSurfacesAnalysis(top_k=2, labels={"loss": "Loss"}).compute_or_error_card(
        view_of(cube(3), loss, 40)
    )
    assert [leaf.title for leaf in group.flatten()] == [
        "Sensitivity Analysis for Loss",
        "loss (Mean) vs. x0, x2",
        "loss vs. x1",
    ]


def test_unordered_choices_have_no_surface() -> None:
    space = SearchSpace(
        (ChoiceParameter("kind", ("a", "b", "c")), RangeParameter("x", 0.0, 1.0))
    )

    def loss(p: Any) -> float:
        return {"a": 0.0, "b": 5.0, "c": 2.0}[str(p["kind"])] + float(p["x"])

    group = TopSurfacesAnalysis().compute_or_error_card(view_of(space, loss, 20))
    assert [leaf.title for leaf in group.flatten()] == [
        "Sensitivity Analysis for loss",
        "loss vs. x",
    ]


@pytest.mark.parametrize("analysis", [SensitivityAnalysisPlot, TopSurfacesAnalysis])
def test_what_makes_no_sense_is_said_in_place_of_the_card(analysis: Any) -> None:
    with pytest.raises(UsageError, match="order: expected one of first"):
        analysis(order="third")
    experiment = view_of(cube(2), linear)
    card = analysis("nope").compute_or_error_card(experiment)
    assert isinstance(card, ErrorAnalysisCard)
    assert "found 'nope'" in card.subtitle
    several = analysis().compute_or_error_card(
        view_of(cube(2), linear, goal="-loss, other")
    )
    assert isinstance(several, ErrorAnalysisCard)
    assert "several metrics" in several.subtitle


@pytest.mark.parametrize("analysis", [SensitivityAnalysisPlot, TopSurfacesAnalysis])
@pytest.mark.parametrize("n", [0, 1])
def test_too_few_trials_are_waited_for(analysis: Any, n: int) -> None:
    card = analysis().compute_or_error_card(view("-loss", losses(*[1.0] * n)))
    assert isinstance(card, NotApplicableStateAnalysisCard)
    assert isinstance(card, AnalysisCard)


def test_a_tracking_metric_can_be_asked_for() -> None:
    experiment = view_of(cube(2), linear)
    card = card_of(SensitivityAnalysisPlot("other"), experiment)
    assert card.title == "Sensitivity Analysis for other"
