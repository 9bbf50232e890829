"""An experiment on disk to be looked at, and a way to call the command line."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from click.testing import CliRunner, Result

from hpcopt.cli.main import command_line
from hpcopt.core import events as ev
from hpcopt.core.trials.trial import Cause, Phase
from hpcopt.core.types import JSONValue
from hpcopt.experiment.folder import JOURNAL, LEASE
from hpcopt.storage.journal_file import JournalFile
from hpcopt.storage.lease import Lease

T0 = 1_700_000_000.0

DEFINITION: Mapping[str, JSONValue] = {
    "name": "demo",
    "parameters": [
        {"name": "x", "type": "range", "bounds": [0.0, 1.0], "parameter_type": "float"},
        {"name": "kind", "type": "choice", "values": ["a", "b"], "is_ordered": False},
    ],
    "objective": "-loss",
    "metrics": [{"name": "loss", "dataset": "/loss"}],
    "seed": 0,
}
SETTINGS: Mapping[str, JSONValue] = {
    "run": {"max_trials": 6, "parallelism": 2},
    "runner": "slurm",
}

#: 2 completed (trial 1 is best), 1 failed after a retry, 1 running, 1 waiting.
EVENTS: list[ev.Event] = [
    ev.ExperimentBegun(T0, "0.1.0", DEFINITION, SETTINGS),
    ev.DriverBegun(T0, "login1", 4711, "0.1.0"),
    ev.TrialsGenerated(
        T0 + 1,
        tuple(
            ev.GeneratedTrial(k, {"x": (k + 1) / 7, "kind": "a"}, "sobol")
            for k in range(5)
        ),
        seconds=0.5,
    ),
    ev.AttemptsStaged(
        T0 + 2,
        tuple(ev.StagedAttempt(k, 0, "hpcopt:demo:0-4:0", k) for k in range(5)),
    ),
    ev.AttemptsSubmitted(
        T0 + 3,
        tuple(ev.SubmittedAttempt(k, 0, {"job_id": f"13_{k}"}) for k in range(5)),
    ),
    *(ev.AttemptObserved(T0 + 13, k, 0, Phase.RUNNING) for k in range(4)),
    ev.AttemptObserved(T0 + 13, 4, 0, Phase.WAITING, "Resources"),
    ev.AttemptEnded(T0 + 73, 0, 0, Cause.SUCCESS, "exit code 0"),
    ev.TrialCompleted(T0 + 74, 0, {"loss": ev.ObservedMetric(0.5)}),
    ev.AttemptEnded(T0 + 75, 1, 0, Cause.SUCCESS, "exit code 0"),
    ev.TrialCompleted(T0 + 76, 1, {"loss": ev.ObservedMetric(0.123456789, 0.01)}),
    ev.AttemptEnded(T0 + 80, 2, 0, Cause.INFRASTRUCTURE, "node n3 failed"),
    ev.AttemptsStaged(T0 + 81, (ev.StagedAttempt(2, 1, "hpcopt:demo:2:1"),)),
    ev.AttemptsSubmitted(T0 + 82, (ev.SubmittedAttempt(2, 1, {"job_id": "14"}),)),
    ev.AttemptEnded(T0 + 90, 2, 1, Cause.TRIAL, "exit code 1"),
    ev.TrialFailed(T0 + 91, 2, Cause.TRIAL, "exit code 1"),
]


def make_experiment(folder: Path, events: Sequence[ev.Event] = EVENTS) -> Path:
    """Write the events into a journal in ``folder``, as a driver that is gone."""
    folder.mkdir(parents=True)
    with Lease.acquire(folder / LEASE, heartbeat_s=None) as lease:
        store = JournalFile.open_or_create(folder / JOURNAL, lease)
        store.append(events)
        store.close()
    return folder


def write_log(folder: Path, trial: int, number: int, text: str) -> Path:
    """Write the log of an attempt."""
    attempt = folder / "trials" / f"{trial:04d}" / f"attempt-{number}"
    attempt.mkdir(parents=True)
    (attempt / "log.txt").write_text(text, encoding="utf-8")
    return attempt / "log.txt"


def hpcopt(*arguments: object, code: int = 0) -> Result:
    """Call the command line, and make sure of its exit code."""
    words = [str(argument) for argument in arguments]
    result = CliRunner().invoke(command_line, words, prog_name="hpcopt")
    assert result.exit_code == code, (result.output, result.stderr, result.exception)
    return result
