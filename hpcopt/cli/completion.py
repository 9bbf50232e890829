"""What the shell offers where names of an experiment are expected."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from hpcopt.core.errors import HpcoptError

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem


def complete_columns(
    ctx: click.Context, _parameter: click.Parameter, incomplete: str
) -> list[CompletionItem]:
    """Offer the columns of the table of trials, the last one of several names."""
    from click.shell_completion import CompletionItem

    from hpcopt.cli.target import find_experiment
    from hpcopt.core.trial_columns import TrialColumns

    # Words that click could not assign yet, as the option's value is not complete.
    words = [word for word in ctx.args if not word.startswith("-")]
    target = ctx.params.get("target") or next(iter(words), None)
    try:
        with ctx.scope(cleanup=False):
            experiment = find_experiment(Path(target) if target else None).experiment
    except (HpcoptError, OSError):
        return []  # an empty answer is all that a shell understands
    before, comma, begun = incomplete.rpartition(",")
    return [
        CompletionItem(f"{before}{comma}{name}")
        for name in TrialColumns(experiment).names
        if name.startswith(begun)
    ]
