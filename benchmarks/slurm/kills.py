"""Exactly once: the driver is killed at every point, the controller freezes.

scripts/bench slurm/kills --trials 420

Each life of the driver ends by SIGKILL at the point that has been fatal least often so
far: a write, a sync, a rename, the start or the end of sbatch, squeue or sacct. A point
that a driver comes by only after certain deaths of the one before it, such as those of
a takeover that was cut off, has one of them come first; one that is passed only while
an experiment is created gets a small experiment of its own. Also slurmctld is stopped
before random calls of sbatch and let go on later, so that sbatch reports failures for
jobs that exist. Wrong is: a job name twice in sacct -D, a program that ran twice, a job
that no attempt owns, a missing result or one of another trial, a job that was adopted
only after more than two answers of squeue had listed it, a point that was never fatal.
"""

from __future__ import annotations

import argparse
import random
import subprocess
import time
from collections import Counter
from dataclasses import dataclass

from benchmarks.slurm.chaos.case import Case, Cluster, conclude
from benchmarks.slurm.chaos.driver import DIED

#: What was before a life, where it was no death at a chosen point.
BIRTH, CHANCE = "birth", "chance"

#: A controller that is frozen for so long has sbatch give up, and makes the job later.
GHOSTLY_S = 12.0

#: How many lives it takes to tell which points are rare.
N_FIRST_LIVES = 10


@dataclass(frozen=True)
class Life:
    """The life of one driver."""

    after: str
    """The point where the driver before it died."""
    passed: frozenset[str]
    """The points that it came by."""
    died_at: str
    code: int


class Lives:
    """All lives so far, of the drivers of all experiments."""

    def __init__(self, rng: random.Random) -> None:
        self.all: list[Life] = []
        self._rng = rng
        self._tried: Counter[str] = Counter()

    @property
    def points(self) -> set[str]:
        """Where a driver may die."""
        return set().union(*(life.passed for life in self.all))

    @property
    def deaths(self) -> Counter[str]:
        """How often each point was fatal."""
        return Counter(life.died_at for life in self.all if life.died_at != CHANCE)

    @property
    def never_fatal(self) -> set[str]:
        return self.points - set(self.deaths)

    def target(self, points: set[str]) -> str:
        """Return the point that was least often fatal, if it can be reached at all."""
        deaths = self.deaths
        choice = sorted(points)
        self._rng.shuffle(choice)
        target = min(choice, key=lambda p: deaths[p] + self._tried[p] // 4, default="")
        self._tried[target] += 1
        return target

    def death_before(self, point: str, last: str) -> str:
        """Return the death that best leads to a point; nothing if ``last`` does."""
        lives = Counter(life.after for life in self.all)
        passed = Counter(life.after for life in self.all if point in life.passed)
        overall = passed.total() / max(1, lives.total())

        def share(after: str) -> float:
            return (passed[after] + overall) / (lives[after] + 1)

        best = max(sorted(set(lives) - {CHANCE}), key=share, default=BIRTH)
        is_known = len(self.all) >= N_FIRST_LIVES
        return best if is_known and share(best) > 2 * share(last) else ""


class Drivers:
    """The drivers of one experiment, each with a death in store."""

    def __init__(self, bench: Bench, case: Case) -> None:
        bench.cases.append(case)
        self._bench = bench
        self._case = case
        self._last = BIRTH
        self._then = ""
        """For the sake of which point the last death was chosen."""

    def next_point(self, points: set[str]) -> str:
        """Return where the next driver shall die, to have one of ``points`` fatal."""
        lives = self._bench.lives
        if self._then and self._last != CHANCE:
            point, self._then = self._then, ""
            return point
        target = lives.target(points)
        before = lives.death_before(target, self._last)
        if before == BIRTH:
            self._bench.run_small(target)
        is_led_to = before not in ("", BIRTH)
        self._then = target if is_led_to else ""
        return before if is_led_to else target

    def live(self, fatal: str, seconds: float, frozen_s: float = 0.0) -> int:
        """Let one driver live and die; return its exit code.

        Args:
            fatal: Where it dies; empty for nowhere.
            seconds: How long it may live.
            frozen_s: For how long the controller is frozen; 0 to leave that to chance.
        """
        rng, lives = self._bench.rng, self._bench.lives
        notes = self._case.folder / f"life-{len(lives.all):04d}"
        options = ["--notes", str(notes), "--die-at", fatal]
        if lives.deaths[fatal] and not self._then:
            options += ["--occurrence", str(rng.choice([1, 1, 2, 4]))]
        if not frozen_s and rng.random() < 0.2:
            frozen_s = rng.choice([0.5, 3.0, 12.0])
        if frozen_s:
            pid = self._case.cluster.pid("slurmctld")
            options += ["--freeze", str(pid), "--freeze-seconds", str(frozen_s)]
        driver = self._case.start(*options)
        try:
            code = driver.wait(timeout=seconds)
        except subprocess.TimeoutExpired:
            driver.kill()
            code = driver.wait()
        passed = notes.read_text().splitlines() if notes.exists() else []
        died_at = fatal if passed[-1:] == [DIED] else CHANCE
        life = Life(self._last, frozenset(passed) - {DIED}, died_at, code)
        lives.all.append(life)
        self._last = died_at
        return code


class Bench:
    """Experiments, their drivers' lives, and what has gone wrong."""

    def __init__(self, rng: random.Random, longest_s: float, minutes: float) -> None:
        self.rng = rng
        self.lives = Lives(rng)
        self.cases: list[Case] = []
        self.found: list[str] = []
        self._cluster = Cluster()
        self._longest_s = longest_s
        self._end = time.monotonic() + 60 * minutes

    def run(self, n_trials: int) -> None:
        """Kill the drivers of one experiment until it is complete."""
        # Places become free one by one: most submissions are of one trial.
        case = Case(self._cluster, max_trials=n_trials, seconds=(0.1, 0.5, 0.9))
        drivers = Drivers(self, case)
        while not self._is_over():
            case.run_at_once(self.rng.choice([2, 3]))
            kind, seconds = self.rng.random(), self._longest_s
            if kind < 0.1:
                code = drivers.live("", 1.5 * seconds, GHOSTLY_S)
            elif kind < 0.25:
                code = drivers.live("", seconds * self.rng.random())
            else:
                code = drivers.live(drivers.next_point(self.lives.points), seconds)
            if self._is_complete(case, code):
                return

    def run_small(self, fatal: str = "") -> None:
        """Kill drivers of a small experiment, and have it complete.

        Args:
            fatal: Where its first driver dies, and no other; if empty, its drivers die
                wherever none has died so far.
        """
        # The lease gives a sign of life every 10 s: somebody has to live to see it.
        seconds = 0.5 if fatal else 12.0
        case = Case(self._cluster, max_trials=4, parallelism=3, seconds=(seconds,))
        drivers = Drivers(self, case)
        is_first = True
        while not self._is_over():
            point = fatal if is_first else ""
            if not fatal and (never := self.lives.never_fatal):
                point = drivers.next_point(never)
            is_first = False
            if self._is_complete(case, drivers.live(point, 4 * self._longest_s)):
                return

    def kill_at_the_rest(self) -> None:
        """Run small experiments until each point was fatal, if that can be."""
        for _ in range(20):
            if self.lives.never_fatal and not self._is_over():
                self.run_small()

    def _is_complete(self, case: Case, code: int) -> bool:
        if code not in (0, -9):
            self.found.append(f"{case.folder}: a driver exited {code}")
        return code == 0

    def _is_over(self) -> bool:
        """Whether to give up."""
        return len(self.found) >= 5 or time.monotonic() > self._end

    def judge(self, *, every_point: bool) -> tuple[int, Counter[str]]:
        """Look for what has gone wrong.

        Returns:
            How many answers of squeue listed a job before it was adopted, at most; and
            how often the logs say certain things.
        """
        most, said = 0, Counter[str]()
        for case in self.cases:
            self.found += case.violations()
            path = case.folder / "adopted"
            lines = path.read_text().splitlines() if path.exists() else []
            most = max([most, *(int(line.split()[0]) for line in lines)])
            for words in ("sbatch may have been heard", "already submitted"):
                said[words] += case.log().count(words)
        if most > 2:
            self.found.append(f"adopted after {most} answers of squeue listed it")
        if every_point:
            self.found += [f"never fatal: {p}" for p in sorted(self.lives.never_fatal)]
        return most, said

    def n_submissions(self) -> int:
        """Return the number of jobs and job arrays of all experiments."""
        ids = {i.partition("_")[0] for case in self.cases for i in case.job_ids()}
        return len(ids)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--trials", type=int, default=420)
    parser.add_argument("--life-seconds", type=float, default=16.0)
    parser.add_argument("--minutes", type=float, default=45.0)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument(
        "--every-point", action=argparse.BooleanOptionalAction, default=True
    )
    options = parser.parse_args()
    begun = time.monotonic()
    bench = Bench(random.Random(options.seed), options.life_seconds, options.minutes)
    bench.run(options.trials)
    if options.every_point:
        bench.kill_at_the_rest()
    time.sleep(15)  # for the ghosts that a thawed controller makes
    most, said = bench.judge(every_point=options.every_point)
    lives, deaths = bench.lives.all, bench.lives.deaths
    conclude(
        f"Drivers killed at every point: {bench.cases[0].folder}",
        [
            ("trials", sum(case.max_trials for case in bench.cases)),
            ("experiments, small ones too", len(bench.cases)),
            ("submissions by sbatch", bench.n_submissions()),
            ("lives of the driver", len(lives)),
            ("killed with -9, of these", sum(life.code == -9 for life in lives)),
            ("at a chosen point, of these", deaths.total()),
            ("points known", len(bench.lives.points)),
            ("points fatal at least once", len(deaths)),
            ("submissions with a lost answer", said["sbatch may have been heard"]),
            ("submissions found again by name", said["already submitted"]),
            ("answers that listed a job before it was adopted, at most", most),
            ("minutes", f"{(time.monotonic() - begun) / 60:.1f}"),
        ],
        bench.found,
    )


if __name__ == "__main__":
    main()
