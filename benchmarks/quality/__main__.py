"""Evaluations to the optimum by the protocol, beside the peers.

    scripts/bench quality [--methods hpcopt,ax,…] [--sets development,validation,…]
        [--problems hartmann6,…] [--orders fifo,random] [--seeds 20] [--seconds 3000]
        [--no-run] [--time] [--write]

Runs what is missing in benchmarks/results, one method after the other, each in an
environment of its own, and writes the tables into docs/benchmarks.md. It can be
stopped, and goes on where it was. SMAC3's smac-blackbox runs only when it is named.

--time runs one seed of a few problems again, method after method, on a machine that
does nothing else: only those seconds are to be compared.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import time
from pathlib import Path

from benchmarks.common.environments import coco_folder, python_for
from benchmarks.common.paths import RESULTS, ROOT, command
from benchmarks.quality.protocol.methods import METHODS, is_able
from benchmarks.quality.protocol.problems import PROBLEMS, SETS
from benchmarks.quality.protocol.report import (
    PROTOCOL,
    read_runs,
    report,
    seconds_table,
)

DOCUMENT = ROOT / "docs" / "benchmarks.md"

#: Set before a process loads numpy or torch.
_THREAD_VARIABLES = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")
BEGIN, END = "<!-- quality: begin -->\n", "<!-- quality: end -->\n"

COMPARED = [name for name in METHODS if name != "smac-blackbox"]

#: The rows of trials that end as they were submitted, and of those whose times vary.
CSV = {"fifo": RESULTS / "quality.csv", "random": RESULTS / "quality-random.csv"}
SECONDS = RESULTS / "seconds.csv"
TIMED = ["hartmann6", "branin2", "sixhump2", "gramacy2"]


def run(
    method: str,
    problems: list[str],
    path: Path,
    order: str,
    n_seeds: int,
    seconds: float,
) -> None:
    """Run a method on what is missing in a file, for as long as there is time."""
    able = [name for name in problems if is_able(method, PROBLEMS[name])]
    if seconds <= 0 or not able:
        return
    subprocess.run(
        command(
            "quality/protocol/simulate",
            *(method, str(path), ",".join(able), "0", str(n_seeds)),
            *(f"--order={order}", f"--seconds={seconds}"),
            python=python_for(method),
        ),
        env=os.environ
        | {"PYTHONPATH": str(coco_folder())}
        | dict.fromkeys(_THREAD_VARIABLES, "1"),
        check=True,
    )


def tables(methods: list[str], sets: list[str]) -> str:
    """Return what all rows say."""
    names = {title: [p.name for p in SETS[title]] for title in sets}
    parts = [report(read_runs([CSV["fifo"]]), methods, names)]
    varying = read_runs([CSV["random"]])
    if varying:
        protocol = {title: names[title] for title in PROTOCOL if title in names}
        parts += ["## The same with durations that vary\n"]
        parts += [report(varying, methods, protocol)]
    timed = read_runs([SECONDS])
    if timed:
        parts += ["## Seconds for a suggestion\n", _SECONDS_NOTE]
        parts += [seconds_table(timed, methods)]
    return "\n".join(parts)


_SECONDS_NOTE = """\
Median after trial 10, one seed, one thread each, one method after the other in one run.
"""


def write(text: str) -> None:
    """Put the tables between their marks in the document."""
    head, _, rest = DOCUMENT.read_text(encoding="utf-8").partition(BEGIN)
    _, _, tail = rest.partition(END)
    DOCUMENT.write_text(f"{head}{BEGIN}\n{text}\n{END}{tail}", encoding="utf-8")


def main() -> None:
    """Run and report."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    words = {"type": lambda text: text.split(",")}
    parser.add_argument("--methods", default=COMPARED, **words)
    parser.add_argument("--sets", default=list(SETS), **words)
    parser.add_argument("--problems", default=None, **words)
    parser.add_argument("--orders", default=list(CSV), **words)
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--seconds", type=float, default=float("inf"))
    parser.add_argument("--no-run", action="store_true")
    parser.add_argument("--time", action="store_true", help="time suggestions again")
    parser.add_argument("--write", action="store_true", help=f"write {DOCUMENT.name}")
    options = parser.parse_args()
    deadline = time.monotonic() + options.seconds
    RESULTS.mkdir(parents=True, exist_ok=True)
    problems = options.problems or [p.name for s in options.sets for p in SETS[s]]
    protocol = [p.name for title in PROTOCOL for p in SETS[title]]
    for order in [] if options.no_run else options.orders:
        names = [p for p in problems if order == "fifo" or p in protocol]
        for method in options.methods:
            left = deadline - time.monotonic()
            run(method, names, CSV[order], order, options.seeds, left)
    if options.time:
        SECONDS.unlink(missing_ok=True)
        for method in options.methods:
            run(method, TIMED, SECONDS, "fifo", 1, float("inf"))
    text = tables(options.methods, options.sets)
    print(text)
    if options.write:
        write(text)


if __name__ == "__main__":
    main()
