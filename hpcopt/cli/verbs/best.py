"""``hpcopt best``."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from hpcopt.cli.needed import OF_MODELS, check_installed
from hpcopt.cli.target import examples, find_experiment, json_option, target_argument
from hpcopt.cli.views import text
from hpcopt.cli.views.facts import (
    Facts,
    best_trials,
    trial_facts,
    why_no_best,
)
from hpcopt.cli.views.table import print_table
from hpcopt.cli.views.trial_table import trial_table
from hpcopt.core.errors import GenerationError, UsageError
from hpcopt.core.experiment import Experiment
from hpcopt.core.goals.displayed import DisplayedObjective, objective_value
from hpcopt.core.trials.trial import Trial


@click.command(
    epilog=examples(
        "hpcopt best hpcopt.yaml",
        "hpcopt best -n 5",
        "hpcopt best --by-model --json",
    )
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
@click.option(
    "--by-model",
    is_flag=True,
    help="Those of which the model expects most, without the noise of what was "
    "observed; needs PyTorch.",
)
def command(
    target: Path | None, as_json: bool, n_best: int | None, by_model: bool
) -> None:
    """Show the best parameters that were observed.

    Of several objectives, the Pareto front: the trials that none is better than in
    everything. Trials that violate an outcome constraint are not shown.

    TARGET is the experiment's config or its folder, by default the one here.
    """
    if by_model and n_best is not None:
        raise UsageError("expected one of --by-model and -n, found both")
    if by_model:
        check_installed(
            "best --by-model", OF_MODELS, "hpcopt best shows what was observed"
        )
    found = find_experiment(target)
    experiment, goals = found.experiment, found.experiment.absolute_goals
    if by_model:
        _show_by_model(experiment, found.modules, as_json=as_json)
        return
    trials = best_trials(experiment, n_best or _default_n(experiment))
    if as_json:
        text.print_json([trial_facts(t, goals) for t in trials])
    elif not trials:
        click.echo(why_no_best(experiment), err=True)
    else:
        print_best(experiment, trials)


def _show_by_model(
    experiment: Experiment, modules: Path | None, *, as_json: bool
) -> None:
    """Show the trials of which the model expects most, and what it expects."""
    from hpcopt.api.best import best_parameterization, can_predict, pareto_frontier

    goals = experiment.absolute_goals
    if not best_trials(experiment, 1):
        found = []
    elif not can_predict(experiment):
        raise GenerationError(
            "too few trials are completed for a model; hpcopt best shows what was "
            "observed"
        )
    else:
        try:
            folder = None if modules is None else str(modules)
            if goals.is_single:
                found = [
                    best_parameterization(experiment, use_model=True, modules=folder)
                ]
            else:
                found = pareto_frontier(experiment, use_model=True, modules=folder)
        except GenerationError as exc:
            raise GenerationError(
                f"{exc.__cause__ or exc}; hpcopt best shows what was observed"
            ) from exc
    facts: list[Facts] = []
    for _, outcome, index, _ in found:
        predicted: Facts = {
            name: {"mean": value[0], "sem": value[1]}
            if isinstance(value, tuple)
            else {"mean": value, "sem": None}
            for name, value in outcome.items()
        }
        trial = experiment.trial(index)
        facts.append({**trial_facts(trial, goals), "predicted": predicted})
    if as_json:
        text.print_json([*facts])
    elif not facts:
        click.echo(why_no_best(experiment), err=True)
    for number, one in enumerate(facts if not as_json else ()):
        if number:
            click.echo()
        _print_expected(one)


def _print_expected(facts: dict[str, Any]) -> None:
    """Print a trial with what the model expects of it."""
    click.echo(
        click.style(f"trial {facts['trial']}", bold=True)
        + ", of which the model expects (± one standard deviation)"
    )
    rows = [
        (name, text.number(one["mean"]) + text.plus_minus(one["sem"]))
        for name, one in facts["predicted"].items()
    ]
    text.print_facts(rows, indent=2)
    click.echo("with")
    digits = [(name, _digits(v)) for name, v in facts["parameters"].items()]
    text.print_facts(digits, indent=2)


def _default_n(experiment: Experiment) -> int:
    """Return how many there are to show: the best one, or a whole front."""
    return 1 if experiment.goals.is_single else experiment.n_trials


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
    return text.visible(str(value))
