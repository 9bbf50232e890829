"""Parallel coordinates, learning curves, marginal effects, utility."""

from __future__ import annotations

import numpy as np
import pytest

from hpcopt.analysis.card import (
    AnalysisCardBase,
    AnalysisCardGroup,
    ErrorAnalysisCard,
    NotApplicableStateAnalysisCard,
)
from hpcopt.analysis.experiment import ExperimentView
from hpcopt.analysis.plotly.marginal_effects import (
    MarginalEffectsPlot,
    compute_marginal_effects_adhoc,
)
from hpcopt.analysis.plotly.parallel_coordinates import ParallelCoordinatesPlot
from hpcopt.analysis.plotly.plotly_analysis import PlotlyAnalysisCard
from hpcopt.analysis.plotly.progression import ProgressionPlot
from hpcopt.analysis.plotly.style import robust_range
from hpcopt.analysis.plotly.utility_progression import UtilityProgressionAnalysis
from hpcopt.core import events as ev
from hpcopt.core.space.search_space import (
    ChoiceParameter,
    Condition,
    RangeParameter,
    SearchSpace,
)
from tests.support.analysis_world import experiment, losses, observed, view


def figured(card: AnalysisCardBase) -> PlotlyAnalysisCard:
    assert isinstance(card, PlotlyAnalysisCard), card
    return card


# Parallel coordinates


def test_each_parameter_has_an_axis() -> None:
    space = SearchSpace(
        (
            RangeParameter("rate", 1e-4, 1.0, log=True),
            ChoiceParameter("kind", ("a", "b", "c")),
            RangeParameter("momentum", 0.0, 1.0),
        ),
        (),
        (Condition("momentum", "kind", ("a",)),),
    )
    points = [
        {"rate": 1e-4, "kind": "a", "momentum": 0.0},
        {"rate": 1.0, "kind": "c"},
        {"rate": 1e-2, "kind": "a", "momentum": 1.0},
    ]
    seen = view("-loss", losses(3.0, 1.0, 2.0), space=space, parameters=points)
    card = figured(ParallelCoordinatesPlot().compute_or_error_card(seen))
    assert card.title == "Parallel Coordinates for loss"
    assert list(card.df.columns) == [
        "trial_index",
        "arm_name",
        "rate",
        "kind",
        "momentum",
        "loss",
    ]
    [trace] = card.get_figure().data
    trial, rate, kind, momentum, loss = trace.dimensions
    assert [trial.label, loss.label] == ["trial", "loss"]
    assert list(rate["values"]) == pytest.approx([-4.0, 0.0, -2.0])
    assert rate.ticktext[0] == "0.0001"
    assert rate.ticktext[-1] == "1"
    assert list(kind["values"]) == [0.0, 2.0, 0.0]
    assert list(kind.ticktext) == ["a", "b", "c"]
    assert list(momentum["values"]) == pytest.approx([0.0, -0.12, 1.0])
    assert momentum.ticktext[-1] == "inactive"


def test_of_many_parameters_those_that_matter_have_an_axis() -> None:
    rng = np.random.default_rng(0)
    space = SearchSpace(tuple(RangeParameter(f"x{k}", 0.0, 1.0) for k in range(500)))
    X = rng.random((20, 500))
    points = [{f"x{k}": float(v) for k, v in enumerate(row)} for row in X]
    seen = view("-loss", losses(*X[:, 400]), space=space, parameters=points)
    card = figured(ParallelCoordinatesPlot().compute_or_error_card(seen))
    labels = [axis.label for axis in card.get_figure().data[0].dimensions]
    assert len(labels) == 17
    assert "x400" in labels
    assert "Of 500 parameters those 15 are shown" in card.subtitle
    assert len(card.df.columns) == 503


def test_there_is_no_default_among_several_objectives() -> None:
    card = ParallelCoordinatesPlot().compute_or_error_card(view("a, b", []))
    assert isinstance(card, ErrorAnalysisCard)
    assert "expected one of a, b" in card.subtitle


# Learning curves


def curves(n: int = 3) -> ExperimentView:
    core = experiment("-loss", [{}] * n)
    core.apply(ev.TrialsHandedOut(10.0, tuple(range(n))))
    for index in range(n):
        for step in (1, 2):
            told = {"loss": ev.ObservedMetric(10.0 - index - step, None, step)}
            core.apply(ev.DataAttached(20.0 + index + step, index, told))
    core.apply(ev.TrialEarlyStopped(40.0, 0))
    core.apply(ev.TrialCompleted(41.0, 1, core.trial(1).outcome))
    return ExperimentView(core)


def test_a_curve_is_a_line_for_each_trial() -> None:
    card = figured(ProgressionPlot().compute_or_error_card(curves()))
    assert card.title == "loss by progression"
    assert card.df.to_dict("list") == {
        "trial_index": [0, 0, 1, 1, 2, 2],
        "arm_name": ["0_0", "0_0", "1_0", "1_0", "2_0", "2_0"],
        "loss": [9.0, 8.0, 8.0, 7.0, 7.0, 6.0],
        "progression": [1, 2] * 3,
        # The first trial began at 1.0.
        "wallclock_time": [20.0, 21.0, 21.0, 22.0, 22.0, 23.0],
    }
    *lines, stopped, _bar = card.get_figure().data
    assert len(lines) == 3
    assert (stopped.name, list(stopped.x)) == ("stopped early", [2])
    assert "1 stopped early end in a cross" in card.subtitle
    assert "the lowest is that of arm 2_0, at 6" in card.subtitle


def test_a_value_without_a_step_is_no_curve() -> None:
    core = curves().core
    trial = ev.GeneratedTrial(3, {"x": 0.5, "kind": "a"}, "sobol")
    core.apply(ev.TrialsGenerated(50.0, (trial,)))
    core.apply(ev.TrialCompleted(51.0, 3, losses(1.0)[0]))
    card = figured(ProgressionPlot().compute_or_error_card(ExperimentView(core)))
    assert card.df["trial_index"].unique().tolist() == [0, 1, 2]


def test_a_curve_can_be_over_time() -> None:
    plot = ProgressionPlot("loss", by_wallclock_time=True)
    card = figured(plot.compute_or_error_card(curves()))
    assert card.title == "loss by wallclock time"
    assert card.get_figure().data[0].x.tolist() == [20.0, 21.0]


def test_without_steps_there_are_no_curves() -> None:
    card = ProgressionPlot().compute_or_error_card(view("-loss", losses(1.0)))
    assert isinstance(card, NotApplicableStateAnalysisCard)
    assert "progression=" in card.blob


# Marginal effects


def additive(n: int = 24) -> ExperimentView:
    """Return an experiment whose loss is 10, plus 2 for kind b, plus x."""
    space = SearchSpace(
        (RangeParameter("x", 0.0, 1.0), ChoiceParameter("kind", ("a", "b", "c")))
    )
    x = [(7 * k % n) / (n - 1) for k in range(n)]
    points = [{"x": x[k], "kind": "abc"[k % 3]} for k in range(n)]
    means = [10 + 2 * (k % 3 == 1) + x[k] for k in range(n)]
    return view("-loss", losses(*means), space=space, parameters=points)


def test_a_level_is_compared_with_the_mean_over_all_levels() -> None:
    group = MarginalEffectsPlot("loss").compute_or_error_card(additive())
    assert isinstance(group, AnalysisCardGroup)
    [card] = group.flatten()
    assert card.title == "Marginal Effects for kind"
    df = card.df
    assert df["Name"].tolist() == ["kind"] * 3
    assert df["Level"].tolist() == ["a", "b", "c"]
    overall = 10.5 + 2 / 3
    expected = 100 * np.array([-2 / 3, 4 / 3, -2 / 3]) / overall
    assert df["Beta"].to_numpy() == pytest.approx(expected, abs=0.3)
    assert (df["SE"] > 0).all()
    assert "highest at b" in card.subtitle


def test_the_choices_can_be_named() -> None:
    card = MarginalEffectsPlot("loss", ["x"]).compute_or_error_card(additive())
    assert isinstance(card, ErrorAnalysisCard)
    assert "expected one of kind, found 'x'" in card.subtitle
    found = compute_marginal_effects_adhoc("loss", additive(), ["kind"])
    assert len(found.flatten()) == 1


def test_without_choices_there_is_nothing_to_compare() -> None:
    space = SearchSpace((RangeParameter("x", 0.0, 1.0),))
    card = MarginalEffectsPlot("loss").compute_or_error_card(
        view("-loss", losses(1.0), space=space, parameters=[{"x": 0.5}])
    )
    assert isinstance(card, NotApplicableStateAnalysisCard)
    assert "No parameter is a choice" in card.blob


# Utility


def test_the_utility_says_whether_it_still_improves() -> None:
    seen = view("-loss", [observed(loss=value) for value in (3.0, 1.0, 2.0, 5.0)])
    card = figured(UtilityProgressionAnalysis().compute_or_error_card(seen))
    assert card.df.to_dict("list") == {
        "trial_index": [0, 1, 2, 3],
        "utility": [3.0, 1.0, 1.0, 1.0],
    }
    assert (
        "It is 1 since trial 1, and 2 trials since then did no better" in card.subtitle
    )
    latest = view("-loss", losses(3.0, 1.0))
    assert "just been found" in (
        UtilityProgressionAnalysis().compute_or_error_card(latest).subtitle
    )


def test_without_a_feasible_trial_there_is_no_utility_yet() -> None:
    seen = view("-loss", [observed(loss=1.0, heat=9.0)], ["heat <= 4"])
    card = UtilityProgressionAnalysis().compute_or_error_card(seen)
    assert isinstance(card, NotApplicableStateAnalysisCard)


def test_a_range_is_not_stretched_to_what_is_far_worse_than_most() -> None:
    near = np.array([0.0, 1.0, 2.0, 3.0, 4.0])
    assert robust_range(near, 0.0) is None
    assert robust_range(np.append(near, 1e6), 0.0) == pytest.approx((-0.4, 6.0))
    assert robust_range(-np.append(near, 1e6), 0.0) == pytest.approx((-6.0, 0.4))
    assert robust_range(np.zeros(3), 0.0) is None


def test_of_many_curves_some_are_drawn(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hpcopt.analysis.plotly.progression._MOST_CURVES", 2)
    card = figured(ProgressionPlot().compute_or_error_card(curves()))
    drawn = [trace for trace in card.get_figure().data if trace.mode == "lines+markers"]
    assert len(drawn) == 2
    assert card.df["trial_index"].nunique() > 2
    assert "(2 are drawn, evenly)" in card.subtitle


def test_whole_parameters_have_whole_ticks() -> None:
    space = SearchSpace((RangeParameter("n", 1, 8, parameter_type="int"),))
    trials = [{"n": k + 1} for k in range(4)]
    seen = view("-loss", losses(1.0, 2.0, 3.0, 4.0), space=space, parameters=trials)
    card = ParallelCoordinatesPlot().compute(seen)
    of_n = card.get_figure().data[0].dimensions[1]
    assert list(of_n.ticktext) == ["1", "3", "4", "6", "8"]


def test_an_outcome_without_a_step_is_no_point_of_a_curve() -> None:
    core = experiment("-loss", [{}])
    for event in (
        ev.TrialsHandedOut(2.0, (0,)),
        ev.DataAttached(3.0, 0, {"loss": ev.ObservedMetric(9.0, step=0)}),
        ev.DataAttached(4.0, 0, {"loss": ev.ObservedMetric(5.0, step=10)}),
        ev.TrialCompleted(5.0, 0, observed(loss=4.0)),
    ):
        core.apply(event)
    card = figured(ProgressionPlot().compute_or_error_card(ExperimentView(core)))
    assert card.df["progression"].tolist() == [0, 10]
    assert card.df["loss"].tolist() == [9.0, 5.0]
