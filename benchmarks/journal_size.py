"""How long it takes to look at an experiment of many trials, and to take it up.

    python benchmarks/journal_size.py --trials 100 1000 10000 --together 1 10 100

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
import random
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from hpcopt.config_file import load_config
from hpcopt.core import events as ev
from hpcopt.core.trial import Cause, Phase
from hpcopt.driver.clock import SystemClock
from hpcopt.session import JOURNAL, open_driver, open_journal

CONFIG = """\
name: size
folder: experiment
parameters:
{parameters}
objective: "-loss"
metrics:
  - {{name: loss, dataset: /loss}}
job:
  command: ["true"]
run:
  max_trials: {n_trials}
generation: {{seed: 0}}
"""

D = 6
BEGUN_AT = 1_700_000_000.0
N_IN_ONE_WRITE = 2_000


def facts(n_trials: int, together: int, folder: Path) -> Iterator[ev.Event]:
    """Yield what became of ``n_trials`` trials, ``together`` at a time."""
    rng = random.Random(0)
    n_events = 1
    for job_id, first in enumerate(range(0, n_trials, together), start=100_000):
        now = BEGUN_AT + 60.0 * job_id + rng.random()
        group = range(first, min(first + together, n_trials))
        for event in _group(rng, now, group, job_id, n_events, folder):
            n_events += 1
            yield event


def _group(
    rng: random.Random,
    now: float,
    group: range,
    job_id: int,
    position: int,
    folder: Path,
) -> Iterator[ev.Event]:
    is_array = len(group) > 1
    span = f"{group[0]}-{group[-1]}" if is_array else f"{group[0]}"
    name = f"hpcopt:size:{span}:0"
    ids = {k: f"{job_id}_{k - group[0]}" if is_array else str(job_id) for k in group}
    yield ev.TrialsGenerated(
        now,
        tuple(
            ev.GeneratedTrial(k, {f"x{j}": rng.random() for j in range(D)}, "bo")
            for k in group
        ),
        position=position,
        seconds=rng.random(),
        details={
            "lengthscales": [rng.random() for _ in range(D)],
            "outputscale": rng.random(),
            "noise": 1e-6,
            "power": rng.random(),
            "fallbacks": [],
        },
        n_requested=len(group),
    )
    yield ev.AttemptsStaged(
        now + 0.01,
        tuple(
            ev.StagedAttempt(
                k, 0, name, k - group[0] if is_array else None, rng.randbytes(32).hex()
            )
            for k in group
        ),
    )
    yield ev.AttemptsSubmitted(
        now + 0.05 + rng.random(),
        tuple(
            ev.SubmittedAttempt(
                k,
                0,
                {
                    "folder": f"{folder}/trials/{k:04d}/attempt-0",
                    "attempt": 0,
                    "job_id": ids[k],
                    "name": name,
                    "cluster": "",
                },
            )
            for k in group
        ),
    )
    for k in group:
        facts: dict[str, ev.JSONValue] = {"job_id": ids[k], "node": f"n{k % 64}"}
        begun = now + 20 + rng.random()
        yield ev.AttemptObserved(begun, k, 0, Phase.RUNNING, "", facts)
    for k in group:
        facts = {"job_id": ids[k], "exit_code": 0}
        ended = now + 3600 + rng.random()
        yield ev.AttemptEnded(ended, k, 0, Cause.SUCCESS, "exit code 0", facts)
        outcome = {"loss": ev.ObservedMetric(rng.random())}
        yield ev.TrialCompleted(ended + rng.random(), k, outcome)


def write_experiment(home: Path, n_trials: int, together: int) -> Path:
    """Write an experiment with its config and journal; return the config's path."""
    names = [f"  - {{name: x{j}, type: range, bounds: [0, 1]}}" for j in range(D)]
    config = home / "size.yaml"
    text = CONFIG.format(parameters="\n".join(names), n_trials=n_trials)
    config.write_text(text, encoding="utf-8")
    loaded = load_config(config)
    loaded.folder.mkdir()
    settings = {**loaded.config.settings(), "runner": "slurm"}
    definition = loaded.config.definition()
    stream = facts(n_trials, together, loaded.folder)
    with open_journal(loaded.folder, definition, settings, SystemClock()) as journal:
        while events := list(itertools.islice(stream, N_IN_ONE_WRITE)):
            journal.append(*events)
    return config


def take_up(config: Path) -> None:
    """Take an experiment up as its driver, and lay it down at once."""
    with open_driver(load_config(config), runner="slurm", winds_up=True):
        pass


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
    parser.add_argument("--take-up", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.take_up is not None:
        take_up(options.take_up)
        return
    print("| trials | at once | events | MB |", end="")
    print(" status s | CPU s | MiB | driver s | CPU s | MiB |")
    print("|---|---|---|---|---|---|---|---|---|---|")
    for n_trials, together in itertools.product(options.trials, options.together):
        with tempfile.TemporaryDirectory() as home:
            row = measure_size(Path(home), n_trials, together, options.repeats)
        print("|", " | ".join(row), "|", flush=True)


def measure_size(home: Path, n_trials: int, together: int, n: int) -> list[str]:
    """Return one row of the table."""
    config = write_experiment(home, n_trials, together)
    journal = load_config(config).folder / JOURNAL
    status = [sys.executable, "-m", "hpcopt", "status", str(journal.parent)]
    driver = [sys.executable, __file__, "--take-up", str(config)]
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
