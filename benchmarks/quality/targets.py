"""Metrics to be brought to targets, told as such or as distances alone.

    scripts/bench targets [--seeds 10] [--methods hpcopt optuna-gp] [--keep]

The same four first trials for all, four in flight, ended in order. ``hpcopt`` gets an
objective such as ``-abs(m - 350)`` and the metrics; ``hpcopt-distance`` and Optuna's
``GPSampler`` get the distance as a number to minimise, which is all that they can take.
"""

from __future__ import annotations

import argparse
import logging
import statistics
import tempfile
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate, product
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from scipy.stats import qmc

from benchmarks.common import results
from benchmarks.common.provenance import provenance
from benchmarks.quality.protocol.functions import branin, hartmann6
from benchmarks.quality.protocol.methods import PACKAGES
from benchmarks.quality.protocol.worker import folder_of, work

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


def run(method: str, name: str, seed: int, how: Mapping[str, str]) -> results.Run:
    """Return what became of one experiment; the values are distances."""
    logging.disable(logging.WARNING)
    here = provenance(PACKAGES[method.partition("-")[0]])
    n_trials = int(how["trials"])
    problem = PROBLEMS[name]
    first = [(point, problem.metrics(point)) for point in problem.first(seed)]
    distances = [problem.distance(metrics) for _, metrics in first]
    seconds = [0.0] * len(first)
    begun = time.perf_counter()
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
    total = time.perf_counter() - begun
    best = tuple(accumulate(distances, min))
    return results.Run(method, name, seed, how, best, tuple(seconds), here, total)


def print_table(found: Sequence[results.Run]) -> None:
    """Print the medians, as a table of Markdown."""
    print(
        "| problem | method | after half of the trials | after all | s a suggestion |"
    )
    print("|---|---|---|---|---|")
    for name, method in product(PROBLEMS, METHODS):
        runs = [run for run in found if (run.problem, run.method) == (name, method)]
        if not runs:
            continue
        half, best, seconds = (
            statistics.median(values)
            for values in (
                [run.best[len(run.best) // 2 - 1] for run in runs],
                [run.best[-1] for run in runs],
                [statistics.median(run.trial_seconds[-5:]) for run in runs],
            )
        )
        print(f"| {name} | {method} | {half:.3g} | {best:.3g} | {seconds:.2f} |")


def main() -> None:
    """Run the benchmark and print its table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--trials", type=int, default=30)
    parser.add_argument(
        "--problems", nargs="+", choices=PROBLEMS, default=list(PROBLEMS)
    )
    parser.add_argument("--methods", nargs="+", choices=METHODS, default=METHODS)
    parser.add_argument("--keep", action="store_true", help="keep the rows")
    options = parser.parse_args()
    seeds = range(options.seeds)
    how = {"trials": str(options.trials), "in_flight": str(IN_FLIGHT)}
    with folder_of("targets", is_kept=options.keep) as folder:
        for method in options.methods:
            work(
                "quality/targets",
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
