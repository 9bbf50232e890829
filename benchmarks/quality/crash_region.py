"""Trials wasted on a region where every trial crashes, hpcopt beside Ax.

scripts/bench crash_region --seeds 10 --python PATH/TO/python-with-ax

Both libraries get the same script: ``ax.api`` and ``hpcopt.api`` are called alike. A
region of 30 % of the space crashes; four trials run at a time and end in order.
"""

from __future__ import annotations

import argparse
import importlib
import json
import logging
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")  # before anything that computes

import numpy as np

from benchmarks.common.paths import command
from benchmarks.common.rows import append_row

IN_FLIGHT = 4

_ALPHA = np.array([1.0, 1.2, 3.0, 3.2])
_A = np.array(
    [
        [10, 3, 17, 3.5, 1.7, 8],
        [0.05, 10, 17, 0.1, 8, 14],
        [3, 3.5, 1.7, 10, 17, 8],
        [17, 8, 0.05, 10, 0.1, 14],
    ]
)
_P = 1e-4 * np.array(
    [
        [1312, 1696, 5569, 124, 8283, 5886],
        [2329, 4135, 8307, 3736, 1004, 9991],
        [2348, 1451, 3522, 2883, 3047, 6650],
        [4047, 8828, 8732, 5743, 1091, 381],
    ]
)


def hartmann6(*x: float) -> float:
    """Hartmann's function; its optimum is -3.322 at x6 = 0.657."""
    return -float(_ALPHA @ np.exp(-(_A * (np.array(x) - _P) ** 2).sum(axis=1)))


def branin(x1: float, x2: float) -> float:
    """Branin's function; its optimum is 0.398 at x1 = -3.14, 3.14 and 9.42."""
    a = x2 - 5.1 / (4 * np.pi**2) * x1**2 + 5 / np.pi * x1 - 6
    return float(a**2 + 10 * (1 - 1 / (8 * np.pi)) * np.cos(x1) + 10)


@dataclass(frozen=True)
class Problem:
    """A function, its bounds, and where trials crash."""

    function: Callable[..., float]
    bounds: tuple[tuple[float, float], ...]
    crashes: Callable[..., bool]


PROBLEMS: Mapping[str, Problem] = {
    # One of three optima lies inside, the others outside.
    "branin": Problem(branin, ((-5, 10), (0, 15)), lambda x1, x2: x1 > 5.5),
    # The optimum is 0.04 away from the wall.
    "hartmann6": Problem(hartmann6, ((0, 1),) * 6, lambda *x: x[5] > 0.7),
}


def run(library: str, name: str, seed: int, n_trials: int) -> dict[str, Any]:
    """Return what became of one experiment."""
    problem = PROBLEMS[name]
    client_module = importlib.import_module(f"{library}.api.client")
    configs = importlib.import_module(f"{library}.api.configs")
    names = [f"x{k + 1}" for k in range(len(problem.bounds))]
    values: list[float | None] = []
    running: deque[tuple[int, dict[str, float]]] = deque()
    with tempfile.TemporaryDirectory() as folder:
        extra = {"folder": folder} if library == "hpcopt" else {}
        client = client_module.Client(random_seed=seed, **extra)
        client.configure_experiment(
            name=name,
            parameters=[
                configs.RangeParameterConfig(
                    name=x, parameter_type="float", bounds=tuple(map(float, bounds))
                )
                for x, bounds in zip(names, problem.bounds, strict=True)
            ],
        )
        client.configure_optimization(objective="-loss")
        started = time.perf_counter()
        n_asked = 0
        while n_asked < n_trials or running:
            while n_asked < n_trials and len(running) < IN_FLIGHT:
                running.extend(client.get_next_trials(max_trials=1).items())
                n_asked += 1
            index, parameters = running.popleft()
            x = [parameters[x] for x in names]
            if problem.crashes(*x):
                client.mark_trial_failed(trial_index=index)
                values.append(None)
            else:
                values.append(problem.function(*x))
                client.complete_trial(trial_index=index, raw_data={"loss": values[-1]})
        seconds = time.perf_counter() - started
        del client
    known = [value for value in values if value is not None]
    return {
        "library": library,
        "problem": name,
        "seed": seed,
        "crashed": values.count(None),
        "best": min(known, default=float("nan")),
        "seconds_per_trial": seconds / n_trials,
    }


def rows(options: argparse.Namespace) -> Iterator[dict[str, Any]]:
    """Yield the rows of all experiments; Ax runs by its own interpreter."""
    for name in options.problems:
        for seed in range(options.seeds):
            for library, python in (("hpcopt", sys.executable), ("ax", options.python)):
                if python is None or library not in options.libraries:
                    continue
                words = command(
                    "quality/crash_region",
                    *("--one", library, name, str(seed)),
                    *("--trials", str(options.trials)),
                    python=python,
                )
                done = subprocess.run(words, capture_output=True, text=True, check=True)
                yield json.loads(done.stdout.splitlines()[-1])


def main() -> None:
    """Run the benchmark and print its table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--trials", type=int, default=50)
    parser.add_argument(
        "--problems", nargs="+", choices=PROBLEMS, default=list(PROBLEMS)
    )
    parser.add_argument("--libraries", nargs="+", default=["hpcopt", "ax"])
    parser.add_argument("--python", help="an interpreter that has ax-platform")
    parser.add_argument("--csv", type=Path, help="where to append all rows")
    parser.add_argument("--one", nargs=3, metavar=("LIBRARY", "PROBLEM", "SEED"))
    options = parser.parse_args()
    if options.one:
        logging.disable(logging.WARNING)
        library, name, seed = options.one
        print(json.dumps(run(library, name, int(seed), options.trials)))
        return
    found = []
    for row in rows(options):
        found.append(row)
        print(row, flush=True)
        if options.csv is not None:
            append_row(options.csv, row)
    print(f"{'problem':16} {'library':8} crashed  best (medians)  s/trial")
    for name in options.problems:
        for library in options.libraries:
            of = [r for r in found if (r["problem"], r["library"]) == (name, library)]
            if of:
                crashed = statistics.mean(r["crashed"] for r in of)
                best = statistics.median(r["best"] for r in of)
                seconds = statistics.median(r["seconds_per_trial"] for r in of)
                print(
                    f"{name:16} {library:8} {crashed:7.1f}  {best:14.4f}  "
                    f"{seconds:7.3f}"
                )


if __name__ == "__main__":
    main()
