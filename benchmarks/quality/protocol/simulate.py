"""One run: a number of trials in flight, the best feasible value so far by trial.

    python benchmarks quality/protocol/simulate METHOD CSV PROBLEM,… FIRST_SEED END_SEED
        [--trials 40] [--in-flight 4] [--order fifo|random] [--seconds 600]

Appends a row a trial that ended: method, problem, seed, trial, the best value so far
(free of noise, ``inf`` before the first feasible one), the seconds that its generation
took. Runs that
the file holds are passed over, so that it can be stopped and continued.
"""

from __future__ import annotations

import argparse
import csv
import heapq
import os
import tempfile
import time
import warnings
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch

from benchmarks.quality.protocol.methods import METHODS
from benchmarks.quality.protocol.problems import PROBLEMS, Value

#: The spread of the logarithm of the trials' durations, with ``--order random``.
_DURATION_SPREAD = 0.5

Row = tuple[str, str, int, int, str, str]


def simulate(
    method: str, name: str, seed: int, *, n_trials: int, in_flight: int, order: str
) -> Iterator[Row]:
    """Yield a row for each trial, in the order in which they end."""
    problem = PROBLEMS[name]
    evaluate = problem.evaluator(seed)
    noise = np.random.default_rng([seed, 2])
    optimiser = METHODS[method](problem, seed)
    durations = np.random.default_rng([seed, 1])
    spread = _DURATION_SPREAD if order == "random" else 0.0
    running: list[tuple[float, int, object, list[Value], float]] = []
    now, best, n_issued, n_ended = 0.0, float("inf"), 0, 0
    while n_ended < n_trials:
        while len(running) < in_flight and n_issued < n_trials:
            started = time.perf_counter()
            asked = optimiser.ask()
            seconds = time.perf_counter() - started
            if asked is None:
                break
            end = now + float(np.exp(spread * durations.standard_normal()))
            heapq.heappush(running, (end, n_issued, asked[0], asked[1], seconds))
            n_issued += 1
        if not running:
            raise RuntimeError(f"{method} proposes nothing, and nothing is running")
        now, _, trial, point, seconds = heapq.heappop(running)
        value, slacks = evaluate(point)
        told = value + problem.noise * float(noise.standard_normal())
        optimiser.tell(trial, told, slacks)
        n_ended += 1
        if all(slack >= 0 for slack in slacks):
            best = min(best, value)
        yield method, name, seed, n_ended, f"{best:.6g}", f"{seconds:.4f}"


def finished(path: Path, n_trials: int) -> set[tuple[str, str, int]]:
    """Return the runs that the file holds in full."""
    if not path.exists():
        return set()
    with path.open(newline="") as file:
        return {
            (row[0], row[1], int(row[2]))
            for row in csv.reader(file)
            if int(row[3]) == n_trials
        }


def main() -> None:
    """Run what is missing."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("method", choices=METHODS)
    parser.add_argument("csv", type=Path)
    parser.add_argument("problems", type=lambda text: text.split(","))
    parser.add_argument("first_seed", type=int)
    parser.add_argument("end_seed", type=int)
    parser.add_argument("--trials", type=int, default=40)
    parser.add_argument("--in-flight", type=int, default=4)
    parser.add_argument("--order", choices=["fifo", "random"], default="fifo")
    parser.add_argument("--seconds", type=float, default=float("inf"))
    options = parser.parse_args()
    warnings.filterwarnings("ignore")
    torch.set_num_threads(1)
    path = options.csv.absolute()
    done = finished(path, options.trials)
    deadline = time.monotonic() + options.seconds
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)  # what a package writes is nobody's
        for seed in range(options.first_seed, options.end_seed):
            for name in options.problems:
                if (options.method, name, seed) in done:
                    continue
                if time.monotonic() > deadline:
                    return
                rows = list(
                    simulate(
                        options.method,
                        name,
                        seed,
                        n_trials=options.trials,
                        in_flight=options.in_flight,
                        order=options.order,
                    )
                )
                with path.open("a", newline="") as file:
                    csv.writer(file).writerows(rows)
                print(f"{options.method} {name} {seed}: {rows[-1][4]}", flush=True)


if __name__ == "__main__":
    main()
