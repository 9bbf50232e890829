"""Trials wasted on a region where every trial crashes, hpcopt beside Ax.

    scripts/bench crash_region [--seeds 10] [--methods hpcopt ax] [--keep]

Both libraries get the same script: ``ax.api`` and ``hpcopt.api`` are called alike. A
region of 30 % of the space crashes; four trials run at a time and end in order.
"""

from __future__ import annotations

import argparse
import importlib
import logging
import statistics
import tempfile
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate, product

from benchmarks.common import results
from benchmarks.common.provenance import provenance
from benchmarks.quality.protocol.functions import branin, hartmann6
from benchmarks.quality.protocol.methods import PACKAGES
from benchmarks.quality.protocol.worker import folder_of, work

IN_FLIGHT = 4
METHODS = ("hpcopt", "ax")


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


def run(library: str, name: str, seed: int, how: Mapping[str, str]) -> results.Run:
    """Return what became of one experiment."""
    logging.disable(logging.WARNING)
    here = provenance(PACKAGES[library])
    n_trials = int(how["trials"])
    problem = PROBLEMS[name]
    client_module = importlib.import_module(f"{library}.api.client")
    configs = importlib.import_module(f"{library}.api.configs")
    names = [f"x{k + 1}" for k in range(len(problem.bounds))]
    values: list[float] = []
    seconds: list[float] = []
    running: deque[tuple[int, dict[str, float]]] = deque()
    n_asked = n_crashed = 0
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
        while n_asked < n_trials or running:
            while n_asked < n_trials and len(running) < IN_FLIGHT:
                asked = time.perf_counter()
                running.extend(client.get_next_trials(max_trials=1).items())
                seconds.append(time.perf_counter() - asked)
                n_asked += 1
            index, parameters = running.popleft()
            x = [parameters[x] for x in names]
            if problem.crashes(*x):
                client.mark_trial_failed(trial_index=index)
                values.append(float("inf"))
                n_crashed += 1
            else:
                values.append(problem.function(*x))
                client.complete_trial(trial_index=index, raw_data={"loss": values[-1]})
        total = time.perf_counter() - started
        del client
    return results.Run(
        library,
        name,
        seed,
        how,
        tuple(accumulate(values, min)),
        tuple(seconds),
        here,
        total,
        {"crashed": str(n_crashed)},
    )


def print_table(found: Sequence[results.Run]) -> None:
    """Print means of crashed trials, and medians of all else."""
    print(f"{'problem':16} {'library':8} crashed  best (medians)  s/trial")
    for problem, method in product(PROBLEMS, METHODS):
        runs = [r for r in found if (r.problem, r.method) == (problem, method)]
        if not runs:
            continue
        crashed = statistics.mean(int(run.found["crashed"]) for run in runs)
        best = statistics.median(run.best[-1] for run in runs)
        seconds = statistics.median((r.seconds or 0) / len(r.best) for r in runs)
        print(f"{problem:16} {method:8} {crashed:7.1f}  {best:14.4f}  {seconds:7.3f}")


def main() -> None:
    """Run the benchmark and print its table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--trials", type=int, default=50)
    parser.add_argument(
        "--problems", nargs="+", choices=PROBLEMS, default=list(PROBLEMS)
    )
    parser.add_argument("--methods", nargs="+", choices=METHODS, default=METHODS)
    parser.add_argument("--keep", action="store_true", help="keep the rows")
    options = parser.parse_args()
    seeds = range(options.seeds)
    how = {"trials": str(options.trials), "in_flight": str(IN_FLIGHT)}
    with folder_of("crash_region", is_kept=options.keep) as folder:
        for method in options.methods:
            work(
                "quality/crash_region",
                method,
                folder,
                problems=options.problems,
                seeds=seeds,
                settings=how,
            )
        found = [run for run in results.read(folder, how) if run.seed in seeds]
    print_table(found)


if __name__ == "__main__":
    main()
