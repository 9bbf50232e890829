"""Where a fake Slurm lives between two of its commands: one file, under a lock."""

from __future__ import annotations

import fcntl
import json
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from hpcopt.testing.commands import Reply, execute
from hpcopt.testing.faults import Fault
from hpcopt.testing.jobs import Behaviour, Job, Run
from hpcopt.testing.world import FakeSite, World

#: A trial's program that has not ended by then has gone wrong.
_PROGRAM_TIMEOUT_S = 120


class WorldStore:
    """The file of a fake Slurm, in a folder of its own."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._file = folder / "world.json"
        self._log = folder / "calls.jsonl"
        self._spool = folder / "spool"

    def create(self, world: World, *, speed: float, runs_programs: bool) -> None:
        """Begin a world.

        Args:
            world: How it is in the beginning.
            speed: How much faster than real time its clock goes; 0 for a clock that
                goes on only when a test says so.
            runs_programs: Whether a job's script is run, all of it in the moment of
                the job's end; a behaviour then says only how long it takes.
        """
        settings = {"speed": speed, "runs_programs": runs_programs}
        (self._folder / "settings.json").write_text(json.dumps(settings))
        self._spool.mkdir()
        with self._file.open("xb") as file:
            _save(world, file)

    @contextmanager
    def open(self) -> Iterator[World]:
        """Yield the world as it is now, and keep what is changed about it."""
        settings = json.loads((self._folder / "settings.json").read_text())
        with self._file.open("r+b") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            world, real_time = _load(file)
            if settings["runs_programs"]:
                world.program = self._run_program
            if settings["speed"]:
                elapsed_s = (time.time() - real_time) * settings["speed"]
                world.advance(world.now + max(0.0, elapsed_s))
            yield world
            _save(world, file)

    def run(
        self, command: str, words: Sequence[str], environment: Mapping[str, str]
    ) -> Reply:
        """Run one of Slurm's commands, and write down that it was called."""
        with self.open() as world:
            call = {"time": world.now, "argv": [command, *words]}
            with self._log.open("a") as log:
                log.write(json.dumps(call) + "\n")
            reply = execute(world, command, words, environment)
            if world.program is not None:
                for job in reply.accepted:
                    self._keep(job, Path(words[-1]), environment)
        return reply

    def calls(self) -> list[tuple[float, list[str]]]:
        """Return when each command was called, and its words."""
        if not self._log.exists():
            return []
        lines = [json.loads(line) for line in self._log.read_text().splitlines()]
        return [(line["time"], line["argv"]) for line in lines]

    # ---- programs

    def _keep(self, job: Job, script: Path, environment: Mapping[str, str]) -> None:
        """Keep a script, and the environment that sbatch hands down, as Slurm does."""
        # By name: a ghost has no id yet.
        folder = self._spool / job.full_name.replace("/", "%")
        folder.mkdir(exist_ok=True)
        (folder / "script").write_bytes(script.read_bytes())
        (folder / "environment.json").write_text(json.dumps(dict(environment)))

    def _run_program(self, job: Job) -> int:
        import subprocess  # costs as much as all the rest, and is seldom needed

        spool = self._spool / job.full_name.replace("/", "%")
        environment = json.loads((spool / "environment.json").read_text())
        environment["SLURM_JOB_ID"] = str(job.base)
        if job.task is not None:
            environment["SLURM_ARRAY_JOB_ID"] = str(job.base)
            environment["SLURM_ARRAY_TASK_ID"] = str(job.task)
        named = {"%%": "%", "%j": str(job.base), "%A": str(job.base)}
        named["%a"] = str(job.task)
        log = job.log
        for pattern, text in named.items():
            log = log.replace(pattern, text)
        try:
            with Path(log).open("a") as output:
                return subprocess.run(
                    ["/bin/bash", str(spool / "script")],
                    cwd=job.folder,
                    env=environment,
                    stdin=subprocess.DEVNULL,
                    stdout=output,
                    stderr=subprocess.STDOUT,
                    timeout=_PROGRAM_TIMEOUT_S,
                    check=False,
                ).returncode
        except OSError:
            return 1  # its folder or its log cannot be opened, as with Slurm


# Written over in place and never cut off: to replace or to truncate a file costs 10 ms
# where the file system takes it for one that must not get lost.
_LENGTH = "%012d\n"


def _load(file: IO[bytes]) -> tuple[World, float]:
    length = int(file.readline())
    state: dict[str, Any] = json.loads(file.read(length))
    world = World(
        now=state["now"],
        site=FakeSite(**state["site"]),
        jobs=[_job(one) for one in state["jobs"]],
        next_id=state["next_id"],
        behaviours=[Behaviour(**one) for one in state["behaviours"]],
        faults=[Fault(**one) for one in state["faults"]],
        backlog=[[_job(one) for one in group] for group in state["backlog"]],
    )
    return world, state["real_time"]


def _save(world: World, file: IO[bytes]) -> None:
    state = {k: v for k, v in vars(world).items() if k != "program"}
    state["real_time"] = time.time()
    data = json.dumps(state, default=vars).encode()
    file.seek(0)
    file.write((_LENGTH % len(data)).encode() + data)
    file.flush()


def _job(state: dict[str, Any]) -> Job:
    runs = [
        Run(**{**run, "words": [(at, word) for at, word in run["words"]]})
        for run in state["runs"]
    ]
    return Job(**{**state, "runs": runs})
