"""``hpcopt best``."""

from __future__ import annotations

from pathlib import Path

import click

from hpcopt.cli import text
from hpcopt.cli.facts import Goal, best_trials, objective_value, trial_facts
from hpcopt.cli.table import print_table
from hpcopt.cli.target import examples, find_experiment, json_option, target_argument
from hpcopt.cli.trial_table import trial_table
from hpcopt.core.experiment import Experiment
from hpcopt.core.trial import Trial


@click.command(
    epilog=examples("hpcopt best hpcopt.yaml", "hpcopt best -n 5", "hpcopt best --json")
)
@target_argument
@json_option
@click.option(
    "-n",
    "n_best",
    type=click.IntRange(min=1),
    default=1,
    metavar="N",
    help="How many; one by default, with all its digits.",
)
def command(target: Path | None, as_json: bool, n_best: int) -> None:
    """Show the best parameters that were observed.

    TARGET is the experiment's config or its folder, by default the current folder.
    """
    experiment = find_experiment(target).experiment
    trials = best_trials(experiment, n_best)
    if as_json:
        text.print_json([trial_facts(t, experiment.objective) for t in trials])
    elif not trials:
        click.echo("no trial is completed so far", err=True)
    elif n_best == 1:
        print_best(experiment, trials[0])
    else:
        print_table(*trial_table(experiment, trials))


def print_best(experiment: Experiment, trial: Trial) -> None:
    """Print a trial's value and its parameters, with all their digits."""
    goal = Goal.of(experiment.objective)
    value = objective_value(trial, experiment.objective)
    rows = [(name, _digits(value)) for name, value in trial.parameters.items()]
    value_text = click.style(f"{goal.label} = {value!r}", bold=True)
    click.echo(f"{value_text}  trial {trial.index}")
    text.print_facts(rows, indent=2)


def _digits(value: object) -> str:
    if isinstance(value, bool):
        return text.number(value)
    return str(value)
