"""Cards as HTML: what a notebook shows, and what a page is made of.

Everything that users name is escaped. Figures take the colour of the text around them,
so that they can be read on light and on dark. plotly's script is in a page once.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable
from typing import TYPE_CHECKING

import pandas as pd

from hpcopt.analysis.text import escape

if TYPE_CHECKING:
    pass

_STYLE = """\
.hpcopt-group { margin: 1.6em 0 0; }
.hpcopt-group > h2 { font-size: 1.35em; margin: 0; font-weight: 650; }
.hpcopt-group .hpcopt-group > h2 { font-size: 1.15em; }
.hpcopt-grid { display: grid; gap: 12px; margin-top: 12px;
  grid-template-columns: repeat(auto-fit, minmax(min(100%, 480px), 1fr)); }
.hpcopt-group > .hpcopt-card { margin-top: 12px; }
.hpcopt-card { border: 1px solid rgba(128, 128, 128, .4); border-radius: 8px;
  padding: 12px 14px; min-width: 0; box-sizing: border-box; }
.hpcopt-card > h3 { font-size: 1em; margin: 0; font-weight: 650; }
.hpcopt-subtitle { margin: .25em 0 .6em; font-size: .9em; line-height: 1.4; }
.hpcopt-subtitle > summary { cursor: pointer; list-style: none; overflow: hidden;
  display: -webkit-box; -webkit-box-orient: vertical; -webkit-line-clamp: 3;
  line-clamp: 3; opacity: .85; }
.hpcopt-subtitle > summary::-webkit-details-marker { display: none; }
.hpcopt-subtitle[open] > summary { display: block; }
.hpcopt-body { overflow: auto; max-height: 500px; }
.hpcopt-body > .hpcopt-plot { height: 440px; }
.hpcopt-plot .parcoords .axis .domain, .hpcopt-plot .parcoords .axis line {
  stroke: rgba(128, 128, 128, .9) !important; }
.hpcopt-body pre { white-space: pre-wrap; overflow-wrap: anywhere; font-size: .85em;
  margin: 0; }
.hpcopt-body table { border-collapse: collapse; font-size: .85em; border: none;
  font-variant-numeric: tabular-nums; }
.hpcopt-body th, .hpcopt-body td { padding: 3px 9px; text-align: right; border: none;
  border-bottom: 1px solid rgba(128, 128, 128, .25); white-space: nowrap; }
.hpcopt-body th { font-weight: 600; }
.hpcopt-body td.hpcopt-text, .hpcopt-body th.hpcopt-text { text-align: left; }
.hpcopt-body td.hpcopt-long { white-space: normal; min-width: 22em;
  overflow-wrap: anywhere; text-align: left; }
.hpcopt-node { border: 1px solid rgba(128, 128, 128, .6); border-radius: 6px;
  padding: 5px 10px; margin: 3px 0; }
.hpcopt-chain > .hpcopt-node { width: fit-content; min-width: 16em; }
.hpcopt-current { border: 2px solid #0072B2; background: rgba(0, 114, 178, .15); }
.hpcopt-arrow { padding: 2px 0 2px 2em; }
.hpcopt-branch { border-left: 3px solid rgba(128, 128, 128, .5); margin: 5px 0;
  padding-left: 10px; }
.hpcopt-status { display: inline-block; margin: 0 0 .6em; padding: 1px 9px;
  border-radius: 99px; border: 1.5px solid currentColor; font-size: .8em;
  font-weight: 650; }
"""

#: A notebook's require.js must not take plotly for one of its modules.
_PLOTLY = (
    "<script>if (!window.Plotly) {{ (function (define, module) {{ {script} }})"
    ".call(window); }}</script>"
)

#: Texts of more characters are wrapped.
_LONG = 40

_SCRIPT = """\
window.hpcoptPlot = function (place, figure) {
  const text = () => getComputedStyle(place).color;
  const layout = Object.assign({}, figure.layout);
  // A figure of a user's own, in another look, has its own background and colours.
  const paper = (((layout.template || {}).layout || {}).paper_bgcolor || "");
  const isOurs = paper.replaceAll(" ", "") === "rgba(0,0,0,0)";
  if (isOurs) { layout.font = Object.assign({}, layout.font, { color: text() }); }
  const config = { displaylogo: false, modeBarButtonsToRemove:
    ["lasso2d", "select2d", "zoomIn2d", "zoomOut2d", "autoScale2d"] };
  Plotly.newPlot(place, figure.data, layout, config).then(() => {
    new ResizeObserver(() => {
      if (place.clientWidth > 0) { Plotly.Plots.resize(place); }
    }).observe(place);
  });
  if (!isOurs) { return; }
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
        f'<th scope="col"{of}>{escape(name)}</th>'
        for name, of in zip(df.columns, classes, strict=True)
    )
    rows = "".join(
        f"<tr>{''.join(map(_cell, row, classes))}</tr>"
        for row in df.itertuples(index=False, name=None)
    )
    return f"<table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>"


def _cell(value: object, of: str) -> str:
    if value is None or value is pd.NA or value is pd.NaT or value != value:
        return "<td></td>"
    if isinstance(value, float):
        return f"<td{of}>{value:.6g}</td>"
    text = str(value)
    of = ' class="hpcopt-long"' if len(text) > _LONG else of
    return f"<td{of}>{escape(text)}</td>"


def _subtitle(text: str) -> str:
    """Return the subtitle: its first lines, the rest once it is clicked at."""
    if not text:
        return ""
    return (
        f'<details class="hpcopt-subtitle"><summary title="{escape(text)}">'
        f"{escape(text)}</summary></details>"
    )


def _plotly_script() -> str:
    from plotly.offline import get_plotlyjs

    return _PLOTLY.format(script=get_plotlyjs())
