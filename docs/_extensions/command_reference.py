"""Shows options and examples in the help of commands as code."""

from __future__ import annotations

import re

import click
from sphinx.application import Sphinx

_OPTION = re.compile(r"(?<![\w`-])--[a-z][a-z-]*")


def show_options_as_code(app: Sphinx, context: click.Context, lines: list[str]) -> None:
    """Mark the options that a text talks about; else ``--`` becomes a dash."""
    lines[:] = [
        line if line.startswith("..") else _OPTION.sub(r"``\g<0>``", line)
        for line in lines
    ]


def show_examples_as_code(
    app: Sphinx, context: click.Context, lines: list[str]
) -> None:
    """Make code blocks of the indented lines of a text that is shown as it is."""
    shown: list[str] = []
    is_code = False
    for line in lines:
        text = line.removeprefix("| ")
        if line.startswith("| ") and text.startswith(" "):
            if not is_code:
                shown += ["", ".. code-block:: bash", ""]
            is_code = True
            shown.append(f"   {text.strip()}")
        else:
            text = _OPTION.sub(r"``\g<0>``", text)
            shown += ["", text] if is_code else [text]
            is_code = False
    lines[:] = [*shown, ""]


def setup(app: Sphinx) -> dict[str, bool]:
    """Connect to what sphinx-click tells of each command."""
    app.connect("sphinx-click-process-description", show_options_as_code)
    app.connect("sphinx-click-process-options", show_options_as_code)
    app.connect("sphinx-click-process-epilog", show_examples_as_code)
    return {"parallel_read_safe": True}
