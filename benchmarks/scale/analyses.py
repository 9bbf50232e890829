"""Seconds for all cards of an experiment, beside Ax.

    scripts/bench analyses [--trials N ...] [--repeats N]

Hartmann6 with an outcome constraint and a tracking metric, its points told by a script,
the last four suggested. The client computes its default, ``OverviewAnalysis``. One
process for each package and number of trials: it first computes the cards of twelve
trials, so that imports, and what is made at first use, are not counted. Then it is
timed: by the clock, and by the processor; medians. hpcopt's seconds include the fits of
the models; Ax has fitted its own for a suggestion just before.
"""

from __future__ import annotations

import argparse
import importlib
import json
import logging
import os
import statistics
import subprocess
import tempfile
import time
import warnings
from collections import Counter
from math import exp, sqrt
from typing import Any

from benchmarks.common.environments import python_for
from benchmarks.common.paths import command
from benchmarks.common.provenance import headline

#: Of Hartmann's function in six dimensions.
_A = (
    (10.0, 3.0, 17.0, 3.5, 1.7, 8.0),
    (0.05, 10.0, 17.0, 0.1, 8.0, 14.0),
    (3.0, 3.5, 1.7, 10.0, 17.0, 8.0),
    (17.0, 8.0, 0.05, 10.0, 0.1, 14.0),
)
_P = (
    (0.1312, 0.1696, 0.5569, 0.0124, 0.8283, 0.5886),
    (0.2329, 0.4135, 0.8307, 0.3736, 0.1004, 0.9991),
    (0.2348, 0.1451, 0.3522, 0.2883, 0.3047, 0.6650),
    (0.4047, 0.8828, 0.8732, 0.5743, 0.1091, 0.0381),
)
_ALPHA = (1.0, 1.2, 3.0, 3.2)

_WARM_UP = 12

#: The last ones are suggested, so that models are fitted as they are in a loop: Ax's
#: strategy begins with the centre, whatever it was told.
_N_SUGGESTED = 4


def main() -> None:
    """Print a row a number of trials, or measure one case in this process."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--trials", type=int, nargs="+", default=[30, 200])
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--one", choices=("hpcopt", "ax"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.one:
        measure(options.one, options.trials[0], options.repeats)
        return
    print(headline())
    print(
        "| trials | hpcopt, s | of processor | cards | Ax, s | of processor | cards |"
    )
    print("|---|---|---|---|---|---|---|")
    for n in options.trials:
        cells = [f"{n:,}"]
        for package in ("hpcopt", "ax"):
            words = ["--one", package, "--trials", str(n)]
            words += ["--repeats", str(options.repeats)]
            run = command("scale/analyses", *words, python=python_for(package))
            with tempfile.TemporaryDirectory() as folder:
                done = subprocess.run(
                    run, stdout=subprocess.PIPE, text=True, check=True, cwd=folder
                )
            found = json.loads(done.stdout.splitlines()[-1])
            cells += [f"{found[key]:.2f}" for key in ("clock", "processor")]
            cells.append(", ".join(f"{v} {k}" for k, v in found["cards"].items()))
        print(f"| {' | '.join(cells)} |", flush=True)


def measure(package: str, n_trials: int, repeats: int) -> None:
    """Print what one package took, as JSON."""
    warnings.simplefilter("ignore")
    logging.disable(logging.ERROR)
    _client(package, _WARM_UP, 0).compute_analyses(display=False)
    clock, processor = [], []
    cards: list[Any] = []
    for seed in range(1, repeats + 1):
        client = _client(package, n_trials, seed)
        began = time.perf_counter(), time.process_time()
        cards = client.compute_analyses(display=False)
        clock.append(time.perf_counter() - began[0])
        processor.append(time.process_time() - began[1])
    kinds = Counter(
        {
            "ErrorAnalysisCard": "errors",
            "NotApplicableStateAnalysisCard": "waiting",
        }.get(type(leaf).__name__, "made")
        for card in cards
        for leaf in card.flatten()
    )
    found = {
        "clock": statistics.median(clock),
        "processor": statistics.median(processor),
        "cards": dict(kinds),
    }
    print(json.dumps(found))


def _client(package: str, n_trials: int, seed: int) -> Any:
    """Return a client that knows the outcomes of so many trials."""
    api = importlib.import_module(f"{package}.api.client")
    configs = importlib.import_module(f"{package}.api.configs")
    client = api.Client(random_seed=seed)
    names = [f"x{k}" for k in range(1, 7)]
    client.configure_experiment(
        [
            configs.RangeParameterConfig(
                name=name, bounds=(0.0, 1.0), parameter_type="float"
            )
            for name in names
        ],
        name=f"hartmann6-{os.getpid()}-{n_trials}-{seed}",
    )
    client.configure_optimization("-loss", ["norm <= 1.5"])
    from scipy.stats import qmc

    points = qmc.Sobol(6, seed=seed).random(n_trials - _N_SUGGESTED)
    for point in points:
        parameters = dict(zip(names, map(float, point), strict=True))
        index = client.attach_trial(parameters)
        client.complete_trial(index, _outcome(list(parameters.values())))
    for _ in range(_N_SUGGESTED):
        for index, parameters in client.get_next_trials(max_trials=1).items():
            values = [float(parameters[name]) for name in names]
            client.complete_trial(index, _outcome(values))
    return client


def _outcome(x: list[float]) -> dict[str, float]:
    loss = -sum(
        alpha * exp(-sum(a * (v - p) ** 2 for a, v, p in zip(A, x, P, strict=True)))
        for alpha, A, P in zip(_ALPHA, _A, _P, strict=True)
    )
    return {"loss": loss, "norm": sqrt(sum(v * v for v in x)), "sum": sum(x)}


if __name__ == "__main__":
    main()
