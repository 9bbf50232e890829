"""Formats numbers, durations, times and facts for people."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence

import click

from hpcopt.core.types import JSONValue, TParameterValue

#: The colour of each state of a trial, in tables and in the live display.
STATE_COLOURS = {
    "completed": "green",
    "running": "cyan",
    "staged": "blue",
    "failed": "red",
    "abandoned": "yellow",
}

#: Why trials fail, in a person's words.
CAUSES = {
    "trial": "program failed",
    "result": "no valid result",
    "time": "time limit",
    "memory": "memory limit",
    "infrastructure": "infrastructure",
    "user": "cancelled",
}


def number(value: TParameterValue | None) -> str:
    """Return a value with at most six significant digits."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    return f"{value:.6g}" if isinstance(value, float) else str(value)


def parameters(values: Mapping[str, TParameterValue]) -> str:
    """Return a parameterization in one line."""
    return "  ".join(f"{name}={number(value)}" for name, value in values.items())


def count(n: int, noun: str) -> str:
    """Return a count with its noun: ``1 trial``, ``2 trials``."""
    return f"{n} {noun}" if n == 1 else f"{n} {noun}s"


def numbers(indices: Sequence[int] | None) -> str:
    """Return trials as they are named on a command line; ``None`` is ``all``."""
    return "all" if indices is None else " ".join(map(str, indices))


def duration(seconds: float | None) -> str:
    """Return a duration in its two largest units."""
    if seconds is None:
        return ""
    if seconds < 9.95:
        return f"{max(0.0, seconds):.1f} s"
    if (whole := round(seconds)) < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02d} s"
    if (minutes := round(seconds / 60)) < 1440:
        return f"{minutes // 60} h {minutes % 60:02d} min"
    hours = round(seconds / 3600)
    return f"{hours // 24} d {hours % 24:02d} h"


def moment(seconds: float | None) -> str:
    """Return a time since the epoch as the local date and time."""
    if seconds is None:
        return ""
    return time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(seconds))


def one_line(text: str) -> str:
    """Return ``text`` on one line."""
    return " ".join(text.split())


def print_json(facts: JSONValue) -> None:
    """Print facts for programs."""
    click.echo(json.dumps(facts, indent=2, allow_nan=False, ensure_ascii=False))


def print_facts(rows: Sequence[tuple[str, str]], *, indent: int = 0) -> None:
    """Print names and what they stand for, leaving out what is empty.

    Lines of a value but its first one are indented like it.
    """
    rows = [(name, value) for name, value in rows if value]
    width = max((len(name) for name, _ in rows), default=0)
    for name, value in rows:
        head = click.style(f"{name:<{width}}", dim=True)
        pad = " " * indent
        lines = value.splitlines()
        click.echo(f"{pad}{head}  {lines[0]}")
        for line in lines[1:]:
            click.echo(f"{pad}{' ' * width}  {line}")
