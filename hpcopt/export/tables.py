"""The history of an experiment as three tables: trials, attempts and observations."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

from hpcopt.core.experiment import Experiment
from hpcopt.core.trial_columns import TrialColumns
from hpcopt.core.trials.cost import AttemptCost, attempts_of, cost_of, run_s
from hpcopt.core.trials.query import Cell
from hpcopt.core.trials.trial import Attempt, Trial

#: The units of columns, by their kind in ``trial_columns``.
_UNITS = {"time": "s since 1970-01-01T00:00:00Z"}


@dataclass(frozen=True)
class ExportColumn:
    """A column of a table, whose values are of one type, or missing (``None``)."""

    name: str
    values: Sequence[Cell]
    meaning: str = ""
    unit: str = ""
    """``s``, ``h``, ``bytes`` and so on; empty for what has none, or a user's own."""

    @cached_property
    def kind(self) -> type:
        """``bool``, ``int``, ``float`` or ``str``; ``float`` where all is missing."""
        types = {type(value) for value in self.values if value is not None}
        if types in ({bool}, {int}):
            return types.pop()
        return float if types <= {int, float} else str


@dataclass(frozen=True)
class ExportTable:
    """A table of an experiment's history."""

    name: str
    columns: tuple[ExportColumn, ...]

    @property
    def n_rows(self) -> int:
        """How many rows it has."""
        return len(self.columns[0].values)

    def rows(self) -> Iterator[tuple[Cell, ...]]:
        """Yield its rows."""
        yield from zip(*(column.values for column in self.columns), strict=True)


def export_tables(experiment: Experiment) -> tuple[ExportTable, ...]:
    """Return the three tables of an experiment."""
    return (
        _trials(experiment),
        _attempts(experiment.trials),
        _observations(experiment.trials),
    )


def _trials(experiment: Experiment) -> ExportTable:
    """Return a row for each trial, of all columns that ``hpcopt trials`` knows."""
    trials = experiment.trials
    columns = [
        ExportColumn(
            column.name,
            [column.value(trial) for trial in trials],
            column.meaning,
            _UNITS.get(column.unit, column.unit),
        )
        for column in TrialColumns(experiment)
    ]
    more: dict[str, tuple[Callable[[Trial], Cell], str]] = {
        "arm_name": (lambda t: t.arm_name, "Ax's name of its parameterization"),
        "why": (lambda t: t.origin.why if t.origin else None, "why it was proposed so"),
        "is_manual": (lambda t: t.is_manual, "whether a script evaluated it itself"),
        "outside": (
            lambda t: "; ".join(t.outside) or None,
            "why it lay outside the search space",
        ),
    }
    columns += [
        ExportColumn(name, [value(trial) for trial in trials], meaning)
        for name, (value, meaning) in more.items()
    ]
    return ExportTable("trials", tuple(columns))


def _attempts(trials: Sequence[Trial]) -> ExportTable:
    """Return a row for each attempt, with its times and what it cost."""
    found = [(attempt, cost_of(attempt)) for _, attempt in attempts_of(trials)]
    time = _UNITS["time"]
    columns: list[tuple[str, Callable[[Attempt, AttemptCost], Cell], str, str]] = [
        ("trial", lambda a, _: a.trial_index, "the trial's index", ""),
        ("attempt", lambda a, _: a.number, "its number within the trial, from 0", ""),
        ("name", lambda a, _: a.name, "the name that it was submitted by", ""),
        ("job", lambda a, _: _text((a.metadata or {}).get("job_id")), "its job", ""),
        ("node", lambda a, _: _node(a), "where it ran", ""),
        ("phase", lambda a, _: a.phase.value, "waiting, running or ended", ""),
        ("cause", lambda a, _: a.cause.value if a.cause else None, "why it ended", ""),
        ("reason", lambda a, _: a.reason or None, "the same as a sentence", ""),
        ("staged_at", lambda a, _: a.staged_at, "when it was decided on", time),
        ("submitted_at", lambda a, _: a.submitted_at, "when it was submitted", time),
        ("started_at", lambda a, c: c.started_at or a.started_at, "its start", time),
        ("ended_at", lambda _, c: c.ended_at, "its end", time),
        ("queue_s", lambda _, c: c.queue_s, "how long it waited", "s"),
        ("run_s", lambda a, _: run_s(a), "how long it ran", "s"),
        ("cpus", lambda _, c: c.cpus, "how many CPUs it had", ""),
        ("nodes", lambda _, c: c.nodes, "how many nodes it had", ""),
        ("gpus", lambda _, c: c.gpus, "how many GPUs it had", ""),
        ("core_hours", lambda _, c: c.core_hours, "CPUs times run time", "h"),
        ("gpu_hours", lambda _, c: c.gpu_hours, "GPUs times run time", "h"),
        ("max_rss", lambda _, c: c.max_rss_bytes, "the most memory of a task", "bytes"),
        ("is_accounted", lambda _, c: c.is_accounted, "told by the accounting", ""),
        ("facts", lambda a, _: json.dumps(dict(a.facts)), "what else is known", "JSON"),
    ]
    return ExportTable(
        "attempts",
        tuple(
            ExportColumn(name, [value(*one) for one in found], meaning, unit)
            for name, value, meaning, unit in columns
        ),
    )


def _observations(trials: Sequence[Trial]) -> ExportTable:
    """Return a row for each value of a metric that was ever read, in order."""
    rows = [
        (trial.index, name, one.step, one.mean, one.sem, report.time)
        for trial in trials
        for report in trial.reports
        for name, one in report.outcome.items()
    ]
    columns = [
        ("trial", "the trial's index", ""),
        ("metric", "its name", ""),
        ("step", "the progression that it was read at, such as an epoch", ""),
        ("mean", "its value", ""),
        ("sem", "the standard error of the mean", ""),
        ("time", "when it was read", _UNITS["time"]),
    ]
    return ExportTable(
        "observations",
        tuple(
            ExportColumn(name, [row[k] for row in rows], meaning, unit)
            for k, (name, meaning, unit) in enumerate(columns)
        ),
    )


def _node(attempt: Attempt) -> str | None:
    return _text(attempt.facts.get("node") or attempt.facts.get("host"))


def _text(value: object) -> str | None:
    return None if value is None else str(value)
