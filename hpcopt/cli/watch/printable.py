"""Text of users and programs as a terminal may show it: nothing in it is obeyed."""

from __future__ import annotations

from rich.cells import cell_len, set_cell_size
from rich.text import Text

from hpcopt.core.words import visible


def printable(text: str) -> str:
    """Return ``text`` on one line, with what a terminal would obey made visible."""
    return visible(text.replace("\t", "    "))


def fitted(text: str, width: int, *, is_right: bool = False) -> str:
    """Return printable ``text`` in exactly ``width`` cells, cut with an ellipsis."""
    n_cells = cell_len(text)
    if n_cells > width:
        return set_cell_size(text, width - 1) + "…" if width > 0 else ""
    pad = " " * (width - n_cells)
    return pad + text if is_right else text + pad


def line(*parts: str | tuple[str, str]) -> Text:
    """Return a line of texts, each with its style or without; markup means nothing."""
    text = Text(no_wrap=True, overflow="ellipsis", end="")
    for part in parts:
        words, style = part if isinstance(part, tuple) else (part, "")
        text.append(printable(words), style or None)
    return text
