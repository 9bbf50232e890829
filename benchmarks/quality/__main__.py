"""Evaluations to the optimum by the protocol, beside the peers.

    scripts/bench quality [--methods hpcopt,ax,…] [--sets development,validation,…]
        [--problems hartmann6,…] [--orders fifo,random] [--seeds 20] [--seconds 3000]
        [--again] [--no-run] [--time] [--write]

Runs what is missing in benchmarks/results, one method after the other, each in an
environment of its own, and writes the tables into docs/benchmarks.md. It can be
stopped, and goes on where it was; --again replaces what is there. SMAC3's smac-blackbox
runs only when it is named.

--time runs one seed of a few problems again, method after method, on a machine that
does nothing else: only those seconds are to be compared.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence
from pathlib import Path

from benchmarks.common.document import DOCUMENT, Section
from benchmarks.common.environments import coco_folder
from benchmarks.common.paths import RESULTS
from benchmarks.common.results import Run, read
from benchmarks.quality.protocol.methods import METHODS, is_able
from benchmarks.quality.protocol.problems import PROBLEMS, SETS
from benchmarks.quality.protocol.report import (
    PROTOCOL,
    by_method,
    report,
    seconds_table,
)
from benchmarks.quality.protocol.simulate import settings
from benchmarks.quality.protocol.worker import work

SECTION = Section("quality")

COMPARED = [name for name in METHODS if name != "smac-blackbox"]

#: Where runs are kept, and those whose seconds are compared.
QUALITY, SECONDS = RESULTS / "quality", RESULTS / "seconds"

#: Trials end as they were submitted, or after times that vary.
ORDERS = ("fifo", "random")
N_TRIALS, IN_FLIGHT = 40, 4
TIMED = ["hartmann6", "branin2", "sixhump2", "gramacy2"]


def run(
    method: str,
    problems: list[str],
    folder: Path,
    order: str,
    n_seeds: int,
    *,
    seconds: float = float("inf"),
    again: bool = False,
) -> None:
    """Run a method on problems, as far as it is able to."""
    able = [name for name in problems if is_able(method, PROBLEMS[name])]
    if seconds > 0 and able:
        work(
            "quality/protocol/simulate",
            method,
            folder,
            problems=able,
            seeds=range(n_seeds),
            settings=settings(N_TRIALS, IN_FLIGHT, order),
            seconds=seconds,
            again=again,
            path=coco_folder(),
        )


def tables(methods: list[str], sets: list[str]) -> str:
    """Return what all rows say."""
    names = {title: [p.name for p in SETS[title]] for title in sets}
    fifo, varying = (
        by_method(read(QUALITY, settings(N_TRIALS, IN_FLIGHT, order)))
        for order in ORDERS
    )
    parts = [report(fifo, methods, names)]
    if varying:
        protocol = {title: names[title] for title in PROTOCOL if title in names}
        parts += ["## The same with durations that vary\n"]
        parts += [report(varying, methods, protocol)]
    if timed := list(read(SECONDS)):
        parts += ["## Seconds for a suggestion\n", _note_on_seconds(timed)]
        parts += [seconds_table(by_method(timed), methods)]
    return "\n".join(parts)


def _note_on_seconds(timed: Sequence[Run]) -> str:
    threads = {run.provenance.threads for run in timed}
    how = "one thread each" if threads == {"1"} else "each with its own threads"
    return (
        f"Median after trial 10, one seed, {how}, one method after the other in one "
        "run.\n"
    )


def main() -> None:
    """Run and report."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )

    def words(text: str) -> list[str]:
        return text.split(",")

    parser.add_argument("--methods", default=COMPARED, type=words)
    parser.add_argument("--sets", default=list(SETS), type=words)
    parser.add_argument("--problems", default=None, type=words)
    parser.add_argument("--orders", default=list(ORDERS), type=words)
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--seconds", type=float, default=float("inf"))
    parser.add_argument("--again", action="store_true", help="replace what is there")
    parser.add_argument("--no-run", action="store_true")
    parser.add_argument("--time", action="store_true", help="time suggestions again")
    parser.add_argument("--write", action="store_true", help=f"write {DOCUMENT.name}")
    options = parser.parse_args()
    deadline = time.monotonic() + options.seconds
    problems = options.problems or [p.name for s in options.sets for p in SETS[s]]
    protocol = [p.name for title in PROTOCOL for p in SETS[title]]
    for order in [] if options.no_run else options.orders:
        names = [p for p in problems if order == "fifo" or p in protocol]
        for method in options.methods:
            left = deadline - time.monotonic()
            run(
                method,
                names,
                QUALITY,
                order,
                options.seeds,
                seconds=left,
                again=options.again,
            )
    if options.time:
        for path in SECONDS.glob("*"):  # of another run, perhaps of another machine
            path.unlink()
        for method in options.methods:
            run(method, TIMED, SECONDS, "fifo", 1)
    text = tables(options.methods, options.sets)
    print(text)
    if options.write:
        SECTION.write(text)


if __name__ == "__main__":
    main()
