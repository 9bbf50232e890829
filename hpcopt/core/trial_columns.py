"""The columns of the table of trials: what can be asked for, sorted by and exported."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from hpcopt.core.errors import UsageError
from hpcopt.core.experiment import Experiment
from hpcopt.core.goals.displayed import DisplayedObjective
from hpcopt.core.goals.goals import Goals
from hpcopt.core.goals.objective import Objective
from hpcopt.core.names import did_you_mean
from hpcopt.core.trials.cost import cost_of, queue_s, run_s
from hpcopt.core.trials.query import Cell, Comparison, TrialCondition
from hpcopt.core.trials.trial import Attempt, Cause, Trial, TrialStatus

#: So many columns are named where one is not known; there may be hundreds.
_MOST_NAMED = 30


@dataclass(frozen=True)
class TrialColumn:
    """A column of the table of trials."""

    name: str
    """As it is asked for: ``status``, ``parameters.x1``, ``metrics.loss.sem``."""
    value: Callable[[Trial], Cell]
    """Returns what a trial has there; ``None`` for nothing."""
    meaning: str = ""
    unit: str = ""
    """``s`` for durations, ``time`` for seconds since the epoch, ``h``, or none."""
    choices: tuple[str, ...] = ()
    """All that it may hold, if that is little."""


_TRUTHS = ("true", "false")
_STATUSES = tuple(status.name.lower() for status in TrialStatus)
_CAUSES = tuple(cause.value for cause in Cause if cause is not Cause.SUCCESS)

#: Other names of columns, as verbs print them and people may think of them.
_ALIASES: Mapping[str, str] = {
    "trial": "index",
    "state": "status",
    "generator": "method",
    "origin": "method",
    "job_id": "job",
    "run_time": "run_s",
    "queue_time": "queue_s",
}


class TrialColumns:
    """All columns of an experiment's table of trials, by name.

    A parameter or a metric is found by its own name too, where no other column has it.
    """

    def __init__(self, experiment: Experiment) -> None:
        """Take what there is in ``experiment``."""
        goals = experiment.absolute_goals
        self.parameters = [
            TrialColumn(f"parameters.{name}", partial(_parameter, name))
            for name in experiment.parameter_names
        ]
        self.objectives = list(_objective_columns(goals))
        self.metrics = list(_metric_columns(experiment.metric_names))
        self.fixed = list(_fixed_columns(goals))
        self._by_name = {
            column.name: column
            for column in (
                *self.fixed,
                *self.objectives,
                *self.parameters,
                *self.metrics,
            )
        }
        for alias, name in _ALIASES.items():
            self._by_name.setdefault(alias, self._by_name[name])
        self._own_names: list[str] = []
        for column in (*self.parameters, *self.metrics, *self.objectives):
            own = column.name.partition(".")[2]
            if own and own not in self._by_name:
                self._by_name[own] = column
                self._own_names.append(own)

    def __iter__(self) -> Iterator[TrialColumn]:
        """Yield every column once."""
        yield from (*self.fixed, *self.objectives, *self.parameters, *self.metrics)

    @property
    def names(self) -> list[str]:
        """The shortest name of each column."""
        hidden = {self._by_name[own].name for own in self._own_names}
        names = [column.name for column in self if column.name not in hidden]
        return [*names, *self._own_names]

    def find(self, name: str) -> TrialColumn:
        """Return the column of a name.

        Raises:
            UsageError: There is none; the message names those that there are.
        """
        found = self._by_name.get(name)
        if found is None:
            known = self.names
            listed = ", ".join(known[:_MOST_NAMED])
            rest = len(known) - _MOST_NAMED
            more = f" and {rest} more" if rest > 0 else ""
            raise UsageError(
                f"no column {name!r}{did_you_mean(name, known)}; there are "
                f"{listed}{more}"
            )
        return found

    def choose(self, condition: TrialCondition, trials: Iterable[Trial]) -> list[Trial]:
        """Return the trials that satisfy a condition.

        Raises:
            UsageError: It names a column that is not there, or compares one with a
                value that it never holds.
        """
        columns = {}
        for comparison in condition.comparisons():
            columns[comparison.column] = column = self.find(comparison.column)
            _check_choice(comparison, column)
        return [
            trial
            for trial in trials
            if condition.holds(lambda name, t=trial: columns[name].value(t))  # type: ignore[misc]
        ]

    def sort(self, trials: Iterable[Trial], name: str) -> list[Trial]:
        """Return trials by what they have in a column, those that have nothing last.

        Args:
            trials: The trials.
            name: The column's name; with ``-`` before it the largest come first.

        Raises:
            UsageError: There is no such column.
        """
        is_reversed = name.startswith("-") and name not in self._by_name
        value = self.find(name.removeprefix("-") if is_reversed else name).value
        cells = [(value(trial), trial) for trial in trials]
        known = [(_rank(cell), trial) for cell, trial in cells if cell is not None]
        known.sort(key=lambda pair: pair[0], reverse=is_reversed)
        unknown = [trial for cell, trial in cells if cell is None]
        return [*(trial for _, trial in known), *unknown]


def _rank(cell: int | float | str) -> tuple[bool, Any]:
    """Return what numbers are sorted by, and then texts."""
    return isinstance(cell, str), cell


def _check_choice(comparison: Comparison, column: TrialColumn) -> None:
    if not column.choices or comparison.operator not in ("=", "!="):
        return
    is_truth = column.choices is _TRUTHS
    value = comparison.value.lower() if is_truth else comparison.value
    if comparison.is_about_none or value in column.choices:
        return
    raise UsageError(
        f"{comparison.column}: expected one of {', '.join(column.choices)}, found "
        f"{comparison.value!r}{did_you_mean(comparison.value, column.choices)}"
    )


def violations(trial: Trial, goals: Goals) -> list[str]:
    """Return the outcome constraints that a trial is known to violate, as written."""
    return [
        constraint.expression
        for constraint in goals.constraints
        if not constraint.is_relative
        and constraint.is_known(trial.outcome)
        and not constraint.holds(trial.outcome)
    ]


def _is_feasible(goals: Goals, trial: Trial) -> bool | None:
    if goals.is_feasible(trial.outcome):
        return True if trial.outcome else None
    return False if violations(trial, goals) else None


def _parameter(name: str, trial: Trial) -> Cell:
    return trial.parameters.get(name)


def _mean(name: str, trial: Trial) -> Cell:
    found = trial.outcome.get(name)
    return None if found is None else found.mean


def _sem(name: str, trial: Trial) -> Cell:
    found = trial.outcome.get(name)
    return None if found is None else found.sem


def _metric_columns(names: Sequence[str]) -> Iterator[TrialColumn]:
    """Yield the mean of each metric and its standard error."""
    taken = {f"metrics.{name}" for name in names}
    for name in names:
        yield TrialColumn(f"metrics.{name}", partial(_mean, name))
        sem = f"metrics.{name}.sem"
        while sem in taken:  # another metric is called so
            sem += "_"
        taken.add(sem)
        yield TrialColumn(sem, partial(_sem, name), "the standard error of the mean")


def _objective_columns(goals: Goals) -> Iterator[TrialColumn]:
    """Yield the objectives as they are displayed."""
    for objective in goals.objectives:
        displayed = DisplayedObjective.of(objective)
        name = "objective" if goals.is_single else f"objectives.{displayed.label}"
        meaning = f"{displayed.direction} {displayed.label}"
        value = partial(_objective, objective, displayed.sign)
        yield TrialColumn(name, value, meaning)


def _objective(objective: Objective, sign: int, trial: Trial) -> Cell:
    if any(name not in trial.outcome for name in objective.metric_names):
        return None
    return sign * objective.value(trial.outcome)


def _reason(trial: Trial) -> str:
    if trial.status.is_terminal or trial.attempt is None:
        return trial.reason
    return trial.attempt.reason


def _of_attempt(value: Callable[[Attempt], Cell]) -> Callable[[Trial], Cell]:
    def of_trial(trial: Trial) -> Cell:
        return None if trial.attempt is None else value(trial.attempt)

    return of_trial


def _node(attempt: Attempt) -> Cell:
    found = attempt.facts.get("node") or attempt.facts.get("host")
    return None if found is None else str(found)


def _job(attempt: Attempt) -> Cell:
    found = (attempt.metadata or {}).get("job_id")
    return None if found is None else str(found)


def _core_hours(trial: Trial) -> Cell:
    hours = [cost_of(attempt).core_hours for attempt in trial.attempts]
    known = [one for one in hours if one is not None]
    return math.fsum(known) if known else None


def _fixed_columns(goals: Goals) -> Iterator[TrialColumn]:
    """Yield the columns that every experiment has."""

    def origin(part: str) -> Callable[[Trial], Cell]:
        return lambda trial: getattr(trial.origin, part, None) or None

    yield TrialColumn("index", lambda t: t.index, "the trial's number")
    yield TrialColumn(
        "status", lambda t: t.status.name.lower(), "its status", choices=_STATUSES
    )
    yield TrialColumn(
        "feasible",
        partial(_is_feasible, goals),
        "whether it satisfies the outcome constraints",
        choices=_TRUTHS,
    )
    yield TrialColumn("attempts", lambda t: len(t.attempts), "how many there were")
    yield TrialColumn("method", lambda t: t.generation_method or None, "what chose it")
    yield TrialColumn("model", origin("model"), "by which model")
    yield TrialColumn("acquisition", origin("acquisition"), "by which acquisition")
    yield TrialColumn(
        "step",
        lambda t: None if t.origin is None else t.origin.step,
        "the generation step",
    )
    yield TrialColumn(
        "cause",
        lambda t: t.cause.value if t.cause else None,
        "the kind of failure",
        choices=_CAUSES,
    )
    yield TrialColumn(
        "reason",
        lambda t: _reason(t) or None,
        "why it ended so, or waits",
    )
    yield TrialColumn("node", _of_attempt(_node), "where its latest attempt ran")
    yield TrialColumn("job", _of_attempt(_job), "the latest attempt's job")
    yield TrialColumn("run_s", _of_attempt(run_s), "how long that ran", "s")
    yield TrialColumn("queue_s", _of_attempt(queue_s), "how long that waited", "s")
    yield TrialColumn(
        "core_hours", _core_hours, "CPUs times run time, of all attempts", "h"
    )
    yield TrialColumn(
        "created_at", lambda t: t.created_at, "when it was chosen", "time"
    )
    yield TrialColumn("ended_at", lambda t: t.ended_at, "when it ended", "time")
