"""Cards, groups, and what is in the place of a card that could not be made."""

from __future__ import annotations

import json
from typing import Any

import pandas as pd
import pytest

from hpcopt.analysis import Analysis
from hpcopt.analysis.analysis import AnalysisNotApplicableStateError, compute_all
from hpcopt.analysis.card import (
    AnalysisCard,
    AnalysisCardGroup,
    ErrorAnalysisCard,
    NotApplicableStateAnalysisCard,
)
from hpcopt.analysis.experiment import ExperimentView
from hpcopt.analysis.generation_strategy import GenerationStrategyView
from hpcopt.analysis.graphviz.graphviz_analysis import create_graphviz_analysis_card
from hpcopt.analysis.healthcheck import (
    HealthcheckStatus,
    create_healthcheck_analysis_card,
)
from hpcopt.analysis.markdown.markdown_analysis import create_markdown_analysis_card
from hpcopt.core.errors import UsageError
from hpcopt.core.trials.trial import TrialStatus
from tests.support.analysis_world import losses, view

NOTHING = pd.DataFrame()


class Failures(Analysis):
    """As a user of Ax writes one."""

    def compute(
        self,
        experiment: ExperimentView | None = None,
        generation_strategy: GenerationStrategyView | None = None,
        adapter: Any = None,
    ) -> AnalysisCard:
        assert experiment is not None
        failed = experiment.trials_by_status[TrialStatus.FAILED]
        df = pd.DataFrame({"trial_index": sorted(trial.index for trial in failed)})
        return self._create_analysis_card(
            title="Failures", subtitle=f"Of {len(experiment.trials)} trials.", df=df
        )


class Broken(Failures):
    def __init__(self, error: Exception) -> None:
        self.error = error

    def compute(self, *_: Any, **__: Any) -> AnalysisCard:
        raise self.error


def card(title: str = "t", **columns: list[Any]) -> AnalysisCard:
    return AnalysisCard("Name", title, "s", pd.DataFrame(columns), "{}")


def test_an_analysis_of_a_users_own_gives_a_card() -> None:
    found = Failures().compute_or_error_card(view("-loss", [None, *losses(1.0)]))
    assert isinstance(found, AnalysisCard)
    assert (found.name, found.title) == ("Failures", "Failures")
    assert found.df["trial_index"].tolist() == [0]
    assert json.loads(found.blob) == {"trial_index": {"0": 0}}
    assert found.flatten() == [found]
    assert "of 2 trials" in found._repr_html_().lower()


def test_what_raises_is_a_card_that_says_so(caplog: pytest.LogCaptureFixture) -> None:
    broken, fine = compute_all(
        [Broken(KeyError("<x>")), Failures()], view("-loss", []), None
    )
    assert isinstance(broken, ErrorAnalysisCard)
    assert broken.title == "Broken Error"
    assert broken.subtitle == "KeyError: '<x>'"
    assert "Traceback" in broken.blob
    assert broken.df.empty
    assert "&lt;x&gt;" in broken.to_html()
    assert "<x>" not in broken.to_html()
    assert type(fine) is AnalysisCard
    assert "Broken: KeyError" in caplog.text


def test_an_error_without_words_is_named() -> None:
    broken = Broken(ValueError()).compute_or_error_card(view("-loss", []))
    assert broken.subtitle == "ValueError was raised."


def test_what_waits_for_something_is_a_card_that_says_for_what() -> None:
    waiting = Broken(AnalysisNotApplicableStateError("No trial <yet>."))
    found = waiting.compute_or_error_card(view("-loss", []))
    assert isinstance(found, NotApplicableStateAnalysisCard)
    assert found.title == "Broken -- Not Available Yet"
    assert found.blob == "No trial <yet>."
    assert "No trial &lt;yet&gt;." in found.to_html()


def test_a_result_is_a_card_or_an_error() -> None:
    known = view("-loss", losses(1.0))
    assert Failures().compute_result(known).unwrap().title == "Failures"
    failed = Broken(UsageError("no")).compute_result(known)
    assert not failed.is_ok()
    with pytest.raises(UsageError, match="no"):
        failed.unwrap()


def test_a_group_keeps_the_order_and_leaves_out_empty_groups() -> None:
    empty = AnalysisCardGroup("Empty", "e", None, [])
    inner = AnalysisCardGroup("Inner", "i", "", [card("b"), card("c")])
    group = AnalysisCardGroup("Outer", "o", None, [card("a"), empty, inner])
    assert [leaf.title for leaf in group.flatten()] == ["a", "b", "c"]
    assert group.subtitle == ""
    assert group.hierarchy_str() == "Outer\n    a\n    Inner\n        b\n        c"
    assert group.to_html().count("hpcopt-card") == 3


def test_neighbouring_narrow_cards_stand_side_by_side() -> None:
    wide = card("wide", **{f"c{k}": [k] for k in range(6)})
    group = AnalysisCardGroup("G", "g", "", [card("a"), card("b"), wide, card("c")])
    html = group.to_html()
    assert html.count("hpcopt-grid") == 2
    assert html.index("a</h3>") < html.index("wide</h3>") < html.index("c</h3>")


def test_a_text_is_shown_as_it_is_written() -> None:
    text = create_markdown_analysis_card("N", "t", "s", NOTHING, "**a** <b>")
    assert text.get_markdown() == "**a** <b>"
    assert "**a** &lt;b&gt;" in text.to_html()


@pytest.mark.parametrize(
    ("status", "is_passing", "is_user_facing"),
    [
        (HealthcheckStatus.PASS, True, False),
        (HealthcheckStatus.FAIL, False, True),
        (HealthcheckStatus.WARNING, False, True),
        (HealthcheckStatus.INFO, True, True),
    ],
)
def test_a_health_check_tells_its_status(
    status: HealthcheckStatus, is_passing: bool, is_user_facing: bool
) -> None:
    check = create_healthcheck_analysis_card("N", "t", "s", NOTHING, status, n=3)
    assert check.get_status() is status
    assert (check.is_passing(), check.is_user_facing()) == (is_passing, is_user_facing)
    assert check.get_additional_attrs() == {"status": int(status), "n": 3}
    assert status.name in check.to_html()


def test_a_graph_is_shown_without_graphviz(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "graphviz", None)
    graph = create_graphviz_analysis_card(
        "N", "t", "s", NOTHING, 'digraph g {\n"<a>"\n}'
    )
    assert "&lt;a&gt;" in graph.to_html()
    with pytest.raises(UsageError, match="pip install graphviz"):
        graph.get_digraph()


def test_a_graph_is_handed_on_to_graphviz(monkeypatch: pytest.MonkeyPatch) -> None:
    class Graphviz:
        @staticmethod
        def Digraph(name: str, body: list[str]) -> tuple[str, list[str]]:  # noqa: N802
            return name, body

    class Drawn:
        source = "digraph g {\n\ta -> b\n}\n"

    monkeypatch.setitem(__import__("sys").modules, "graphviz", Graphviz())
    graph = create_graphviz_analysis_card("N", "t", "s", NOTHING, Drawn())
    assert graph.get_digraph() == ("N", ["\ta -> b\n"])
