"""All attempts as a table, made once for an experiment's state."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from weakref import WeakKeyDictionary

import numpy as np
import pandas as pd

from hpcopt.analysis.applicable import why_without_trials
from hpcopt.analysis.experiment import ExperimentView
from hpcopt.core.trials.cost import Use, attempts_of, cost_of, use_of

_COLUMNS = (
    "trial_index",
    "attempt",
    "use",
    "node",
    "submitted_at",
    "started_at",
    "ended_at",
    "queue_s",
    "run_s",
    "cpus",
    "core_hours",
    "max_rss_bytes",
    "is_accounted",
    "has_ended",
)

_tables: WeakKeyDictionary[ExperimentView, pd.DataFrame] = WeakKeyDictionary()


def attempt_table(view: ExperimentView) -> pd.DataFrame:
    """Return one row for each submitted attempt, by trial and number.

    Times are in seconds since the experiment began, or NaN where they are not known. Of
    an attempt that has not ended all is as of the experiment's last event.
    """
    table = _tables.get(view)
    if table is None:
        table = _tables[view] = _table(view)
    return table


def why_without_attempts(view: ExperimentView | None) -> str | None:
    """Return why there is nothing to show of attempts; ``None`` if there is."""
    why = why_without_trials(view)
    if view is None or why is not None:
        return why
    if attempt_table(view).empty:
        return (
            "No trial was submitted by a runner, as where a script evaluates its "
            "trials itself."
        )
    return None


def uses_in(table: pd.DataFrame) -> list[Use]:
    """Return what the attempts went into, in the order of all."""
    found = set(table["use"])
    return [use for use in Use if use.value in found]


def _table(view: ExperimentView) -> pd.DataFrame:
    core = view.core
    begin, now = core.begun.time, core.last_event_time
    rows = []
    for trial, attempt in attempts_of(core.trials):
        if attempt.submitted_at is None:
            continue
        cost = cost_of(attempt, now)
        has_ended = not attempt.is_live
        queue_s = cost.queue_s
        if queue_s is None and not has_ended:
            queue_s = now - attempt.submitted_at
        started_at = cost.started_at
        if started_at is None and cost.run_s and cost.ended_at is not None:
            started_at = cost.ended_at - cost.run_s
        rows.append(
            (
                trial.index,
                attempt.number,
                use_of(trial, attempt).value,
                cost.node,
                # By Slurm's clock where it told, as the start is by the same one.
                attempt.submitted_at
                if queue_s is None or started_at is None
                else started_at - queue_s,
                started_at,
                cost.ended_at if has_ended else now,
                queue_s,
                cost.run_s,
                cost.cpus,
                cost.core_hours,
                cost.max_rss_bytes,
                cost.is_accounted,
                has_ended,
            )
        )
    table = pd.DataFrame(rows, columns=list(_COLUMNS))
    numbers = table.columns[4:12]
    table[numbers] = table[numbers].astype(float)
    table[["submitted_at", "started_at", "ended_at"]] -= begin
    return table


#: Units of a time axis, in seconds and by name.
_UNITS = ((86400.0, "days"), (3600.0, "hours"), (60.0, "minutes"))

#: A unit is used from so many of it on.
_LEAST = 3.0


def time_unit(longest_s: float) -> tuple[float, str]:
    """Return the unit, in seconds and by name, in which to show times up to this."""
    fitting = (unit for unit in _UNITS if longest_s >= _LEAST * unit[0])
    return next(fitting, (1.0, "seconds"))


def duration(seconds: float) -> str:
    """Return ``2.3 hours`` for a number of seconds."""
    if not np.isfinite(seconds):
        return "an unknown time"
    unit, name = time_unit(seconds)
    return f"{seconds / unit:.3g} {name}"


def listed(parts: Sequence[str]) -> str:
    """Return ``a, b and c``."""
    if len(parts) < 2:
        return "".join(parts)
    return f"{', '.join(parts[:-1])} and {parts[-1]}"


def counted(counts: Mapping[str, int]) -> str:
    """Return ``3 success and 1 time`` for counts by name."""
    return listed([f"{n:,} {name}" for name, n in counts.items() if n])
