"""Works off a pack: many short trials in one Slurm job, some of them at a time.

``python -m hpcopt.node.pack FOLDER AT_ONCE`` is what the job of a pack runs. The links
0, 1, … in ``FOLDER`` name the folders of the attempts, whose scripts are run in that
order with the variables in ``pack.json``. One that fails holds up no other. The exit
code is 0 once all have ended, whatever theirs are: these are in the folders. A pack
that Slurm runs again leaves alone what has ended before.
"""

from __future__ import annotations

import json
import os
import select
import signal
import socket
import sys
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import FrameType

from hpcopt.core.errors import UsageError
from hpcopt.node.attempt_process import AttemptProcess, identity
from hpcopt.runners.script.attempt_folder import AttemptFolder

#: How late a request to stop a single attempt is seen.
_TICK_S = 2.0

#: How long an attempt that was told to end may take; as long as Slurm lets a job
#: (``KillWait``).
_KILL_WAIT_S = 30.0

#: After these nothing more is started.
_ENDING = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
_PASSED_ON = (*_ENDING, signal.SIGUSR1, signal.SIGUSR2, signal.SIGCONT)


def main(arguments: Sequence[str]) -> int:
    """Run all attempts of a pack and return the exit code."""
    try:
        if len(arguments) != 2 or not arguments[1].isdecimal():
            raise UsageError(f"expected a folder and a number, found {list(arguments)}")
        pack = Pack(Path(arguments[0]), max(1, int(arguments[1])))
    except UsageError as error:
        sys.stderr.write(f"hpcopt.node.pack: {error}\n")
        return error.exit_code
    with _inbox() as inbox:
        is_killed = False
        while pack.is_busy:
            if not is_killed:  # else the signal that ends all may be on its way
                pack.start()
            for number in _signals(inbox):
                pack.pass_on(number)
            is_killed = pack.reap()
            pack.stop_those_asked_for()
    return pack.exit_code


@dataclass(frozen=True)
class _Member:
    folder: AttemptFolder
    variables: Mapping[str, str]
    python_path: str


@dataclass(frozen=True)
class _Running:
    attempt: AttemptProcess
    slot: int


class Pack:
    """The attempts of a pack, and which of them run."""

    def __init__(
        self,
        folder: Path,
        at_once: int,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Find the attempts.

        Args:
            folder: The pack's folder.
            at_once: How many may run at a time.
            clock: Tells seconds; only differences count.

        Raises:
            UsageError: There are none.
        """
        links = [path for path in folder.iterdir() if path.name.isdecimal()]
        if not links:
            raise UsageError(f"{folder}: expected links to attempts, found none")
        texts = json.loads((folder / "pack.json").read_text())
        links.sort(key=lambda path: int(path.name))
        members = [
            _Member(AttemptFolder(link.resolve()), **text)
            for link, text in zip(links, texts, strict=True)
        ]
        self.exit_code = 0
        self._waiting = deque(each for each in members if not _is_done(each.folder))
        self._running: list[_Running] = []
        self._slots = list(range(at_once))
        self._clock = clock
        self._told_at: dict[Path, float] = {}
        """When attempts were told to end, by their folders."""
        self._stays = Path.cwd() != folder.resolve()
        """Whether the user has chosen where to run."""
        self._job_id = os.environ.get("SLURM_JOB_ID", f"by-hand-{os.getpid()}")
        self._identity = identity(self._job_id)
        self._environment = _environment()

    @property
    def is_busy(self) -> bool:
        """Whether an attempt runs or is to be run."""
        return bool(self._waiting or self._running)

    def start(self) -> None:
        """Start as many attempts as there are places."""
        while self._waiting and self._slots:
            member, slot = self._waiting.popleft(), self._slots[0]
            attempt = AttemptProcess.start(
                member.folder,
                self._identity,
                self._environment_of(member, slot),
                None if self._stays else member.folder.path,
            )
            if attempt is not None:
                self._slots.remove(slot)
                self._running.append(_Running(attempt, slot))

    def _environment_of(self, member: _Member, slot: int) -> dict[str, str]:
        environment = {
            **self._environment,
            **member.variables,
            "HPCOPT_SLOT": str(slot),
        }
        if member.python_path:
            paths = [member.python_path, environment.get("PYTHONPATH")]
            environment["PYTHONPATH"] = ":".join(filter(None, paths))
        return environment

    def reap(self) -> bool:
        """Let go of what has ended; return whether any of it was killed by a signal."""
        ended = [each for each in self._running if each.attempt.has_ended()]
        for each in ended:
            self._running.remove(each)
            self._slots.append(each.slot)
        return any(each.attempt.is_killed for each in ended)

    def pass_on(self, number: int) -> None:
        """Send a signal that the pack got to all that runs."""
        if number in _ENDING:
            self._waiting.clear()
            self.exit_code = 128 + number
        if number in _PASSED_ON:
            for each in self._running:
                each.attempt.send(number)

    def stop_those_asked_for(self) -> None:
        """End the attempts in whose folders the driver has asked for it.

        By TERM, and by KILL where an attempt has not ended in time, as Slurm does.
        """
        now = self._clock()
        for attempt in (each.attempt for each in self._running):
            path = attempt.folder.path
            if path in self._told_at:
                if now - self._told_at[path] >= _KILL_WAIT_S:
                    attempt.kill()
            elif attempt.folder.read_stopped() is not None:
                self._told_at[path] = now
                attempt.send(signal.SIGTERM)


def _is_done(folder: AttemptFolder) -> bool:
    """Whether an attempt has come to its end, and not to that of an earlier run."""
    files = folder.read()
    return files.exit_code is not None and not files.last_signal


def _environment() -> dict[str, str]:
    """Return the environment of the attempts."""
    environment = {
        **os.environ,
        # A script may call srun: each step gets its own CPUs, and none all the memory.
        "SLURM_EXACT": "1",
        "SLURM_MEM_PER_NODE": "0",
    }
    if cpus := environment.get("SLURM_CPUS_PER_TASK"):
        # srun has not taken this from sbatch since Slurm 22.05.
        environment.setdefault("SRUN_CPUS_PER_TASK", cpus)
    for other in ("SLURM_MEM_PER_CPU", "SLURM_MEM_PER_GPU"):
        environment.pop(other, None)
    return environment


@contextmanager
def _inbox() -> Iterator[socket.socket]:
    """Have the numbers of signals that arrive be written to a socket, as bytes."""
    here, there = socket.socketpair()
    with here, there:
        there.setblocking(False)
        signal.set_wakeup_fd(there.fileno())
        for number in (*_PASSED_ON, signal.SIGCHLD):
            signal.signal(number, _note)
        yield here


def _note(_number: int, _frame: FrameType | None) -> None:
    """Do nothing: what counts is that the signal is in the inbox."""


def _signals(inbox: socket.socket) -> bytes:
    """Wait for signals, but not for long, and return their numbers."""
    readable, _, _ = select.select([inbox], [], [], _TICK_S)
    return inbox.recv(4096) if readable else b""


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
