"""Best value of Hartmann6 found by trial 20, 30 and 40, over seeds.

scripts/bench hartmann6 [--seeds 10] [--in-flight 3] [--keep]
"""

from __future__ import annotations

import argparse
import statistics

from benchmarks.common import results
from benchmarks.quality.protocol.simulate import settings
from benchmarks.quality.protocol.worker import folder_of, work

MARKS = (20, 30, 40)


def main() -> None:
    """Run the benchmark and print its table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--in-flight", type=int, default=3)
    parser.add_argument("--keep", action="store_true", help="keep the rows")
    options = parser.parse_args()
    seeds = range(options.seeds)
    how = settings(max(MARKS), options.in_flight, "fifo")
    with folder_of("hartmann6", is_kept=options.keep) as folder:
        work(
            "quality/protocol/simulate",
            "hpcopt",
            folder,
            problems=["hartmann6"],
            seeds=seeds,
            settings=how,
        )
        found = [run for run in results.read(folder, how) if run.seed in seeds]
    print("seed " + " ".join(f"best@{mark}" for mark in MARKS) + "  s/suggestion")
    rows = []
    for run in found:
        seconds = statistics.median(run.trial_seconds[10:])
        rows.append([*(run.best[mark - 1] for mark in MARKS), seconds])
        print(f"{run.seed:4d} " + " ".join(f"{value:7.3f}" for value in rows[-1]))
    medians = [statistics.median(column) for column in zip(*rows, strict=True)]
    print("med. " + " ".join(f"{value:7.3f}" for value in medians))


if __name__ == "__main__":
    main()
