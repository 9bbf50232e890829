"""The identity of a process, and whether one that a file names still lives."""

from __future__ import annotations

import os
import socket
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from hpcopt.core.errors import StorageError


@dataclass(frozen=True)
class Process:
    """The identity of a process, unique over all hosts and times."""

    host: str
    boot_id: str
    """Differs after a reboot."""
    pid_namespace: str
    """Differs in a container, where the same pid is another process."""
    pid: int
    start_time: int
    """In clock ticks since the boot: a pid that is used again differs in it."""

    @classmethod
    def this(cls) -> Process:
        """Return the identity of this process.

        Raises:
            StorageError: There is no /proc.
        """
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
        """Return whether the process lives; ``None`` if that cannot be seen.

        Args:
            seen_from: The process that asks; only one of the same host, boot and pid
                namespace can see.
        """
        if (self.host, self.boot_id) != (seen_from.host, seen_from.boot_id):
            # Containers and clones may share a name: another boot of this host, by its
            # name, may be another machine that still runs.
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
    """Return whether the process exists, of a user whose processes /proc hides."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return False  # it began just now, so it is another one
