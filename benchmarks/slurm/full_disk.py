"""A disk that is full: a clear stop, and then nothing lost or doubled.

scripts/bench slurm/full_disk

Three experiments by ``hpcopt run`` on the one-host Slurm, each on small disks of its
own (tmpfs; mounting them takes root), which fill up while jobs run: that of the
journal; that of the trials' folders; and that of the trials' folders but for less than
a result takes, so that jobs start and cannot write theirs. The driver has to stop with
exit code 1 and one sentence, and so has one that is started before there is room. Then
room is made: the experiment has to complete, each trial with its own result, none
failed, no attempt ended but by success or for want of room, no job name twice in
sacct -D.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from benchmarks.slurm.chaos.case import Case, Cluster, conclude, until
from hpcopt.config.file import load_config
from hpcopt.config.specs import run_spec
from hpcopt.core.trials.trial import Cause
from hpcopt.experiment.composition import open_driver

#: The sizes of the disks and of a result, and what is left on one that is full.
DISK_BYTES = 64 << 20
RESULT_BYTES = 2 << 20
TOO_LITTLE_BYTES = RESULT_BYTES * 3 // 4

#: How long a driver may take to stop, or to complete.
PATIENCE_S = 300


@contextmanager
def disk(folder: Path) -> Iterator[Path]:
    """Mount a small disk at a folder."""
    folder.mkdir(parents=True)
    how = ["mount", "-t", "tmpfs", "-o", f"size={DISK_BYTES}", "tmpfs", str(folder)]
    done = subprocess.run(how, check=False, capture_output=True, text=True)
    if done.returncode:
        sys.exit(
            "expected to be root, who may mount a small disk; found: "
            f"{done.stderr.strip() or done.stdout.strip()}"
        )
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


@contextmanager
def filled(folder: Path, leaving: int) -> Iterator[None]:
    """Fill a disk but for some bytes."""
    with (folder / "filler").open("wb") as file:
        is_full = False
        while not is_full:
            stat = os.statvfs(folder)
            n_bytes = stat.f_bavail * stat.f_frsize - leaving
            with suppress(OSError):  # a job has written something just now
                os.posix_fallocate(file.fileno(), 0, max(1, n_bytes))
                is_full = True
    try:
        yield
    finally:
        (folder / "filler").unlink()


class Experiment:
    """One experiment whose driver is ``hpcopt run``."""

    def __init__(self, cluster: Cluster, n_trials: int) -> None:
        self.case = Case(
            cluster,
            max_trials=n_trials,
            parallelism=4,
            seconds=(0.5, 1.0, 1.5),
            result_bytes=RESULT_BYTES,
        )
        self.folder = self.case.folder / "experiments" / self.case.name
        self.found: list[str] = []
        self.sentences: list[str] = []
        self.n_repeated = 0
        """How many attempts were made again for want of room."""

    def begin(self) -> None:
        """Begin the journal, so that the trials' folders may be there already."""
        spec = run_spec(load_config(self.case.config), "slurm")
        with open_driver(spec, drain=True):
            pass

    def start(self) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "-m", "hpcopt", "run", str(self.case.config), "--slurm"],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )

    def must_stop(self, driver: subprocess.Popen[str]) -> None:
        """See a driver end for want of room."""
        code, said = self._end(driver)
        errors = [line for line in said.splitlines() if line.startswith("error:")]
        self.sentences += errors
        if code != 1 or len(errors) != 1 or "make room" not in errors[0]:
            self.found.append(
                f"{self.case.folder}: expected exit code 1 and one sentence that says "
                f"to make room, found {code} and {errors or said[-500:]}"
            )

    def must_complete(self, driver: subprocess.Popen[str]) -> None:
        """See a driver complete the experiment, and that nothing is lost."""
        code, said = self._end(driver)
        if code != 0:
            self.found.append(f"{self.case.folder}: exit code {code}: {said[-500:]}")
        self.found += self.case.violations()
        for trial in self.case.experiment.trials:
            for attempt in trial.attempts:
                self.n_repeated += attempt.cause is Cause.INFRASTRUCTURE
                if attempt.cause not in (Cause.SUCCESS, Cause.INFRASTRUCTURE):
                    self.found.append(
                        f"{self.case.folder}: attempt {attempt.number} of trial "
                        f"{trial.index}: {attempt.cause}: {attempt.reason}"
                    )

    def _end(self, driver: subprocess.Popen[str]) -> tuple[int | None, str]:
        try:
            _, said = driver.communicate(timeout=PATIENCE_S)
        except subprocess.TimeoutExpired:
            driver.kill()
            return None, f"no end after {PATIENCE_S} s"
        return driver.returncode, said

    def n_runs(self) -> int:
        runs = self.case.folder / "runs"
        return len(runs.read_text().splitlines()) if runs.exists() else 0


def fill_up(cluster: Cluster, n_trials: int, what: str, leaving: int) -> Experiment:
    """Fill up a disk of an experiment while it runs, and make room again."""
    experiment = Experiment(cluster, n_trials)
    with ExitStack() as stack:
        places = {"journal": stack.enter_context(disk(experiment.folder))}
        experiment.begin()
        for name in ("trials", "arrays"):
            places[name] = stack.enter_context(disk(experiment.folder / name))
        driver = experiment.start()
        until(
            lambda: experiment.n_runs() >= n_trials // 3 or driver.poll() is not None,
            PATIENCE_S,
        )
        with filled(places[what], leaving):
            experiment.must_stop(driver)
            time.sleep(5)  # in which the jobs end that run on
            experiment.must_stop(experiment.start())
        experiment.must_complete(experiment.start())
    return experiment


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--trials", type=int, default=18)
    options = parser.parse_args()
    cluster = Cluster()
    rows: list[tuple[str, object]] = []
    found: list[str] = []
    sentences: list[str] = []
    for title, what, leaving in (
        ("no room for the journal", "journal", 0),
        ("no room for a trial's folder", "trials", 0),
        ("no room for a result", "trials", TOO_LITTLE_BYTES),
    ):
        begun = time.monotonic()
        experiment = fill_up(cluster, options.trials, what, leaving)
        word = "wrong" if experiment.found else "stopped, continued, complete"
        rows.append((title, f"{word} ({time.monotonic() - begun:.0f} s)"))
        rows.append(("  attempts made again for want of room", experiment.n_repeated))
        found += experiment.found
        sentences += experiment.sentences
    for sentence in sentences:
        print(sentence)
    conclude(f"Full disks, {options.trials} trials each", rows, found)


if __name__ == "__main__":
    main()
