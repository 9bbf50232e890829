"""``hpcopt trials``."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path

import click

from hpcopt.cli.completion import complete_columns
from hpcopt.cli.target import (
    examples,
    find_experiment,
    json_option,
    option,
    target_argument,
)
from hpcopt.cli.views import text
from hpcopt.cli.views.facts import best_trials, state, trial_facts
from hpcopt.cli.views.table import print_table
from hpcopt.cli.views.trial_table import (
    chosen_csv,
    chosen_table,
    trial_table,
    trials_csv,
)
from hpcopt.core.errors import UsageError
from hpcopt.core.experiment import Experiment
from hpcopt.core.trial_columns import TrialColumn, TrialColumns
from hpcopt.core.trials.query import parse_condition, split_names
from hpcopt.core.trials.trial import Trial, TrialStatus

_STATES = [status.name.lower() for status in TrialStatus]

#: What ``--sort`` also takes: the best trials first.
_BEST = "best"


@click.command(
    epilog=examples(
        "hpcopt trials hpcopt.yaml --sort best",
        'hpcopt trials --where "status=failed and x1>0.5"',
        "hpcopt trials --sort -loss --limit 10 --columns index,status,x1,loss",
        "hpcopt trials --csv > trials.csv",
    )
)
@target_argument
@click.option(
    "--where",
    metavar="CONDITION",
    help="Only trials of which this holds: columns, compared with = != < <= > >= and "
    "~ (contains), joined by and, or, not and parentheses.",
)
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
    default="index",
    show_default=True,
    metavar="COLUMN",
    shell_complete=complete_columns,
    help="By what to sort: a column, the largest first with - before it, or best.",
)
@click.option(
    "--columns",
    "names",
    metavar="NAMES",
    shell_complete=complete_columns,
    help="What to show: names of columns, separated by commas.",
)
@click.option(
    "--limit",
    type=click.IntRange(min=1),
    metavar="N",
    help="Only the first ones.",
)
@json_option
@click.option("--csv", "as_csv", is_flag=True, help="Print CSV, for spreadsheets.")
def command(
    target: Path | None,
    where: str | None,
    wanted: tuple[str, ...],
    sort: str,
    names: str | None,
    limit: int | None,
    as_json: bool,
    as_csv: bool,
) -> None:
    """List the trials, one row each.

    TARGET is the experiment's config or its folder, by default the one here.
    On a terminal, what does not fit is left out; nothing is in a pipe, in CSV and in
    JSON. Trials that have nothing in the column that they are sorted by come last.

    Columns are index, status, feasible, objective, every parameter and metric, and
    others: a name that is none is answered by all that there are.
    """
    if as_json and as_csv:
        raise UsageError("expected one of --json and --csv, found both")
    experiment = find_experiment(target).experiment
    columns = cache(lambda: TrialColumns(experiment))  # made where it is needed
    trials = _sorted(experiment, columns, sort)
    trials = [trial for trial in trials if not wanted or state(trial) in wanted]
    if where is not None:
        with option("--where"):
            trials = columns().choose(parse_condition(where), trials)
    trials = trials[:limit]
    if names is not None:
        with option("--columns"):
            titles = split_names(names)
            chosen = [columns().find(name) for name in titles]
        _print_chosen(chosen, titles, trials, as_json=as_json, as_csv=as_csv)
    elif as_json:
        goals = experiment.absolute_goals
        text.print_json([trial_facts(t, goals) for t in trials])
    elif as_csv:
        click.echo(trials_csv(experiment, trials), nl=False)
    elif trials:
        print_table(*trial_table(experiment, trials))
    if not (trials or as_json or as_csv):
        is_any = experiment.n_trials > 0
        click.echo("no such trials" if is_any else "no trials so far", err=True)


def _print_chosen(
    chosen: Sequence[TrialColumn],
    titles: Sequence[str],
    trials: Sequence[Trial],
    *,
    as_json: bool,
    as_csv: bool,
) -> None:
    """Print some columns."""
    if as_json:
        text.print_json(
            [
                {
                    title: column.value(trial)
                    for title, column in zip(titles, chosen, strict=True)
                }
                for trial in trials
            ]
        )
    elif as_csv:
        click.echo(chosen_csv(chosen, titles, trials), nl=False)
    elif trials:
        print_table(*chosen_table(chosen, titles, trials))


def _sorted(
    experiment: Experiment, columns: Callable[[], TrialColumns], sort: str
) -> Sequence[Trial]:
    """Return all trials as they are to be sorted."""
    if sort == "index":
        return experiment.trials
    if sort == _BEST:
        return _by_value(experiment)
    with option("--sort"):
        return columns().sort(experiment.trials, sort)


def _by_value(experiment: Experiment) -> Sequence[Trial]:
    """Return all trials, those without a value last."""
    best = best_trials(experiment, experiment.n_trials)
    ranked = {trial.index for trial in best}
    return [*best, *(t for t in experiment.trials if t.index not in ranked)]
