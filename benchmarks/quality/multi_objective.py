"""Hypervolumes of Pareto fronts on two problems of BoTorch's tutorials.

    scripts/bench multi_objective {branincurrin|c2dtlz2} FIRST_SEED END_SEED

Prints a row a seed: the hypervolumes of the noiseless outcomes of all trials, and the
median seconds a suggestion; then the medians. BraninCurrin has noise of known standard
error 15.19 and 0.63, 6 first trials and 20 batches of 4 (the tutorial: 54.5 of 59.36);
C2DTLZ2 has 10 and 20 batches of 2 (the tutorial: 0.38 of 0.3996), and is looked at
after 40 trials too.
"""

from __future__ import annotations

import statistics
import sys
import time
import warnings
from collections.abc import Iterable, Iterator

import numpy as np
import torch
from botorch.test_functions.multi_objective import C2DTLZ2, BraninCurrin

from hpcopt.core.goals.goals import parse_goals
from hpcopt.core.goals.pareto import hypervolume
from hpcopt.core.space.ranges import RangeParameter
from hpcopt.core.space.search_space import SearchSpace
from hpcopt.core.trials.trial import Observation
from hpcopt.generation.snapshot import ObservedTrial, Snapshot
from hpcopt.generation.strategy import BayesianGenerator

#: Function, standard errors, first trials, trials in a batch, and after how many trials
#: the volume is looked at, the last of which are all.
PROBLEMS = {
    "branincurrin": (BraninCurrin(negate=True), (15.19, 0.63), 6, 4, (86,)),
    "c2dtlz2": (C2DTLZ2(dim=4, num_objectives=2, negate=True), None, 10, 2, (40, 50)),
}


def run(name: str, seed: int) -> tuple[list[float], float]:
    """Return the hypervolumes and the median seconds a suggestion."""
    function, sems, n_initial, n_batch, marks = PROBLEMS[name]
    n_trials = marks[-1]
    reference = function.ref_point.numpy()
    n_constraints = getattr(function, "num_constraints", 0)
    thresholds = [f"f{k} <= {-value!r}" for k, value in enumerate(reference.tolist())]
    slacks = [f"c{k} >= 0" for k in range(n_constraints)]
    goals = parse_goals("-f0, -f1", [*thresholds, *slacks])
    names = [f"x{k}" for k in range(function.dim)]
    space = SearchSpace(tuple(RangeParameter(n, 0.0, 1.0, "float") for n in names))
    rng = np.random.default_rng(seed + 1000)
    trials: list[ObservedTrial] = []
    feasible, seconds, volumes = [], [], []
    while len(trials) < n_trials:
        n = min(n_batch if trials else n_initial, n_trials - len(trials))
        snapshot = Snapshot(
            space=space,
            goals=goals,
            seed=seed,
            n_trials=len(trials),
            position=len(trials),
            completed=tuple(trials),
        )
        begun = time.perf_counter()
        generation = BayesianGenerator(n_initial=n_initial).generate(n, snapshot)
        if trials:
            seconds.append((time.perf_counter() - begun) / n)
        for suggestion in generation.suggestions:
            x = torch.tensor(
                [[float(suggestion.parameters[k]) for k in names]]
            ).double()
            Y = function(x)[0].numpy()
            outcome = {}
            for k, value in enumerate(Y):
                noise = sems[k] * rng.standard_normal() if sems else 0.0
                sem = sems[k] if sems else None
                outcome[f"f{k}"] = Observation(float(noise - value), sem)
            slack = function.evaluate_slack(x)[0].tolist() if n_constraints else []
            outcome |= {f"c{k}": Observation(value) for k, value in enumerate(slack)}
            if all(value >= 0 for value in slack):
                feasible.append(Y)
            index = len(trials)
            trials.append(ObservedTrial(index, suggestion.parameters, outcome))
            if len(trials) in marks:
                Y = np.array(feasible).reshape(-1, 2)
                volumes.append(hypervolume(Y, reference))
    return volumes, statistics.median(seconds)


def main(name: str, first_seed: str, end_seed: str) -> None:
    """Run the seeds one after the other."""
    warnings.filterwarnings("ignore")
    torch.set_num_threads(1)
    of_seeds = []
    for seed in range(int(first_seed), int(end_seed)):
        volumes, seconds = run(name, seed)
        of_seeds.append(volumes)
        print(
            f"{name} seed {seed}",
            *_after(name, volumes),
            f"{seconds:.3f} s",
            flush=True,
        )
    print(f"{name} median", *_after(name, np.median(of_seeds, axis=0)))


def _after(name: str, volumes: Iterable[float]) -> Iterator[str]:
    """Return each volume in words."""
    for n_trials, volume in zip(PROBLEMS[name][-1], volumes, strict=True):
        yield f"after {n_trials}: {volume:.4f}"


if __name__ == "__main__":
    main(*sys.argv[1:])
