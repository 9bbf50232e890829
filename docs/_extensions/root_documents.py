"""Lets pages include the documents at the root of the repository, such as README.md.

These link to each other as files of the repository, as GitHub shows them; on the site
each link leads to the page that includes the file.
"""

from __future__ import annotations

import re
from pathlib import Path

from sphinx.application import Sphinx

ROOT = Path(__file__).parents[2]

#: A document at the root, and the page that includes it.
PAGES = {
    "README.md": "index.md",
    "CHANGELOG.md": "changelog.md",
    "CONTRIBUTING.md": "contributing.md",
    "LICENSE": "license.md",
}

_PLACE = re.compile(r"^<!-- include (\S+) -->$", re.MULTILINE)
_LINK = re.compile(r"\]\((?!https?:|#)([^)#\s]+)(#[^)\s]*)?\)")


def include(app: Sphinx, docname: str, content: list[str]) -> None:
    """Put documents of the root in place of ``<!-- include NAME -->``."""

    def text(match: re.Match[str]) -> str:
        name = match[1]
        app.env.note_dependency(str(ROOT / name))
        return _LINK.sub(site_link, (ROOT / name).read_text(encoding="utf-8"))

    content[0] = _PLACE.sub(text, content[0])


def site_link(match: re.Match[str]) -> str:
    """Return a link between pages for one between files of the repository."""
    path, anchor = match[1], match[2] or ""
    return f"]({PAGES.get(path, path.removeprefix('docs/'))}{anchor})"


def setup(app: Sphinx) -> dict[str, bool]:
    """Let Sphinx call ``include`` for each page that it reads."""
    app.connect("source-read", include)
    return {"parallel_read_safe": True}
