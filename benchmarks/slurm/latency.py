"""How long a freed place stays empty, by the times in a journal.

    hpcopt run configs/hartmann6.yaml --slurm
    scripts/bench slurm/latency experiments/hartmann6

A place is freed when the driver has seen that an attempt ended, and filled when the
next attempt that nobody has a place for yet is written down, which is just before its
sbatch. The time between is parted by what was written down meanwhile: that the result
was read, and that the next parameters were generated.
"""

from __future__ import annotations

import argparse
import statistics
from collections import deque
from collections.abc import Iterable
from pathlib import Path

from hpcopt.core import events as ev
from hpcopt.experiment.folder import read_events

PARTS = ("to the result", "to the parameters", "to sbatch", "in all", "of sbatch")


def waits(events: Iterable[ev.Event]) -> list[tuple[float, ...]]:
    """Return the seconds of each of ``PARTS``, for each place that was filled anew."""
    freed: deque[tuple[float, int]] = deque()
    read: dict[int, float] = {}
    generated: dict[int, float] = {}
    staged: dict[int, tuple[float, int, float]] = {}
    found: list[tuple[float, ...]] = []
    for event in events:
        match event:
            case ev.AttemptEnded():
                freed.append((event.time, event.trial_index))
            case ev.TrialCompleted() | ev.TrialFailed():
                read[event.trial_index] = event.time
            case ev.TrialsGenerated():
                generated |= {trial.index: event.time for trial in event.trials}
            case ev.AttemptsStaged():
                for part in event.attempts:
                    if freed:
                        staged[part.trial_index] = (*freed.popleft(), event.time)
            case ev.AttemptsSubmitted():
                for done in event.attempts:
                    if (place := staged.pop(done.trial_index, None)) is None:
                        continue
                    begin, before, sbatch = place
                    known = max(begin, read.get(before, begin))
                    chosen = max(known, generated[done.trial_index])
                    found.append(
                        (
                            known - begin,
                            chosen - known,
                            sbatch - chosen,
                            sbatch - begin,
                            event.time - sbatch,
                        )
                    )
    return found


def main() -> None:
    """Print the percentiles of all places of all experiments that are named."""
    parser = argparse.ArgumentParser()
    parser.add_argument("folders", type=Path, nargs="+", metavar="FOLDER")
    found = [
        place
        for folder in parser.parse_args().folders
        for place in waits(read_events(folder))
    ]
    if len(found) < 2:
        raise SystemExit("fewer than two places were filled anew")
    print(f"{len(found)} places filled anew; seconds:")
    for name, seconds in zip(PARTS, zip(*found, strict=True), strict=True):
        p = statistics.quantiles(seconds, n=100, method="inclusive")
        print(f"{name:>18}: p50 {p[49]:.3f}  p90 {p[89]:.3f}  p99 {p[98]:.3f}")


if __name__ == "__main__":
    main()
