"""``hpcopt pareto``."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from hpcopt.cli.target import examples, find_experiment, json_option, target_argument
from hpcopt.cli.views import text
from hpcopt.cli.views.facts import best_trials, trial_facts, why_no_best
from hpcopt.cli.views.table import print_table
from hpcopt.cli.views.trial_table import trial_table
from hpcopt.core.errors import UsageError
from hpcopt.core.experiment import Experiment
from hpcopt.core.goals.displayed import DisplayedObjective
from hpcopt.core.trials.trial import Trial
from hpcopt.core.types import JSONValue

#: Of more objectives the hypervolume takes long.
_MOST_OBJECTIVES = 3


@click.command(epilog=examples("hpcopt pareto hpcopt.yaml", "hpcopt pareto --json"))
@target_argument
@json_option
def command(target: Path | None, as_json: bool) -> None:
    """Show the Pareto front that was observed: the best trade-offs.

    They are the completed trials that satisfy the outcome constraints, reach the
    thresholds, and that no other such trial is better than in everything. What the
    model says of them: hpcopt best --by-model.

    TARGET is the experiment's config or its folder, by default the one here.
    """
    experiment = find_experiment(target).experiment
    if experiment.goals.is_single:
        raise UsageError(
            f"expected several objectives, found {experiment.goals.expression!r}; "
            "hpcopt best shows the best trial"
        )
    front = best_trials(experiment, experiment.n_trials)
    volume = _volume(experiment, front)
    if as_json:
        goals = experiment.absolute_goals
        text.print_json(
            {
                "objectives": _objectives(experiment),
                "hypervolume": volume,
                "trials": [trial_facts(trial, goals) for trial in front],
            }
        )
        return
    if not front:
        click.echo(why_no_best(experiment), err=True)
        return
    print_table(*trial_table(experiment, front))
    if volume is not None:
        point = ", ".join(
            f"{name} = {text.number(value)}"
            for name, value in volume["reference_point"].items()
        )
        value = text.number(volume["value"])
        click.echo(f"\nhypervolume {value} from {point}")


def _objectives(experiment: Experiment) -> list[JSONValue]:
    """Return how each objective is displayed, and its threshold if it has one."""
    goals = experiment.absolute_goals
    thresholds = goals.thresholds or (None,) * len(goals.objectives)
    found: list[JSONValue] = []
    for objective, threshold in zip(goals.objectives, thresholds, strict=True):
        shown = DisplayedObjective.of(objective)
        found.append(
            {
                "label": shown.label,
                "direction": shown.direction,
                "threshold": None if threshold is None else threshold.expression,
            }
        )
    return found


def _volume(experiment: Experiment, front: Sequence[Trial]) -> dict[str, Any] | None:
    """Return the front's hypervolume and from where; ``None`` if that is not known."""
    goals = experiment.absolute_goals
    shown = [DisplayedObjective.of(objective) for objective in goals.objectives]
    if not front or len(shown) > _MOST_OBJECTIVES or not goals.is_absolute:
        return None
    from hpcopt.core.goals.pareto import front_volume

    values = [goals.values(trial.outcome) for trial in front]
    volume, point = front_volume(values, goals.threshold_values)
    return {
        "value": volume,
        "reference_point": {
            one.label: one.sign * value for one, value in zip(shown, point, strict=True)
        },
    }
