"""The verbs that look at an experiment: status, trials, best, show, logs."""

from __future__ import annotations

import csv
import dataclasses
import io
import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from hpcopt.cli.verbs.logs import added
from hpcopt.core import events as ev
from hpcopt.core.trials.origin import Origin, used
from tests.support.cli_world import EVENTS, T0, hpcopt, make_experiment, write_log


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return make_experiment(tmp_path / "demo")


def strict_json(text: str) -> object:
    def refuse(constant: str) -> None:
        raise AssertionError(constant)

    return json.loads(text, parse_constant=refuse)


# Which experiment


def test_the_present_folder_is_the_default(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(folder)
    assert hpcopt("best").output == hpcopt("best", folder).output


def test_a_config_names_its_experiment(tmp_path: Path) -> None:
    config = tmp_path / "demo.yaml"
    config.write_text(
        "parameters: [{name: x, type: range, bounds: [0, 1]}]\n"
        'objective: "-loss"\nmetrics: [{name: loss, dataset: /loss}]\n'
        "job: {command: [a]}\nrun: {max_trials: 6}\n"
    )
    assert "is not begun yet" in hpcopt("status", config, code=2).stderr
    make_experiment(tmp_path / "experiments" / "demo")
    assert "2 completed" in hpcopt("status", config).output


def test_hpcopt_yaml_is_meant_where_nothing_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for verb in ("check", "run", "submit"):
        assert "no hpcopt.yaml in this folder" in hpcopt(verb, code=2).stderr
    Path("hpcopt.yaml").write_text(
        "name: demo\nparameters: [{name: x, type: range, bounds: [0, 1]}]\n"
        'objective: "-loss"\nmetrics: [{name: loss, dataset: /loss}]\n'
        "job: {runner: local, command: [no-such-program]}\nrun: {max_trials: 6}\n"
    )
    assert "no-such-program" in hpcopt("check", code=2).stderr
    make_experiment(tmp_path / "experiments" / "demo")
    assert "2 completed" in hpcopt("status").output
    assert "trial 1  completed" in hpcopt("show", 1).output


def test_a_folder_without_an_experiment_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert "not an experiment's" in hpcopt("status", code=2).stderr
    assert "expected an experiment" in hpcopt("trials", tmp_path, code=2).stderr


# Status


def test_status_as_json(folder: Path) -> None:
    facts = strict_json(hpcopt("status", folder, "--json").stdout)
    assert isinstance(facts, dict)
    assert facts["states"] == {"staged": 1, "failed": 1, "completed": 2, "running": 1}
    assert facts["best"]["trial"] == 1
    assert facts["best"]["objective"] == 0.123456789
    assert facts["failures"] == {"trial": 1}
    assert facts["retries"] == 1
    assert [a["job_id"] for a in facts["live"]] == ["13_3", "13_4"]
    assert facts["queue_s"] == {"n": 3, "mean": 10.0, "median": 10.0}
    assert facts["seconds_per_suggestion"] == 0.1
    assert facts["driver"]["state"] == "killed"
    assert facts["driver"]["pid"] == 4711


def test_the_queue_time_is_to_the_start_and_not_to_the_poll_after_it(
    tmp_path: Path,
) -> None:
    facts = {"started_at": T0 + 5.5, "elapsed_s": 60.0}
    seen_late = [
        dataclasses.replace(event, facts=facts)
        if isinstance(event, ev.AttemptEnded) and event.trial_index == 1
        else event
        for event in EVENTS
    ]
    folder = make_experiment(tmp_path / "late", seen_late)
    shown = strict_json(hpcopt("show", 1, folder, "--json").stdout)
    assert isinstance(shown, dict)
    assert shown["attempts"][0]["queue_s"] == 2.5
    table = hpcopt("trials", folder, "--where", "index=1", "--csv", "--columns=queue_s")
    assert table.stdout.split() == ["queue_s", "2.5"]


def test_status_for_a_person(folder: Path) -> None:
    text = hpcopt("status", folder).output
    assert "minimise loss" in text
    assert "5 of 6: 1 staged, 1 failed, 2 completed, 1 running" in text
    assert "loss = 0.123457, trial 1" in text
    assert "was killed: pid 4711 on login1" in text
    assert "1 program failed" in text
    assert "13_4  Resources" in text


def test_status_tells_how_the_driver_ended(tmp_path: Path) -> None:
    ended = ev.DriverEnded(T0 + 99, "stopped by SIGINT", {"squeue": 7})
    text = hpcopt("status", make_experiment(tmp_path / "e", [*EVENTS, ended])).output
    assert ": stopped by SIGINT" in text
    assert "7 squeue" in text


def test_status_shows_the_last_warning(folder: Path) -> None:
    (folder / "driver.log").write_text(
        "10:00,1 WARNING a: earlier\n10:01,2 WARNING a: new\n10:02,3 INFO a: fine\n"
    )
    text = hpcopt("status", folder).output
    assert "10:01  new" in text
    assert "earlier" not in text


def test_status_of_an_experiment_that_has_just_begun(tmp_path: Path) -> None:
    folder = make_experiment(tmp_path / "e", EVENTS[:1])
    assert "none so far" in hpcopt("status", folder).output
    facts = strict_json(hpcopt("status", folder, "--json").stdout)
    assert isinstance(facts, dict)
    assert facts["best"] is None
    assert facts["run_s"] is None
    assert facts["driver"]["state"] == "none"


def test_a_copy_that_may_not_be_written_can_be_looked_at(
    folder: Path, tmp_path: Path
) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(folder, copy)
    before = sorted(copy.iterdir())
    hpcopt("status", copy)
    hpcopt("trials", copy)
    assert sorted(copy.iterdir()) == before


# Trials and best


def test_trials_as_json_have_the_same_keys(folder: Path) -> None:
    rows = strict_json(hpcopt("trials", folder, "--json").stdout)
    assert isinstance(rows, list)
    assert [row["trial"] for row in rows] == [0, 1, 2, 3, 4]
    assert len({tuple(row) for row in rows}) == 1
    assert rows[2]["cause"] == "trial"
    assert rows[2]["attempts"] == 2
    assert rows[1]["metrics"] == {"loss": {"mean": 0.123456789, "sem": 0.01, "step": 0}}


def test_trials_in_a_pipe_are_cut_nowhere(folder: Path) -> None:
    head, *lines = hpcopt("trials", folder).stdout.splitlines()
    assert head.split()[:5] == ["trial", "state", "loss", "x", "kind"]
    assert len(lines) == 5
    assert lines[2].split()[:2] == ["2", "failed"]
    assert lines[2].endswith("exit code 1")
    assert "…" not in "".join(lines)


def test_trials_can_be_chosen_and_sorted(folder: Path) -> None:
    def indices(*options: str) -> list[int]:
        rows = strict_json(hpcopt("trials", folder, "--json", *options).stdout)
        assert isinstance(rows, list)
        return [row["trial"] for row in rows]

    assert indices("--sort", "best") == [1, 0, 2, 3, 4]
    assert indices("--state", "failed", "--state", "running") == [2, 3]
    assert indices("--state", "abandoned") == []


def test_trials_as_csv_hold_every_digit(folder: Path) -> None:
    rows = list(csv.DictReader(io.StringIO(hpcopt("trials", folder, "--csv").stdout)))
    assert len(rows) == 5
    assert float(rows[1]["metrics.loss"]) == 0.123456789
    assert float(rows[3]["parameters.x"]) == 4 / 7
    assert rows[3]["objective"] == ""


def test_trials_are_csv_or_json(folder: Path) -> None:
    assert "found both" in hpcopt("trials", folder, "--csv", "--json", code=2).stderr


def test_the_best_one_has_all_its_digits(folder: Path) -> None:
    text = hpcopt("best", folder).stdout
    assert "loss = 0.123456789  trial 1" in text
    assert str(2 / 7) in text


def test_the_best_ones_come_best_first(folder: Path) -> None:
    rows = strict_json(hpcopt("best", folder, "-n", 5, "--json").stdout)
    assert isinstance(rows, list)
    assert [row["objective"] for row in rows] == [0.123456789, 0.5]


def test_there_is_no_best_one_before_any_is_completed(tmp_path: Path) -> None:
    folder = make_experiment(tmp_path / "e", EVENTS[:1])
    assert hpcopt("best", folder).stdout == ""
    assert strict_json(hpcopt("best", folder, "--json").stdout) == []


def test_a_maximised_objective_is_read_as_it_is_written(tmp_path: Path) -> None:
    begun = EVENTS[0]
    assert isinstance(begun, ev.ExperimentBegun)
    definition = {**begun.definition, "objective": "2*loss"}
    other = ev.ExperimentBegun(T0, "0.1.0", definition, begun.settings)
    text = hpcopt("best", make_experiment(tmp_path / "e", [other, *EVENTS[1:]])).stdout
    assert "2*loss = 1.0  trial 0" in text


# One trial


def test_show_tells_every_attempt_and_the_end_of_its_log(folder: Path) -> None:
    lines = "".join(f"line {k}\n" for k in range(30))
    write_log(folder, 2, 1, lines)
    text = hpcopt("show", 2, folder).output
    assert "node n3 failed" in text
    assert "exit code 1" in text
    assert "line 9\n" not in text
    assert "line 10\n" in text


def test_of_a_large_log_only_the_end_is_read(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_log(folder, 2, 1, "x" * 70_000 + "".join(f"\nline {k}" for k in range(9)))
    monkeypatch.delattr(Path, "read_bytes")
    found = json.loads(hpcopt("logs", 2, folder, "--json", "-n", 2).stdout)
    assert found["text"] == "line 7\nline 8\n"


def test_a_log_that_cannot_be_read_is_said_to_be_so(folder: Path) -> None:
    log = write_log(folder, 2, 1, "")
    log.unlink()
    log.symlink_to(log.name)  # a loop: root may read what is closed
    why = "cannot be read: Too many levels of symbolic links"
    text = hpcopt("show", 2, folder).stdout
    assert f"log.txt {why}" in text
    assert "node n3 failed" in text
    for options in ([], ["--json"], ["-n", 3]):
        assert f"{log}: {why}" in hpcopt("logs", 2, folder, *options, code=1).stderr


def told(origins: list[Origin]) -> list[ev.Event]:
    """Return the events where the generator tells how each trial was proposed."""
    return [
        dataclasses.replace(event, details={"used": used(origins)})
        if isinstance(event, ev.TrialsGenerated)
        else event
        for event in EVENTS
    ]


def test_show_and_status_tell_how_trials_were_proposed(tmp_path: Path) -> None:
    origins = [
        Origin("sobol", "the first 2 trials fill the space", step=0),
        Origin("bo", "qKG was asked for", 1, "single_task", "qKG", ("it is weighed",)),
    ]
    folder = make_experiment(tmp_path / "e", told(origins))
    shown = hpcopt("show", 0, folder).output
    assert "proposed by  sobol in steps[0], " in shown
    assert "why          the first 2 trials fill the space" in shown
    assert "acquisition" not in shown
    shown = hpcopt("show", 1, folder).output
    assert "proposed by  bo in steps[1], " in shown
    for name, value in [
        ("model", "single_task"),
        ("acquisition", "qKG"),
        ("why", "qKG was asked for"),
        ("note", "it is weighed"),
    ]:
        assert f"{name:<11}  {value}\n" in shown
    lines = hpcopt("status", folder).output.splitlines()
    [line] = [k for k, text in enumerate(lines) if text.startswith("proposed by")]
    assert lines[line] == (
        "proposed by  steps[1]: bo, single_task, qKG (qKG was asked for)"
    )
    assert lines[line + 1].strip() == "it is weighed"
    facts = strict_json(hpcopt("status", folder, "--json").stdout)
    assert isinstance(facts, dict)
    assert facts["generator"] == origins[1].to_json()
    trial = strict_json(hpcopt("show", 0, folder, "--json").stdout)
    assert isinstance(trial, dict)
    assert trial["origin"] == origins[0].to_json()


def test_show_as_json(folder: Path) -> None:
    facts = strict_json(hpcopt("show", 2, folder, "--json").stdout)
    assert isinstance(facts, dict)
    assert [a["cause"] for a in facts["attempts"]] == ["infrastructure", "trial"]
    assert facts["attempts"][1]["job_id"] == "14"
    assert facts["parameters"] == {"x": 3 / 7, "kind": "a"}


@pytest.mark.parametrize("verb", ["show", "logs"])
def test_a_trial_that_does_not_exist_is_refused(verb: str, folder: Path) -> None:
    result = hpcopt(verb, 99, folder, code=2)
    assert "trial 99 does not exist; there are 0 to 4" in result.stderr


def test_logs_are_printed_as_they_are(folder: Path) -> None:
    path = write_log(folder, 0, 0, "one\ntwo\nthree\n")
    path.write_bytes(b"one\n\xff\nthree\n")
    result = hpcopt("logs", 0, folder)
    assert result.stdout_bytes == b"one\n\xff\nthree\n"
    assert result.stderr == f"{path}\n"
    assert hpcopt("logs", 0, folder, "-n", 1).stdout == "three\n"


def test_logs_of_an_earlier_attempt(folder: Path) -> None:
    write_log(folder, 2, 0, "first\n")
    write_log(folder, 2, 1, "second\n")
    assert hpcopt("logs", 2, folder).stdout == "second\n"
    assert hpcopt("logs", 2, folder, "--attempt", 0).stdout == "first\n"
    assert "from 0 to 1" in hpcopt("logs", 2, folder, "--attempt", 2, code=2).stderr


def test_a_log_that_is_not_there_is_explained(folder: Path) -> None:
    assert "it has not started yet" in hpcopt("logs", 4, folder, code=1).stderr
    assert "the job has left none" in hpcopt("logs", 0, folder, code=1).stderr


def test_a_log_is_followed_no_longer_than_its_job_where_no_driver_runs(
    folder: Path,
) -> None:
    log = write_log(folder, 3, 0, "all\n")  # of a trial that the journal calls running
    log.with_name("ended").write_text("0\n")
    assert hpcopt("logs", 3, folder, "--follow").stdout == "all\n"


def test_a_log_is_followed_until_its_attempt_has_ended(tmp_path: Path) -> None:
    path = tmp_path / "log.txt"
    written: Iterator[str] = iter(["a", "b", "c"])
    n_left = 3

    def write_more(_seconds: float) -> None:
        nonlocal n_left
        n_left -= 1
        with path.open("a") as file:
            file.write(next(written))

    found = added(path, 0, is_live=lambda: n_left > 0, sleep=write_more, n_looks=1)
    assert b"".join(found) == b"abc"
