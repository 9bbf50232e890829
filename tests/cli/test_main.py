"""The command line as a whole: help, errors, and what it loads."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from hpcopt import __version__
from hpcopt.cli.main import command_line
from hpcopt.core.errors import ConfigError, RunnerError
from hpcopt.experiment.folder import read_experiment
from tests.support.cli_world import hpcopt, make_experiment

VERBS = command_line.list_commands(click.Context(command_line))

#: What nobody who only looks has to wait for.
HEAVY = ["torch", "botorch", "h5py", "submitit", "pandas", "scipy", "rich", "jinja2"]


def test_the_help_names_every_verb() -> None:
    text = hpcopt("--help").output
    assert {"init", "run", "status", "trials"} <= {*VERBS}
    for verb in VERBS:
        assert f"\n  {verb} " in text


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_explains_itself_with_examples(verb: str) -> None:
    text = hpcopt(verb, "-h").output
    assert f"Usage: hpcopt {verb}" in text
    assert f"  hpcopt {verb}" in text.partition("Examples:")[2]


def test_the_version_is_printed() -> None:
    assert hpcopt("--version").output == f"hpcopt {__version__}\n"


def test_a_misspelt_verb_is_met_with_the_nearest_one() -> None:
    assert "did you mean status?" in hpcopt("staus", code=2).stderr


def test_a_word_that_is_no_verb_is_met_with_all_of_them() -> None:
    assert "init, check, doctor" in hpcopt("xyz", code=2).stderr


@pytest.mark.parametrize(
    ("error", "code", "lines"),
    [
        (RunnerError("no node"), 1, ["error: no node"]),
        (ConfigError("a: 1\nb: 2"), 2, ["error: a: 1", "error: b: 2"]),
        (KeyboardInterrupt(), 130, []),
    ],
    ids=["runner", "config", "interrupt"],
)
def test_an_error_becomes_lines_and_an_exit_code(
    error: BaseException,
    code: int,
    lines: list[str],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    def fail(folder: Path) -> None:
        raise error

    monkeypatch.setattr("hpcopt.cli.target.read_experiment", fail)
    result = hpcopt("status", make_experiment(tmp_path / "e"), code=code)
    assert result.stderr.splitlines() == lines
    assert result.stdout == ""


def test_an_unexpected_error_is_written_to_the_folder(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def fail(folder: Path) -> None:
        raise ZeroDivisionError("oh")

    folder = make_experiment(tmp_path / "e")
    monkeypatch.setattr("hpcopt.cli.target.read_experiment", fail)
    result = hpcopt("status", folder, code=1)
    (report,) = folder.glob("error-*.log")
    assert result.stderr.splitlines() == [
        f"error: unexpected ZeroDivisionError: oh; the details are in {report}"
    ]
    text = report.read_text()
    assert "Traceback" in text
    assert f"hpcopt    {__version__}" in text


def test_an_unexpected_error_without_a_folder_is_written_to_the_temporary_one(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def fail(target: Path | None) -> None:
        raise ZeroDivisionError("oh")

    monkeypatch.setattr("hpcopt.cli.target._folder_of", fail)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    hpcopt("status", "x.yaml", code=1)
    (report,) = tmp_path.glob("hpcopt-*-error-*.log")
    assert "ZeroDivisionError: oh" in report.read_text()


def loaded_by(*arguments: object) -> list[str]:
    """Return the heavy modules that a command has loaded."""
    words = [str(argument) for argument in arguments]
    program = (
        "import json, sys\n"
        "from hpcopt.cli.main import command_line\n"
        f"command_line({words!r}, standalone_mode=False)\n"
        f"print(json.dumps([m for m in {HEAVY!r} if m in sys.modules]))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    loaded: list[str] = json.loads(done.stdout.splitlines()[-1])
    return loaded


def test_the_help_loads_nothing_heavy() -> None:
    assert loaded_by("--help") == []


@pytest.mark.parametrize(
    "words",
    [["status"], ["trials"], ["best"], ["show", "0"], ["stop"]],
    ids=lambda words: words[0],
)
def test_a_look_loads_nothing_heavy(words: list[str], tmp_path: Path) -> None:
    folder = make_experiment(tmp_path / "e")
    assert loaded_by(*words, folder) == []


@pytest.mark.slow
def test_a_run_whose_model_is_asked_loads_no_torch_itself(tmp_path: Path) -> None:
    hpcopt("init", tmp_path)
    config = tmp_path / "hpcopt.yaml"
    text = config.read_text(encoding="utf-8")
    few = text.replace("max_trials: 20", "max_trials: 6")
    assert few != text
    config.write_text(few, encoding="utf-8")
    loaded = loaded_by("run", config, "--local")
    assert not {"torch", "botorch", "scipy"} & set(loaded)
    [folder] = (tmp_path / "experiments").iterdir()
    trials = read_experiment(folder).trials
    assert "bo" in {trial.generation_method for trial in trials}


def test_completion_knows_the_verbs() -> None:
    result = CliRunner(env={"_HPCOPT_COMPLETE": "bash_complete"}).invoke(
        command_line,
        [],
        prog_name="hpcopt",
        env={"COMP_WORDS": "hpcopt sta", "COMP_CWORD": "1"},
    )
    assert result.output.split() == ["plain,status"]
