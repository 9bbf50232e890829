"""Formats numbers, durations, times and facts for people."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

import click

from hpcopt.core.types import JSONValue, TParameterValue
from hpcopt.core.words import count, duration, moment, number, one_line

__all__ = [
    "CAUSES",
    "STATE_COLOURS",
    "count",
    "duration",
    "moment",
    "number",
    "numbers",
    "one_line",
    "parameters",
    "print_facts",
    "print_json",
]

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


def parameters(values: Mapping[str, TParameterValue]) -> str:
    """Return a parameterization in one line."""
    return "  ".join(f"{name}={number(value)}" for name, value in values.items())


def numbers(indices: Sequence[int] | None) -> str:
    """Return trials as they are named on a command line; ``None`` is ``all``."""
    return "all" if indices is None else " ".join(map(str, indices))


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
