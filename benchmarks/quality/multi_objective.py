"""Hypervolumes of Pareto fronts on two problems of BoTorch's tutorials.

    scripts/bench multi_objective [branincurrin] [c2dtlz2] [--seeds FIRST END] [--keep]

The hypervolume is that of the noiseless outcomes of all trials so far. BraninCurrin has
noise of known standard error 15.19 and 0.63, 6 first trials and 20 batches of 4 (the
tutorial: 54.5 of 59.36); C2DTLZ2 has 10 and 20 batches of 2 (the tutorial: 0.38 of
0.3996), and is looked at after 40 trials too.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from botorch.test_functions.multi_objective import C2DTLZ2, BraninCurrin

from benchmarks.common import results
from benchmarks.common.generator import suggestions
from benchmarks.common.provenance import provenance
from benchmarks.quality.protocol.worker import folder_of, work
from hpcopt.core.goals.goals import parse_goals
from hpcopt.core.goals.pareto import hypervolume
from hpcopt.core.space.ranges import RangeParameter
from hpcopt.core.space.search_space import SearchSpace
from hpcopt.core.trials.trial import Observation
from hpcopt.generation.snapshot import ObservedTrial, Snapshot
from hpcopt.generation.spec import GeneratorSpec


@dataclass(frozen=True)
class Problem:
    """Two objectives of BoTorch's, which are maximised."""

    function: Any
    sems: tuple[float, float] | None
    """The standard errors that are known; ``None`` where there is no noise."""
    n_initial: int
    batch: int
    marks: tuple[int, ...]
    """After how many trials the volume is printed, the last of which are all."""

    @property
    def settings(self) -> dict[str, str]:
        """The settings of a run, as its row has them."""
        numbers = {"trials": self.marks[-1], "first": self.n_initial}
        return {k: str(v) for k, v in {**numbers, "batch": self.batch}.items()}

    def evaluate(self, x: Sequence[float]) -> tuple[np.ndarray, list[float]]:
        """Return the outcomes without noise and the slacks at a point."""
        X = torch.tensor([x], dtype=torch.double)
        slacks = getattr(self.function, "evaluate_slack", lambda _: torch.empty(1, 0))
        return self.function(X)[0].numpy(), slacks(X)[0].tolist()


PROBLEMS = {
    "branincurrin": Problem(BraninCurrin(negate=True), (15.19, 0.63), 6, 4, (86,)),
    "c2dtlz2": Problem(
        C2DTLZ2(dim=4, num_objectives=2, negate=True), None, 10, 2, (40, 50)
    ),
}


def run(method: str, name: str, seed: int, how: Mapping[str, str]) -> results.Run:
    """Return a run of hpcopt; its values are the hypervolumes so far."""
    here = provenance(method)
    problem = PROBLEMS[name]
    n_trials = int(how["trials"])
    reference = problem.function.ref_point.numpy()
    n_constraints = getattr(problem.function, "num_constraints", 0)
    thresholds = [f"f{k} <= {-value!r}" for k, value in enumerate(reference.tolist())]
    slacks = [f"c{k} >= 0" for k in range(n_constraints)]
    goals = parse_goals("-f0, -f1", [*thresholds, *slacks])
    names = [f"x{k}" for k in range(problem.function.dim)]
    space = SearchSpace(tuple(RangeParameter(n, 0.0, 1.0, "float") for n in names))
    rng = np.random.default_rng(seed + 1000)
    trials: list[ObservedTrial] = []
    feasible: list[np.ndarray] = []
    volumes: list[float] = []
    seconds: list[float] = []
    begun = time.perf_counter()
    with suggestions(GeneratorSpec(n_initial=problem.n_initial)) as generator:
        while len(trials) < n_trials:
            n = problem.batch if trials else problem.n_initial
            n = min(n, n_trials - len(trials))
            snapshot = Snapshot(
                space=space,
                goals=goals,
                seed=seed,
                n_trials=len(trials),
                position=len(trials),
                completed=tuple(trials),
            )
            asked = time.perf_counter()
            generation = generator.generate(n, snapshot)
            seconds += [(time.perf_counter() - asked) / n] * n
            for suggestion in generation.suggestions:
                x = [float(suggestion.parameters[k]) for k in names]
                Y, slack = problem.evaluate(x)
                outcome = {}
                for k, value in enumerate(Y):
                    sem = problem.sems[k] if problem.sems else None
                    noise = sem * rng.standard_normal() if sem else 0.0
                    outcome[f"f{k}"] = Observation(float(noise - value), sem)
                outcome |= {f"c{k}": Observation(s) for k, s in enumerate(slack)}
                if all(value >= 0 for value in slack):
                    feasible.append(Y)
                index = len(trials)
                trials.append(ObservedTrial(index, suggestion.parameters, outcome))
                front = np.array(feasible).reshape(-1, 2)
                volumes.append(hypervolume(front, reference))
    total = time.perf_counter() - begun
    series = tuple(volumes), tuple(seconds)
    return results.Run(method, name, seed, how, *series, here, total)


def print_lines(name: str, runs: Sequence[results.Run]) -> None:
    """Print a line a run, and the medians."""
    marks = PROBLEMS[name].marks
    for run in runs:
        volumes = [run.best[mark - 1] for mark in marks]
        later = run.trial_seconds[PROBLEMS[name].n_initial :]
        seconds = f"{statistics.median(later):.3f} s"
        print(f"{name} seed {run.seed}", *_after(marks, volumes), seconds)
    medians = [statistics.median(run.best[mark - 1] for run in runs) for mark in marks]
    print(f"{name} median", *_after(marks, medians))


def _after(marks: Sequence[int], volumes: Sequence[float]) -> list[str]:
    """Return each volume in words."""
    return [f"after {n}: {v:.4f}" for n, v in zip(marks, volumes, strict=True)]


def main() -> None:
    """Run the seeds one after the other."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("names", nargs="*", default=list(PROBLEMS), metavar="NAME")
    parser.add_argument("--seeds", type=int, nargs=2, default=(0, 5))
    parser.add_argument("--keep", action="store_true", help="keep the rows")
    options = parser.parse_args()
    seeds = range(*options.seeds)
    with folder_of("multi_objective", is_kept=options.keep) as folder:
        for name in options.names:
            how = PROBLEMS[name].settings
            work(
                "quality/multi_objective",
                "hpcopt",
                folder,
                problems=[name],
                seeds=seeds,
                settings=how,
            )
            known = results.read(folder, how)
            print_lines(
                name, [r for r in known if r.problem == name and r.seed in seeds]
            )


if __name__ == "__main__":
    main()
