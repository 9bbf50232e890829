"""Names of files for cards: safe, unique, and the same each time."""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections.abc import Sequence

from hpcopt.analysis.card import AnalysisCard

_MOST = 110

#: A point would begin an ending, for LaTeX among others.
_UNSAFE = re.compile(r"[^A-Za-z0-9_]+")

#: What of a title changes with each result.
_FOUND = re.compile(r"\s*\(R² [^()]*\)")


def file_names(cards: Sequence[AnalysisCard]) -> list[str]:
    """Return a name without an ending for each card: its analysis, then its title.

    They have no more than 120 ASCII letters, digits, ``_`` and ``-``, do not begin with
    ``-``, and differ by more than capitals. They change neither with the results nor
    with what else is written.
    """
    found: list[str] = []
    taken: set[str] = set()
    for card in cards:
        title = _FOUND.sub("", card.title)
        stem = _safe(f"{card.name}_{title}" if title else card.name)
        name, k = stem, 1
        while name.lower() in taken:
            k += 1
            name = f"{stem}-{k}"
        taken.add(name.lower())
        found.append(name)
    return found


def _safe(text: str) -> str:
    """Return a text as a name, with a digest where it loses letters by that."""
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode()
    safe = _UNSAFE.sub("-", plain).strip("-") or "card"
    has_lost = any(one.isalnum() and not one.isascii() for one in _folded(text))
    if len(safe) <= _MOST and not has_lost:
        return safe
    digest = hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:8]
    return f"{safe[:_MOST].rstrip('-')}-{digest}"


def _folded(text: str) -> str:
    return unicodedata.normalize("NFKD", text)
