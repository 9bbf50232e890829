"""Exactly once: the driver is killed at every point, the controller freezes at random.

python benchmarks/slurm_kills.py --trials 300

Each life of the driver ends by SIGKILL at the point that has been fatal least often so
far: a write, a sync, a rename, the start or the end of sbatch, squeue or sacct. Also
slurmctld is stopped and let go on at random, so that sbatch reports failures for jobs
that exist. Wrong is: a job name twice in sacct -D, a program that ran twice, a job that
no attempt owns, a result that is missing or of another trial, a job that was adopted
only after more than two answers of squeue had listed it.
"""

from __future__ import annotations

import argparse
import random
import subprocess
import threading
import time
from collections import Counter
from pathlib import Path

from _chaos import Case, Cluster, conclude


class Freezer(threading.Thread):
    """Stops slurmctld at random."""

    def __init__(self, cluster: Cluster, rng: random.Random) -> None:
        super().__init__(daemon=True)
        self.n_freezes = 0
        self._cluster = cluster
        self._rng = rng
        self._done = threading.Event()

    def run(self) -> None:
        while not self._done.wait(self._rng.uniform(3, 12)):
            with self._cluster.frozen("slurmctld"):
                self.n_freezes += 1
                self._done.wait(self._rng.choice([0.5, 2.0, 6.0, 13.0]))

    def end(self) -> None:
        self._done.set()
        self.join()


def counted(path: Path) -> Counter[str]:
    return Counter(path.read_text().splitlines() if path.exists() else [])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--trials", type=int, default=300)
    parser.add_argument("--parallelism", type=int, default=4)
    parser.add_argument("--minutes", type=float, default=60.0)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    rng = random.Random(options.seed)
    cluster = Cluster()
    case = Case(
        cluster, max_trials=options.trials, parallelism=options.parallelism, seconds=0.2
    )
    freezer = Freezer(cluster, rng)
    freezer.start()
    begun = time.monotonic()
    found: list[str] = []
    n_lives = n_kills = 0
    try:
        while True:
            if time.monotonic() - begun > 60 * options.minutes:
                found.append(f"not complete after {options.minutes} min")
                break
            points = sorted(set(counted(case.folder / "points")))
            deaths = counted(case.folder / "deaths")
            rng.shuffle(points)
            fatal = min(points, key=lambda point: deaths[point], default="")
            driver = case.start(
                *("--die-at", fatal, "--occurrence", str(rng.choice([1, 1, 2, 5])))
            )
            n_lives += 1
            try:
                code = driver.wait(timeout=rng.uniform(8, 25))
            except subprocess.TimeoutExpired:
                driver.kill()
                code = driver.wait()
            if code == 0:
                break
            n_kills += code == -9
            if code != -9:
                found.append(f"a driver exited {code}")
                if len(found) > 5:
                    break
    finally:
        freezer.end()
    time.sleep(15)  # for the ghosts that a thawed controller makes
    adopted = [
        int(line.split()[0]) for line in counted(case.folder / "adopted").elements()
    ]
    found += case.violations()
    found += [f"adopted after {n} answers listed it" for n in adopted if n > 2]
    points = set(counted(case.folder / "points"))
    deaths = counted(case.folder / "deaths")
    log = case.log()
    sbatches = sum(
        path.read_text(errors="replace").count("hpcopt: {")
        for path in (case.folder / "experiments").rglob("sbatch.log")
    )
    conclude(
        f"Drivers killed at every point: {case.folder}",
        [
            ("trials", options.trials),
            ("calls of sbatch, and adoptions", sbatches),
            ("lives of the driver", n_lives),
            ("killed with -9, of these", n_kills),
            ("at a chosen point, of these", sum(deaths.values())),
            ("points known, and fatal at least once", f"{len(points)}, {len(deaths)}"),
            ("times that slurmctld was frozen", freezer.n_freezes),
            ("submissions with a lost answer", log.count("sbatch may have been heard")),
            ("jobs found again by name", log.count("already submitted")),
            (
                "answers that listed a job until it was adopted, at most",
                max(adopted, default=0),
            ),
            ("minutes", f"{(time.monotonic() - begun) / 60:.1f}"),
        ],
        found,
    )


if __name__ == "__main__":
    main()
