"""The processes of a local trial: those of the session that its wrapper leads.

A process is known by its pid, its start time and the machine's boot, since a pid alone
is used again. As long as a process of a session lives, the kernel gives the session's
id to no new process.
"""

from __future__ import annotations

import contextlib
import os
from enum import Enum
from pathlib import Path

from hpcopt.host.process import ProcessStat, boot_id, host_name, process_stat
from hpcopt.runners.script.attempt_folder import AttemptFolder, Started


class Machine(Enum):
    """Which machine runs, or ran, an attempt."""

    HERE = "here"
    REBOOTED = "rebooted"
    """This one, and it was started anew since."""
    ELSEWHERE = "elsewhere"


def machine_of(started: Started) -> Machine:
    """Return on which machine the attempt was started."""
    if started.host != host_name():
        # Even in the same boot: a container has processes of its own.
        return Machine.ELSEWHERE
    return Machine.HERE if started.boot_id == boot_id() else Machine.REBOOTED


def is_alive(started: Started) -> bool:
    """Return whether the wrapper lives; it must be of this machine."""
    stat = process_stat(started.pid)
    return stat is not None and stat.is_alive and _is_of(started, stat)


def find_wrapper(folder: AttemptFolder) -> Started | None:
    """Return the wrapper of the attempt, if it lives on this machine.

    For an attempt whose ``started`` was deleted; its job id is not known.
    """
    needle = os.fsencode(folder.job)
    for entry in Path("/proc").iterdir():
        if not entry.name.isdecimal():
            continue
        try:
            words = (entry / "cmdline").read_bytes().split(b"\0")
        except OSError:
            continue  # it ended while we looked, or is somebody else's
        pid = int(entry.name)
        stat = process_stat(pid)
        # What the wrapper starts may carry its words for an instant; it leads.
        if needle in words[1:2] and stat is not None and stat.session == pid:
            start_time = str(stat.start_time)
            return Started("", host_name(), pid, boot_id(), start_time)
    return None


def send_signal(started: Started, signum: int) -> None:
    """Send a signal to the wrapper and to all that it has started and that lives."""
    for pid in _members(started):
        # It may have ended just now, or have become another user's (sudo).
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.kill(pid, signum)


def _members(started: Started) -> list[int]:
    if started.pid == 0:
        return []  # Nothing was started; 0 is the session of the kernel's own.
    leader = process_stat(started.pid)
    if leader is not None and not _is_of(started, leader):
        return []  # The pid is used again, so nothing is left of the session.
    members = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdecimal():
            stat = process_stat(int(entry.name))
            if stat is not None and stat.is_alive and stat.session == started.pid:
                members.append(int(entry.name))
    return members


def _is_of(started: Started, stat: ProcessStat) -> bool:
    """Return whether the process of that pid is still the wrapper."""
    return str(stat.start_time) == started.start_time
