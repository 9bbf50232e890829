"""Cards as HTML: what a notebook shows, and what a page is made of.

Everything that users name is escaped. Figures take the colour of the text around them,
so that they can be read on light and on dark. plotly's script is in a page once.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable
from html import escape
from typing import TYPE_CHECKING

import pandas as pd

if TYPE_CHECKING:
    pass

_STYLE = """\
.hpcopt-group { margin: 1.6em 0 0; }
.hpcopt-group > h2 { font-size: 1.35em; margin: 0; font-weight: 650; }
.hpcopt-group .hpcopt-group > h2 { font-size: 1.15em; }
.hpcopt-grid { display: grid; gap: 12px; margin-top: 12px;
  grid-template-columns: repeat(auto-fit, minmax(min(100%, 480px), 1fr)); }
.hpcopt-card { border: 1px solid rgba(128, 128, 128, .4); border-radius: 8px;
  padding: 12px 14px; min-width: 0; box-sizing: border-box; }
.hpcopt-card > h3 { font-size: 1em; margin: 0; font-weight: 650; }
.hpcopt-subtitle { margin: .2em 0 .6em; font-size: .9em; line-height: 1.4;
  opacity: .8; }
details.hpcopt-subtitle > summary { cursor: pointer; list-style: none; overflow: hidden;
  white-space: nowrap; text-overflow: ellipsis; }
details.hpcopt-subtitle > summary::-webkit-details-marker { display: none; }
details.hpcopt-subtitle[open] > summary { white-space: normal; }
.hpcopt-body { overflow: auto; max-height: 500px; }
.hpcopt-body > .hpcopt-plot { height: 440px; }
.hpcopt-body pre { white-space: pre-wrap; overflow-wrap: anywhere; font-size: .85em;
  margin: 0; }
.hpcopt-body table { border-collapse: collapse; font-size: .85em; border: none;
  font-variant-numeric: tabular-nums; }
.hpcopt-body th, .hpcopt-body td { padding: 3px 9px; text-align: right; border: none;
  border-bottom: 1px solid rgba(128, 128, 128, .25); max-width: 32em;
  overflow-wrap: anywhere; }
.hpcopt-body td.hpcopt-text, .hpcopt-body th.hpcopt-text { text-align: left; }
"""

#: A notebook's require.js must not take plotly for one of its modules.
_PLOTLY = (
    "<script>if (!window.Plotly) {{ (function (define, module) {{ {script} }})"
    ".call(window); }}</script>"
)

_SCRIPT = """\
window.hpcoptPlot = function (place, figure) {
  const text = () => getComputedStyle(place).color;
  const layout = Object.assign({}, figure.layout);
  layout.font = Object.assign({}, layout.font, { color: text() });
  const config = { responsive: true, displaylogo: false };
  Plotly.newPlot(place, figure.data, layout, config);
  const recolour = () => requestAnimationFrame(
    () => Plotly.relayout(place, { "font.color": text() }));
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", recolour);
};
"""


def fragment(html: str) -> str:
    """Return cards, as HTML, with the style and the scripts that they need."""
    has_plot = 'class="hpcopt-plot"' in html
    scripts = f"{_plotly_script()}<script>{_SCRIPT}</script>" if has_plot else ""
    return f'<meta charset="utf-8"><style>{_STYLE}</style>{scripts}\n{html}'


def show(html: str) -> None:
    """Show cards, as HTML, in the notebook in which this is run, if it is one."""
    # IPython has loaded itself where there is one, and is no dependency.
    ipython = sys.modules.get("IPython")
    if ipython is None or ipython.get_ipython() is None or not html:
        return
    from IPython.display import HTML, display

    display(HTML(fragment(html)))


def group(title: str, subtitle: str, parts: Iterable[str]) -> str:
    """Return a group of what is HTML already; the other texts are not."""
    return (
        f'<section class="hpcopt-group"><h2>{escape(title)}</h2>'
        f"{_subtitle(subtitle)}{''.join(parts)}</section>"
    )


def grid(cards: Iterable[str]) -> str:
    """Return cards, as HTML, side by side where there is room."""
    return f'<div class="hpcopt-grid">{"".join(cards)}</div>'


def card(title: str, subtitle: str, body: str) -> str:
    """Return one card; ``body`` is HTML, the other texts are not."""
    return (
        f'<article class="hpcopt-card"><h3>{escape(title)}</h3>{_subtitle(subtitle)}'
        f'<div class="hpcopt-body">{body}</div></article>'
    )


def plot(figure_json: str) -> str:
    """Return a figure of plotly's, which is drawn once the page is shown."""
    # Within a script only this could end it, or begin a comment.
    safe = figure_json.replace("<", "\\u003c")
    return (
        '<div class="hpcopt-plot"></div><script>(function () {'
        "const place = document.currentScript.previousElementSibling;"
        f"hpcoptPlot(place, {safe}); }})();</script>"
    )


def table(df: pd.DataFrame) -> str:
    """Return a table; numbers to six significant digits, texts left-aligned."""
    is_text = [not pd.api.types.is_numeric_dtype(df[name]) for name in df.columns]
    classes = [' class="hpcopt-text"' if text else "" for text in is_text]
    head = "".join(
        f'<th scope="col"{of}>{escape(str(name))}</th>'
        for name, of in zip(df.columns, classes, strict=True)
    )
    rows = "".join(
        "<tr>"
        + "".join(
            f"<td{of}>{_cell(value)}</td>"
            for value, of in zip(row, classes, strict=True)
        )
        + "</tr>"
        for row in df.itertuples(index=False, name=None)
    )
    return f"<table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>"


def _cell(value: object) -> str:
    if value is None or value is pd.NA or value is pd.NaT or value != value:
        return ""
    return f"{value:.6g}" if isinstance(value, float) else escape(str(value))


def _subtitle(text: str) -> str:
    """Return the subtitle: its first line, the rest once it is clicked at."""
    if not text:
        return ""
    return (
        f'<details class="hpcopt-subtitle"><summary title="{escape(text)}">'
        f"{escape(text)}</summary></details>"
    )


def _plotly_script() -> str:
    from plotly.offline import get_plotlyjs

    return _PLOTLY.format(script=get_plotlyjs())
