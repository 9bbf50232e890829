"""HTML of texts that are not, and scripts that hold data."""

from __future__ import annotations

import base64
import gzip
import hashlib
import json
import re
from collections.abc import Iterable
from importlib.resources import files

from hpcopt.analysis.text import escape
from hpcopt.core.types import TParameterValue
from hpcopt.core.words import number

__all__ = [
    "data_script",
    "escape",
    "hash_source",
    "heading",
    "packed",
    "packed_script",
    "static_bytes",
    "static_text",
    "table",
]

#: Halves of characters, which UTF-8 has not.
_HALVES = re.compile("[\ud800-\udfff]")

#: Headings have six levels.
_DEEPEST = 6


def static_text(name: str) -> str:
    """Return a file of the report's own."""
    return static_bytes(name).decode("utf-8")


def static_bytes(name: str) -> bytes:
    """Return a file of the report's own."""
    return files("hpcopt.reporting").joinpath("static", name).read_bytes()


def hash_source(script: str) -> str:
    """Return how a policy names a script that may run (CSP level 2, ``script-src``)."""
    digest = hashlib.sha256(script.encode("utf-8")).digest()
    return f"'sha256-{base64.b64encode(digest).decode('ascii')}'"


def data_script(identifier: str, value: object) -> str:
    """Return data that a script reads; a browser runs nothing of it.

    Raises:
        ValueError: It holds a number that JSON has not.
    """
    text = json.dumps(value, allow_nan=False, ensure_ascii=False, separators=(",", ":"))
    # Within a script only this could end it, or begin a comment.
    safe = _HALVES.sub(lambda match: ascii(match[0])[1:-1], text)
    safe = safe.replace("<", "\\u003c")
    return f'<script type="application/json" id="{identifier}">{safe}</script>\n'


def packed_script(identifier: str, value: object) -> str:
    """Return data as ``data_script`` does, compressed."""
    text = json.dumps(value, allow_nan=False, ensure_ascii=False, separators=(",", ":"))
    return packed(
        identifier, gzip.compress(text.encode("utf-8", "replace"), 6, mtime=0)
    )


def packed(identifier: str, compressed: bytes) -> str:
    """Return what is compressed by gzip as a text that a script inflates."""
    text = base64.b64encode(compressed).decode("ascii")
    return f'<script type="text/plain" id="{identifier}">{text}</script>\n'


def heading(level: int, text: str) -> str:
    """Return a heading."""
    tag = f"h{min(level, _DEEPEST)}"
    return f"<{tag}>{escape(text)}</{tag}>"


def table(
    caption: str,
    columns: Iterable[str],
    rows: Iterable[Iterable[TParameterValue | None]],
) -> str:
    """Return a table of texts and numbers, its first column as headings of rows."""
    head = "".join(f'<th scope="col">{escape(name)}</th>' for name in columns)
    body = "".join(f"<tr>{_row(list(row))}</tr>" for row in rows)
    label = f'tabindex="0" role="region" aria-label="{escape(caption)}"'
    return (
        f'<div class="scroll" {label}>'
        f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>"
    )


def _row(cells: list[TParameterValue | None]) -> str:
    first, *others = cells
    return f'<th scope="row">{escape(number(first))}</th>' + "".join(
        f"<td{_kind(cell)}>{escape(number(cell))}</td>" for cell in others
    )


def _kind(cell: object) -> str:
    is_number = isinstance(cell, (int, float)) and not isinstance(cell, bool)
    return ' class="n"' if is_number else ""
