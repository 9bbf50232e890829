"""Texts as they are drawn: no markup, no mathematics, no glyph that the font lacks."""

from __future__ import annotations

import html
import re
import textwrap
from functools import cache

from matplotlib import font_manager

from hpcopt.analysis.text import visible

#: matplotlib brings it along, so that a figure is the same on every machine.
FONT = "DejaVu Sans"

#: In place of a character that the font lacks.
MISSING = "\N{WHITE SQUARE}"

_BREAK = re.compile(r"<br\s*/?>", re.IGNORECASE)
_TAG = re.compile(r"</?[A-Za-z][^<>]*>")
#: They change how the character before them looks, in fonts that know how.
_INVISIBLE = re.compile("[\u200b-\u200d\ufe00-\ufe0f\U000e0100-\U000e01ef]")


def unmarked(text: object) -> str:
    """Return a text of plotly's without its markup: ``<br>`` is a new line."""
    return visible(html.unescape(_TAG.sub("", _BREAK.sub("\n", str(text)))))


def drawable(text: str) -> str:
    """Return a text with ``MISSING`` in place of what the font lacks."""
    known = _known()
    return "".join(
        character if character == "\n" or ord(character) in known else MISSING
        for character in _INVISIBLE.sub("", text.replace("\r", "").expandtabs(4))
    )


def label(text: object, width: int | None = None) -> str:
    """Return a text of plotly's as it is drawn, in lines of ``width`` characters."""
    found = drawable(unmarked(text))
    return found if width is None else wrapped(found, width)


def wrapped(text: str, width: int) -> str:
    """Return a text in lines of at most ``width`` characters, three of them at most."""
    width = max(width, 8)
    lines = [
        line
        for part in text.split("\n")
        for line in textwrap.wrap(part, width, break_on_hyphens=False) or [""]
    ]
    if len(lines) > 3:
        lines = [*lines[:2], f"{lines[2][: width - 1]}…"]
    return "\n".join(lines)


@cache
def _known() -> frozenset[int]:
    """Return the code points that the font has."""
    path = font_manager.findfont(FONT, fallback_to_default=True)
    return frozenset(font_manager.get_font(path).get_charmap())
