"""Trials as tables: on a terminal, as CSV."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Sequence

from hpcopt.cli.views import text
from hpcopt.cli.views.facts import (
    job_id,
    state,
    why,
)
from hpcopt.cli.views.table import Column
from hpcopt.core.experiment import Experiment
from hpcopt.core.goals.displayed import (
    DisplayedObjective,
    objective_value,
    objective_values,
)
from hpcopt.core.trial_columns import TrialColumn, violations
from hpcopt.core.trials.cost import run_s
from hpcopt.core.trials.query import Cell
from hpcopt.core.trials.trial import Trial
from hpcopt.core.types import TParameterValue


def trial_table(
    experiment: Experiment, trials: Sequence[Trial]
) -> tuple[list[Column], list[tuple[str, ...]]]:
    """Return the columns and the rows of a table of trials for people."""
    objectives = experiment.goals.objectives
    labels = [DisplayedObjective.of(objective).label for objective in objectives]
    names = experiment.parameter_names
    metrics = _other_metrics(trials, labels)
    goals = experiment.absolute_goals
    violated = [""] * len(trials)
    if goals.constraints:
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
    attempts = [trial.attempt for trial in trials]
    cells = [
        [str(trial.index) for trial in trials],
        [state(trial) for trial in trials],
        *(_numbers(objective_values(trials, one)) for one in objectives),
        *([["no" if bounds else "" for bounds in violated]] if is_marked else []),
        *(_numbers([t.parameters.get(name) for t in trials]) for name in names),
        *(_numbers(_means(trials, name)) for name in metrics),
        [text.duration(run_s(one)) if one else "" for one in attempts],
        [str(n) if (n := len(trial.attempts)) > 1 else "" for trial in trials],
        [job_id(one) or "" for one in attempts],
        [
            why(trial) or (bounds and f"not {bounds}")
            for trial, bounds in zip(trials, violated, strict=True)
        ],
    ]
    return columns, list(zip(*cells, strict=True))


def _numbers(values: Sequence[TParameterValue | None]) -> list[str]:
    """Return values as they are shown; of thousands, most are plain numbers."""
    return [
        f"{value:.6g}" if type(value) is float else text.number(value)
        for value in values
    ]


def _means(trials: Sequence[Trial], name: str) -> list[float | None]:
    found = [trial.outcome.get(name) for trial in trials]
    return [None if one is None else one.mean for one in found]


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
        columns.append(
            Column(
                title,
                is_right=not is_text,
                rank=k,
                is_kept=True,
                is_elastic=column.name == "reason",
                colours=colours,
            )
        )
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
    names = experiment.parameter_names
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
