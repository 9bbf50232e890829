"""Which row of an answer of Slurm is about which job."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TypeVar

from hpcopt.slurm.tables import AccountingRow, QueueRow


@dataclass(frozen=True)
class WatchedJob:
    """A job to be looked after."""

    job_id: str
    """``13``, or ``13_1`` for an array task."""
    name: str
    """A job of another name under this id is another job: ids are used again."""
    cluster: str = ""
    exit_code: int | None = None
    """What the job itself wrote down as its last act."""


_Row = TypeVar("_Row", QueueRow, AccountingRow)


def match(jobs: Sequence[WatchedJob], rows: Iterable[_Row]) -> dict[str, _Row]:
    """Return the row of each job; that of one task goes before that of a range."""
    # A look-up keeps an array of thousands from being searched for each of its tasks.
    exact: dict[str, _Row] = {}
    ranges: defaultdict[str, list[_Row]] = defaultdict(list)
    for row in rows:
        if row.job.step or row.job.component:
            continue
        if row.job.n_tasks > 1:
            ranges[row.job.base].append(row)
        elif row.job.tasks:
            exact[f"{row.job.base}_{row.job.tasks[0].start}"] = row
        else:
            exact[row.job.base] = row
    found: dict[str, _Row] = {}
    for job in jobs:
        base = job.job_id.partition("_")[0]
        candidates = [exact[job.job_id]] if job.job_id in exact else ranges[base]
        for row in candidates:
            if row.name == job.name and row.job.covers(job.job_id):
                found[job.job_id] = row
    return found
