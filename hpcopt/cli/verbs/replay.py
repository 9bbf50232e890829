"""``hpcopt replay``."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from click.exceptions import Exit

from hpcopt.cli.target import examples, find_folder, json_option, target_argument
from hpcopt.cli.views import text

if TYPE_CHECKING:
    from hpcopt.core.types import TParameterization
    from hpcopt.generation.replay import Replay

#: At most so many trials that came out otherwise are shown, unless as JSON.
_MOST_SHOWN = 20


@click.command(
    epilog=examples(
        "hpcopt replay hpcopt.yaml", "hpcopt replay experiments/hartmann6 --json"
    )
)
@target_argument
@json_option
def command(target: Path | None, as_json: bool) -> None:
    """Make every suggestion again, and compare it with the journal, bit for bit.

    TARGET is the experiment's config or its folder, by default the one here.
    Nothing is changed and no cluster is asked. Trials that were added by hand or
    proposed by a generator of your own are passed over. Exit code 1 if anything came
    out otherwise, which other versions or another processor explain.
    """
    folder = find_folder(target)
    from hpcopt.experiment.folder import read_events
    from hpcopt.generation.replay import asked_of_processes, replay

    with asked_of_processes(Path(os.devnull)) as ask:
        result = replay(read_events(folder), ask, _observe)
    if as_json:
        text.print_json(_facts(result))
    else:
        _print(result)
    if result.mismatches:
        raise Exit(1)


def _observe(n_compared: int) -> None:
    if sys.stderr.isatty():
        click.echo(f"\r{text.count(n_compared, 'trial')} compared", nl=False, err=True)


def _facts(result: Replay) -> dict[str, Any]:
    return {
        "identical": result.n_identical,
        "different": [
            {
                "trial": mismatch.trial_index,
                "recorded": dict(mismatch.recorded),
                "regenerated": None
                if mismatch.regenerated is None
                else dict(mismatch.regenerated),
            }
            for mismatch in result.mismatches
        ],
        "passed_over": dict(result.passed_over),
        "environment": list(result.differences),
    }


def _print(result: Replay) -> None:
    if sys.stderr.isatty():
        click.echo("\r\033[K", nl=False, err=True)
    for mismatch in result.mismatches[:_MOST_SHOWN]:
        click.echo(
            f"trial {mismatch.trial_index}: recorded {_values(mismatch.recorded)}; "
            f"came out {_values(mismatch.regenerated)}"
        )
    n_hidden = len(result.mismatches) - _MOST_SHOWN
    if n_hidden > 0:
        click.echo(f"and {text.count(n_hidden, 'trial')} more")
    for sentence in result.differences:
        click.echo(f"not the same as then: {sentence}")
    parts = [f"{result.n_identical} identical", f"{len(result.mismatches)} different"]
    if result.passed_over:
        methods = ", ".join(f"{n} {name}" for name, n in result.passed_over.items())
        parts.append(f"{result.passed_over.total()} passed over ({methods})")
    click.echo(", ".join(parts))


def _values(parameterization: TParameterization | None) -> str:
    if parameterization is None:
        return "nothing"
    return ", ".join(f"{name} = {value!r}" for name, value in parameterization.items())
