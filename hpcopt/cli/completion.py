"""What the shell offers where names of an experiment are expected."""

from __future__ import annotations

from pathlib import Path

import click
from click.shell_completion import CompletionItem

from hpcopt.core.errors import HpcoptError


def complete_columns(
    ctx: click.Context, _parameter: click.Parameter, incomplete: str
) -> list[CompletionItem]:
    """Offer the columns of the table of trials, the last one of several names."""
    from hpcopt.cli.target import find_experiment
    from hpcopt.core.trial_columns import TrialColumns

    target = ctx.params.get("target")
    try:
        experiment = find_experiment(Path(target) if target else None).experiment
    except (HpcoptError, OSError):
        return []  # an empty answer is all that a shell understands
    before, comma, begun = incomplete.rpartition(",")
    minus = "-" if begun.startswith("-") else ""
    return [
        CompletionItem(f"{before}{comma}{minus}{name}")
        for name in TrialColumns(experiment).names
        if name.startswith(begun.removeprefix("-"))
    ]
