"""Metrics to be brought to targets, told as such or as distances alone.

scripts/bench targets --seeds 10 --python PATH/TO/python-with-optuna

The same four first trials for all, four in flight, ended in order. ``hpcopt`` gets an
objective such as ``-abs(m - 350)`` and the metrics; ``hpcopt-distance`` and Optuna's
``GPSampler`` get the distance as a number to minimise, which is all that they can take.
"""

from __future__ import annotations

import argparse
import json
import logging
import os
import statistics
import subprocess
import sys
import tempfile
import time
import warnings
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

os.environ.setdefault("OMP_NUM_THREADS", "1")  # before anything that computes

import numpy as np
from scipy.stats import qmc

from benchmarks.common.paths import command
from benchmarks.common.rows import append_row
from benchmarks.quality.crash_region import branin, hartmann6

N_FIRST, IN_FLIGHT = 4, 4

Point = dict[str, float]


@dataclass(frozen=True)
class Problem:
    """A simulation with several outputs, and what they should be."""

    bounds: Sequence[tuple[float, float]]
    simulate: Callable[..., Sequence[float]]
    targets: Sequence[float]
    weights: Sequence[float]
    power: int = 1

    @property
    def objective(self) -> str:
        """The objective of hpcopt."""
        form = (
            "-{w!r}*abs(y{k} - {t!r})"
            if self.power == 1
            else "-{w!r}*(y{k} - {t!r})**2"
        )
        return " ".join(
            form.format(k=k, w=w, t=t)
            for k, (w, t) in enumerate(zip(self.weights, self.targets, strict=True))
        )

    def metrics(self, point: Point) -> dict[str, float]:
        """Return the outputs at a point."""
        return {f"y{k}": y for k, y in enumerate(self.simulate(*point.values()))}

    def distance(self, metrics: Mapping[str, float]) -> float:
        """Return what is to be minimised."""
        return sum(
            w * abs(y - t) ** self.power
            for w, y, t in zip(
                self.weights, metrics.values(), self.targets, strict=True
            )
        )

    def first(self, seed: int) -> list[Point]:
        """Return the points that all begin with."""
        low, high = np.array(self.bounds).T
        X = qmc.Sobol(len(low), seed=seed).random(N_FIRST)
        return [
            {f"x{k}": float(v) for k, v in enumerate(x)} for x in low + X * (high - low)
        ]


def spill(mass: float, diffusion: float, place: float, when: float) -> list[float]:
    """Two chemical spills (Bliznyuk et al., 2008), at 3 places and 4 times."""

    def one(amount: float, s: float, t: float) -> float:
        spread = 4 * diffusion * t
        return float(amount / np.sqrt(np.pi * spread) * np.exp(-(s**2) / spread))

    return [
        one(mass, s, t) + (one(mass, s - place, t - when) if t > when else 0.0)
        for s in (0.0, 1.0, 2.5)
        for t in (15.0, 30.0, 45.0, 60.0)
    ]


def oscillator(
    stiffness: float, damping: float, mass: float, push: float
) -> list[float]:
    """A damped oscillator after a push: period, half-life and highest deflection."""
    rate = damping / (2 * mass)
    frequency = np.sqrt(stiffness / mass - rate**2)
    peak = np.arctan2(frequency, rate) / frequency
    highest = push / mass / frequency * np.exp(-rate * peak) * np.sin(frequency * peak)
    return [float(2 * np.pi / frequency), float(np.log(2) / rate), float(highest)]


PROBLEMS: Mapping[str, Problem] = {
    "hartmann6 = -1.5": Problem(
        [(0, 1)] * 6, lambda *x: [hartmann6(*x)], [-1.5], [1.0]
    ),
    "branin = 20": Problem([(-5, 10), (0, 15)], lambda *x: [branin(*x)], [20.0], [1.0]),
    "spill, 12 squares": Problem(
        [(7, 13), (0.02, 0.12), (0.01, 3), (30.01, 30.295)],
        spill,
        [round(y, 6) for y in spill(10, 0.07, 1.505, 30.1525)],
        [1.0] * 12,
        2,
    ),
    "oscillator, 3 distances": Problem(
        [(2, 20), (0.05, 1), (0.5, 2), (0.5, 5)],
        oscillator,
        [round(y, 6) for y in oscillator(9, 0.3, 0.8, 2)],
        [1.0, 0.5, 2.0],
    ),
}


class Method(Protocol):
    """What is compared."""

    def begin(self, points: Sequence[tuple[Point, Mapping[str, float]]]) -> None:
        """Take the outcomes of the first trials."""

    def ask(self) -> tuple[Any, Point]:
        """Return a trial and its point."""

    def tell(self, trial: Any, metrics: Mapping[str, float]) -> None:
        """Take a trial's outcome."""


class HpcoptMethod:
    """hpcopt, told of targets or of the distance alone."""

    def __init__(
        self, problem: Problem, seed: int, folder: str, *, knows_targets: bool
    ) -> None:
        from hpcopt.api.client import Client
        from hpcopt.api.configs import RangeParameterConfig

        self._problem, self._knows_targets = problem, knows_targets
        self._client = Client(random_seed=seed, folder=Path(folder))
        self._client.configure_experiment(
            name="targets",
            parameters=[
                RangeParameterConfig(
                    name=f"x{k}",
                    parameter_type="float",
                    bounds=(float(low), float(high)),
                )
                for k, (low, high) in enumerate(problem.bounds)
            ],
        )
        objective = problem.objective if knows_targets else "-distance"
        self._client.configure_optimization(objective=objective)

    def begin(self, points: Sequence[tuple[Point, Mapping[str, float]]]) -> None:
        for point, metrics in points:
            self.tell(self._client.attach_trial(parameters=point), metrics)

    def ask(self) -> tuple[int, Point]:
        [(index, point)] = self._client.get_next_trials(max_trials=1).items()
        return index, {name: float(value) for name, value in point.items()}

    def tell(self, trial: int, metrics: Mapping[str, float]) -> None:
        data = {"distance": self._problem.distance(metrics)}
        if self._knows_targets:
            data = dict(metrics)
        self._client.complete_trial(trial_index=trial, raw_data=data)


class OptunaMethod:
    """Optuna's Gaussian process, told of the distance."""

    def __init__(self, problem: Problem, seed: int) -> None:
        import optuna

        optuna.logging.set_verbosity(optuna.logging.ERROR)
        self._problem = problem
        self._spaces = {
            f"x{k}": optuna.distributions.FloatDistribution(low, high)
            for k, (low, high) in enumerate(problem.bounds)
        }
        sampler = optuna.samplers.GPSampler(seed=seed, n_startup_trials=N_FIRST)
        self._study = optuna.create_study(sampler=sampler)

    def begin(self, points: Sequence[tuple[Point, Mapping[str, float]]]) -> None:
        import optuna

        for point, metrics in points:
            trial = optuna.trial.create_trial(
                params=point,
                distributions=self._spaces,
                value=self._problem.distance(metrics),
            )
            self._study.add_trial(trial)

    def ask(self) -> tuple[Any, Point]:
        trial = self._study.ask(self._spaces)
        return trial, dict(trial.params)

    def tell(self, trial: Any, metrics: Mapping[str, float]) -> None:
        self._study.tell(trial, self._problem.distance(metrics))


METHODS = ("hpcopt", "hpcopt-distance", "optuna-gp")


def run(method: str, name: str, seed: int, n_trials: int) -> dict[str, Any]:
    """Return what became of one experiment."""
    problem = PROBLEMS[name]
    first = [(point, problem.metrics(point)) for point in problem.first(seed)]
    distances = [problem.distance(metrics) for _, metrics in first]
    seconds = []
    with tempfile.TemporaryDirectory() as folder:
        asked: Method = (
            OptunaMethod(problem, seed)
            if method == "optuna-gp"
            else HpcoptMethod(problem, seed, folder, knows_targets=method == "hpcopt")
        )
        asked.begin(first)
        running: deque[tuple[Any, Point]] = deque()
        while len(distances) < n_trials:
            while len(running) < min(IN_FLIGHT, n_trials - len(distances)):
                started = time.perf_counter()
                running.append(asked.ask())
                seconds.append(time.perf_counter() - started)
            trial, point = running.popleft()
            metrics = problem.metrics(point)
            distances.append(problem.distance(metrics))
            asked.tell(trial, metrics)
        del asked
    return {
        "method": method,
        "problem": name,
        "seed": seed,
        "half": min(distances[: n_trials // 2]),
        "best": min(distances),
        "seconds": statistics.median(seconds),
        "last_seconds": statistics.median(seconds[-5:]),
    }


def rows(options: argparse.Namespace) -> Iterator[dict[str, Any]]:
    """Yield the rows of all experiments; Optuna runs by its own interpreter."""
    for name in options.problems:
        for method in options.methods:
            python = options.python if method == "optuna-gp" else sys.executable
            if python is None:
                continue
            words = command(
                "quality/targets",
                *("--one", method, name, "--seeds", str(options.seeds)),
                *("--trials", str(options.trials)),
                python=python,
            )
            with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as process:
                assert process.stdout is not None
                yield from map(json.loads, process.stdout)
            if process.returncode:
                raise SystemExit(f"{method} on {name} exited {process.returncode}")


def print_table(found: Sequence[Mapping[str, Any]]) -> None:
    """Print the medians, as a table of Markdown."""
    print(
        "| problem | method | after half of the trials | after all | s a suggestion |"
    )
    print("|---|---|---|---|---|")
    for name in dict.fromkeys(row["problem"] for row in found):
        for method in METHODS:
            of = [r for r in found if (r["problem"], r["method"]) == (name, method)]
            if of:
                half, best, seconds = (
                    statistics.median(row[key] for row in of)
                    for key in ("half", "best", "last_seconds")
                )
                print(
                    f"| {name} | {method} | {half:.3g} | {best:.3g} | {seconds:.2f} |"
                )


def main() -> None:
    """Run the benchmark and print its table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--trials", type=int, default=30)
    parser.add_argument(
        "--problems", nargs="+", choices=PROBLEMS, default=list(PROBLEMS)
    )
    parser.add_argument("--methods", nargs="+", choices=METHODS, default=METHODS)
    parser.add_argument("--python", help="an interpreter that has optuna and torch")
    parser.add_argument("--csv", type=Path, help="where to append all rows")
    parser.add_argument("--one", nargs=2, metavar=("METHOD", "PROBLEM"))
    options = parser.parse_args()
    if options.one:
        logging.disable(logging.WARNING)
        warnings.filterwarnings("ignore")
        for seed in range(options.seeds):
            row = run(*options.one, seed, options.trials)
            print(json.dumps(row), flush=True)
        return
    found = []
    for row in rows(options):
        found.append(row)
        print(row, flush=True)
        if options.csv is not None:
            append_row(options.csv, row)
    print_table(found)


if __name__ == "__main__":
    main()
