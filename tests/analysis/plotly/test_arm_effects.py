from __future__ import annotations

from hpcopt.analysis.card import AnalysisCardGroup, NotApplicableStateAnalysisCard
from hpcopt.analysis.experiment import ExperimentView
from hpcopt.analysis.plotly.arm_effects import (
    ArmEffectsPlot,
    compute_arm_effects_adhoc,
)
from hpcopt.analysis.plotly.plotly_analysis import PlotlyAnalysisCard
from hpcopt.core import events as ev
from tests.support.analysis_world import experiment, observed, view


def shown(plot: ArmEffectsPlot, seen: ExperimentView) -> PlotlyAnalysisCard:
    card = plot.compute_or_error_card(seen)
    assert isinstance(card, PlotlyAnalysisCard), card
    return card


def test_the_card_says_which_arm_is_best_of_what_may_be_feasible() -> None:
    outcomes = [observed(loss=k + 1.0, heat=9.0 - 4 * k) for k in range(3)]
    seen = view("-loss", outcomes, ["heat <= 6"])
    card = shown(ArmEffectsPlot("loss", use_model_predictions=False), seen)
    assert card.title == "Observed Arm Effects on loss"
    assert card.subtitle.endswith("The best of what may be feasible is arm 1_0, at 2.")
    assert list(card.df.columns)[-2:] == ["loss_mean", "loss_sem"]
    assert "p_feasible_mean" not in card.df
    heat = shown(ArmEffectsPlot("heat", use_model_predictions=False), seen)
    assert heat.subtitle.endswith("2 of 3 arms satisfy heat <= 6.")
    [line] = heat.get_figure().layout.shapes
    assert (line.y0, line.y1) == (6.0, 6.0)


def test_the_legend_gives_way_to_a_colour_bar() -> None:
    few = view("-loss", [observed(loss=float(k)) for k in range(10)])
    many = view("-loss", [observed(loss=float(k)) for k in range(11)])
    plot = ArmEffectsPlot("loss", use_model_predictions=False)
    assert [trace.name for trace in shown(plot, few).get_figure().data] == [
        f"trial {k}" for k in range(10)
    ]
    [trace] = shown(plot, many).get_figure().data
    assert trace.marker.colorbar.title.text == "trial"
    assert trace.marker.color.tolist() == list(range(11))


def test_hovering_tells_the_arm() -> None:
    outcomes = [observed(loss=(1.0, 0.5), heat=9.0), observed(loss=2.0, heat=1.0)]
    seen = view("-loss", outcomes, ["heat <= 6"])
    fig = shown(ArmEffectsPlot("loss", use_model_predictions=False), seen).get_figure()
    assert fig.data[0].text[0] == (
        "<b>0_0</b> (trial 0, completed, by sobol)<br>loss: 1 ± 0.979982<br>"
        "feasible: 0%<br>x: 0<br>kind: a"
    )
    assert fig.data[1].text[0].startswith("<b>1_0</b>")
    assert "loss: 2<br>feasible: 100%" in fig.data[1].text[0]


def test_the_baseline_is_a_line() -> None:
    core = experiment("-loss", [observed(loss=k + 1.0) for k in range(2)])
    core.apply(ev.TrialAttached(9.0, 2, {"x": 0.5, "kind": "b"}, "today", True))
    core.apply(ev.TrialCompleted(9.5, 2, observed(loss=2.0)))
    seen = ExperimentView(core)
    plain = shown(ArmEffectsPlot("loss", False), seen)
    assert plain.get_figure().layout.shapes[0].y0 == 2.0
    relative = shown(ArmEffectsPlot("loss", False, relativize=True), seen)
    assert relative.title == 'Observed Arm Effects on loss relative to "today"'
    assert relative.get_figure().layout.shapes[0].y0 == 0.0
    assert relative.subtitle.endswith("The best is arm 0_0, at -50.0%.")


def test_a_model_is_waited_for() -> None:
    card = ArmEffectsPlot("loss").compute_or_error_card(
        view("-loss", [observed(loss=1.0), {}])
    )
    assert isinstance(card, NotApplicableStateAnalysisCard)
    assert card.blob == "A model of loss needs 2 completed trials, and there is 1."


def test_without_a_client_there_is_a_card_for_each_metric() -> None:
    seen = view("-loss", [observed(loss=float(k), seen=1.0 - k) for k in range(3)])
    group = compute_arm_effects_adhoc(
        seen, use_model_predictions=False, labels={"loss": "the loss"}
    )
    assert isinstance(group, AnalysisCardGroup)
    assert [leaf.title for leaf in group.flatten()] == [
        "Observed Arm Effects on the loss",
        "Observed Arm Effects on seen",
    ]
    assert group.flatten()[1].subtitle.endswith(
        "It is between -1 (arm 2_0) and 1 (arm 0_0)."
    )
    modelled = compute_arm_effects_adhoc(seen, metric_names=["loss"])
    assert [leaf.title for leaf in modelled.flatten()] == [
        "Modeled Arm Effects on loss"
    ]
