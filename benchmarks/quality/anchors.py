"""Published results to beat.

    scripts/bench anchors [NAME…] [--seeds 5]

Each anchor is a problem, a number of evaluations in batches, and a value that another
method is documented to have reached with them. hpcopt runs with its defaults, through
the ask-tell API; the median over seeds is compared.
"""

from __future__ import annotations

import argparse
import os
import statistics
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")  # before torch is imported

import torch
from botorch.test_functions import synthetic

from benchmarks.quality.protocol.methods import ClientMethod
from benchmarks.quality.protocol.problems import (
    PROBLEMS,
    Evaluator,
    Float,
    Parameter,
    Problem,
    Value,
)


class _Embedded(synthetic.Branin):
    """Branin of the 1st and the 2nd of many parameters, over [0, 1]."""

    def __init__(self, d: int) -> None:
        super().__init__()
        self._d = d

    def embedded(self, X: torch.Tensor) -> torch.Tensor:
        low, high = self.bounds
        return super().evaluate_true(low + X[..., :2] * (high - low))


@dataclass(frozen=True)
class _EmbeddedProblem(Problem):
    d: int = 500

    def parameters(self) -> list[Parameter]:
        return [Float(0.0, 1.0)] * self.d

    def evaluator(self, seed: int) -> Evaluator:
        function = _Embedded(self.d)

        def evaluate(point: Sequence[Value]) -> tuple[float, list[float]]:
            X = torch.tensor([point], dtype=torch.double)
            return function.embedded(X).item(), []

        return evaluate


@dataclass(frozen=True)
class _ConstrainedAckley(Problem):
    """Ackley over [-5, 10] where the sum and the norm must be small."""

    d: int = 10

    def parameters(self) -> list[Parameter]:
        return [Float(-5.0, 10.0)] * self.d

    def evaluator(self, seed: int) -> Evaluator:
        function = synthetic.Ackley(self.d)

        def evaluate(point: Sequence[Value]) -> tuple[float, list[float]]:
            X = torch.tensor([point], dtype=torch.double)
            slacks = [-X.sum().item(), 5.0 - X.norm().item()]
            return function.evaluate_true(X).item(), slacks

        return evaluate


@dataclass(frozen=True)
class Anchor:
    """What to reach."""

    problem: Problem
    batch: int
    n_trials: int
    target: float
    source: str


ANCHORS = {
    "hartmann6": Anchor(
        PROBLEMS["hartmann6"], 5, 50, -3.30, "Thompson sampling 3.00 (BoTorch tutorial)"
    ),
    "ackley20": Anchor(
        Problem(
            "ackley20", lambda: synthetic.Ackley(20, bounds=[(-5.0, 10.0)] * 20), 0
        ),
        4,
        356,
        1.08,
        "TuRBO-1 1.08 (BoTorch tutorial)",
    ),
    "ackley10": Anchor(
        _ConstrainedAckley("ackley10", synthetic.Ackley, 2),
        4,
        318,
        0.097,
        "SCBO 0.0968 (BoTorch tutorial)",
    ),
    "branin500": Anchor(
        _EmbeddedProblem("branin500", synthetic.Branin),
        1,
        60,
        0.40,
        "BAxUS 0.398 at 20, EI 0.400 at 100 (BoTorch tutorial)",
    ),
    "speedreducer7": Anchor(PROBLEMS["speedreducer7"], 4, 40, 3000.0, "Ax"),
    "pressurevessel4": Anchor(
        PROBLEMS["pressurevessel4"], 4, 100, 6059.946341 * 1.01, "within 1 %"
    ),
    "weldedbeam4": Anchor(
        PROBLEMS["weldedbeam4"], 4, 100, 1.728226 * 1.01, "within 1 %"
    ),
    "gramacy2": Anchor(PROBLEMS["gramacy2"], 4, 100, 0.599788 * 1.01, "within 1 %"),
}


def run(anchor: Anchor, seed: int) -> tuple[float, list[float]]:
    """Return the best feasible value, and the seconds that each suggestion took."""
    evaluate = anchor.problem.evaluator(seed)
    method = ClientMethod("hpcopt", anchor.problem, seed)
    best, n_done, seconds = float("inf"), 0, []
    while n_done < anchor.n_trials:
        n = min(anchor.batch, anchor.n_trials - n_done)
        started = time.perf_counter()
        asked = [method.ask() for _ in range(n)]
        seconds.append((time.perf_counter() - started) / n)
        for each in asked:
            if each is None:
                raise RuntimeError(f"{anchor.problem.name}: nothing is proposed")
            value, slacks = evaluate(each[1])
            method.tell(each[0], value, slacks)
            if all(slack >= 0 for slack in slacks):
                best = min(best, value)
        n_done += n
    return best, seconds


def main() -> None:
    """Run the anchors and print a line each."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("names", nargs="*", default=list(ANCHORS), metavar="NAME")
    parser.add_argument("--seeds", type=int, default=5)
    options = parser.parse_args()
    torch.set_num_threads(1)
    for name in options.names:
        anchor = ANCHORS[name]
        finals, seconds = [], []
        for seed in range(options.seeds):
            with tempfile.TemporaryDirectory() as folder:
                before = Path.cwd()
                os.chdir(folder)
                final, of_run = run(anchor, seed)
                os.chdir(before)
            finals.append(final)
            seconds += of_run
            print(f"  {name} seed {seed}: {final:.6g}", flush=True)
        median = statistics.median(finals)
        verdict = "reached" if median <= anchor.target else "MISSED"
        print(
            f"{name}: median {median:.6g} of {options.seeds} seeds after "
            f"{anchor.n_trials} trials in batches of {anchor.batch}; target "
            f"{anchor.target:.6g} {verdict} ({anchor.source}); "
            f"{statistics.median(seconds):.3f} s a suggestion",
            flush=True,
        )


if __name__ == "__main__":
    main()
