"""Of very many trials figures show some, and say so; tables have them all."""

from __future__ import annotations

import itertools

from hpcopt.analysis.analysis import Analysis
from hpcopt.analysis.experiment import ExperimentView
from hpcopt.analysis.plotly.arm_effects import ArmEffectsPlot
from hpcopt.analysis.plotly.parallel_coordinates import ParallelCoordinatesPlot
from hpcopt.analysis.plotly.plotly_analysis import PlotlyAnalysisCard
from hpcopt.analysis.plotly.utility_progression import UtilityProgressionAnalysis
from hpcopt.analysis.thinning import MOST_SHOWN, some_of, thinned
from hpcopt.core import events as ev
from tests.support.analysis_world import experiment, losses, view

N = 1500

#: The lowest is in the middle.
MANY = losses(*(abs(k - 700) / N for k in range(N)))


def card_of(analysis: Analysis, seen: ExperimentView) -> PlotlyAnalysisCard:
    card = analysis.compute_or_error_card(seen)
    assert isinstance(card, PlotlyAnalysisCard), card
    return card


def test_few_trials_are_all_shown() -> None:
    seen = view("-loss", losses(1.0, 2.0, 3.0))
    trials = list(seen.trials.values())
    assert thinned(seen, trials) == trials
    assert thinned(seen, trials, most=3) == trials
    assert some_of(3, 3) == ""


def test_the_best_the_latest_and_the_live_ones_are_shown_of_many() -> None:
    seen = view("-loss", [*MANY[:300], {}, *MANY[301:]])
    trials = list(seen.trials.values())

    shown = [trial.index for trial in thinned(seen, trials, most=100)]

    assert len(shown) == len(set(shown)) == 100
    assert shown == sorted(shown)
    assert {300, 700} <= set(shown)  # a candidate, and the best
    assert set(range(N - 25, N)) <= set(shown)
    # The others are everywhere.
    assert max(b - a for a, b in itertools.pairwise(shown)) < 30


def test_the_best_is_shown_beside_very_many_that_have_not_ended() -> None:
    seen = view("-loss", [*losses(3.0, 1.0, 2.0), *[{}] * 200])
    shown = thinned(seen, list(seen.trials.values()), most=100)
    assert len(shown) == 100
    assert 1 in {trial.index for trial in shown}


def test_a_pareto_front_is_shown_and_so_is_a_baseline() -> None:
    outcomes = [
        {"a": ev.ObservedMetric(float(k % 7)), "b": ev.ObservedMetric(float(-(k % 5)))}
        for k in range(400)
    ]
    outcomes[123] = {"a": ev.ObservedMetric(50.0), "b": ev.ObservedMetric(-9.0)}
    outcomes[45] = {"a": ev.ObservedMetric(-9.0), "b": ev.ObservedMetric(50.0)}
    core = experiment("a, b", outcomes)
    core.apply(ev.TrialAttached(900.0, 400, {"x": 0.35, "kind": "b"}, "today", True))
    seen = ExperimentView(core)
    shown = {t.index for t in thinned(seen, list(seen.trials.values()), most=60)}
    assert {45, 123, 400} <= shown


def test_figures_of_many_trials_say_how_many_they_show() -> None:
    seen = view("-loss", MANY)
    told = f"Of 1,500 arms {MOST_SHOWN:,} are shown"

    effects = card_of(ArmEffectsPlot("loss", use_model_predictions=False), seen)
    assert told in effects.subtitle
    assert "The best is arm 700_0, at 0." in effects.subtitle
    lines = card_of(ParallelCoordinatesPlot(), seen)
    assert told in lines.subtitle
    assert len(lines.df) == N
    assert len(lines.get_figure().data[0].line.color) == MOST_SHOWN


def test_the_best_so_far_keeps_all_its_steps() -> None:
    seen = view("-loss", losses(*(float(N - k) for k in range(N))))
    card = card_of(UtilityProgressionAnalysis(), seen)
    assert len(card.df) == N
    assert len(card.get_figure().data[-1].x) == N  # each trial is a step

    card = card_of(UtilityProgressionAnalysis(), view("-loss", MANY))
    points, line = card.get_figure().data
    assert 700 in line.x
    assert len(points.x) < N
    assert f"Of 1,500 trials {MOST_SHOWN:,} are shown" in card.subtitle
