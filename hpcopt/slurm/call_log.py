"""What sbatch was asked and what it said: on disk before this process can forget it.

``sbatch.log``, in the folder of the job's script, gets one line before each call and
all that sbatch says after it. sbatch itself writes there, so that its answer is kept
even when the driver is killed while sbatch runs.
"""

from __future__ import annotations

import errno
import json
import os
import re
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path

from hpcopt.host.durable import sync_folder, write_text_durably
from hpcopt.host.process import boot_id, host_name

_HEAD = "hpcopt: "

#: What ``--parsable`` prints; other lines may be a site's own.
_ANSWER = re.compile(r"(\d+)(?:;([\w.-]+))?", re.ASCII)


@dataclass(frozen=True)
class Call:
    """One call of sbatch."""

    time: float
    """When it was made, in seconds since the epoch."""
    first: int
    """The first array task, or 0."""
    last: int
    folder: str
    """The job's working directory, or nothing where the user chose another one."""
    machine: str
    """Tells this machine, and this boot of it, from others."""


@dataclass(frozen=True)
class AnsweredCall:
    """One call of sbatch, and all that it has said."""

    call: Call
    text: str

    @property
    def job_id(self) -> str:
        """The id of the accepted job; empty if none was printed."""
        return _answer(self.text)[0]

    @property
    def cluster(self) -> str:
        """The cluster, where sbatch named it."""
        return _answer(self.text)[1]


class CallLog:
    """The calls of sbatch for one script."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / "sbatch.log"

    def read(self) -> list[AnsweredCall]:
        """Return all calls in their order; none if sbatch was never called."""
        # Listed first, so that a network file system looks for it anew.
        try:
            if self._path.name not in os.listdir(self._path.parent):  # noqa: PTH208
                return []
            return parse_log(self._path.read_text(encoding="utf-8", errors="replace"))
        except FileNotFoundError:
            return []

    def begin(self, call: Call) -> int:
        """Write down that ``call`` is about to be made; return where its answer goes.

        Raises:
            OSError: It could not be written down.
        """
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND
        descriptor = os.open(self._path, flags, 0o644)
        line = _head(call).encode()
        try:
            if os.write(descriptor, line) != len(line):
                raise OSError(errno.ENOSPC, f"{self._path}: the disk is full")
            os.fsync(descriptor)
            sync_folder(self._path.parent)
        except OSError:
            os.close(descriptor)
            raise
        return descriptor

    def restore(self, found: Iterable[AnsweredCall]) -> None:
        """Write a log anew that got lost: all of it, or nothing.

        Raises:
            OSError: It could not be written down.
        """
        self._path.parent.mkdir(parents=True, exist_ok=True)
        parts = [f"{_head(each.call)}{each.text}\n" for each in found]
        write_text_durably(self._path, "".join(parts))

    def adopt(self, call: Call, job_id: str, cluster: str) -> None:
        """Write down that a job was found which ``call`` had made.

        Raises:
            OSError: It could not be written down.
        """
        with os.fdopen(self.begin(call), "w") as file:
            file.write(f"{answer_text(job_id, cluster)}\n")


def parse_log(text: str) -> list[AnsweredCall]:
    """Return the calls in a log; a head that is not whole was never followed by one."""
    calls: list[AnsweredCall] = []
    for part in text.split(f"\n{_HEAD}")[1:]:
        head, _, answer = part.partition("\n")
        try:
            call = Call(**json.loads(head))
        except (ValueError, TypeError):
            continue
        calls.append(AnsweredCall(call, answer))
    return calls


def this_machine() -> str:
    """Return what tells this machine, and this boot of it, from others."""
    return f"{host_name()} {boot_id()}"


def parse_answer(text: str) -> tuple[str, str] | None:
    """Return the job's id and its cluster, if sbatch printed them."""
    job_id, cluster = _answer(text)
    return (job_id, cluster) if job_id else None


def answer_text(job_id: str, cluster: str) -> str:
    """Return what sbatch prints for a job that it has made."""
    return f"{job_id};{cluster}" if cluster else job_id


def _answer(text: str) -> tuple[str, str]:
    for line in reversed(text.splitlines()):
        match = _ANSWER.fullmatch(line.strip())
        if match is not None:
            return match[1], match[2] or ""
    return "", ""


def _head(call: Call) -> str:
    # An empty line first: what sbatch said before may lack its end.
    return f"\n{_HEAD}{json.dumps(asdict(call))}\n"
