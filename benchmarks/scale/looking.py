"""How long looking at many trials takes, beyond ``hpcopt --help``.

    scripts/bench looking --trials 10000 --busy 0 1

Two experiments are made up: one of six parameters and one metric, of which every trial
went well; and one of two objectives, an outcome constraint, five metrics, failures and
retries. Verbs run as a person runs them, each in a process of its own and from its
start to its end, with and without busy processes beside them; the first look at each
experiment leaves the cache that the others use.

Of several runs the best one counts, in seconds of the clock, of the processor, and in
MiB.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks.common.paths import command
from benchmarks.common.provenance import headline

KINDS = ("plain", "rich")

HELP = "--help"


def write(kind: str, home: Path, n_trials: int) -> None:
    """Write an experiment into a folder of its own."""
    if kind == "plain":
        subprocess.run(
            command("scale/_journal", "write", str(home), str(n_trials), "10"),
            check=True,
        )
    else:
        from tests.support.large_experiment import Shape, write_experiment

        shape = Shape(n_trials, n_objectives=2, is_constrained=True)
        write_experiment(home / "experiment", shape)


def measure(words: list[str]) -> tuple[float, float, float]:
    """Return a process's seconds from start to end, those of processor, its MiB."""
    started = time.monotonic()
    process = subprocess.Popen(
        [sys.executable, "-m", "hpcopt", *words], stdout=subprocess.DEVNULL
    )
    _, status, usage = os.wait4(process.pid, 0)
    seconds = time.monotonic() - started
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"{words} exited with {process.returncode}")
    return seconds, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024


def best(words: list[str], n: int) -> tuple[float, float, float]:
    """Return the least of each of ``n`` runs."""
    seconds, cpu, mib = map(min, zip(*(measure(words) for _ in range(n)), strict=True))
    return seconds, cpu, mib


@contextmanager
def busy(n: int) -> Iterator[None]:
    """Keep so many processors busy meanwhile."""
    spinning = [
        subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(n)
    ]
    try:
        yield
    finally:
        for process in spinning:
            process.kill()
            process.wait()


def main() -> None:
    """Measure each verb."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--trials", type=int, default=10_000)
    parser.add_argument("--repeats", type=int, default=9)
    parser.add_argument("--busy", type=int, nargs="+", default=[0, 1])
    parser.add_argument("--write", nargs=2, metavar=("KIND", "FOLDER"))
    options = parser.parse_args()
    if options.write:
        write(options.write[0], Path(options.write[1]), options.trials)
        return
    print(headline(), end="\n\n")
    print("| experiment | busy beside it | verb | s | of processor |", end="")
    print(" beyond `--help`, s | of processor | MiB |")
    print("|---|---|---|---|---|---|---|---|")
    for kind in KINDS:
        with tempfile.TemporaryDirectory() as home:
            # Written by another process, so that the one that measures is small.
            words = ["--write", kind, home, "--trials", str(options.trials)]
            subprocess.run(command("scale/looking", *words), check=True)
            folder = str(Path(home) / "experiment")
            sizes = Path(folder) / "journal.jsonl", Path(folder) / "journal.cache"
            first = measure(["status", folder])
            for n_busy in options.busy:
                with busy(n_busy):
                    help_ = best([HELP], options.repeats)
                    verbs = [["status"], ["trials"], ["show", "77"]]
                    rows = [(HELP, help_)]
                    if n_busy == 0:
                        rows.append(("status, the first look", first))
                    rows += [
                        (" ".join(verb), best([*verb, folder], options.repeats))
                        for verb in verbs
                    ]
                for name, (seconds, cpu, mib) in rows:
                    beyond = f"{seconds - help_[0]:.2f} | {cpu - help_[1]:.2f}"
                    row = f"{kind} | {n_busy} | `{name}` | {seconds:.2f} | {cpu:.2f}"
                    print(f"| {row} | {beyond} | {mib:.0f} |", flush=True)
            megabytes = [f"{path.stat().st_size / 1e6:.1f} MB" for path in sizes]
            print(f"| {kind} | | journal {megabytes[0]}, cache {megabytes[1]} |||||")


if __name__ == "__main__":
    main()
