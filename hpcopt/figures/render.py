"""A card's figure as the bytes of files, which depend on nothing but the card."""

from __future__ import annotations

import io
import json
import warnings
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from matplotlib.figure import Figure
from matplotlib.text import Text

from hpcopt.analysis.plotly.plotly_analysis import PlotlyAnalysisCard, with_arrays
from hpcopt.analysis.text import visible
from hpcopt.figures import text
from hpcopt.figures.draw import draw
from hpcopt.figures.properties import UntranslatableError
from hpcopt.figures.size import FigureSize, settings

#: No time, and no version: a file changes only where the figure does.
_METADATA: dict[str, dict[str, Any]] = {
    "png": {"Software": None},
    "svg": {"Date": None, "Creator": None},
    "pdf": {"CreationDate": None, "Creator": None, "Producer": None},
}


@dataclass(frozen=True)
class RenderedFigure:
    """One figure, in several formats."""

    files: dict[str, bytes]
    """By format."""
    notes: tuple[str, ...]
    """What a reader of it should know, a sentence each."""


def render(
    card: PlotlyAnalysisCard, formats: Iterable[str], size: FigureSize
) -> RenderedFigure:
    """Draw a card.

    Args:
        card: What to draw.
        formats: ``png``, ``svg``, ``pdf``.
        size: How large.

    Raises:
        UntranslatableError: Its figure says what is not drawn here.
    """
    title = visible(card.title)
    files = {}
    with settings(size), warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        try:
            figure = draw(with_arrays(json.loads(card.blob)), size, title)
            for form in formats:
                metadata = {**_METADATA[form], "Title": title}
                buffer = io.BytesIO()
                figure.savefig(buffer, format=form, metadata=metadata)
                files[form] = buffer.getvalue()
        except (ValueError, TypeError, LookupError, AttributeError) as exc:
            # A user's own figure may say what no viewer understands.
            kind = type(exc).__name__
            raise UntranslatableError(f"it cannot be drawn ({kind}: {exc})") from exc
    notes = [str(one.message) for one in told]
    if _lacks_glyphs(figure):
        notes.append(
            f"characters that the font {text.FONT} lacks are drawn as {text.MISSING}"
        )
    return RenderedFigure(files, tuple(dict.fromkeys(notes)))


def _lacks_glyphs(figure: Figure) -> bool:
    texts = figure.findobj(Text)
    return any(text.MISSING in str(one.get_text()) for one in texts)
