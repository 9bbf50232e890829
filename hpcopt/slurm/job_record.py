"""What the accounting has on a job: its own row, and what its steps add."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from hpcopt.core.types import JSONValue
from hpcopt.slurm import states
from hpcopt.slurm.tables import AccountingRow, WatchedJob, match


@dataclass(frozen=True)
class JobRecord:
    """One job in the accounting."""

    row: AccountingRow
    has_step_out_of_memory: bool = False
    """Whether a step was killed for its memory; the job may only say FAILED."""
    max_rss_bytes: int | None = None
    """The most memory that one task of its steps had resident."""

    @property
    def facts(self) -> dict[str, JSONValue]:
        """What the journal keeps of it: see ``hpcopt.core.trials.cost``."""
        row = self.row
        told = {
            "cpus": row.n_cpus,
            "nodes": row.n_nodes,
            "gpus": row.n_gpus,
            "submitted_at": row.submitted_at,
            "eligible_at": row.eligible_at,
            "started_at": row.started_at,
            "ended_at": row.ended_at,
            "elapsed_s": row.elapsed_s,
            "max_rss_bytes": self.max_rss_bytes,
            "node": row.node if row.started_at is not None else None,
        }
        return {key: value for key, value in told.items() if value is not None}


def job_records(
    jobs: Sequence[WatchedJob], rows: Sequence[AccountingRow]
) -> dict[str, JobRecord]:
    """Return the record of each job by its id, of those that have one.

    Args:
        jobs: The jobs.
        rows: What the accounting said, with steps.
    """
    steps = _steps(rows)
    return {
        job_id: _record(row, steps.get(_place(row), ()))
        for job_id, row in match(jobs, rows).items()
    }


#: The job, and the array task, that a row is about.
_Place = tuple[str, tuple[range, ...]]


def _place(row: AccountingRow) -> _Place:
    return row.job.base, row.job.tasks


def _steps(rows: Iterable[AccountingRow]) -> dict[_Place, list[AccountingRow]]:
    """Return the steps of each job; those of other parts of a job count as its own."""
    found: defaultdict[_Place, list[AccountingRow]] = defaultdict(list)
    for row in rows:
        if row.job.step:
            found[_place(row)].append(row)
    return found


def _record(row: AccountingRow, steps: Iterable[AccountingRow]) -> JobRecord:
    words = {states.read_word(step.word) for step in steps}
    # Of a step that is over before it is looked at it is 0, or nothing.
    sizes = [s.max_rss_bytes for s in steps if s.max_rss_bytes]
    return JobRecord(row, "OUT_OF_MEMORY" in words, max(sizes, default=None))
