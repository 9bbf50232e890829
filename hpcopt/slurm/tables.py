"""The tables that squeue and sacct print: their rows, and which is about which job.

Pure functions that never raise.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TypeVar

#: A character that no field holds; ``|`` may be in a job's name or a folder's.
SEPARATOR = "\x1f"

_JOB_ID = re.compile(
    r"(?P<base>\d{1,18})"
    r"(?:\+(?P<component>\d{1,9})"
    r"|_(?:(?P<task>\d{1,9})|\[(?P<tasks>[\d,:-]+)(?:%\d+)?\]))?"
    r"(?:\.(?P<step>[\w+.-]+))?"
)
_TASK_RANGE = re.compile(r"(\d{1,9})(?:-(\d{1,9})(?::(\d{1,9}))?)?")


@dataclass(frozen=True)
class JobId:
    """What one cell of a column of job ids stands for."""

    base: str
    """The id that sbatch printed."""
    tasks: tuple[range, ...] = ()
    """The array tasks; none for a job that is no array."""
    component: int = 0
    """Which part of a heterogeneous job; the first one stands for the whole."""
    step: str = ""

    def covers(self, job_id: str) -> bool:
        """Whether ``job_id``, such as ``13`` or ``13_1``, is meant."""
        base, _, task = job_id.partition("_")
        if base != self.base or bool(task) != bool(self.tasks):
            return False
        return not task or any(int(task) in span for span in self.tasks)

    @property
    def n_tasks(self) -> int:
        """How many array tasks it stands for."""
        return sum(len(span) for span in self.tasks)


def parse_job_id(text: str) -> JobId | None:
    """Return what ``13``, ``13_1``, ``14_[1-43:2]``, ``12+1``, ``13.batch`` mean.

    ``None`` when it is none of these.
    """
    match = _JOB_ID.fullmatch(text)
    if match is None or not text.isascii():
        return None
    tasks: tuple[range, ...] = ()
    if match["task"] is not None:
        tasks = (range(int(match["task"]), int(match["task"]) + 1),)
    elif match["tasks"] is not None:
        spans = [_TASK_RANGE.fullmatch(part) for part in match["tasks"].split(",")]
        tasks = tuple(_span(span) for span in spans if span is not None)
        if len(tasks) != len(spans) or not all(tasks):
            return None
    return JobId(
        match["base"], tasks, int(match["component"] or 0), match["step"] or ""
    )


def _span(match: re.Match[str]) -> range:
    first, last, step = match.groups()
    return range(int(first), int(last or first) + 1, max(1, int(step or 1)))


@dataclass(frozen=True)
class QueueRow:
    """One line of squeue."""

    job: JobId
    word: str
    """The state, in Slurm's words."""
    submitted_at: int | None
    node: str
    reason: str
    name: str
    folder: str
    """The job's working directory."""


#: What squeue is asked for: as ``QueueRow``.
QUEUE_FORMAT = SEPARATOR.join(["%i", "%T", "%V", "%N", "%r", "%j", "%Z"])


@dataclass(frozen=True)
class AccountingRow:
    """One line of sacct."""

    job: JobId
    word: str
    """The state, in Slurm's words, such as ``CANCELLED by 0``."""
    exit_code: int
    signal: int
    submitted_at: int | None
    elapsed_s: int | None
    node: str
    name: str
    folder: str
    eligible_at: int | None = None
    started_at: int | None = None
    ended_at: int | None = None
    n_cpus: int | None = None
    n_nodes: int | None = None
    n_gpus: int | None = None
    """``None`` where the site counts none."""
    max_rss_bytes: int | None = None
    """The most memory that one task had resident; told of steps alone."""


#: What sacct is asked for: as ``AccountingRow``.
ACCOUNTING_FORMAT = (
    "JobID,State,ExitCode,Submit,ElapsedRaw,NodeList,JobName,WorkDir,"
    "Eligible,Start,End,AllocCPUS,NNodes,AllocTRES,MaxRSS"
)

_N_ACCOUNTING_CELLS = ACCOUNTING_FORMAT.count(",") + 1

#: A number of bytes, as Slurm prints it.
_SIZE = re.compile(r"(\d{1,18}(?:\.\d{1,9})?)([KMGTP]?)", re.ASCII)

#: GPUs among what was allocated: all of them, or those of one type.
_GPUS = re.compile(r"gres/gpu(:[^,=]+)?=(\d{1,9})", re.ASCII)


def parse_queue(text: str) -> tuple[list[QueueRow], list[str]]:
    """Return the lines of squeue that are understood, and those that are not."""
    rows: list[QueueRow] = []
    strange: list[str] = []
    for line in _lines(text):
        cells = line.split(SEPARATOR)
        job = parse_job_id(cells[0])
        if job is None or len(cells) != 7:
            strange.append(line)
            continue
        _, word, submitted, node, reason, name, folder = cells
        rows.append(QueueRow(job, word, _number(submitted), node, reason, name, folder))
    return rows, strange


def parse_accounting(text: str) -> tuple[list[AccountingRow], list[str]]:
    """Return the lines of sacct that are understood, and those that are not."""
    rows: list[AccountingRow] = []
    strange: list[str] = []
    for line in _lines(text):
        cells = line.split(SEPARATOR)
        job = parse_job_id(cells[0])
        if job is None or len(cells) != _N_ACCOUNTING_CELLS:
            strange.append(line)
            continue
        _, word, exit_code, submitted, elapsed, node, name, folder, *cells = cells
        eligible, started, ended, cpus, nodes, allocated, max_rss = cells
        code, _, signal = exit_code.partition(":")
        rows.append(
            AccountingRow(
                job,
                word,
                _number(code) or 0,
                _number(signal) or 0,
                _number(submitted),
                _number(elapsed),
                node,
                name,
                folder,
                _number(eligible),
                _number(started),
                _number(ended),
                _number(cpus),
                _number(nodes),
                _n_gpus(allocated),
                _size(max_rss),
            )
        )
    return rows, strange


def _n_gpus(allocated: str) -> int | None:
    """Return how many GPUs ``cpu=4,gres/gpu=2,gres/gpu:a100=2`` has."""
    found = _GPUS.findall(allocated)
    totals = [int(n) for kind, n in found if not kind]
    typed = [int(n) for kind, n in found if kind]
    return totals[0] if totals else sum(typed) if typed else None


def _size(text: str) -> int | None:
    """Return the bytes that ``34336K`` means."""
    match = _SIZE.fullmatch(text)
    if match is None:
        return None
    return int(float(match[1]) * 1024 ** " KMGTP".index(match[2] or " "))


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


def _lines(text: str) -> Iterator[str]:
    for line in text.split("\n"):
        # With --clusters, squeue heads each cluster's list even when told not to.
        if line.strip() and not line.startswith("CLUSTER:"):
            yield line


def _number(text: str) -> int | None:
    return int(text) if re.fullmatch(r"\d{1,18}", text, re.ASCII) else None
