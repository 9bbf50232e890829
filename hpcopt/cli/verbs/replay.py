"""``hpcopt replay``."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from click.exceptions import Exit

from hpcopt.cli.target import (
    default_target,
    examples,
    find_folder,
    json_option,
    modules_folder,
    target_argument,
)
from hpcopt.cli.views import text

if TYPE_CHECKING:
    from hpcopt.core.types import TParameterization
    from hpcopt.generation.replay import Maker, Replay

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
    proposed by a generator of your own are passed over; models and acquisitions of
    your own are looked for beside the config. Suggestions of another version
    of hpcopt, with other packages or on another processor may come out otherwise: it
    is told what made them. Exit code 1 if one came out otherwise that was made by this
    version, with these packages and on this processor.
    """
    target = target or default_target()
    folder = find_folder(target)
    from hpcopt.experiment.folder import read_events
    from hpcopt.generation.replay import asked_of_processes, replay

    with asked_of_processes(Path(os.devnull), modules_folder(target)) as ask:
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
                "trial": one.trial_index,
                "recorded": dict(one.recorded),
                "regenerated": None
                if one.regenerated is None
                else dict(one.regenerated),
                "is_mismatch": maker.is_here,
            }
            for maker in result.makers
            for one in maker.different
        ],
        "made_by": [
            {
                "environment": dict(maker.environment),
                "is_here": maker.is_here,
                "identical": list(maker.identical),
                "different": [one.trial_index for one in maker.different],
            }
            for maker in result.makers
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
    for maker in result.makers:
        if not maker.is_here:
            click.echo(_made_by(maker))
    n_different, n_mismatches = len(result.different), len(result.mismatches)
    parts = [f"{result.n_identical} identical", f"{n_different} different"]
    if n_mismatches < n_different:
        parts[-1] += f" ({n_mismatches or 'none'} of them a mismatch)"
    if result.passed_over:
        methods = ", ".join(f"{n} {name}" for name, n in result.passed_over.items())
        parts.append(f"{result.passed_over.total()} passed over ({methods})")
    click.echo(", ".join(parts))


def _made_by(maker: Maker) -> str:
    """Return what made some of the trials, and what came of them, in a sentence."""
    environment, n_different = maker.environment, len(maker.different)
    others = [f"{k} {environment[k]}" for k in maker.differences if k != "hpcopt"]
    who = f"hpcopt {environment['hpcopt']}"
    if others:
        who += f" ({', '.join(others)})"
    indices = [*maker.identical, *(one.trial_index for one in maker.different)]
    sentence = (
        f"made by {who}, trials {_ranges(sorted(indices))}: "
        f"{len(maker.identical)} identical, {n_different} different"
    )
    return f"{sentence}, which is no mismatch" if n_different else sentence


def _ranges(indices: Sequence[int]) -> str:
    """Return ascending numbers as ``0-3, 7``."""
    ranges: list[list[int]] = []
    for index in indices:
        if ranges and index == ranges[-1][-1] + 1:
            ranges[-1][1:] = [index]
        else:
            ranges.append([index])
    return ", ".join("-".join(map(str, ends)) for ends in ranges)


def _values(parameterization: TParameterization | None) -> str:
    if parameterization is None:
        return "nothing"
    return ", ".join(f"{name} = {value!r}" for name, value in parameterization.items())
