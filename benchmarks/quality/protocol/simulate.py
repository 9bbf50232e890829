"""A run of the protocol: trials in flight, and the best feasible value so far."""

from __future__ import annotations

import heapq
import time
from collections.abc import Iterator, Mapping

import numpy as np

from benchmarks.common import results
from benchmarks.common.provenance import provenance
from benchmarks.quality.protocol.methods import METHODS, PACKAGES
from benchmarks.quality.protocol.problems import PROBLEMS, Value

#: The spread of the logarithm of the trials' durations, with ``--order random``.
_DURATION_SPREAD = 0.5


def simulate(
    method: str, name: str, seed: int, *, n_trials: int, in_flight: int, order: str
) -> Iterator[tuple[float, float]]:
    """Yield for each trial, as it ends, the best value so far and its seconds.

    The value is free of noise, and ``inf`` before the first feasible one; the seconds
    are those of the trial's generation.

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
        yield best, seconds


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
    """Return a run with these settings."""
    here = provenance(PACKAGES[method.partition("-")[0]])
    started = time.perf_counter()
    trials = simulate(
        method,
        name,
        seed,
        n_trials=int(how["trials"]),
        in_flight=int(how["in_flight"]),
        order=how["order"],
    )
    best, trial_seconds = zip(*trials, strict=True)
    seconds = time.perf_counter() - started
    return results.Run(method, name, seed, how, best, trial_seconds, here, seconds)
