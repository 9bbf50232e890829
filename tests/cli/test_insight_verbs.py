"""The verbs compare, pareto, importance and best --by-model, and JSON of the others."""

from __future__ import annotations

import dataclasses
import json
import re
from pathlib import Path
from typing import Any

import pytest

from hpcopt.cli import needed
from hpcopt.core import events as ev
from tests.support.cli_world import (
    DEFINITION,
    EVENTS,
    T0,
    hpcopt,
    make_experiment,
    write_log,
)
from tests.support.large_experiment import Shape, write_experiment


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return make_experiment(tmp_path / "demo")


def facts(*words: object) -> Any:
    """Return the one object that a verb prints."""
    return json.loads(hpcopt(*words, "--json").stdout)


# Comparing


def test_two_trials_are_compared(folder: Path) -> None:
    found = facts("compare", 0, 1, folder)
    assert [trial["trial"] for trial in found["trials"]] == [0, 1]
    differences = found["differences"]
    assert differences["metrics.loss"] == 0.123456789 - 0.5
    assert differences["parameters.x"] == 2 / 7 - 1 / 7
    assert differences["run_s"] == 2.0
    assert "feasible" not in differences
    text = hpcopt("compare", 0, 1, folder).stdout
    assert text.splitlines()[0].split() == ["trial", "0", "trial", "1", "difference"]
    [line] = [line for line in text.splitlines() if "metrics.loss" in line]
    assert line.split() == ["metrics.loss", "0.5", "0.123457", "-0.376543"]


def test_a_trial_that_failed_is_compared_with_one_that_did_not(folder: Path) -> None:
    text = hpcopt("compare", 1, 2, folder).stdout
    [line] = [line for line in text.splitlines() if line.startswith("state")]
    assert line.split() == ["state", "completed", "failed", "differs"]
    assert "exit code 1" in text


def test_two_experiments_are_compared(folder: Path, tmp_path: Path) -> None:
    other = make_experiment(tmp_path / "other", EVENTS[:11])
    found = facts("compare", folder, other)
    assert [one["n_trials"] for one in found["experiments"]] == [5, 5]
    assert found["same_goals"] is True
    assert found["differences"]["retries"] == -1
    text = hpcopt("compare", folder, other).stdout
    assert "minimise loss" in text
    assert "best.objective" in text
    assert "best.parameters.x" in text  # a parameter may be called objective


def test_values_of_different_objectives_have_no_difference(
    folder: Path, tmp_path: Path
) -> None:
    begun = ev.ExperimentBegun(T0, "0.1.0", {**DEFINITION, "objective": "loss"}, {})
    other = make_experiment(tmp_path / "other", [begun, *EVENTS[1:]])
    found = facts("compare", folder, other)
    assert found["same_goals"] is False
    assert "best.objective" not in found["differences"]
    assert "best.parameters.x" in found["differences"]
    text = hpcopt("compare", folder, other).stdout
    [line] = [line for line in text.splitlines() if "best.objective" in line]
    assert line.split()[-1] == "differs"
    assert "loss = 0.123457" in line
    assert "loss = 0.5" in line


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["0", "99"], "trial 99 does not exist; there are 0 to 4"),
        (["0", "x"], "expected two numbers of trials or two experiments"),
        (["x", "y", "z"], "expected no TARGET where experiments are compared"),
        (["x", "y"], "x: expected a config or an experiment's folder"),
    ],
)
def test_what_cannot_be_compared(
    words: list[str], message: str, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(folder)
    assert message in hpcopt("compare", *words, code=2).stderr


# The Pareto front


def test_the_front_has_a_volume(tmp_path: Path) -> None:
    where = write_experiment(
        tmp_path / "e", Shape(40, n_objectives=2, is_constrained=True)
    )
    found = facts("pareto", where)
    assert [one["direction"] for one in found["objectives"]] == ["minimise"] * 2
    assert all(trial["is_feasible"] for trial in found["trials"])
    assert found["hypervolume"]["value"] > 0
    text = hpcopt("pareto", where).stdout
    assert "hypervolume" in text.splitlines()[-1]
    indices = [trial["trial"] for trial in found["trials"]]
    assert indices == [trial["trial"] for trial in facts("best", where)]


def test_one_objective_has_no_front(folder: Path) -> None:
    stderr = hpcopt("pareto", folder, code=2).stderr
    assert "expected several objectives, found '-loss'; hpcopt best shows" in stderr


def test_nothing_is_no_front(tmp_path: Path) -> None:
    where = write_experiment(tmp_path / "e", Shape(4, n_objectives=2, failed=1.0))
    result = hpcopt("pareto", where)
    assert result.stdout == ""
    assert "no trial is completed so far" in result.stderr
    assert facts("pareto", where)["hypervolume"] is None


# What asks the model


@pytest.mark.slow
def test_what_the_model_expects_of_the_best(tmp_path: Path) -> None:
    where = write_experiment(tmp_path / "e", Shape(25))
    [best] = facts("best", where, "--by-model")
    [expected, *_] = best["predicted"].values()
    assert expected["sem"] > 0
    text = hpcopt("best", where, "--by-model").stdout
    assert f"trial {best['trial']}, of which the model expects (± one" in text
    found = facts("importance", where)["metrics"]
    [(name, one)] = found.items()
    totals = [each["total"] for each in one["parameters"].values()]
    assert totals == sorted(totals, reverse=True)
    assert totals[0] > 0
    lines = hpcopt("importance", where).stdout.splitlines()
    assert lines[0].startswith(f"{name}, whose model has R² ")
    assert lines[0].endswith(" for outcomes it has not seen")
    assert lines[1].split()[:3] == ["parameter", "in", "all"]


@pytest.mark.slow
def test_of_too_few_trials_there_is_no_model(tmp_path: Path) -> None:
    where = write_experiment(tmp_path / "e", Shape(1, failed=0, early_stopped=0))
    stderr = hpcopt("best", where, "--by-model", code=1).stderr
    assert "too few trials are completed for a model" in stderr
    stderr = hpcopt("importance", where, code=1).stderr
    assert "expected at least 2 completed trials to predict from, found 1" in stderr


@pytest.mark.slow
def test_outcomes_that_are_all_equal_are_said_to_be_so(tmp_path: Path) -> None:
    events = [
        dataclasses.replace(event, outcome={"loss": ev.ObservedMetric(1.0)})
        if isinstance(event, ev.TrialCompleted)
        else event
        for event in EVENTS
    ]
    where = make_experiment(tmp_path / "e", events)
    assert "loss, whose outcomes are all equal" in hpcopt("importance", where).stdout
    assert facts("importance", where)["metrics"]["loss"]["r_squared"] is None


def test_a_metric_that_is_none_has_no_importance(folder: Path) -> None:
    stderr = hpcopt("importance", folder, "-m", "los", code=2).stderr
    assert "--metric: expected one of loss, found 'los'; did you mean loss?" in stderr


def test_two_ways_of_choosing_the_best_exclude_each_other(folder: Path) -> None:
    assert "found both" in hpcopt("best", folder, "--by-model", "-n", 3, code=2).stderr


@pytest.mark.parametrize("words", [["importance"], ["best", "--by-model"]])
def test_what_needs_the_model_says_so_in_a_sentence(
    words: list[str], folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(needed, "_is_installed", lambda name: name != "torch")
    result = hpcopt(*words, folder, code=1)
    assert result.stdout == ""
    [line] = result.stderr.splitlines()
    assert f"{' '.join(words)} needs torch, botorch, scipy" in line
    assert "torch is not installed here" in line


# JSON of the others


def test_a_log_as_json(folder: Path) -> None:
    path = write_log(folder, 2, 1, "one\ntwo\x1b[1m\n")
    assert facts("logs", 2, folder, "-n", 1) == {
        "trial": 2,
        "attempt": 1,
        "log": str(path),
        "is_live": False,
        "text": "two\x1b[1m\n",
    }
    assert facts("logs", 0, folder)["text"] is None
    assert "found both" in hpcopt("logs", 2, folder, "-f", "--json", code=2).stderr


def test_a_check_as_json(tmp_path: Path) -> None:
    config = tmp_path / "demo.yaml"
    config.write_text(
        "parameters: [{name: x, type: range, bounds: [0, 1]}]\n"
        'objective: "-loss"\nmetrics: [{name: loss, dataset: /loss}]\n'
        'job: {runner: local, command: ["true", "{{ x }}"]}\nrun: {max_trials: 6}\n'
    )
    found = facts("check", config)
    assert (found["name"], found["runner"]) == ("demo", "local")
    assert {tuple(check) for check in found["checks"]} == {
        ("check", "is_doubtful", "found")
    }
    assert found["rendered"] is None
    rendered = facts("check", config, "--render")["rendered"]
    assert set(rendered) == {"script", "job", "submission"}
    assert "true" in rendered["script"]
    assert rendered["submission"] is None


# What is documented


REFERENCE = Path(__file__).parents[2] / "docs" / "reference" / "json.md"


def documented(section: str) -> set[str]:
    """Return the keys that a section of the reference explains."""
    sections = re.split(r"^## ", REFERENCE.read_text(), flags=re.M)
    [text] = [one for one in sections if one.startswith(f"{section}\n")]
    rows = re.findall(r"^\| (`.*?) \|", text, flags=re.M)
    return {key for row in rows for key in re.findall(r"`([a-z_]+)`", row)}


@pytest.mark.parametrize(
    ("section", "words"),
    [
        ("A trial", ["show", "2"]),
        ("`status`", ["status"]),
        ("`pareto`", ["pareto"]),
        ("`logs`", ["logs", "2"]),
    ],
)
def test_every_key_is_documented(
    section: str, words: list[str], tmp_path: Path
) -> None:
    shape = Shape(20, n_objectives=2 if words == ["pareto"] else 1)
    where = write_experiment(tmp_path / "e", shape)
    printed = set(facts(*words, where))
    assert printed - documented(section) == set()
    assert documented(section) - printed <= {"predicted"}


def test_the_keys_of_a_comparison_are_documented(tmp_path: Path) -> None:
    where = write_experiment(tmp_path / "e", Shape(20))
    printed = {*facts("compare", 1, 2, where), *facts("compare", where, where)}
    assert printed == documented("`compare`")
