"""Best value of Hartmann6 found by trial 20, 30 and 40, over seeds.

scripts/bench hartmann6 --seeds 10 --in-flight 3
"""

from __future__ import annotations

import argparse
import os
import statistics
import time
from collections import deque
from collections.abc import Callable

os.environ.setdefault("OMP_NUM_THREADS", "1")  # before torch is imported

import numpy as np

from hpcopt.core.goals.goals import parse_goals
from hpcopt.core.space.search_space import RangeParameter, SearchSpace
from hpcopt.core.trials.trial import Observation
from hpcopt.core.types import TParameterization
from hpcopt.generation.protocol import Generator
from hpcopt.generation.snapshot import ObservedTrial, Snapshot
from hpcopt.generation.strategy import BayesianGenerator

OPTIMUM = -3.32237
MARKS = (20, 30, 40)

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


def hartmann6(parameters: TParameterization) -> float:
    """Return Hartmann's six-dimensional function, whose minimum is ``OPTIMUM``."""
    x = np.array([float(value) for value in parameters.values()])
    return -float(_ALPHA @ np.exp(-(_A * (x - _P) ** 2).sum(axis=1)))


def minimise(
    function: Callable[[TParameterization], float],
    space: SearchSpace,
    generator: Generator,
    *,
    seed: int,
    n_trials: int,
    in_flight: int,
) -> tuple[list[float], list[float]]:
    """Return each trial's value and the seconds that each suggestion took.

    ``in_flight`` trials run at a time, and the first submitted is the first to end.
    """
    completed: list[ObservedTrial] = []
    running: deque[tuple[int, TParameterization]] = deque()
    seconds: list[float] = []
    n_submitted = 0
    while len(completed) < n_trials:
        while len(running) < in_flight and n_submitted < n_trials:
            snapshot = Snapshot(
                space=space,
                goals=parse_goals("-loss"),
                seed=seed,
                n_trials=n_submitted,
                position=n_submitted + len(completed),
                completed=tuple(completed),
                pending=tuple(parameters for _, parameters in running),
            )
            started = time.perf_counter()
            [suggestion] = generator.generate(1, snapshot).suggestions
            if suggestion.method == "bo":
                seconds.append(time.perf_counter() - started)
            running.append((n_submitted, suggestion.parameters))
            n_submitted += 1
        index, parameters = running.popleft()
        outcome = {"loss": Observation(function(parameters))}
        completed.append(ObservedTrial(index, parameters, outcome))
    return [trial.outcome["loss"].mean for trial in completed], seconds


def main() -> None:
    """Run the benchmark and print its table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--in-flight", type=int, default=3)
    options = parser.parse_args()
    space = SearchSpace(tuple(RangeParameter(f"x{k}", 0, 1) for k in range(1, 7)))
    rows: list[list[float]] = []
    print("seed " + " ".join(f"best@{mark}" for mark in MARKS) + "  s/suggestion")
    for seed in range(options.seeds):
        values, seconds = minimise(
            hartmann6,
            space,
            BayesianGenerator(),
            seed=seed,
            n_trials=max(MARKS),
            in_flight=options.in_flight,
        )
        rows.append(
            [*(min(values[:mark]) for mark in MARKS), statistics.median(seconds)]
        )
        print(f"{seed:4d} " + " ".join(f"{value:7.3f}" for value in rows[-1]))
    medians = [statistics.median(column) for column in zip(*rows, strict=True)]
    print("med. " + " ".join(f"{value:7.3f}" for value in medians))


if __name__ == "__main__":
    main()
