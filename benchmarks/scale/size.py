"""Time and memory of a suggestion where trials are many, or many are pending.

    scripts/bench size

Each case asks hpcopt's generator, in a process of its own as a driver does, for a
suggestion of an experiment with so many outcomes, or for many suggestions at once. The
seconds are those that the driver would wait; the memory is that of the process.
"""

from __future__ import annotations

import resource
import subprocess
import sys
import time
from collections.abc import Iterable
from dataclasses import replace

import numpy as np

from benchmarks.common.generator import suggestions
from benchmarks.common.paths import command
from benchmarks.common.provenance import headline
from hpcopt.core.goals.goals import parse_goals
from hpcopt.core.space.search_space import RangeParameter, SearchSpace
from hpcopt.core.trials.trial import Observation
from hpcopt.core.types import TParameterValue
from hpcopt.generation.snapshot import ObservedTrial, Snapshot

#: Dimensions, outcomes, failed trials, how many suggestions at once.
CASES = {
    "n = 40": (6, 40, 0, 1),
    "n = 500": (6, 500, 0, 1),
    "n = 2,000": (6, 2000, 0, 1),
    "n = 2,000, 200 failed": (6, 2000, 200, 1),
    "n = 10,000": (6, 10_000, 0, 1),
    "n = 10,000, d = 20": (20, 10_000, 0, 1),
    "n = 200, 1,000 pending": (6, 200, 0, 1000),
    "n = 60, d = 500": (500, 60, 0, 1),
}


def measure(d: int, n: int, n_failed: int, q: int) -> None:
    """Print seconds a suggestion, and the peak memory of the generator's process."""
    rng = np.random.default_rng(0)
    space = SearchSpace(tuple(RangeParameter(f"x{k}", 0.0, 1.0) for k in range(d)))
    points = space.decode(rng.random((n + n_failed, d)))
    snapshot = Snapshot(
        space=space,
        goals=parse_goals("-loss", []),
        seed=0,
        n_trials=n + n_failed,
        position=n + n_failed,
        completed=tuple(
            ObservedTrial(k, point, {"loss": Observation(_loss(point.values()))})
            for k, point in enumerate(points[:n])
        ),
        failed=tuple(points[n:]),
    )
    with suggestions() as generator:
        # The process is up, and its packages are loaded, as they are when a trial ends.
        few = replace(snapshot, completed=snapshot.completed[:10], failed=())
        generator.generate(1, few)
        started = time.perf_counter()
        generation = generator.generate(q, snapshot)
        seconds = (time.perf_counter() - started) / len(generation.suggestions)
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
    methods = {suggestion.method for suggestion in generation.suggestions}
    print(f"{seconds:.3f} s a suggestion, {peak:.0f} MiB, {', '.join(sorted(methods))}")


def _loss(values: Iterable[TParameterValue]) -> float:
    x = np.array([float(value) for value in values])
    return float(((x - 0.3) ** 2).sum() + 0.1 * np.cos(20 * x).sum())


def main() -> None:
    """Run each case in a process of its own."""
    if len(sys.argv) > 1:
        measure(*map(int, sys.argv[1:]))
        return
    print(headline())
    for name, case in CASES.items():
        words = command("scale/size", *map(str, case))
        answer = subprocess.run(words, capture_output=True, text=True, check=True)
        print(f"{name:>24}  {answer.stdout.strip()}", flush=True)


if __name__ == "__main__":
    main()
