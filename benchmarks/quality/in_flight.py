"""Forty trials in flight that last for times that vary, beside the peers.

    scripts/bench in_flight [--methods hpcopt,optuna-gp,…] [--problems hartmann6,…]
        [--seeds 10] [--trials 200] [--in-flight 40] [--seconds 3000] [--again]
        [--no-run] [--write]

Runs what is missing in benchmarks/results, as the quality benchmark does. For each
problem and method: the best value, without noise; where there is noise, also that of
the trial whose outcome was best with it; and the share of trials that are within 1 % of
every range of another one.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Mapping

from benchmarks.common.document import DOCUMENT, Section
from benchmarks.common.paths import RESULTS
from benchmarks.common.results import Run, read
from benchmarks.quality.protocol.problems import PROBLEMS
from benchmarks.quality.protocol.report import by_method, duel
from benchmarks.quality.protocol.simulate import settings
from benchmarks.quality.protocol.worker import work

FOLDER = RESULTS / "in_flight"
SECTION = Section("in_flight")
METHODS = ("hpcopt", "optuna-gp", "optuna-tpe", "ax", "sobol")
NAMES = ("hartmann6", "levy10", "ackley6", "hartmann6-noisy", "branin2-noisy")
N_TRIALS, IN_FLIGHT, N_SEEDS = 200, 40, 10


def table(how: Mapping[str, str]) -> str:
    """Return what the rows with these settings say, in Markdown."""
    runs = by_method(read(FOLDER, how))
    methods = [m for m in METHODS if any((m, p) in runs for p in NAMES)]
    lines = [
        "| problem | " + " | ".join(methods) + " |",
        "|---|" + "---|" * len(methods),
    ]
    for problem in NAMES:
        cells = [_cell(problem, runs.get((method, problem), {})) for method in methods]
        lines.append(f"| {problem} | " + " | ".join(cells) + " |")
    cells = ["", *(duel(runs, methods[0], other, NAMES) for other in methods[1:])]
    lines.append("| better / as good / worse | " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"


def _cell(problem: str, of_seeds: Mapping[int, Run]) -> str:
    """Return the medians over seeds, and how many these are where not all."""
    runs = list(of_seeds.values())
    if not runs:
        return ""
    words = [f"{statistics.median(run.best[-1] for run in runs):.4g}"]
    if PROBLEMS[problem].noise:
        picked = statistics.median(float(run.found["picked"]) for run in runs)
        words.append(f"{picked:.4g}")
    near = statistics.median(float(run.found["near"]) for run in runs)
    words.append(f"{near:.0%}")
    return "; ".join(words) + ("" if len(runs) == N_SEEDS else f" ({len(runs)})")


def main() -> None:
    """Run and report."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )

    def words(text: str) -> list[str]:
        return text.split(",")

    parser.add_argument("--methods", default=list(METHODS), type=words)
    parser.add_argument("--problems", default=list(NAMES), type=words)
    parser.add_argument("--seeds", type=int, default=N_SEEDS)
    parser.add_argument("--trials", type=int, default=N_TRIALS)
    parser.add_argument("--in-flight", type=int, default=IN_FLIGHT)
    parser.add_argument("--seconds", type=float, default=float("inf"))
    parser.add_argument("--again", action="store_true", help="replace what is there")
    parser.add_argument("--no-run", action="store_true")
    parser.add_argument("--write", action="store_true", help=f"write {DOCUMENT.name}")
    options = parser.parse_args()
    how = settings(options.trials, options.in_flight, "random")
    deadline = time.monotonic() + options.seconds
    for method in [] if options.no_run else options.methods:
        work(
            "quality/protocol/simulate",
            method,
            FOLDER,
            problems=options.problems,
            seeds=range(options.seeds),
            settings=how,
            seconds=deadline - time.monotonic(),
            again=options.again,
        )
    text = table(how)
    print(text)
    if options.write:
        SECTION.write(text)


if __name__ == "__main__":
    main()
