"""One life of a driver, which may end by SIGKILL at a chosen point.

It is the driver of ``hpcopt run`` but for the generator, which costs nothing here. The
points are what it does to disks and programs: every write, sync, rename and start of a
program, before and after, told apart by the names of the files.
"""

from __future__ import annotations

import argparse
import logging
import os
import re
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeVar

from typing_extensions import override

from hpcopt.config.file import load_config
from hpcopt.config.specs import run_spec
from hpcopt.driver.driver import Driver
from hpcopt.experiment import build
from hpcopt.experiment.composition import open_driver
from hpcopt.generation.protocol import Generation, Suggestion
from hpcopt.generation.snapshot import Snapshot
from hpcopt.slurm.batch_job import job_name
from hpcopt.slurm.queue import SlurmQueue
from hpcopt.slurm.tables import QueueRow

_R = TypeVar("_R")

#: The last line of the notes of a driver that died where it was to die.
DIED = "died"


class Counting:
    """A generator's service that proposes the next point of a row, at no cost."""

    is_concurrent = False

    def __init__(self) -> None:
        self._request: tuple[int, Snapshot] | None = None

    @property
    def is_busy(self) -> bool:
        return self._request is not None

    def request(self, n: int, snapshot: Snapshot) -> None:
        self._request = n, snapshot

    def collect(self, timeout_s: float) -> Generation | None:
        if self._request is None:
            return None
        (n, snapshot), self._request = self._request, None
        first = snapshot.n_trials
        points = tuple(
            Suggestion({"x": ((first + k) % 9973 + 0.5) / 9973}, "sobol")
            for k in range(n)
        )
        return Generation(points, snapshot.position, 0.0)

    def close(self) -> None:
        self._request = None


class Points:
    """Where this process may die, and where it shall."""

    def __init__(
        self, notes: Path, fatal: str, occurrence: int, frozen: tuple[int, float]
    ) -> None:
        """Prepare to die.

        Args:
            notes: A file that gets each point once, when this process first comes by
                it, and in the end ``DIED`` if it dies at the fatal one.
            fatal: Where to die; nowhere if it is empty.
            occurrence: The how manieth time there is the last one.
            frozen: The process that is frozen before the first sbatch, and the seconds.
        """
        self._fatal = fatal
        self._left = occurrence
        self._frozen = frozen
        self._seen: set[str] = set()
        self._notes = os.open(notes, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
        # Both as they are before `install`.
        self._write = os.write
        self._start = subprocess.Popen

    def pass_by(self, point: str) -> None:
        if point not in self._seen:
            self._seen.add(point)
            self._write(self._notes, f"{point}\n".encode())
        if point == self._fatal:
            self._left -= 1
            if self._left <= 0:
                self._write(self._notes, f"{DIED}\n".encode())
                os.kill(os.getpid(), signal.SIGKILL)

    def freeze(self) -> None:
        """Freeze the controller, for as long as is wanted, just before an sbatch."""
        pid, seconds = self._frozen
        if pid:
            self._frozen = 0, 0.0
            # First of all the thaw, which must not depend on how long this one lives.
            thaw = f"sleep {seconds}; kill -CONT {pid}"
            self._start(["/bin/sh", "-c", thaw], start_new_session=True)
            os.kill(pid, signal.SIGSTOP)

    def around(
        self, what: str, function: Callable[..., _R], name: Callable[..., str]
    ) -> Callable[..., _R]:
        """Return the function with a point before it and one after it."""

        def guarded(*arguments: Any, **keywords: Any) -> _R:
            point = f"{what} {name(*arguments)}"
            self.pass_by(f"before {point}")
            result = function(*arguments, **keywords)
            self.pass_by(f"after {point}")
            return result

        return guarded

    def install(self) -> None:
        os.write = self.around("write", os.write, _of_descriptor)
        os.fsync = self.around("sync", os.fsync, _of_descriptor)
        os.replace = self.around("rename", os.replace, _of_target)
        os.rename = self.around("rename", os.rename, _of_target)
        os.link = self.around("link", os.link, _of_target)
        points = self

        class Popen(subprocess.Popen[Any]):
            def __init__(self, command: Sequence[str], **keywords: Any) -> None:
                self._name = Path(command[0]).name
                points.pass_by(f"before start of {self._name}")
                if self._name == "sbatch":
                    points.freeze()
                super().__init__(command, **keywords)
                points.pass_by(f"after start of {self._name}")

            @override
            def communicate(self, *arguments: Any, **keywords: Any) -> Any:
                answer = super().communicate(*arguments, **keywords)
                points.pass_by(f"after end of {self._name}")
                return answer

        subprocess.Popen = Popen  # type: ignore[assignment,misc]


def _kind(path: str) -> str:
    name = re.sub(r"hpcopt:.*", "array", Path(path).name)
    name = re.sub(r"^chaos-.*", "experiment", name)
    return re.sub(r"[0-9a-f]{8,}|\d+", "#", name)


def _of_descriptor(descriptor: int, *_: object) -> str:
    return _kind(str(Path(f"/proc/self/fd/{descriptor}").readlink()))


def _of_target(_: object, target: object, *__: object) -> str:
    return _kind(os.fspath(target))  # type: ignore[call-overload]


def watch_adoptions(driver: Driver, folder: Path) -> None:
    """Write down how many answers of squeue listed each job before it was adopted."""
    ask = SlurmQueue.jobs
    seen: Counter[str] = Counter()

    def jobs(self: SlurmQueue, cluster: str = "") -> list[QueueRow]:
        rows = ask(self, cluster)
        staged = {job_name(a.name) for a in driver.experiment.staged_attempts()}
        with (folder / "adopted").open("a") as file:
            for name in [name for name in seen if name not in staged]:
                file.write(f"{seen.pop(name)} {name}\n")
        seen.update(staged & {row.name for row in rows})
        return rows

    SlurmQueue.jobs = jobs  # type: ignore[method-assign]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("config", type=Path)
    parser.add_argument("--notes", type=Path, default=Path(os.devnull))
    parser.add_argument("--die-at", default="")
    parser.add_argument("--occurrence", type=int, default=1)
    parser.add_argument("--freeze", type=int, default=0, metavar="PID")
    parser.add_argument("--freeze-seconds", type=float, default=0.0)
    options = parser.parse_args()
    logging.basicConfig(
        level=logging.INFO, format="%(asctime)s %(process)d %(name)s %(message)s"
    )
    loaded = load_config(options.config)
    folder = options.config.parent
    frozen = options.freeze, options.freeze_seconds
    Points(options.notes, options.die_at, options.occurrence, frozen).install()
    make_generator: Any = lambda *_, **__: Counting()  # noqa: E731
    build.make_generator = make_generator
    with open_driver(run_spec(loaded, "slurm")) as driver:
        watch_adoptions(driver, folder)
        stop = driver.run()
    logging.info("%s", stop.reason)
    sys.exit(0 if stop.is_complete else 1)


if __name__ == "__main__":
    main()
