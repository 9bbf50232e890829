from __future__ import annotations

import math
import sys
from types import ModuleType, SimpleNamespace

import pandas as pd
import pytest

from hpcopt.analysis import page
from hpcopt.analysis.analysis import display_cards
from hpcopt.analysis.card import AnalysisCard
from hpcopt.analysis.plotly.plotly_analysis import create_plotly_analysis_card
from hpcopt.analysis.plotly.style import figure, plain


def plot(title: str = "t") -> AnalysisCard:
    return create_plotly_analysis_card("N", title, "s", pd.DataFrame(), figure())


def test_plotly_is_in_a_page_once_and_only_where_there_is_a_figure() -> None:
    two = page.fragment(plot().to_html() + plot().to_html())
    assert two.count("plotly.js v") == 1
    assert two.count("hpcoptPlot(place,") == 2
    table = AnalysisCard("N", "t", "s", pd.DataFrame({"a": [1]}), "{}")
    assert "plotly.js" not in table._repr_html_()
    assert len(table._repr_html_()) < 10_000


def test_a_figure_cannot_end_its_script() -> None:
    figured = page.plot('{"a": "</script><script>alert(1)</script>"}')
    assert figured.count("</script>") == 1
    assert "alert" in figured


def test_cells_are_escaped_and_numbers_are_short() -> None:
    df = pd.DataFrame(
        {
            "<n>": [0.1 + 0.2, math.nan, 1e-9],
            "text": ["<b>", None, "x" * 50],
            "n": [1, 2, 3],
        }
    )
    html = page.table(df)
    assert "&lt;n&gt;" in html
    assert "<td>0.3</td>" in html
    assert "<td>1e-09</td>" in html
    assert "&lt;b&gt;" in html
    assert html.count("<td></td>") == 2
    assert 'class="hpcopt-long"' in html


def test_titles_and_subtitles_are_escaped() -> None:
    html = page.card("<t>", '"<s>"', "body") + page.group("<g>", "", ["part"])
    assert "<t>" not in html
    assert "<s>" not in html
    assert "<g>" not in html
    assert "details" in page.card("t", "s", "")
    assert "details" not in page.card("t", "", "")


def test_what_plotly_shows_is_taken_as_it_is() -> None:
    assert plain("<b>%{x} & 'q'") == "&lt;b&gt;%&#123;x} &amp; 'q'"


def test_cards_are_shown_in_a_notebook_only(monkeypatch: pytest.MonkeyPatch) -> None:
    shown: list[str] = []
    ipython = ModuleType("IPython")
    ipython.get_ipython = lambda: None  # type: ignore[attr-defined]
    display = ModuleType("IPython.display")
    display.HTML = str  # type: ignore[attr-defined]
    display.display = shown.append  # type: ignore[attr-defined]
    monkeypatch.delitem(sys.modules, "IPython", raising=False)
    display_cards([plot()])
    monkeypatch.setitem(sys.modules, "IPython", ipython)
    monkeypatch.setitem(sys.modules, "IPython.display", display)
    display_cards([plot()])
    assert shown == []
    ipython.get_ipython = SimpleNamespace  # type: ignore[attr-defined]
    display_cards([])
    assert shown == []
    display_cards([plot("one"), plot("two")])
    plot("three")._ipython_display_()
    assert len(shown) == 2
    assert "one" in shown[0]
    assert "two" in shown[0]
