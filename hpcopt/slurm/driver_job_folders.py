"""Which jobs have driven an experiment, read from its folder without asking Slurm."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from hpcopt.slurm.call_log import CallLog

#: The folder of the driver's jobs, in the experiment's.
DRIVER_JOBS = "driver"

#: Says of a job that it was cancelled from here, before it began.
CANCELLED = "cancelled"


@dataclass(frozen=True)
class DriverJob:
    """A job that was submitted."""

    number: int
    folder: Path
    job_id: str
    """Empty where the answer of sbatch is not known."""
    submitted_at: float
    is_cancelled: bool = False
    """Whether it was cancelled from here, before it began."""

    @property
    def log(self) -> Path:
        """What the driver says."""
        return self.folder / "log.txt"


def latest(folder: Path) -> DriverJob | None:
    """Return the job of an experiment that was submitted last; ``None`` without one.

    It asks no cluster.
    """
    jobs = folder / DRIVER_JOBS
    names = [p.name for p in jobs.iterdir()] if jobs.is_dir() else []
    numbers = [int(name) for name in names if re.fullmatch(r"\d{4,}", name)]
    if not numbers:
        return None
    path = jobs / f"{max(numbers):04d}"
    calls = CallLog(path).read()
    job_id = next((call.job_id for call in reversed(calls) if call.job_id), "")
    at = calls[-1].call.time if calls else 0.0
    return DriverJob(max(numbers), path, job_id, at, (path / CANCELLED).exists())
