"""Trials as tables: on a terminal, as CSV."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Sequence

from hpcopt.cli.views import text
from hpcopt.cli.views.facts import (
    job_id,
    run_s,
    state,
    why,
)
from hpcopt.cli.views.table import Column
from hpcopt.core.experiment import Experiment
from hpcopt.core.goals.displayed import DisplayedObjective, objective_value
from hpcopt.core.trial_columns import TrialColumn, violations
from hpcopt.core.trials.query import Cell
from hpcopt.core.trials.trial import Trial


def trial_table(
    experiment: Experiment, trials: Sequence[Trial]
) -> tuple[list[Column], list[list[str]]]:
    """Return the columns and the rows of a table of trials for people."""
    objectives = experiment.goals.objectives
    labels = [DisplayedObjective.of(objective).label for objective in objectives]
    names = [parameter.name for parameter in experiment.space.parameters]
    metrics = _other_metrics(trials, labels)
    goals = experiment.absolute_goals
    violated = [", ".join(violations(trial, goals)) for trial in trials]
    is_marked = any(violated)
    columns = [
        Column("trial", is_right=True),
        Column("state", colours=text.STATE_COLOURS),
        *(Column(label, is_right=True) for label in labels),
        *([Column("feasible", colours={"no": "yellow"})] if is_marked else []),
        *(Column(name, is_right=True, rank=1) for name in names),
        *(Column(name, is_right=True, rank=2) for name in metrics),
        Column("run time", is_right=True, rank=3),
        Column("attempts", is_right=True, rank=5),
        Column("job", is_right=True, rank=4),
        Column("why", rank=3, is_elastic=True),
    ]
    rows = []
    for trial, bounds in zip(trials, violated, strict=True):
        attempt = trial.attempt
        outcome = [trial.outcome.get(name) for name in metrics]
        rows.append(
            [
                str(trial.index),
                state(trial),
                *(text.number(objective_value(trial, one)) for one in objectives),
                *(["no" if bounds else ""] if is_marked else []),
                *(text.number(trial.parameters.get(name)) for name in names),
                *("" if o is None else text.number(o.mean) for o in outcome),
                text.duration(run_s(attempt)) if attempt else "",
                str(len(trial.attempts)) if len(trial.attempts) > 1 else "",
                job_id(attempt) or "",
                why(trial) or (bounds and f"not {bounds}"),
            ]
        )
    return columns, rows


def chosen_table(
    chosen: Sequence[TrialColumn], titles: Sequence[str], trials: Sequence[Trial]
) -> tuple[list[Column], list[list[str]]]:
    """Return the columns and the rows of a table of what was asked for.

    Args:
        chosen: What is asked for; on a narrow terminal the last ones go first.
        titles: How each is called.
        trials: The trials.
    """
    cells = [[column.value(trial) for column in chosen] for trial in trials]
    columns = []
    for k, (column, title) in enumerate(zip(chosen, titles, strict=True)):
        values = [row[k] for row in cells]
        is_text = any(isinstance(value, str) for value in values)
        colours = text.STATE_COLOURS if column.name == "status" else {}
        is_right = not is_text
        is_elastic = column.name == "reason"
        columns.append(Column(title, is_right, k, is_elastic, colours))
    rows = [
        [_shown(value, column.unit) for value, column in zip(row, chosen, strict=True)]
        for row in cells
    ]
    return columns, rows


def _shown(value: Cell, unit: str) -> str:
    """Return a cell as a person reads it."""
    if isinstance(value, float) and not math.isfinite(value):
        return ""
    if isinstance(value, (int, float)) and unit == "s":
        return text.duration(value)
    if isinstance(value, (int, float)) and unit == "time":
        return text.moment(value)
    return text.number(value)


def chosen_csv(
    chosen: Sequence[TrialColumn], titles: Sequence[str], trials: Sequence[Trial]
) -> str:
    """Return what was asked for as CSV, all numbers in full precision."""
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(titles)
    writer.writerows([column.value(trial) for column in chosen] for trial in trials)
    return file.getvalue()


def _other_metrics(trials: Sequence[Trial], labels: Sequence[str]) -> list[str]:
    """Return the metrics that are not objectives themselves."""
    names = dict.fromkeys(name for trial in trials for name in trial.outcome)
    return [name for name in names if name not in labels]


def trials_csv(experiment: Experiment, trials: Sequence[Trial]) -> str:
    """Return the trials as CSV, all numbers in full precision."""
    names = [parameter.name for parameter in experiment.space.parameters]
    metrics = list(dict.fromkeys(name for trial in trials for name in trial.outcome))
    labels = ["objective"]
    if not experiment.goals.is_single:
        goals = [
            DisplayedObjective.of(objective)
            for objective in experiment.goals.objectives
        ]
        labels = [f"objectives.{goal.label}" for goal in goals]
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(
        [
            "trial",
            "state",
            *labels,
            *(f"parameters.{name}" for name in names),
            *(f"metrics.{name}{part}" for name in metrics for part in ("", ".sem")),
            "method",
            "attempts",
            "job_id",
            "run_s",
            "cause",
            "reason",
        ]
    )
    for trial in trials:
        attempt = trial.attempt
        outcome = [trial.outcome.get(name) for name in metrics]
        writer.writerow(
            [
                trial.index,
                state(trial),
                *(objective_value(trial, o) for o in experiment.goals.objectives),
                *(trial.parameters.get(name) for name in names),
                *(v for o in outcome for v in ((o.mean, o.sem) if o else (None, None))),
                trial.generation_method,
                len(trial.attempts),
                job_id(attempt),
                run_s(attempt) if attempt else None,
                trial.cause,
                trial.reason,
            ]
        )
    return file.getvalue()
