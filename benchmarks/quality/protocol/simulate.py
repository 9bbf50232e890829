"""A run of the protocol: trials in flight, and the best feasible value so far."""

from __future__ import annotations

import heapq
import math
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate

import numpy as np

from benchmarks.common import results
from benchmarks.common.provenance import provenance
from benchmarks.quality.protocol.methods import METHODS, PACKAGES
from benchmarks.quality.protocol.problems import PROBLEMS, Category, Problem, Value

#: The spread of the logarithm of the trials' durations, with ``--order random``.
_DURATION_SPREAD = 0.5

#: Trials are near each other where no parameter differs by more than this share of its
#: range, and no word.
_NEAR = 0.01


@dataclass(frozen=True)
class Ended:
    """A trial that has ended."""

    point: list[Value]
    value: float
    """Free of noise; ``inf`` where the trial is not feasible."""
    told: float
    """What the method was told, which may have noise; likewise."""
    seconds: float
    """Those of the trial's generation."""


def simulate(
    method: str, name: str, seed: int, *, n_trials: int, in_flight: int, order: str
) -> Iterator[Ended]:
    """Yield each trial as it ends.

    Raises:
        RuntimeError: The method proposes nothing.
    """
    problem = PROBLEMS[name]
    evaluate = problem.evaluator(seed)
    noise = np.random.default_rng([seed, 2])
    optimiser = METHODS[method](problem, seed)
    durations = np.random.default_rng([seed, 1])
    spread = _DURATION_SPREAD if order == "random" else 0.0
    running: list[tuple[float, int, object, list[Value], float]] = []
    now, n_issued, n_ended = 0.0, 0, 0
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
        if not all(slack >= 0 for slack in slacks):
            value = told = math.inf
        yield Ended(point, value, told, seconds)


def share_near(problem: Problem, points: Sequence[Sequence[Value]]) -> float:
    """Return the share of the points that are near another one."""
    columns = []
    for k, parameter in enumerate(problem.parameters()):
        values = [point[k] for point in points]
        if isinstance(parameter, Category):
            columns.append([float(parameter.words.index(str(v))) for v in values])
            continue
        low, high = parameter.bounds
        columns.append([(float(v) - low) / (high - low) for v in values])
    X = np.array(columns).T
    distance = np.abs(X[:, None] - X).max(axis=-1)
    np.fill_diagonal(distance, np.inf)
    return float((distance.min(axis=1) <= _NEAR).mean())


def settings(n_trials: int, in_flight: int, order: str) -> dict[str, str]:
    """Return the settings of a run, as its row has them.

    Args:
        n_trials: How many end.
        in_flight: How many run at a time.
        order: ``fifo``, in which the first submitted is the first to end, or
            ``random``, in which they last for times that vary.
    """
    return {"trials": str(n_trials), "in_flight": str(in_flight), "order": order}


def run(method: str, name: str, seed: int, how: Mapping[str, str]) -> results.Run:
    """Return a run with these settings.

    What else came of it: ``near``, the share of trials that were near another one, and
    ``picked``, the value without noise of the trial whose outcome was best with it.
    """
    here = provenance(PACKAGES[method.partition("-")[0]])
    started = time.perf_counter()
    trials = list(
        simulate(
            method,
            name,
            seed,
            n_trials=int(how["trials"]),
            in_flight=int(how["in_flight"]),
            order=how["order"],
        )
    )
    seconds = time.perf_counter() - started
    near = share_near(PROBLEMS[name], [trial.point for trial in trials])
    picked = min(trials, key=lambda trial: trial.told).value
    return results.Run(
        method,
        name,
        seed,
        how,
        tuple(accumulate((trial.value for trial in trials), min)),
        tuple(trial.seconds for trial in trials),
        here,
        seconds,
        {"near": f"{near:.3f}", "picked": f"{picked:.6g}"},
    )
