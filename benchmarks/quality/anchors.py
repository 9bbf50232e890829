"""Published results to beat.

    scripts/bench anchors [NAME…] [--seeds 5] [--keep]

Each anchor is a problem, a number of evaluations in batches, and a value that another
method is documented to have reached with them. hpcopt runs with its defaults, through
the ask-tell API; the median over seeds is compared.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from botorch.test_functions import synthetic
from typing_extensions import override

from benchmarks.common import results
from benchmarks.common.provenance import provenance
from benchmarks.quality.protocol.methods import PACKAGES, ClientMethod
from benchmarks.quality.protocol.problems import (
    PROBLEMS,
    Evaluator,
    Float,
    Parameter,
    Problem,
    Value,
)
from benchmarks.quality.protocol.worker import folder_of, work


class _Embedded(synthetic.Branin):
    """Branin of the 1st and the 2nd of many parameters, over [0, 1]."""

    def __init__(self, d: int) -> None:
        super().__init__()
        self._d = d

    def embedded(self, X: torch.Tensor) -> torch.Tensor:
        low, high = torch.as_tensor(self.bounds)
        return super().evaluate_true(low + X[..., :2] * (high - low))


@dataclass(frozen=True)
class _EmbeddedProblem(Problem):
    d: int = 500

    @override
    def parameters(self) -> list[Parameter]:
        return [Float(0.0, 1.0)] * self.d

    @override
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

    @override
    def parameters(self) -> list[Parameter]:
        return [Float(-5.0, 10.0)] * self.d

    @override
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

    @property
    def settings(self) -> dict[str, str]:
        """The settings of a run, as its row has them."""
        return {"trials": str(self.n_trials), "batch": str(self.batch)}


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


def run(method: str, name: str, seed: int, how: Mapping[str, str]) -> results.Run:
    """Return a run of hpcopt, with the best feasible values and the seconds."""
    here = provenance(PACKAGES[method])
    anchor = ANCHORS[name]
    evaluate = anchor.problem.evaluator(seed)
    client = ClientMethod(method, anchor.problem, seed)
    best = float("inf")
    so_far: list[float] = []
    seconds: list[float] = []
    begun = time.perf_counter()
    while len(so_far) < anchor.n_trials:
        n = min(int(how["batch"]), anchor.n_trials - len(so_far))
        started = time.perf_counter()
        asked = [client.ask() for _ in range(n)]
        seconds += [(time.perf_counter() - started) / n] * n
        for each in asked:
            if each is None:
                raise RuntimeError(f"{name}: nothing is proposed")
            value, slacks = evaluate(each[1])
            client.tell(each[0], value, slacks)
            if all(slack >= 0 for slack in slacks):
                best = min(best, value)
            so_far.append(best)
    total = time.perf_counter() - begun
    series = tuple(so_far), tuple(seconds)
    return results.Run(method, name, seed, how, *series, here, total)


def main() -> None:
    """Run the anchors and print a line each."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("names", nargs="*", default=list(ANCHORS), metavar="NAME")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--keep", action="store_true", help="keep the rows")
    options = parser.parse_args()
    seeds = range(options.seeds)
    with folder_of("anchors", is_kept=options.keep) as folder:
        for name in options.names:
            how = ANCHORS[name].settings
            work(
                "quality/anchors",
                "hpcopt",
                folder,
                problems=[name],
                seeds=seeds,
                settings=how,
            )
            known = results.read(folder, how)
            runs = [r for r in known if r.problem == name and r.seed in seeds]
            _print_line(name, runs)


def _print_line(name: str, runs: Sequence[results.Run]) -> None:
    anchor = ANCHORS[name]
    median = statistics.median(run.best[-1] for run in runs)
    seconds = statistics.median(s for run in runs for s in run.trial_seconds)
    verdict = "reached" if median <= anchor.target else "MISSED"
    print(
        f"{name}: median {median:.6g} of {len(runs)} seeds after "
        f"{anchor.n_trials} trials in batches of {anchor.batch}; target "
        f"{anchor.target:.6g} {verdict} ({anchor.source}); "
        f"{seconds:.3f} s a suggestion",
        flush=True,
    )


if __name__ == "__main__":
    main()
