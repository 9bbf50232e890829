"""Exactly once: the driver is killed at every point, the controller freezes at random.

python benchmarks/slurm_kills.py --trials 450

Each life of the driver ends by SIGKILL at the point that has been fatal least often so
far: a write, a sync, a rename, the start or the end of sbatch, squeue or sacct. Also
slurmctld is stopped before random calls of sbatch and let go on later, so that sbatch
reports failures for jobs that exist. Wrong is: a job name twice in sacct -D, a program
that ran twice, a job that no attempt owns, a missing result or one of another trial,
a job that was adopted only after more than two answers of squeue had listed it.
"""

from __future__ import annotations

import argparse
import random
import subprocess
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from _chaos import Case, Cluster, conclude


def counted(path: Path) -> Counter[str]:
    return Counter(path.read_text().splitlines() if path.exists() else [])


@dataclass
class Lives:
    """The lives of the drivers of one experiment, each with a death in store."""

    case: Case
    rng: random.Random
    longest_s: float
    tried: Counter[str] = field(default_factory=Counter)
    n_lives: int = 0
    n_kills: int = 0

    @property
    def points(self) -> Counter[str]:
        """Where a driver may die: each point as often as a life has come by it."""
        return counted(self.case.folder / "points")

    @property
    def deaths(self) -> Counter[str]:
        return counted(self.case.folder / "deaths")

    def next_point(self) -> str:
        """Return the point that was least often fatal, if it can be reached at all."""
        points, deaths = sorted(self.points), self.deaths
        self.rng.shuffle(points)
        return min(points, key=lambda p: deaths[p] + self.tried[p] // 4, default="")

    def live(self) -> int:
        """Let one driver live and die; return its exit code."""
        fatal = self.next_point()
        self.tried[fatal] += 1
        options = ["--die-at", fatal]
        options += ["--occurrence", str(self.rng.choice([1, 1, 1, 2, 4]))]
        if self.rng.random() < 0.4:
            pid = self.case.cluster.pid("slurmctld")
            seconds = self.rng.choice([0.5, 3.0, 12.0, 12.0])
            options += ["--freeze", str(pid), "--freeze-seconds", str(seconds)]
        driver = self.case.start(*options)
        self.n_lives += 1
        try:
            code = driver.wait(timeout=self.rng.uniform(0.4, 1.0) * self.longest_s)
        except subprocess.TimeoutExpired:
            driver.kill()
            code = driver.wait()
        self.n_kills += code == -9
        return code


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--trials", type=int, default=450)
    parser.add_argument("--parallelism", type=int, default=3)
    parser.add_argument("--life-seconds", type=float, default=16.0)
    parser.add_argument("--minutes", type=float, default=60.0)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    case = Case(
        Cluster(),
        max_trials=options.trials,
        parallelism=options.parallelism,
        seconds=0.2,
    )
    lives = Lives(case, random.Random(options.seed), options.life_seconds)
    begun = time.monotonic()
    found: list[str] = []
    while (code := lives.live()) != 0 and len(found) < 5:
        if code != -9:
            found.append(f"a driver exited {code}")
        if time.monotonic() - begun > 60 * options.minutes:
            found.append(f"not complete after {options.minutes} min")
            break
    time.sleep(15)  # for the ghosts that a thawed controller makes
    adopted = [
        int(line.split()[0]) for line in counted(case.folder / "adopted").elements()
    ]
    found += case.violations()
    found += [f"adopted after {n} answers listed it" for n in adopted if n > 2]
    log, deaths = case.log(), lives.deaths
    never = sorted(set(lives.points) - set(deaths))
    conclude(
        f"Drivers killed at every point: {case.folder}",
        [
            ("trials", options.trials),
            ("submissions by sbatch", len(submissions(case))),
            ("lives of the driver", lives.n_lives),
            ("killed with -9, of these", lives.n_kills),
            ("at a chosen point, of these", sum(deaths.values())),
            (
                "points known, and fatal at least once",
                f"{len(lives.points)}, {len(deaths)}",
            ),
            ("points never fatal", ", ".join(never) or "none"),
            ("submissions with a lost answer", log.count("sbatch may have been heard")),
            ("submissions found again by name", log.count("already submitted")),
            (
                "answers that listed a job before it was adopted, at most",
                max(adopted, default=0),
            ),
            ("minutes", f"{(time.monotonic() - begun) / 60:.1f}"),
        ],
        found,
    )


def submissions(case: Case) -> set[str]:
    """Return the ids of all jobs and job arrays of an experiment."""
    return {job_id.partition("_")[0] for job_id in case.job_ids()}


if __name__ == "__main__":
    main()
