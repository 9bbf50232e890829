"""A fake Slurm for tests: executables for the PATH, over a world that obeys the test.

::

    slurm = FakeSlurm(tmp_path)
    slurm.behave("mine:*", run_s=3600)
    subprocess.run(["sbatch", "-J", "mine:1", "job.sh"], env=slurm.environment)
    slurm.go_on(600)
    with slurm.world() as world:
        world.preempt(world.named("mine:1"))
    assert len(slurm.calls("sbatch")) == 1

``docs/testing.md`` says what it can do.
"""

from __future__ import annotations

import errno
import os
import shlex
import shutil
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from typing_extensions import override

from hpcopt.slurm.commands import TIMEOUTS_S, Answer, SlurmCommands
from hpcopt.testing import run_command
from hpcopt.testing.commands import COMMANDS
from hpcopt.testing.faults import Fault
from hpcopt.testing.jobs import Behaviour
from hpcopt.testing.store import WorldStore
from hpcopt.testing.world import FakeSite, World

#: When a fake clock begins, in seconds since the epoch: in January 2027.
BEGINNING = 1_800_000_000.0


class FakeSlurm:
    """A Slurm with no daemons, in a folder of its own."""

    def __init__(
        self,
        folder: Path,
        *,
        nodes: int = 4,
        cpus: int = 8,
        now: float = BEGINNING,
        speed: float = 0.0,
        runs_programs: bool = False,
    ) -> None:
        """Make the commands, and an empty cluster.

        Args:
            folder: Where all of it is kept; it must exist.
            nodes: How many nodes there are: n1, n2, …
            cpus: How many CPUs each has.
            now: The time, in seconds since the epoch.
            speed: How much faster than real time the clock goes; with 0 it stands
                still until ``go_on``.
            runs_programs: Whether the scripts of jobs are run, each at the end of its
                job.
        """
        self.folder = folder
        self.bin = folder / "slurm-bin"
        self.bin.mkdir()
        self._store = WorldStore(folder)
        names = [f"n{number}" for number in range(1, nodes + 1)]
        site = FakeSite(nodes=dict.fromkeys(names, True), cpus=cpus)
        self._store.create(World(now, site), speed=speed, runs_programs=runs_programs)
        for command in COMMANDS:
            self._install(command)

    def _install(self, command: str) -> None:
        words = [sys.executable, "-IS", run_command.__file__, str(self.folder), command]
        path = self.bin / command
        path.write_text(f'#!/bin/sh\nexec {shlex.join(words)} "$@"\n')
        path.chmod(0o755)

    @property
    def environment(self) -> dict[str, str]:
        """This process's own, with the fake commands first on the PATH."""
        path = f"{self.bin}{os.pathsep}{os.environ.get('PATH', os.defpath)}"
        return {**os.environ, "PATH": path}

    @contextmanager
    def world(self) -> Iterator[World]:
        """Yield the world, to look at and to change."""
        with self._store.open() as world:
            yield world

    @property
    def now(self) -> float:
        """The time, in seconds since the epoch."""
        with self._store.open() as world:
            return world.now

    def go_on(self, seconds: float) -> None:
        """Let time pass."""
        with self._store.open() as world:
            world.advance(world.now + seconds)

    def behave(
        self,
        match: str = "*",
        *,
        run_s: float = 60.0,
        word: str = "COMPLETED",
        exit_code: int = 0,
        signal: int = 0,
        steps: Mapping[str, str] | None = None,
    ) -> None:
        """Say how the jobs of a name run, from now on; see ``Behaviour``."""
        behaviour = Behaviour(match, run_s, word, exit_code, signal, dict(steps or {}))
        with self._store.open() as world:
            world.behaviours.append(behaviour)

    def fail(self, fault: Fault) -> None:
        """Have something go wrong with a command, from now on."""
        with self._store.open() as world:
            world.faults.append(fault)

    def says(self, command: str, out: str, *, code: int = 0, err: str = "") -> None:
        """Have a command say this from now on, whatever it is asked."""
        with self._store.open() as world:
            others = [fault for fault in world.faults if fault.command != command]
            world.faults = [*others, Fault(command, None, code, out, err)]

    def replace(self, command: str, script: str) -> None:
        """Have a bash script be the command; its calls are not counted."""
        (self.bin / command).write_text(f"#!{shutil.which('bash')}\n{script}\n")

    def remove(self, command: str) -> None:
        """Have there be no such command."""
        (self.bin / command).unlink()

    def calls(self, command: str = "") -> list[list[str]]:
        """Return the words of each call of a command, or of any."""
        return [
            argv for _, argv in self._store.calls() if not command or argv[0] == command
        ]

    def call_times(self) -> list[float]:
        """Return when commands were called, by the fake clock."""
        return [at for at, _ in self._store.calls()]

    def commands(self, timeouts_s: Mapping[str, float] = TIMEOUTS_S) -> SlurmCommands:
        """Return hpcopt's door to the executables."""
        return SlurmCommands(self.environment, timeouts_s)

    def commands_in_process(self) -> SlurmCommands:
        """Return a door that starts no process: a call costs a millisecond or so."""
        return _InProcess(self._store, self.environment, self.bin)


class _InProcess(SlurmCommands):
    """Slurm's commands without executables; one that hangs is killed at once."""

    def __init__(
        self, store: WorldStore, environment: Mapping[str, str], executables: Path
    ) -> None:
        super().__init__(environment)
        self._store = store
        self._executables = executables

    @override
    def _run(
        self,
        command: str,
        arguments: Sequence[str],
        environment: Mapping[str, str],
        stdout: int,
        stderr: int,
    ) -> Answer:
        self.calls[command] += 1
        if not (self._executables / command).exists():
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), command)
        reply = self._store.run(command, arguments, environment)
        code = None if reply.hangs else reply.code
        if stdout >= 0:
            os.write(stdout, f"{reply.out}{reply.err}".encode())
            return Answer(command, code)
        return Answer(command, code, reply.out, reply.err)
