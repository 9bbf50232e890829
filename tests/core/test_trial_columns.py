"""The columns of the table of trials: which name means which."""

from __future__ import annotations

import dataclasses
import re
from pathlib import Path

import pytest

from hpcopt.core import events as ev
from hpcopt.core.errors import UsageError
from hpcopt.core.experiment import Experiment
from hpcopt.core.trial_columns import TrialColumns
from hpcopt.core.trials.query import parse_condition
from hpcopt.core.trials.trial import Observation, TrialStatus
from hpcopt.core.types import JSONValue
from tests.support.cli_world import DEFINITION, EVENTS


def experiment(names: tuple[str, ...], objective: str = "-loss") -> Experiment:
    """Return one of two trials with parameters of these names."""
    parameters: list[JSONValue] = [
        {"name": name, "type": "range", "bounds": [0.0, 1.0]} for name in names
    ]
    begun = EVENTS[0]
    assert isinstance(begun, ev.ExperimentBegun)
    definition = {**DEFINITION, "parameters": parameters, "objective": objective}
    trials = tuple(
        ev.GeneratedTrial(k, dict.fromkeys(names, k / 4), "sobol") for k in range(2)
    )
    return Experiment.from_events(
        [
            dataclasses.replace(begun, definition=definition),
            ev.TrialsGenerated(1.0, trials, seconds=0.1),
        ]
    )


def test_a_parameter_never_hides_a_column() -> None:
    world = experiment(("status", "loss", "run_time", "x"))
    columns = TrialColumns(world)
    assert columns.find("status").name == "status"
    assert columns.find("run_time").name == "run_s"
    assert columns.find("parameters.status").name == "parameters.status"
    assert columns.find("loss").name == "parameters.loss"
    assert columns.find("metrics.loss").name == "metrics.loss"
    assert "parameters.status" in columns.names
    assert len(set(columns.names)) == len(columns.names) == len(list(columns))


def test_several_objectives_have_a_column_each() -> None:
    columns = TrialColumns(experiment(("x",), "-loss, gain + 2*cost"))
    names = [column.name for column in columns.objectives]
    assert names == ["objectives.loss", "objectives.gain + 2*cost"]
    assert columns.find("gain + 2*cost").meaning == "maximise gain + 2*cost"
    assert columns.find("loss").name == "metrics.loss"


def test_no_two_columns_have_one_name() -> None:
    columns = TrialColumns(experiment(("x",), "-loss, loss.sem, loss.sem_"))
    names = [column.name for column in columns]
    assert len(set(names)) == len(names) == len(set(columns.names))
    (trial, *_) = experiment(("x",)).trials
    outcome = {"loss": Observation(1.0, 0.5), "loss.sem": Observation(2.0)}
    trial = dataclasses.replace(trial, outcome=outcome)
    assert columns.find("metrics.loss.sem").value(trial) == 2.0
    assert columns.find("metrics.loss.sem__").value(trial) == 0.5


def test_a_name_may_begin_with_a_minus() -> None:
    world = experiment(("-x", "x"))
    columns = TrialColumns(world)
    assert [t.index for t in columns.sort(world.trials, "-x")] == [0, 1]
    assert [t.index for t in columns.sort(world.trials, "--x")] == [1, 0]


def test_hundreds_of_columns_are_not_all_named() -> None:
    columns = TrialColumns(experiment(tuple(f"p{k}" for k in range(500))))
    with pytest.raises(UsageError, match=r"did you mean p13\?.* and 49\d more") as info:
        columns.find("q13")
    assert len(str(info.value)) < 500


def test_a_condition_is_checked_before_any_trial_is_looked_at() -> None:
    columns = TrialColumns(experiment(("x",)))
    with pytest.raises(UsageError, match="no column 'y'"):
        columns.choose(parse_condition("x > 0 and y > 0"), [])
    with pytest.raises(UsageError, match="did you mean failed"):
        columns.choose(parse_condition("status = faild"), [])


def test_every_column_is_in_the_reference() -> None:
    page = Path(__file__).parents[2] / "docs" / "reference" / "commands.md"
    documented = set(re.findall(r"`([a-z_]+)`", page.read_text()))
    columns = TrialColumns(experiment(("x",))).fixed
    assert {column.name for column in columns} - documented == set()
    statuses = {status.name.lower() for status in TrialStatus}
    assert statuses - documented == set()
