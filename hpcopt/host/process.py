"""Which process this is, and whether one met in a file still lives."""

from __future__ import annotations

import os
import socket
from dataclasses import dataclass
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
        stat = _stat(os.getpid())
        if stat is None:
            raise StorageError("expected /proc, as Linux has it, found none")
        return cls(
            host=socket.gethostname(),
            boot_id=Path("/proc/sys/kernel/random/boot_id").read_text().strip(),
            pid_namespace=str(Path("/proc/self/ns/pid").readlink()),
            pid=os.getpid(),
            start_time=stat[1],
        )

    def is_alive(self, seen_from: Process) -> bool | None:
        """Return whether it lives; ``None`` if that cannot be told from here."""
        if (self.host, self.boot_id) != (seen_from.host, seen_from.boot_id):
            # Another machine may have the same name, as containers and clones do: what
            # is another boot of this one, by its name, need not be dead.
            return None
        if self.pid_namespace != seen_from.pid_namespace:
            return None
        stat = _stat(self.pid)
        if stat is None:
            return None if _is_hidden(self.pid) else False
        state, start_time = stat
        return start_time == self.start_time and state not in ("Z", "X")


def _stat(pid: int) -> tuple[str, int] | None:
    """Return the state and the start time of a process; ``None`` if none is seen."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return None
    # The second field is the program's name, which may hold blanks and parentheses.
    fields = text.rpartition(")")[2].split()
    return fields[0], int(fields[19])


def _is_hidden(pid: int) -> bool:
    """Return whether there is such a process, of a user whom /proc does not show."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return False  # it appeared just now, so it is not the one that was asked about
