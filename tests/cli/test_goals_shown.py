"""What the command line shows of several objectives and of outcome constraints."""

from __future__ import annotations

import csv
import dataclasses
import io
import json
from collections.abc import Mapping, Sequence
from pathlib import Path

from hpcopt.core import events as ev
from hpcopt.core.types import JSONValue
from tests.support.cli_world import EVENTS, hpcopt, make_experiment

#: Loss, cost and heat of each trial. Without the hot one, the last one is dominated.
OUTCOMES = [(1.0, 9.0, 3.0), (3.0, 3.0, 3.0), (0.5, 0.5, 9.0), (4.0, 4.0, 3.0)]


def folder(
    tmp_path: Path,
    objective: str,
    constraints: Sequence[str] = ("heat <= 5",),
    outcomes: Sequence[tuple[float, float, float]] = OUTCOMES,
) -> Path:
    """Return the folder of an experiment with a trial for each outcome."""
    begun = EVENTS[0]
    assert isinstance(begun, ev.ExperimentBegun)
    definition: Mapping[str, JSONValue] = {
        **begun.definition,
        "objective": objective,
        "outcome_constraints": list(constraints),
    }
    events: list[ev.Event] = [dataclasses.replace(begun, definition=definition)]
    generated = next(e for e in EVENTS if isinstance(e, ev.TrialsGenerated))
    parameters = generated.trials[0].parameters
    for index, outcome in enumerate(outcomes):
        metrics = dict(zip(("loss", "cost", "heat"), outcome, strict=True))
        events += [
            ev.TrialAttached(1.0, index, parameters),
            ev.TrialCompleted(
                2.0, index, {k: ev.ObservedMetric(v) for k, v in metrics.items()}
            ),
        ]
    return make_experiment(tmp_path / "experiment", events)


def first_column(table: str) -> list[str]:
    return [line.split()[0] for line in table.splitlines() if line.strip()]


def test_the_best_of_several_objectives_are_the_pareto_front(tmp_path: Path) -> None:
    where = folder(tmp_path, "-loss, -cost")
    assert first_column(hpcopt("best", where).stdout) == ["trial", "0", "1"]
    assert first_column(hpcopt("best", where, "-n", 1).stdout) == ["trial", "0"]
    facts = json.loads(hpcopt("best", where, "--json").stdout)
    assert [trial["objectives"] for trial in facts] == [
        {"loss": 1.0, "cost": 9.0},
        {"loss": 3.0, "cost": 3.0},
    ]
    assert {trial["objective"] for trial in facts} == {None}


def test_status_says_what_several_objectives_have_come_to(tmp_path: Path) -> None:
    where = folder(tmp_path, "-loss, cost")
    status = hpcopt("status", where).stdout
    assert "minimise loss, maximise cost" in status
    assert "heat <= 5" in status
    assert "on the Pareto front: see hpcopt best" in status


def test_trials_have_a_column_for_each_objective(tmp_path: Path) -> None:
    where = folder(tmp_path, "-loss, cost")
    head = hpcopt("trials", where, "--sort", "best").stdout.splitlines()[0].split()
    assert head[:4] == ["trial", "state", "loss", "cost"]
    rows = csv.DictReader(io.StringIO(hpcopt("trials", where, "--csv").stdout))
    assert [row["objectives.cost"] for row in rows] == ["9.0", "3.0", "0.5", "4.0"]
    assert "loss = 1, cost = 9" in hpcopt("show", 0, where).stdout


def test_the_best_trial_is_a_feasible_one(tmp_path: Path) -> None:
    where = folder(tmp_path, "-loss")
    assert "loss = 1.0  trial 0" in hpcopt("best", where).stdout
    trials = json.loads(hpcopt("trials", where, "--json").stdout)
    assert [t["is_feasible"] for t in trials] == [True, True, False, True]


def test_it_is_said_that_no_trial_is_feasible(tmp_path: Path) -> None:
    where = folder(tmp_path, "-loss", ["heat <= 1"])
    assert "none feasible so far" in hpcopt("status", where).stdout
    stderr = hpcopt("best", where).stderr
    assert stderr == "none of 4 completed trials satisfies heat <= 1\n"


def test_it_is_said_that_no_trial_has_the_objective(tmp_path: Path) -> None:
    where = folder(tmp_path, "-speed", constraints=())
    stderr = hpcopt("best", where).stderr
    assert stderr == "none of 4 completed trials has a value of '-speed'\n"


def test_of_a_target_both_the_distance_and_the_metric_are_shown(tmp_path: Path) -> None:
    where = folder(tmp_path, "-abs(loss - 2.5)", constraints=())
    best = hpcopt("best", where).stdout
    assert best.startswith("abs(loss - 2.5) = 0.5  trial 1")
    assert "loss" in best.splitlines()[-1]
    assert best.endswith("3.0, to be 2.5\n")
    status = hpcopt("status", where).stdout
    assert "minimise abs(loss - 2.5)" in status
    assert "abs(loss - 2.5) = 0.5, trial 1" in status
    assert "loss = 3, to be 2.5" in status
    [facts] = json.loads(hpcopt("best", where, "--json").stdout)
    assert facts["objective"] == 0.5
    assert facts["targets"] == {"loss": {"target": 2.5, "value": 3.0}}
    head = hpcopt("trials", where).stdout.splitlines()[0]
    assert "abs(loss - 2.5)" in head
