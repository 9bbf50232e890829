"""Texts as they are shown: what users name is neither markup nor a control."""

from __future__ import annotations

import re
from html import escape as _escape

#: Characters that are not seen, those that turn the direction of what follows, and
#: halves of characters, which no file can hold.
_CONTROLS = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]"
)


def visible(text: object) -> str:
    """Return a text with control characters as Python writes them, as ``U+202E``."""
    return _CONTROLS.sub(lambda match: ascii(match[0])[1:-1], str(text))


def escape(text: object) -> str:
    """Return a text for HTML."""
    return _escape(visible(text))
