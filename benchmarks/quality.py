"""Evaluations to the optimum, beside the peers: `scripts/bench quality`.

    scripts/bench quality [--methods hpcopt,ax,…] [--sets development,validation]
        [--problems hartmann6,…] [--seeds 20] [--seconds 3000] [--no-run]

Runs what is missing in benchmarks/results/quality.csv, one method after the other, each
in an environment of its own, and writes the tables into docs/benchmarks.md. It can be
stopped, and goes on where it was. A trial's generation is timed where it runs: compare
seconds of one machine that did nothing else.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import time
from pathlib import Path

from _quality.environments import ROOT, python_for
from _quality.methods import CONSTRAINED, METHODS
from _quality.problems import PROBLEMS, SETS
from _quality.report import read_runs, report

RESULTS = ROOT / "benchmarks" / "results"
DOCUMENT = ROOT / "docs" / "benchmarks.md"

#: Set before a process loads numpy or torch.
_THREAD_VARIABLES = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")
BEGIN, END = "<!-- quality: begin -->\n", "<!-- quality: end -->\n"


def run(method: str, problems: list[str], options: argparse.Namespace) -> None:
    """Run a method on what is missing, for as long as there is time."""
    able = [
        name
        for name in problems
        if method in CONSTRAINED or not PROBLEMS[name].n_constraints
    ]
    seconds = options.deadline - time.monotonic()
    if seconds <= 0 or not able:
        return
    subprocess.run(
        [
            str(python_for(method)),
            "-m",
            "_quality.simulate",
            method,
            str(options.csv),
            ",".join(able),
            "0",
            str(options.seeds),
            f"--trials={options.trials}",
            f"--in-flight={options.in_flight}",
            f"--order={options.order}",
            f"--seconds={seconds}",
        ],
        env=os.environ
        | {"PYTHONPATH": str(Path(__file__).parent)}
        | dict.fromkeys(_THREAD_VARIABLES, "1"),
        check=True,
    )


def write_tables(methods: list[str], options: argparse.Namespace) -> None:
    """Put the tables between their marks in the document."""
    paths = [path for path in (options.csv, *options.more) if path.exists()]
    runs = read_runs(paths, options.trials)
    sets = {title: [p.name for p in SETS[title]] for title in options.sets}
    tables = report(runs, methods, sets)
    print(tables)
    if DOCUMENT.exists() and options.write:
        head, _, rest = DOCUMENT.read_text(encoding="utf-8").partition(BEGIN)
        _, _, tail = rest.partition(END)
        text = f"{head}{BEGIN}\n{tables}\n{END}{tail}"
        DOCUMENT.write_text(text, encoding="utf-8")


def main() -> None:
    """Run and report."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    words = {"type": lambda text: text.split(",")}
    parser.add_argument("--methods", default=list(METHODS), **words)
    parser.add_argument("--sets", default=list(SETS), **words)
    parser.add_argument("--problems", default=None, **words)
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--trials", type=int, default=40)
    parser.add_argument("--in-flight", type=int, default=4)
    parser.add_argument("--order", choices=["fifo", "random"], default="fifo")
    parser.add_argument("--seconds", type=float, default=float("inf"))
    parser.add_argument("--csv", type=Path, default=RESULTS / "quality.csv")
    parser.add_argument("--more", type=Path, nargs="*", default=[], help="more rows")
    parser.add_argument("--no-run", action="store_true")
    parser.add_argument("--write", action="store_true", help=f"write {DOCUMENT.name}")
    options = parser.parse_args()
    options.deadline = time.monotonic() + options.seconds
    options.csv.parent.mkdir(parents=True, exist_ok=True)
    problems = options.problems or [p.name for s in options.sets for p in SETS[s]]
    if not options.no_run:
        for method in options.methods:
            run(method, problems, options)
    write_tables(options.methods, options)


if __name__ == "__main__":
    main()
