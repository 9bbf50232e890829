"""Experiments of many trials that have ended, as a driver with Slurm leaves them.

    python benchmarks scale/_journal write FOLDER TRIALS TOGETHER
    python benchmarks scale/_journal take-up FOLDER

A script of its own, so that the process that measures others is a small one: what the
system tells of a process's memory begins with that of its parent.
"""

from __future__ import annotations

import itertools
import random
import sys
from collections.abc import Iterator
from pathlib import Path

from hpcopt.config.file import load_config
from hpcopt.config.specs import run_spec
from hpcopt.core import events as ev
from hpcopt.core.trials.trial import Cause, Phase
from hpcopt.core.types import JSONValue
from hpcopt.experiment.composition import open_driver
from hpcopt.experiment.journal import open_journal
from hpcopt.host.clock import SystemClock

NAME = "size.yaml"

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
        facts: dict[str, JSONValue] = {"job_id": ids[k], "node": f"n{k % 64}"}
        begun = now + 20 + rng.random()
        yield ev.AttemptObserved(begun, k, 0, Phase.RUNNING, "", facts)
    for k in group:
        facts = {"job_id": ids[k], "exit_code": 0}
        ended = now + 3600 + rng.random()
        yield ev.AttemptEnded(ended, k, 0, Cause.SUCCESS, "exit code 0", facts)
        outcome = {"loss": ev.ObservedMetric(rng.random())}
        yield ev.TrialCompleted(ended + rng.random(), k, outcome)


def write_experiment(home: Path, n_trials: int, together: int) -> None:
    """Write an experiment with its config and its journal."""
    names = [f"  - {{name: x{j}, type: range, bounds: [0, 1]}}" for j in range(D)]
    config = home / NAME
    text = CONFIG.format(parameters="\n".join(names), n_trials=n_trials)
    config.write_text(text, encoding="utf-8")
    loaded = load_config(config)
    loaded.folder.mkdir()
    spec = run_spec(loaded, "slurm")
    settings, definition = spec.settings(), spec.experiment.definition()
    stream = facts(n_trials, together, loaded.folder)
    with open_journal(loaded.folder, definition, settings, SystemClock()) as journal:
        while events := list(itertools.islice(stream, N_IN_ONE_WRITE)):
            journal.append(*events)


def take_up(home: Path) -> None:
    """Take an experiment up as its driver, and lay it down at once."""
    with open_driver(run_spec(load_config(home / NAME), "slurm"), drain=True):
        pass


if __name__ == "__main__":
    verb, folder, *numbers = sys.argv[1:]
    if verb == "write":
        write_experiment(Path(folder), *map(int, numbers))
    else:
        take_up(Path(folder))
