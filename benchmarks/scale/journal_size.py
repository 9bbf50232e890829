"""How long it takes to look at many trials, and to take them up.

    scripts/bench journal_size --trials 100 1000 10000 --together 1 10 100

Journals are written as a driver with the Slurm runner writes them: six parameters, a
model's hyperparameters with each suggestion, six facts a trial. So many trials as
``--together`` says were generated and submitted at once. Then, each time in a process
of its own and from its start to its end: ``hpcopt status``, and a driver that takes the
experiment up and lays it down. Its generator is another process, and is not measured.

Seconds are those of the clock, and of the processor: on a busy machine the first are
longer.
"""

from __future__ import annotations

import argparse
import itertools
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.common.paths import command
from benchmarks.common.provenance import headline

#: A module of its own, so that the process that measures others is a small one.
MAKER = "scale/_journal"


def measure(words: list[str]) -> tuple[float, float, float]:
    """Return a process's seconds from start to end, those of processor, its MiB."""
    started = time.monotonic()
    process = subprocess.Popen(words, stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    seconds = time.monotonic() - started
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"{words} exited with {process.returncode}")
    return seconds, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024


def main() -> None:
    """Measure each size."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--trials", type=int, nargs="+", default=[100, 1000, 10_000])
    parser.add_argument("--together", type=int, nargs="+", default=[1, 10, 100])
    parser.add_argument("--repeats", type=int, default=5)
    options = parser.parse_args()
    print(headline(), end="\n\n")
    print("| trials | at once | events | MB |", end="")
    print(" status s | CPU s | MiB | driver s | CPU s | MiB |")
    print("|---|---|---|---|---|---|---|---|---|---|")
    for n_trials, together in itertools.product(options.trials, options.together):
        with tempfile.TemporaryDirectory() as home:
            row = measure_size(Path(home), n_trials, together, options.repeats)
        print("|", " | ".join(row), "|", flush=True)


def measure_size(home: Path, n_trials: int, together: int, n: int) -> list[str]:
    """Return one row of the table."""
    size_words = [str(home), str(n_trials), str(together)]
    subprocess.run(command(MAKER, "write", *size_words), check=True)
    journal = home / "experiment" / "journal.jsonl"
    status = [sys.executable, "-m", "hpcopt", "status", str(journal.parent)]
    driver = command(MAKER, "take-up", str(home))
    size = journal.stat().st_size / 1e6
    n_events = journal.read_bytes().count(b"\n") - 1
    return [
        *(str(n_trials), str(together), str(n_events), f"{size:.1f}"),
        *_medians([measure(status) for _ in range(n)]),
        *_medians([measure(driver) for _ in range(n)]),
    ]


def _medians(measured: list[tuple[float, float, float]]) -> list[str]:
    seconds, cpu, mib = map(statistics.median, zip(*measured, strict=True))
    return [f"{seconds:.2f}", f"{cpu:.2f}", f"{mib:.0f}"]


if __name__ == "__main__":
    main()
