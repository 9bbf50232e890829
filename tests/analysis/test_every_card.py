"""Every class of the package, whatever the experiment: a card, or why there is none."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from benchmarks.scale.cards import analyses, every_analysis
from hpcopt.analysis.card import ErrorAnalysisCard, NotApplicableStateAnalysisCard
from hpcopt.analysis.experiment import ExperimentView
from hpcopt.analysis.generation_strategy import GenerationStrategyView
from hpcopt.core.space.search_space import RangeParameter, SearchSpace
from hpcopt.experiment.folder import read_experiment
from tests.support.analysis_world import losses, view
from tests.support.large_experiment import Shape, write_experiment

HOSTILE = "<b>\"x'</script>%{y} & \U0001f98a \u202eabc"


def made_up(shape: Shape) -> Callable[[Path], ExperimentView]:
    def make(folder: Path) -> ExperimentView:
        return ExperimentView(read_experiment(write_experiment(folder / "a", shape)))

    return make


def hostile(folder: Path) -> ExperimentView:
    names = (HOSTILE, f"{HOSTILE}2")
    space = SearchSpace(tuple(RangeParameter(name, 0.0, 1.0) for name in names))
    points = [dict(zip(names, (k / 6, k * k / 36), strict=True)) for k in range(6)]
    means = [(k / 6 - 0.3) ** 2 for k in range(6)]
    name = f"run {HOSTILE}"
    return view("-loss", losses(*means), space=space, parameters=points, name=name)


CASES: dict[str, Callable[[Path], ExperimentView]] = {
    "no trial": lambda _: view("-loss", []),
    "one trial": lambda _: view("-loss", losses(1.0)),
    "one candidate": lambda _: view("-loss", [{}]),
    "only failed": lambda _: view("-loss", [None, None, None]),
    "hostile names": hostile,
    "live": made_up(Shape(30, n_live=8, n_slots=10)),
    "two objectives": made_up(Shape(60, n_objectives=2, is_constrained=True)),
}


@pytest.mark.parametrize("case", CASES)
def test_no_card_is_an_error(case: str, tmp_path: Path) -> None:
    seen = CASES[case](tmp_path)
    strategy = GenerationStrategyView(seen.core)
    for analysis in every_analysis(seen):
        card = analysis.compute_or_error_card(seen, strategy)
        for leaf in card.flatten():
            where = f"{type(analysis).__name__}, {leaf.name}: {leaf.title}"
            assert not isinstance(leaf, ErrorAnalysisCard), f"{where}\n{leaf.blob}"
            if isinstance(leaf, NotApplicableStateAnalysisCard):
                assert leaf.blob.rstrip().endswith("."), where
        html = card.to_html()
        assert "<b>\"x'" not in html, type(analysis)
        assert html.count("<script>") == html.count("</script>"), type(analysis)


def test_every_public_class_is_among_them() -> None:
    names = {kind.__name__ for kind in analyses()}
    assert {"OverviewAnalysis", "Summary", "ClusterAnalysis"} <= names
