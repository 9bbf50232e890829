"""``hpcopt trials``: which trials, in which order, and which columns."""

from __future__ import annotations

import csv
import dataclasses
import io
import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click
import pytest

from hpcopt.cli.views import table
from hpcopt.core import events as ev
from hpcopt.core.trials.trial import Cause
from hpcopt.core.types import JSONValue
from tests.support.cli_world import DEFINITION, EVENTS, T0, hpcopt, make_experiment


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return make_experiment(tmp_path / "demo")


def defined(changes: Mapping[str, JSONValue]) -> list[ev.Event]:
    """Return the events of the experiment with other keys in its definition."""
    begun = EVENTS[0]
    assert isinstance(begun, ev.ExperimentBegun)
    other = dataclasses.replace(begun, definition={**DEFINITION, **changes})
    return [other, *EVENTS[1:]]


def rows(folder: Path, *options: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(
        hpcopt("trials", folder, "--json", *options).stdout
    )
    return found


def indices(folder: Path, *options: str) -> list[int]:
    return [row["index"] for row in rows(folder, "--columns", "index", *options)]


@pytest.mark.parametrize(
    ("where", "found"),
    [
        ("status=failed and x>0.4", [2]),
        ("status!=completed", [2, 3, 4]),
        ("state = completed and loss < 0.2", [1]),
        ("metrics.loss.sem != none", [1]),
        ("objective > 0.1", [0, 1]),
        ("cause = trial", [2]),
        ("cause = none and attempts = 1", [0, 1, 3, 4]),
        ("reason ~ 'EXIT CODE'", [2]),
        ("attempts > 1 or index = 0", [0, 2]),
        ("run_s >= 60 and run_s < 70", [0, 1]),
        ("parameters.kind = a and not (index < 3)", [3, 4]),
        ("feasible = true", [0, 1]),
        ("feasible = True", [0, 1]),
        ("feasible = none", [2, 3, 4]),
        ("method contains sob and job = 14", [2]),
        ("loss > 0 and loss < 0", []),
    ],
)
def test_trials_of_which_a_condition_holds(
    where: str, found: list[int], folder: Path
) -> None:
    assert indices(folder, "--where", where) == found


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--where", "los > 1"], "--where: no column 'los'; did you mean loss?"),
        (["--where", "status = done"], "--where: status: expected one of candidate"),
        (["--where", "feasible = yes"], "feasible: expected one of true, false, found"),
        (["--where", "loss >"], "--where: expected a value after loss >, found the"),
        (["--where", "loss > abc"], "--where: loss > abc: expected two numbers or"),
        (["--sort", "-los"], "--sort: no column 'los'; did you mean loss?"),
        (["--columns", "x,,kind"], "--columns: expected names separated by commas"),
        (["--columns", "x,kin"], "--columns: no column 'kin'; did you mean kind?"),
    ],
)
def test_what_cannot_be_is_explained(
    options: list[str], message: str, folder: Path
) -> None:
    result = hpcopt("trials", folder, *options, code=2)
    assert message in result.stderr
    assert len(result.stderr.splitlines()) == 1
    assert result.stdout == ""


def test_an_unknown_column_is_answered_by_those_there_are(folder: Path) -> None:
    stderr = hpcopt("trials", folder, "--sort", "z", code=2).stderr
    assert "there are index, status, feasible, attempts, method" in stderr
    assert stderr.rstrip().endswith("x, kind, loss, loss.sem")


def test_trials_are_sorted_by_a_column_those_without_one_last(folder: Path) -> None:
    assert indices(folder, "--sort", "loss") == [1, 0, 2, 3, 4]
    assert indices(folder, "--sort", "-loss") == [0, 1, 2, 3, 4]
    assert indices(folder, "--sort", "-x") == [4, 3, 2, 1, 0]
    assert indices(folder, "--sort", "status", "--limit", "3") == [0, 1, 2]
    assert indices(folder, "--sort", "best", "--limit", "1") == [1]


def test_chosen_columns(folder: Path) -> None:
    options = ("--columns", "index,state,x,loss,run_s", "--where", "index <= 1")
    assert rows(folder, *options)[1] == {
        "index": 1,
        "state": "completed",
        "x": 2 / 7,
        "loss": 0.123456789,
        "run_s": 62.0,
    }
    lines = hpcopt("trials", folder, *options).stdout.splitlines()
    assert lines[0].split() == ["index", "state", "x", "loss", "run_s"]
    assert " ".join(lines[1].split()) == "0 completed 0.142857 0.5 1 min 00 s"
    found = csv.DictReader(
        io.StringIO(hpcopt("trials", folder, *options, "--csv").stdout)
    )
    assert [row["loss"] for row in found] == ["0.5", "0.123456789"]


def test_a_column_that_was_asked_for_is_there_though_it_is_empty(folder: Path) -> None:
    options = ("--columns", "index,model,x", "--limit", "1")
    head, line = hpcopt("trials", folder, *options).stdout.splitlines()
    assert head.split() == ["index", "model", "x"]
    assert line.split() == ["0", "0.142857"]


def test_infeasible_trials_are_marked_and_never_the_best(tmp_path: Path) -> None:
    measured = {0: ("heat", 900.0), 1: ("heat", 1300.0)}
    events = [
        dataclasses.replace(
            event,
            outcome={
                **event.outcome,
                measured[event.trial_index][0]: ev.ObservedMetric(
                    measured[event.trial_index][1]
                ),
            },
        )
        if isinstance(event, ev.TrialCompleted)
        else event
        for event in defined({"outcome_constraints": ["heat <= 1200"]})
    ]
    folder = make_experiment(tmp_path / "e", events)
    lines = hpcopt("trials", folder, "--sort", "loss").stdout.splitlines()
    assert lines[0].split()[:4] == ["trial", "state", "loss", "feasible"]
    assert lines[1].split()[:4] == ["1", "completed", "0.123457", "no"]
    assert lines[1].endswith("not heat <= 1200")
    assert lines[2].split()[:4] == ["0", "completed", "0.5", "0.142857"]
    assert indices(folder, "--where", "feasible = false") == [1]
    assert indices(folder, "--where", "feasible = none") == [2, 3, 4]
    assert indices(folder, "--sort", "best") == [0, 1, 2, 3, 4]
    assert "trial 0" in hpcopt("best", folder).stdout
    assert "loss = 0.5, trial 0" in hpcopt("status", folder).stdout


@pytest.mark.parametrize("options", [(), ("--columns", "index,status,x,loss,reason")])
def test_trials_fit_forty_columns(
    options: tuple[str, ...], folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(table, "terminal_width", lambda: 40)
    lines = hpcopt("trials", folder, *options).stdout.splitlines()
    assert max(len(line) for line in lines[:6]) <= 40
    assert lines[-1].startswith("No room for ")


def test_of_many_columns_without_room_few_are_named(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(table, "terminal_width", lambda: 40)
    columns = [table.Column(f"x{k}", rank=min(k, 1)) for k in range(500)]
    table.print_table(columns, [["12345678"] * 500])
    assert "and 484 more: see --json" in capsys.readouterr().out


def test_wide_characters_take_two_columns() -> None:
    columns = [table.Column("a"), table.Column("b", is_elastic=True)]
    cells = [["🚀", "温度" * 20], ["x", "温" * 3]]
    lines, _ = table.table(columns, cells, 30)
    assert lines[1] == "🚀  " + "温度" * 6 + "…"
    assert lines[2] == "x   " + "温" * 3


def test_no_color_takes_the_colours_away(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from click.testing import CliRunner

    from hpcopt.cli.main import command_line

    words = ["trials", str(folder)]
    coloured = CliRunner().invoke(command_line, words, color=True).stdout
    monkeypatch.setenv("NO_COLOR", "1")
    plain = CliRunner().invoke(command_line, words, color=True).stdout
    assert coloured != plain == click.unstyle(coloured)


def test_a_terminal_obeys_nothing_of_what_trials_hold(tmp_path: Path) -> None:
    kind = "\x1b[2J\u202e<b>'\"🚀\x07"
    events = [
        dataclasses.replace(
            event,
            trials=tuple(
                dataclasses.replace(trial, parameters={"x": 0.5, "kind": kind})
                for trial in event.trials
            ),
        )
        if isinstance(event, ev.TrialsGenerated)
        else event
        for event in EVENTS
    ]
    folder = make_experiment(tmp_path / "e", events)
    shown = r"\x1b[2J\u202e<b>'\"🚀\x07".replace('\\"', '"')
    for verb in (["trials"], ["best"], ["show", "1"], ["status"]):
        text = hpcopt(*verb, folder).stdout
        assert shown in text, verb
        assert "\x1b" not in text
        assert "\u202e" not in text
    assert rows(folder)[0]["parameters"]["kind"] == kind
    assert indices(folder, "--where", "kind ~ '<B>'") == [0, 1, 2, 3, 4]


def test_what_is_no_number_is_null(tmp_path: Path) -> None:
    from hpcopt.cli.views.text import finite

    facts: JSONValue = {"a": [float("nan"), 1.5], "b": {"c": float("inf")}, "d": "x"}
    assert finite(facts) == {"a": [None, 1.5], "b": {"c": None}, "d": "x"}


def test_a_copy_elsewhere_gives_the_same(folder: Path, tmp_path: Path) -> None:
    copy = shutil.copytree(folder, tmp_path / "copy")
    assert rows(copy) == rows(folder)


def test_times_are_those_of_the_accounting_in_every_verb(tmp_path: Path) -> None:
    accounting = {"cpus": 4, "submitted_at": T0, "started_at": T0 + 20, "elapsed_s": 40}
    end = ev.AttemptEnded(T0 + 73, 0, 0, Cause.SUCCESS, "", {"accounting": accounting})
    folder = make_experiment(tmp_path / "demo", [*EVENTS[:6], end])
    shown = json.loads(hpcopt("show", 0, folder, "--json").stdout)
    for found in (
        rows(folder)[0],
        rows(folder, "--columns", "queue_s,run_s")[0],
        shown,
        shown["attempts"][0],
    ):
        assert (found["queue_s"], found["run_s"]) == (20.0, 40.0)
