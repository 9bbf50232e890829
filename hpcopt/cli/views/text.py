"""Formats numbers, durations, times and facts for people."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping, Sequence
from functools import cache

import click

from hpcopt.core.types import JSONValue, TParameterValue
from hpcopt.core.words import (
    CAUSES,
    count,
    duration,
    moment,
    number,
    one_line,
    visible,
)

__all__ = [
    "CAUSES",
    "STATE_COLOURS",
    "count",
    "cut",
    "duration",
    "finite",
    "moment",
    "number",
    "numbers",
    "one_line",
    "parameters",
    "plus_minus",
    "print_facts",
    "print_json",
    "visible",
    "width",
]

#: The colour of each state of a trial, in tables and in the live display.
STATE_COLOURS = {
    "completed": "green",
    "running": "cyan",
    "staged": "blue",
    "failed": "red",
    "abandoned": "yellow",
}

#: A colour, as click writes it.
_STYLE = re.compile(r"(\x1b\[[0-9;]*m)")


def parameters(values: Mapping[str, TParameterValue]) -> str:
    """Return a parameterization in one line."""
    return "  ".join(
        f"{visible(name)}={number(value)}" for name, value in values.items()
    )


def plus_minus(sem: float | None) -> str:
    """Return a standard error as it stands behind a mean; empty if it is not known."""
    return "" if sem is None else f" ± {number(sem)}"


def numbers(indices: Sequence[int] | None) -> str:
    """Return trials as they are named on a command line; ``None`` is ``all``."""
    return "all" if indices is None else " ".join(map(str, indices))


def width(text: str) -> int:
    """Return how many columns of a terminal ``text`` takes."""
    return len(text) if text.isascii() else _wide_width(text)


def cut(text: str, most: int) -> str:
    """Return ``text`` in at most so many columns, with ``…`` for what is cut."""
    if width(text) <= most:
        return text
    while width(text) > most - 1:
        text = text[: min(len(text) - 1, most - 1)]
    return text + "…"


@cache
def _wide_width(text: str) -> int:
    from rich.cells import cell_len

    return cell_len(text)


def finite(facts: JSONValue) -> JSONValue:
    """Return facts with ``None`` for numbers that JSON has not: NaN and infinity."""
    if isinstance(facts, float):
        return facts if math.isfinite(facts) else None
    if isinstance(facts, Mapping):
        return {name: finite(value) for name, value in facts.items()}
    if isinstance(facts, (list, tuple)):
        return [finite(value) for value in facts]
    return facts


def print_json(facts: JSONValue) -> None:
    """Print facts for programs; numbers that are none are ``null``."""
    try:
        written = json.dumps(facts, indent=2, allow_nan=False, ensure_ascii=False)
    except ValueError:
        written = json.dumps(finite(facts), indent=2, ensure_ascii=False)
    click.echo(written)


def print_facts(rows: Sequence[tuple[str, str]], *, indent: int = 0) -> None:
    """Print names and what they stand for, leaving out what is empty.

    Lines of a value but its first one are indented like it.
    """
    shown = [(visible(name), _lines(value)) for name, value in rows if value]
    widest = max((width(name) for name, _ in shown), default=0)
    for name, lines in shown:
        head = click.style(name + " " * (widest - width(name)), dim=True)
        pad = " " * indent
        click.echo(f"{pad}{head}  {lines[0]}")
        for line in lines[1:]:
            click.echo(f"{pad}{' ' * widest}  {line}")


def _lines(value: str) -> list[str]:
    """Return the lines of a value, with its colours and nothing else to obey."""
    parts = _STYLE.split("\n".join(value.splitlines()))
    parts[::2] = ["\n".join(map(visible, part.split("\n"))) for part in parts[::2]]
    return "".join(parts).split("\n")
