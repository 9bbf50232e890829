"""Cards as parts of the page: a title, two sentences, a figure, the table behind it."""

from __future__ import annotations

from typing import Any

from hpcopt.analysis import page as analysis_page
from hpcopt.analysis.card import (
    AnalysisCard,
    AnalysisCardBase,
    AnalysisCardGroup,
    ErrorAnalysisCard,
    NotApplicableStateAnalysisCard,
)
from hpcopt.analysis.plotly.plotly_analysis import PlotlyAnalysisCard
from hpcopt.reporting.figures import MOST_POINTS, Figures
from hpcopt.reporting.markup import escape, heading

#: Of the table behind a figure so many rows are in the page.
_MOST_ROWS = 100

#: The page has a table of all trials of its own.
_LEFT_OUT = frozenset({"Summary"})


def cards_html(card: AnalysisCardBase, figures: Figures, level: int = 3) -> str:
    """Return a card, or a group of cards, as HTML.

    Args:
        card: What is shown.
        figures: Takes the figures.
        level: That of its heading.
    """
    if isinstance(card, AnalysisCardGroup):
        inner = [cards_html(one, figures, level + 1) for one in card.children]
        parts = "".join(inner)
        subtitle = f"<p>{escape(card.subtitle)}</p>" if card.subtitle else ""
        return (
            f'<section class="group">{heading(level, card.title)}{subtitle}'
            f'<div class="cards">{parts}</div></section>'
        )
    assert isinstance(card, AnalysisCard)
    return "" if card.name in _LEFT_OUT else _leaf(card, figures, level)


def group_html(group: AnalysisCardBase, figures: Figures) -> str:
    """Return what is in a group, without its own heading."""
    if not isinstance(group, AnalysisCardGroup):
        return f'<div class="cards">{cards_html(group, figures)}</div>'
    inner = "".join(cards_html(one, figures) for one in group.children)
    return f'<p>{escape(group.subtitle)}</p><div class="cards">{inner}</div>'


def _leaf(card: AnalysisCard, figures: Figures, level: int) -> str:
    if isinstance(card, ErrorAnalysisCard):
        return _without_figure(card, card.subtitle, level)
    if isinstance(card, NotApplicableStateAnalysisCard):
        return _without_figure(card, card.blob, level)
    subtitle = f'<p class="subtitle">{escape(card.subtitle)}</p>'
    head = f"{heading(level, card.title)}{subtitle}"
    if not isinstance(card, PlotlyAnalysisCard):
        wide = " wide" if card.is_wide else ""
        label = f'role="region" tabindex="0" aria-label="{escape(card.title)}"'
        return (
            f'<article class="card{wide}">{head}'
            f'<div class="scroll" {label}>{card.body_html()}</div></article>'
        )
    number, n_points = figures.add(card.blob)
    some = (
        f'<p class="note">{MOST_POINTS} of {n_points} points are drawn, evenly.</p>'
        if n_points
        else ""
    )
    label = f"{escape(card.title)}: a figure; its numbers are in the table below"
    return (
        f'<article class="card">{head}<div class="plot" data-figure="{number}" '
        f'role="group" aria-label="{label}"></div>{some}{_table(card)}</article>'
    )


def figure_html(title: str, subtitle: str, figure: Any, figures: Figures) -> str:
    """Return a figure of plotly's that is no analysis' as a card without a table."""
    number, _ = figures.add(figure.to_json())
    return (
        f'<article class="card">{heading(3, title)}<p class="subtitle">'
        f'{escape(subtitle)}</p><div class="plot" data-figure="{number}" role="group" '
        f'aria-label="{escape(title)}: a figure"></div></article>'
    )


def _table(card: AnalysisCard) -> str:
    """Return the table behind a figure, which is opened by a click."""
    n = len(card.df)
    if n == 0:
        return ""
    df = card.df.head(_MOST_ROWS)
    some = (
        f"<p>The first {_MOST_ROWS} of {n} rows; hpcopt report --csv DIR writes all."
        "</p>"
        if n > _MOST_ROWS
        else ""
    )
    label = f'role="region" tabindex="0" aria-label="The table of {escape(card.title)}"'
    return (
        f'<details class="data"><summary>Table <span class="hidden">of '
        f"{escape(card.title)}</span></summary>{some}"
        f'<div class="scroll" {label}>{analysis_page.table(df)}</div></details>'
    )


def _without_figure(card: AnalysisCard, why: str, level: int) -> str:
    return (
        f'<article class="card absent">{heading(level, card.title)}'
        f"<p>{escape(why)}</p></article>"
    )
