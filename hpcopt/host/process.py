"""Which process this is, and whether one met in a file still lives."""

from __future__ import annotations

import os
import socket
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from hpcopt.core.errors import StorageError


@dataclass(frozen=True)
class Process:
    """A process, told from every other one on any host at any time."""

    host: str
    boot_id: str
    """Differs after a reboot."""
    pid_namespace: str
    """Differs in a container, in which the same pid is another process."""
    pid: int
    start_time: int
    """In clock ticks since the boot: a pid that is used again differs in it."""

    @classmethod
    def this(cls) -> Process:
        """Return this process."""
        stat = process_stat(os.getpid())
        if stat is None:
            raise StorageError("expected /proc, as Linux has it, found none")
        return cls(
            host=host_name(),
            boot_id=boot_id(),
            pid_namespace=str(Path("/proc/self/ns/pid").readlink()),
            pid=os.getpid(),
            start_time=stat.start_time,
        )

    def is_alive(self, seen_from: Process) -> bool | None:
        """Return whether it lives; ``None`` if that cannot be told from here."""
        if (self.host, self.boot_id) != (seen_from.host, seen_from.boot_id):
            # Another machine may have the same name, as containers and clones do: what
            # is another boot of this one, by its name, need not be dead.
            return None
        if self.pid_namespace != seen_from.pid_namespace:
            return None
        stat = process_stat(self.pid)
        if stat is None:
            return None if _is_hidden(self.pid) else False
        return stat.is_alive and stat.start_time == self.start_time


@dataclass(frozen=True)
class ProcessStat:
    """What /proc tells of a process."""

    state: str
    """One letter, such as ``S`` for sleeping."""
    session: int
    """The pid of the process that began its session."""
    start_time: int
    """In clock ticks since the boot."""

    @property
    def is_alive(self) -> bool:
        """Whether it is more than the entry of a process that has ended."""
        return self.state not in ("Z", "X")


def host_name() -> str:
    """Return the name of this machine, as it calls itself."""
    return socket.gethostname()


@cache
def boot_id() -> str:
    """Return what tells this boot of this machine from every other boot of any."""
    return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()


def process_stat(pid: int) -> ProcessStat | None:
    """Return what /proc tells of a process; ``None`` if none is seen there."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text(errors="replace")
    except (FileNotFoundError, ProcessLookupError):
        return None
    # The second field is the program's name, which may hold blanks and parentheses.
    fields = text.rpartition(")")[2].split()
    return ProcessStat(fields[0], session=int(fields[3]), start_time=int(fields[19]))


def _is_hidden(pid: int) -> bool:
    """Return whether there is such a process, of a user whom /proc does not show."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return False  # it appeared just now, so it is not the one that was asked about
