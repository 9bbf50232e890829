"""Seconds a suggestion beside the peers, on a quiet and on a busy machine.

    scripts/bench seconds [--methods hpcopt,ax,…] [--busy 0,1,4] [--trials 40,200]
        [--pending 4,40] [--repeats 5] [--seconds 480] [--write]

hpcopt is asked as a script does (``get_next_trials``) and as a driver does, in a
process of its own. No ``*_NUM_THREADS`` is set. All methods know the same trials of
Hartmann's function in six dimensions, half of them drawn evenly and half of them near
the best of these, and as many are pending before each suggestion: after one the oldest
ends. ``--seconds`` are shared among the methods; what they do not suffice for is left
out.
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import statistics
import subprocess
import sys
import tempfile
import textwrap
import time
import warnings
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from contextlib import chdir, contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np

from benchmarks.common.document import DOCUMENT, Section
from benchmarks.common.environments import python_for
from benchmarks.common.paths import command
from benchmarks.common.provenance import headline
from benchmarks.quality.protocol.methods import METHODS
from benchmarks.quality.protocol.problems import PROBLEMS, Float, Problem, Value

if TYPE_CHECKING:
    from hpcopt.generation.snapshot import Snapshot

SECTION = Section("busy")
PROBLEM = "hartmann6"

#: The generator of a driver.
DRIVER = "hpcopt-driver"
COMPARED = ("hpcopt", DRIVER, "optuna-gp", "botorch", "ax")

#: How far from the best of the first half the second half is, as a share of each range.
_DISTANCES = (2e-3, 0.3)

#: How the variables end that say how many threads there are.
_THREADS = "_NUM_THREADS"

#: Trials, pending ones, and the seconds of each suggestion.
Cell = tuple[int, int, list[float]]


class DriverMethod:
    """hpcopt's generator in a process of its own, as a driver asks it."""

    def __init__(self, problem: Problem, seed: int) -> None:
        from benchmarks.common.generator import suggestions
        from hpcopt.core.space.search_space import RangeParameter, SearchSpace

        ranges = [each for each in problem.parameters() if isinstance(each, Float)]
        self._space = SearchSpace(
            tuple(
                RangeParameter(f"x{k}", each.low, each.high)
                for k, each in enumerate(ranges)
            )
        )
        self._seed = seed
        self._points: list[dict[str, Value]] = []
        self._values: dict[int, float] = {}
        self._process = suggestions()
        self._generator = self._process.__enter__()
        # A driver's has loaded its packages by the time that a model is asked.
        for point in _points(problem, 10):
            self._values[self.attach(point)] = sum(map(float, point))
        self._generator.generate(1, self._snapshot())
        self._points.clear()
        self._values.clear()

    def ask(self) -> tuple[int, list[Value]]:
        [suggestion] = self._generator.generate(1, self._snapshot()).suggestions
        point = list(suggestion.parameters.values())
        return self.attach(point), point

    def attach(self, point: Sequence[Value]) -> int:
        """Take a trial that was chosen elsewhere."""
        self._points.append({f"x{k}": value for k, value in enumerate(point)})
        return len(self._points) - 1

    def tell(self, trial: int, value: float, slacks: Sequence[float]) -> None:
        self._values[trial] = value

    def close(self) -> None:
        """End the process."""
        self._process.__exit__(None, None, None)

    def _snapshot(self) -> Snapshot:
        from hpcopt.core.goals.goals import parse_goals
        from hpcopt.core.trials.trial import Observation
        from hpcopt.generation.snapshot import ObservedTrial, Snapshot

        points = enumerate(self._points)
        return Snapshot(
            space=self._space,
            goals=parse_goals("-loss", []),
            seed=self._seed,
            n_trials=len(self._points),
            position=len(self._points) + len(self._values),
            completed=tuple(
                ObservedTrial(k, self._points[k], {"loss": Observation(value)})
                for k, value in self._values.items()
            ),
            pending=tuple(p for k, p in points if k not in self._values),
        )


def cell(
    method: str, trials: int, pending: int, repeats: int, seconds: float
) -> list[float]:
    """Return the seconds of each suggestion; fewer than ``repeats`` in too little time.

    The first one, which loads what is not loaded yet, counts if it is the only one.

    Args:
        method: Who is asked.
        trials: How many have ended before.
        pending: How many have not.
        repeats: How many suggestions are timed, after one that is not.
        seconds: After so many no further one is asked for.
    """
    problem = PROBLEMS[PROBLEM]
    make: Any = DriverMethod if method == DRIVER else METHODS[method]
    deadline = time.monotonic() + seconds
    optimiser = make(problem, 0)
    evaluate = problem.evaluator(0)
    known = _points(problem, trials + pending)
    waiting = deque((optimiser.attach(point), point) for point in known)
    for _ in range(trials):
        trial, point = waiting.popleft()
        optimiser.tell(trial, *evaluate(point))
    found: list[float] = []
    for _ in range(1 + repeats):
        started = time.perf_counter()
        waiting.append(optimiser.ask())
        found.append(time.perf_counter() - started)
        trial, point = waiting.popleft()
        optimiser.tell(trial, *evaluate(point))
        if time.monotonic() > deadline:
            break
    if method == DRIVER:
        optimiser.close()
    return found[1:] or found


def _points(problem: Problem, n: int) -> list[list[Value]]:
    """Return ``n`` points in an order that says nothing."""
    rng = np.random.default_rng(0)
    ranges = [each for each in problem.parameters() if isinstance(each, Float)]
    low = np.array([each.low for each in ranges])
    width = np.array([each.high for each in ranges]) - low
    evaluate = problem.evaluator(0)
    even = rng.random((n - n // 2, len(ranges)))
    best = min(even, key=lambda x: evaluate((low + width * x).tolist())[0])
    shortest, longest = np.log(_DISTANCES)
    distances = np.exp(rng.uniform(shortest, longest, (n // 2, 1)))
    near = best + distances * rng.standard_normal((n // 2, len(ranges)))
    X = np.concatenate([even, np.clip(near, 0.0, 1.0)])
    points: list[list[Value]] = (low + width * rng.permutation(X)).tolist()
    return points


def work(method: str, cells: Sequence[tuple[int, int]], n: int, seconds: float) -> None:
    """Print the cells of one method, a JSON line each, as far as ``seconds`` last."""
    warnings.filterwarnings("ignore")
    deadline = time.monotonic() + seconds
    for k, (trials, pending) in enumerate(cells):
        left = deadline - time.monotonic()
        if left <= 0:
            return
        # What a package keeps in the current folder would be known to the next one.
        with tempfile.TemporaryDirectory() as scratch, chdir(scratch):
            found = cell(method, trials, pending, n, left / (len(cells) - k))
        print(json.dumps([trials, pending, found]), flush=True)


@contextmanager
def busy(n: int) -> Iterator[None]:
    """Keep ``n`` processes busy."""
    words = [sys.executable, "-c", "while True: pass"]
    processes = [subprocess.Popen(words) for _ in range(n)]
    try:
        yield
    finally:
        for process in processes:
            process.kill()
            process.wait()


def table(found: Mapping[tuple[int, str], Sequence[Cell]]) -> str:
    """Return the medians, by trials, pending ones and busy processes, in Markdown.

    Args:
        found: The cells of each number of busy processes and each method.
    """
    methods = [m for m in COMPARED if any(m == method for _, method in found)]
    medians = {
        (trials, pending, n, method): statistics.median(seconds)
        for (n, method), cells in found.items()
        for trials, pending, seconds in cells
        if seconds
    }
    against = [m for m in methods if not m.startswith("hpcopt")]
    heads = ["trials", "pending", "busy", *methods, *(f"of {m}" for m in against)]
    lines = ["| " + " | ".join(heads) + " |", "|---" * len(heads) + "|"]
    for row in sorted({key[:3] for key in medians}):
        of_methods = [medians.get((*row, method)) for method in methods]
        own = [
            medians[*row, m]
            for m in methods
            if m not in against and (*row, m) in medians
        ]
        ratios = [
            max(own) / medians[*row, m] if own and (*row, m) in medians else None
            for m in against
        ]
        cells = [*(f"{s:.3f}" if s else "" for s in of_methods)]
        cells += [f"{ratio:.2f}" if ratio else "" for ratio in ratios]
        lines.append("| " + " | ".join([*map(str, row), *cells]) + " |")
    return "\n".join(lines) + "\n"


def main() -> None:
    """Run and report."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )

    def numbers(text: str) -> list[int]:
        return [int(word) for word in text.split(",")]

    parser.add_argument(
        "--methods", default=list(COMPARED), type=lambda text: text.split(",")
    )
    parser.add_argument("--busy", default=[0, 1, 4], type=numbers)
    parser.add_argument("--trials", default=[40, 200], type=numbers)
    parser.add_argument("--pending", default=[4, 40], type=numbers)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=480.0)
    parser.add_argument("--write", action="store_true", help=f"write {DOCUMENT.name}")
    parser.add_argument("--work", help=argparse.SUPPRESS)
    options = parser.parse_args()
    cells = list(itertools.product(options.trials, options.pending))
    if options.work:
        work(options.work, cells, options.repeats, options.seconds)
        return
    pythons = {method: python_for(method) for method in options.methods}
    lists = {"--trials": options.trials, "--pending": options.pending}
    words = [w for k, v in lists.items() for w in (k, ",".join(map(str, v)))]
    words += ["--repeats", str(options.repeats)]
    environment = {k: v for k, v in os.environ.items() if not k.endswith(_THREADS)}
    deadline = time.monotonic() + options.seconds
    runs = list(itertools.product(options.busy, options.methods))
    found: dict[tuple[int, str], list[Cell]] = {}
    for k, (n, method) in enumerate(runs):
        share = (deadline - time.monotonic()) / (len(runs) - k)
        more = ["--work", method, "--seconds", str(share)]
        with busy(n):
            answer = subprocess.run(
                command("quality/seconds", *words, *more, python=pythons[method]),
                env=environment,
                stdout=subprocess.PIPE,
                text=True,
                check=True,
            )
        found[n, method] = [json.loads(line) for line in answer.stdout.splitlines()]
        print(n, method, found[n, method], file=sys.stderr, flush=True)
    text = f"{textwrap.fill(headline(), 100)}\n\n{table(found)}"
    print(text)
    if options.write:
        SECTION.write(text)


if __name__ == "__main__":
    main()
