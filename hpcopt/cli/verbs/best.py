"""``hpcopt best``."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import click

from hpcopt.cli.target import examples, find_experiment, json_option, target_argument
from hpcopt.cli.views import text
from hpcopt.cli.views.facts import (
    best_trials,
    trial_facts,
)
from hpcopt.cli.views.table import print_table
from hpcopt.cli.views.trial_table import trial_table
from hpcopt.core.experiment import Experiment
from hpcopt.core.goals.displayed import DisplayedObjective, objective_value
from hpcopt.core.trials.trial import Trial


@click.command(
    epilog=examples("hpcopt best hpcopt.yaml", "hpcopt best -n 5", "hpcopt best --json")
)
@target_argument
@json_option
@click.option(
    "-n",
    "n_best",
    type=click.IntRange(min=1),
    metavar="N",
    help="How many; by default the best one, with all its digits, or the Pareto front.",
)
def command(target: Path | None, as_json: bool, n_best: int | None) -> None:
    """Show the best parameters that were observed.

    Of several objectives, the Pareto front: the trials that none is better than in
    everything. Trials that violate an outcome constraint are not shown.

    TARGET is the experiment's config or its folder, by default the one here.
    """
    experiment = find_experiment(target).experiment
    goals = experiment.absolute_goals
    trials = best_trials(experiment, n_best or _default_n(experiment))
    if as_json:
        text.print_json([trial_facts(t, goals) for t in trials])
    elif not trials:
        click.echo(why_no_best(experiment), err=True)
    else:
        print_best(experiment, trials)


def _default_n(experiment: Experiment) -> int:
    """Return how many there are to show: the best one, or a whole front."""
    return 1 if experiment.goals.is_single else experiment.n_trials


def why_no_best(experiment: Experiment) -> str:
    """Say in one line why no trial is the best."""
    n_completed = len(experiment.completed_trials())
    if not n_completed:
        return "no trial is completed so far"
    bounds = ", ".join(experiment.goals.constraint_expressions)
    return f"none of {n_completed} completed trials satisfies {bounds}"


def print_best(experiment: Experiment, trials: Sequence[Trial]) -> None:
    """Print the best trial with all its digits, or several in a table."""
    if len(trials) > 1 or not experiment.goals.is_single:
        print_table(*trial_table(experiment, trials))
        return
    [trial] = trials
    goal = DisplayedObjective.of(experiment.objective)
    value = objective_value(trial, experiment.objective)
    rows = [(name, _digits(value)) for name, value in trial.parameters.items()]
    value_text = click.style(f"{goal.label} = {value!r}", bold=True)
    click.echo(f"{value_text}  trial {trial.index}")
    for distance in experiment.objective.distances:
        value = distance.of.value(trial.outcome)
        reached = f"{value!r}, to be {text.number(distance.target)}"
        rows.append((distance.of.expression, reached))
    text.print_facts(rows, indent=2)


def _digits(value: object) -> str:
    if isinstance(value, bool):
        return text.number(value)
    return str(value)
