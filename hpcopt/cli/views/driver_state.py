"""The state of an experiment's driver, as far as it can be seen from this host."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from hpcopt.cli.views.text import duration, moment
from hpcopt.core.errors import StorageError
from hpcopt.core.types import JSONValue
from hpcopt.experiment.folder import LEASE
from hpcopt.host.process import Process
from hpcopt.slurm.driver_job_folders import DRIVER_JOBS, latest
from hpcopt.storage.lease_holder import LeaseHolder, read_lease

if TYPE_CHECKING:
    from hpcopt.core.events import DriverBegun
    from hpcopt.core.experiment import Experiment

#: After so long without a heartbeat, a driver on another host is taken for dead.
_SILENCE_S = 60.0


@dataclass(frozen=True)
class DriverState:
    """The state of the latest driver."""

    state: Literal["none", "running", "silent", "killed", "ended", "queued"]
    host: str | None = None
    pid: int | None = None
    since: float | None = None
    ended_at: float | None = None
    reason: str | None = None
    """Why it ended."""
    silent_s: float | None = None
    """How long ago the last heartbeat of a driver on another host was, in seconds."""
    heartbeat_s: float | None = None
    """How long ago its last heartbeat was, in seconds, if it has not ended."""
    job_id: str | None = None
    """The job that it is, or waits to be."""

    def to_json(self) -> dict[str, JSONValue]:
        """Return it as a JSON object."""
        return {
            "state": self.state,
            "host": self.host,
            "pid": self.pid,
            "since": self.since,
            "ended_at": self.ended_at,
            "reason": self.reason,
            "silent_s": self.silent_s,
            "heartbeat_s": self.heartbeat_s,
            "job_id": self.job_id,
        }

    def sentence(self, now: float) -> str:
        """Return it for a person."""
        job = f"job {self.job_id}, " if self.job_id else ""
        who = f"{job}pid {self.pid} on {self.host}"
        since = "" if self.since is None else f", for {duration(now - self.since)}"
        match self.state:
            case "none":
                return "not begun"
            case "running":
                life = duration(self.heartbeat_s)
                return f"running: {who}{since}; last sign of life {life} ago"
            case "queued":
                return f"submitted as job {self.job_id}, not begun{since}"
            case "silent":
                return (
                    f"no sign of life for {duration(self.silent_s)}: {who}; "
                    "continue with hpcopt run"
                )
            case "killed":
                return f"was killed: {who}; continue with hpcopt run"
            case "ended":
                return f"ended {moment(self.ended_at)}: {self.reason}"


def driver_state(folder: Path, experiment: Experiment, now: float) -> DriverState:
    """Return the state of the latest driver of the experiment in ``folder``.

    Raises:
        StorageError: The lease, or the folder of the driver's jobs, cannot be read.
    """
    drivers, ended = experiment.drivers, experiment.ended
    holder = read_lease(folder / LEASE)
    found = None if holder is None else _held(holder, folder, now)
    if found is not None and found.state != "killed":
        return _with_job(found, drivers)
    try:
        job = latest(folder)
    except OSError as exc:
        path = folder / DRIVER_JOBS
        raise StorageError(f"{path}: cannot be read: {exc.strerror}") from exc
    begun_at = drivers[-1].time if drivers else 0.0
    is_to_come = job is not None and job.submitted_at > begun_at
    if job is not None and is_to_come and job.job_id and not job.is_cancelled:
        return DriverState("queued", since=job.submitted_at, job_id=job.job_id)
    if found is not None and ended is None:
        return _with_job(found, drivers)
    if not drivers:
        return DriverState("none")
    last = drivers[-1]
    who = (last.host, last.pid, last.time)
    job_id = last.job_id or None
    if ended is None:
        return DriverState("killed", *who, job_id=job_id)
    return DriverState("ended", *who, ended.time, ended.reason, job_id=job_id)


def _with_job(state: DriverState, drivers: Sequence[DriverBegun]) -> DriverState:
    """Return ``state`` with the id of the job in which the driver runs."""
    last = drivers[-1] if drivers else None
    if last is None or (last.host, last.pid) != (state.host, state.pid):
        return state
    return dataclasses.replace(state, job_id=last.job_id or None)


def _held(holder: LeaseHolder, folder: Path, now: float) -> DriverState:
    process = holder.process
    who = (process.host, process.pid, holder.since)
    silent_s = _age(folder / LEASE, now)
    match _is_alive(process):
        case True:
            return DriverState("running", *who, heartbeat_s=silent_s)
        case False:
            return DriverState("killed", *who)
        case None:
            state: Literal["running", "silent"] = (
                "running" if silent_s <= _SILENCE_S else "silent"
            )
            return DriverState(state, *who, silent_s=silent_s, heartbeat_s=silent_s)


def _is_alive(process: Process) -> bool | None:
    try:
        return process.is_alive(seen_from=Process.this())
    except StorageError:
        return None  # not a Linux: a laptop that looks at a copy


def _age(path: Path, now: float) -> float:
    try:
        return max(0.0, now - path.stat().st_mtime)
    except OSError:
        return 0.0  # it was released this instant
