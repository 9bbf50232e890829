"""Every card of an experiment of 1,000 trials, or of as many as one likes.

    scripts/bench cards [--trials N] [--objectives 1|2] [--no-constraint]

The experiment is made up, with constraints, failures, retries and trials that were
stopped early. Each class of hpcopt.analysis is computed by itself, after the overview,
so that its seconds are without the fits that cards share; the seconds of the overview
are with them. Seconds are of the processor; imports are not counted. The exit code is 1
if a card is an error.
"""

from __future__ import annotations

import argparse
import importlib
import inspect
import pkgutil
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from benchmarks.common.provenance import headline
from hpcopt import analysis as package
from hpcopt.analysis.analysis import Analysis
from hpcopt.analysis.card import ErrorAnalysisCard, NotApplicableStateAnalysisCard
from hpcopt.analysis.experiment import ExperimentView
from hpcopt.analysis.overview import OverviewAnalysis
from hpcopt.api.client import Client
from hpcopt.core.space.search_space import RangeParameter
from tests.support.large_experiment import Shape, write_experiment


def main() -> int:
    """Print a row a card."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--trials", type=int, default=1000)
    parser.add_argument("--objectives", type=int, choices=(1, 2), default=2)
    parser.add_argument("--no-constraint", action="store_true")
    options = parser.parse_args()
    shape = Shape(
        options.trials,
        n_objectives=options.objectives,
        is_constrained=not options.no_constraint,
    )
    with tempfile.TemporaryDirectory() as folder:
        client = Client.open(write_experiment(Path(folder) / "made-up", shape))
        return _measure(client, shape)


def _measure(client: Client, shape: Shape) -> int:
    print(headline())
    print(f"{shape.n_trials:,} trials, {shape.n_objectives} objectives")
    _load()
    began = time.process_time()
    experiment, strategy = client._experiment, client._generation_strategy
    print(f"{time.process_time() - began:6.2f} s  reading the journal")
    n_errors = 0
    for analysis in every_analysis(experiment):
        began = time.process_time()
        card = analysis.compute_or_error_card(experiment, strategy)
        seconds = time.process_time() - began
        leaves = card.flatten()
        errors = [leaf for leaf in leaves if isinstance(leaf, ErrorAnalysisCard)]
        waiting = [
            leaf for leaf in leaves if isinstance(leaf, NotApplicableStateAnalysisCard)
        ]
        n_errors += len(errors)
        print(f"{seconds:6.2f} s  {type(analysis).__name__:36} {len(leaves):3} cards")
        for leaf in waiting:
            print(f"{'':10}not applicable: {leaf.blob}")
        for error in errors:
            print(f"{'':10}ERROR {error.title}: {error.subtitle}\n{error.blob}")
    print(f"{n_errors} errors")
    return 1 if n_errors else 0


def _load() -> None:
    """Import what cards import at their first use, and draw a figure."""
    importlib.import_module("hpcopt.generation.predict")
    importlib.import_module("botorch")
    graph_objects = importlib.import_module("plotly.graph_objects")
    graph_objects.Figure(graph_objects.Scatter(x=[0], y=[0])).to_json()


def every_analysis(experiment: ExperimentView) -> Iterator[Analysis]:
    """Yield the overview, and then every analysis of the package.

    Those that are about a trial, or two numbers, are left out where there is none, or
    one.
    """
    yield OverviewAnalysis(True, "it can", 1)
    metrics = list(experiment.metrics)
    numbers = [
        name
        for name, parameter in experiment.search_space.parameters.items()
        if isinstance(parameter, RangeParameter)
    ]
    known: Mapping[str, Any] = {
        "metric_name": metrics[0],
        "x_metric_name": metrics[0],
        "y_metric_name": metrics[-1],
        "parameter_name": numbers[0],
        "x_parameter_name": numbers[0],
        "y_parameter_name": numbers[-1],
        "can_generate_candidates": True,
        "reason": "it can",
        "days_till_fail": 1,
    }
    for kind in analyses():
        arguments = inspect.signature(kind).parameters
        given = {name: value for name, value in known.items() if name in arguments}
        if "y_parameter_name" in arguments and len(numbers) < 2:
            continue
        last = len(experiment.trials) - 1
        if "trial" in arguments or _is_required(arguments.get("trial_index")):
            if last < 0:
                continue
            told = {"trial": experiment.trials[last], "trial_index": last}
            given |= {name: told[name] for name in told if name in arguments}
        yield kind(**given)


def _is_required(argument: inspect.Parameter | None) -> bool:
    return argument is not None and argument.default is inspect.Parameter.empty


def analyses() -> list[Callable[..., Analysis]]:
    """Return the classes of hpcopt.analysis that compute something, by their names."""
    found: dict[str, Any] = {}
    for info in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
        module = importlib.import_module(info.name)
        found |= {
            name: kind
            for name, kind in vars(module).items()
            if isinstance(kind, type)
            and issubclass(kind, Analysis)
            and kind.__module__ == info.name
            and kind.compute is not Analysis.compute
            and not name.startswith("_")
        }
    return [found[name] for name in sorted(found)]


if __name__ == "__main__":
    sys.exit(main())
