"""Whether a driver runs an experiment, as far as that can be told from here."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from hpcopt.cli.text import duration, moment
from hpcopt.core.errors import StorageError
from hpcopt.core.types import JSONValue
from hpcopt.session import LEASE
from hpcopt.storage.lease_holder import LeaseHolder, read_lease
from hpcopt.storage.process import Process

if TYPE_CHECKING:
    from hpcopt.core.experiment import Experiment

#: A driver on another host that gave no sign of life for this long is taken for dead
#: by the next one.
_SILENCE_S = 60.0


@dataclass(frozen=True)
class DriverState:
    """What is known of the latest driver."""

    state: Literal["none", "running", "silent", "killed", "ended"]
    host: str | None = None
    pid: int | None = None
    since: float | None = None
    ended_at: float | None = None
    reason: str | None = None
    """Why it ended."""
    silent_s: float | None = None
    """How long a driver on another host has given no sign of life."""
    is_here: bool = False
    """Whether it runs on this host, where it can be sent a signal."""

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
        }

    def sentence(self, now: float) -> str:
        """Return it for a person."""
        who = f"pid {self.pid} on {self.host}"
        since = "" if self.since is None else f", for {duration(now - self.since)}"
        match self.state:
            case "none":
                return "not begun"
            case "running":
                return f"running: {who}{since}"
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
    """Return what is known of the latest driver of the experiment in ``folder``.

    Raises:
        StorageError: The lease cannot be read.
    """
    holder = read_lease(folder / LEASE)
    if holder is not None:
        found = _held(holder, folder, now)
        if found.state != "killed" or experiment.ended is None:
            return found
    if not experiment.drivers:
        return DriverState("none")
    last, ended = experiment.drivers[-1], experiment.ended
    if ended is None:
        return DriverState("killed", last.host, last.pid, last.time)
    return DriverState(
        "ended", last.host, last.pid, last.time, ended.time, ended.reason
    )


def _held(holder: LeaseHolder, folder: Path, now: float) -> DriverState:
    process = holder.process
    who = (process.host, process.pid, holder.since)
    match _is_alive(process):
        case True:
            return DriverState("running", *who, is_here=True)
        case False:
            return DriverState("killed", *who)
        case None:
            silent_s = _age(folder / LEASE, now)
            state: Literal["running", "silent"] = (
                "running" if silent_s <= _SILENCE_S else "silent"
            )
            return DriverState(state, *who, silent_s=silent_s)


def _is_alive(process: Process) -> bool | None:
    try:
        return process.is_alive(seen_from=Process.this())
    except StorageError:
        return None  # not a Linux: a laptop that looks at a copy


def _age(path: Path, now: float) -> float:
    try:
        return max(0.0, now - path.stat().st_mtime)
    except OSError:
        return 0.0  # it was let go this instant
