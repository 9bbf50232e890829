"""Killed and started again: `hpcopt run`, and the limits that it keeps.

scripts/bench slurm/restarts --kills 20

The driver of one experiment dies by SIGKILL at random moments and is started again
each time: in the end there are exactly max_trials trials, no job name twice in
sacct -D, no result lost. Then another experiment may have two jobs waiting on a cluster
that is full: squeue, asked every 0.2 s, must never show more.
"""

from __future__ import annotations

import argparse
import random
import subprocess
import time

from benchmarks.slurm.chaos.case import Case, Cluster, conclude

ALLOWED = 2


def restarts(
    cluster: Cluster, n_trials: int, n_kills: int, rng: random.Random
) -> tuple[int, list[str]]:
    """Kill a driver over and over; return how often, and what is wrong."""
    case = Case(cluster, max_trials=n_trials, parallelism=6, seconds=(2,))
    n_killed = 0
    while n_killed < n_kills:
        driver = case.run()
        try:
            if driver.wait(timeout=rng.uniform(0.5, 8)) == 0:
                return n_killed, ["it was complete before it was killed often enough"]
            return n_killed, [f"{case.folder}: a driver exited {driver.returncode}"]
        except subprocess.TimeoutExpired:
            driver.kill()
            driver.wait()
            n_killed += 1
    code = case.run().wait(timeout=900)
    found = [] if code == 0 else [f"{case.folder}: the last driver exited {code}"]
    if case.experiment.n_trials != n_trials:
        found.append(f"{case.experiment.n_trials} trials, not {n_trials}")
    return n_killed, found + case.violations()


def most_waiting(
    cluster: Cluster, n_trials: int, seconds: float
) -> tuple[int, int, list[str]]:
    """Run an experiment on a full cluster.

    Returns:
        How many jobs were waiting at most, of how many samples, and what is wrong.
    """
    case = Case(cluster, max_trials=n_trials, parallelism=16, max_queued_jobs=ALLOWED)
    script = case.folder / "sleep.sh"
    script.write_text("#!/bin/sh\nsleep 900\n")
    nodes = cluster.ask("sinfo", "-h", "-N", "-p", "main", "-o", "%N").split()
    blocker = cluster.ask(
        *("sbatch", "--parsable", "--exclusive", "-N", "1", "--mem=10"),
        *(f"--array=1-{len(nodes)}", "-o", "/dev/null", str(script)),
    ).strip()
    most = n_samples = 0
    driver = case.run()
    try:
        until = time.monotonic() + seconds
        while driver.poll() is None and time.monotonic() < until:
            listing = cluster.ask("squeue", "-h", "-r", "-t", "PD", "-o", "%j")
            ours = [n for n in listing.splitlines() if f":{case.name}:" in n]
            most, n_samples = max(most, len(ours)), n_samples + 1
            time.sleep(0.2)
    finally:
        cluster.ask("scancel", blocker)
    while driver.poll() is None:  # and while the places are taken
        listing = cluster.ask("squeue", "-h", "-r", "-t", "PD", "-o", "%j")
        ours = [n for n in listing.splitlines() if f":{case.name}:" in n]
        most, n_samples = max(most, len(ours)), n_samples + 1
        time.sleep(0.2)
    found = [] if driver.returncode == 0 else [f"{case.folder}: {driver.returncode}"]
    if most != ALLOWED:
        found.append(f"{most} jobs were waiting at most, not {ALLOWED}")
    return most, n_samples, found + case.violations()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--trials", type=int, default=120)
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    cluster = Cluster()
    rng = random.Random(options.seed)
    n_killed, found = restarts(cluster, options.trials, options.kills, rng)
    most, n_samples, wrong = most_waiting(cluster, 24, options.seconds)
    conclude(
        "Restarts, and a limit on waiting jobs",
        [
            ("trials of the experiment that was killed", options.trials),
            ("times that its driver was killed with -9", n_killed),
            ("max_queued_jobs of the second experiment", ALLOWED),
            (f"waiting at most, in {n_samples} samples", most),
        ],
        found + wrong,
    )


if __name__ == "__main__":
    main()
