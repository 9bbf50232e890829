from __future__ import annotations

import pytest

from hpcopt.analysis.card import AnalysisCardBase
from hpcopt.analysis.plotly.plotly_analysis import PlotlyAnalysisCard
from hpcopt.analysis.plotly.scatter import ScatterPlot, compute_scatter_adhoc
from tests.support.analysis_world import observed, view

POINTS = [(1.0, 5.0), (2.0, 4.0), (3.0, 1.0), (1.5, 1.5), (2.5, 2.0)]
OUTCOMES = [observed(a=a, b=b, seen=a) for a, b in POINTS]


def front(objective: str) -> tuple[list[float], str]:
    card = ScatterPlot(
        "a", "b", False, show_pareto_frontier=True
    ).compute_or_error_card(view(objective, OUTCOMES))
    assert isinstance(card, PlotlyAnalysisCard), card
    line = card.get_figure().data[0]
    assert line.name == "Pareto front"
    return line.x.tolist(), line.line.shape


@pytest.mark.parametrize(
    ("objective", "x", "shape"),
    [
        ("a, b", [1.0, 2.0, 2.5, 3.0], "vh"),
        ("-a, -b", [1.0, 1.5, 3.0], "hv"),
        ("a, -b", [3.0], "vh"),
        ("-a, b", [1.0], "hv"),
    ],
)
def test_the_front_goes_in_the_directions_of_both(
    objective: str, x: list[float], shape: str
) -> None:
    assert front(objective) == (x, shape)


def test_what_is_hardly_feasible_is_on_no_front() -> None:
    outcomes = [{**one, **observed(heat=1.0)} for one in OUTCOMES]
    outcomes.append(dict(observed(a=9.0, b=9.0, heat=9.0)))
    plot = ScatterPlot("a", "b", False, show_pareto_frontier=True)
    card = plot.compute_or_error_card(view("a, b", outcomes, ["heat <= 4"]))
    assert isinstance(card, PlotlyAnalysisCard)
    assert 9.0 not in card.get_figure().data[0].x.tolist()
    assert "joins the 4 arms" in card.subtitle


def test_the_columns_are_those_of_both_metrics() -> None:
    card = ScatterPlot("a", "b", False).compute_or_error_card(view("a, b", OUTCOMES))
    assert card.title == "Observed Effects: a vs. b"
    assert list(card.flatten()[0].df.columns) == [
        "trial_index",
        "trial_status",
        "arm_name",
        "status_reason",
        "generation_node",
        "a_mean",
        "a_sem",
        "b_mean",
        "b_sem",
        "p_feasible_mean",
        "p_feasible_sem",
        "generator_run_key",
    ]
    assert "Where a rises b mostly falls (rank correlation -0.70)." in card.subtitle


def card_of(x: str, y: str, *, has_front: bool = False) -> AnalysisCardBase:
    plot = ScatterPlot(x, y, False, show_pareto_frontier=has_front)
    return plot.compute_or_error_card(view("a, b", OUTCOMES))


def test_a_front_needs_directions() -> None:
    card = card_of("a", "seen", has_front=True)
    assert card.title == "ScatterPlot Error"
    assert "expected a goal for 'seen'" in card.subtitle


def test_one_metric_can_be_on_both_axes() -> None:
    card = card_of("a", "a")
    assert "too few values" in card.subtitle


def test_without_a_client_there_is_the_card() -> None:
    card = compute_scatter_adhoc(
        view("a, b", OUTCOMES),
        "a",
        "b",
        use_model_predictions=False,
        labels={"a": "the a"},
    )
    assert card.title == "Observed Effects: the a vs. b"
