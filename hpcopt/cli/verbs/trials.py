"""``hpcopt trials``."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Literal

import click

from hpcopt.cli.target import examples, find_experiment, json_option, target_argument
from hpcopt.cli.views import text
from hpcopt.cli.views.facts import best_trials, state, trial_facts
from hpcopt.cli.views.table import print_table
from hpcopt.cli.views.trial_table import trial_table, trials_csv
from hpcopt.core.errors import UsageError
from hpcopt.core.experiment import Experiment
from hpcopt.core.trials.trial import Trial, TrialStatus

_STATES = [status.name.lower() for status in TrialStatus]


@click.command(
    epilog=examples(
        "hpcopt trials hpcopt.yaml --sort best",
        "hpcopt trials --state failed",
        "hpcopt trials --csv > trials.csv",
    )
)
@target_argument
@click.option(
    "--state",
    "wanted",
    multiple=True,
    type=click.Choice(_STATES),
    metavar="STATE",
    help="Only trials in this state, such as failed; may be given several times.",
)
@click.option(
    "--sort",
    type=click.Choice(["index", "best"]),
    default="index",
    show_default=True,
    help="What comes first: the oldest trial, or the best one.",
)
@json_option
@click.option("--csv", "as_csv", is_flag=True, help="Print CSV, for spreadsheets.")
def command(
    target: Path | None,
    wanted: tuple[str, ...],
    sort: Literal["index", "best"],
    as_json: bool,
    as_csv: bool,
) -> None:
    """List the trials, one row each.

    TARGET is the experiment's config or its folder, by default the one here.
    On a terminal, what does not fit is left out; nothing is in a pipe, in CSV and in
    JSON.
    """
    if as_json and as_csv:
        raise UsageError("expected one of --json and --csv, found both")
    experiment = find_experiment(target).experiment
    goals = experiment.absolute_goals
    trials = [
        trial
        for trial in (_by_value(experiment) if sort == "best" else experiment.trials)
        if not wanted or state(trial) in wanted
    ]
    if as_json:
        text.print_json([trial_facts(t, goals) for t in trials])
    elif as_csv:
        click.echo(trials_csv(experiment, trials), nl=False)
    elif trials:
        print_table(*trial_table(experiment, trials))
    else:
        click.echo("no such trials" if wanted else "no trials so far", err=True)


def _by_value(experiment: Experiment) -> Sequence[Trial]:
    """Return all trials, those without a value last."""
    best = best_trials(experiment, experiment.n_trials)
    ranked = {trial.index for trial in best}
    return [*best, *(t for t in experiment.trials if t.index not in ranked)]
