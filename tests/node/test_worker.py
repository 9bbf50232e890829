from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

import hpcopt
from hpcopt.core.errors import ResultNotReadyError, UsageError
from hpcopt.metrics.hdf5 import Hdf5Metric
from hpcopt.node import report, worker
from hpcopt.runners.script.attempt_folder import AttemptFolder
from hpcopt.runners.script.worker_error import WorkerError

FUNCTIONS = """
import hpcopt
import numpy as np

def number(x):
    return 2 * x

def pair(x):
    return x, 0.5

def several(x):
    return {"loss": np.float32(x), "cost": (3, 0.5), "curve": [3.0, 2.0, x]}

def boolean(x, kind):
    return {"loss": x, "is_good": kind == "a"}

def reports(x):
    for epoch in range(3):
        hpcopt.report(step=10 * epoch, loss=x / (epoch + 1))

def reports_and_returns(x):
    hpcopt.report(step=1, loss=9.0, accuracy=0.5)
    return {"loss": x}

def reports_and_fails(x):
    hpcopt.report(step=1, loss=x)
    raise ValueError("the mesh is bad")

def leaves(x):
    raise SystemExit(7)

def nothing(x):
    pass

def text(x):
    return "good"

def bad_name(x):
    return {"a/b": x}

def defaults(x, y=1.0):
    return x + y

class Model:
    @staticmethod
    def run(x):
        return x

NUMBER = 3
"""


@pytest.fixture(autouse=True)
def no_progress(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let no test inherit what an earlier one has reported."""
    monkeypatch.setattr(report, "_current", None)


@pytest.fixture
def trial(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the attempt's folder of trial 3, attempt 1, with x = 0.5."""
    folder = tmp_path / "an attempt's folder"
    folder.mkdir()
    (folder / "parameters.json").write_text(json.dumps({"x": 0.5}))
    modules = tmp_path / "modules"
    modules.mkdir()
    (modules / "simulation.py").write_text(FUNCTIONS)
    (modules / "package").mkdir()
    (modules / "package" / "broken.py").write_text("import not_installed_here\n")
    monkeypatch.chdir(modules)
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.delitem(sys.modules, "simulation", raising=False)
    for name, value in {
        "HPCOPT_TRIAL_FOLDER": str(folder),
        "HPCOPT_TRIAL_INDEX": "3",
        "HPCOPT_ATTEMPT": "1",
        "SLURM_JOB_ID": "4711",
    }.items():
        monkeypatch.setenv(name, value)
    return folder


def fetch(folder: Path, name: str, **arguments: Any) -> Any:
    metric = Hdf5Metric(name, **{"dataset": f"/{name}", **arguments})
    metadata = {"folder": str(folder), "attempt": 1}
    return metric.fetch(trial_index=3, trial_metadata=metadata)


def test_a_number_is_the_metric_objective(trial: Path) -> None:
    assert worker.main(["simulation:number"]) == 0
    assert fetch(trial, "objective") == (0, 1.0)


def test_a_pair_is_a_mean_and_its_standard_error(trial: Path) -> None:
    assert worker.main(["simulation:pair"]) == 0
    assert fetch(trial, "objective", sem="/objective_sem") == (0, (0.5, 0.5))


def test_a_dict_holds_metrics_of_each_kind(trial: Path) -> None:
    assert worker.main(["simulation:several"]) == 0
    assert fetch(trial, "loss") == (0, 0.5)
    assert fetch(trial, "cost", sem="/cost_sem") == (0, (3.0, 0.5))
    assert fetch(trial, "curve", reduce="min") == (0, 0.5)


def test_a_function_may_be_an_attribute_of_a_class(trial: Path) -> None:
    assert worker.main(["simulation:Model.run"]) == 0
    assert fetch(trial, "objective") == (0, 0.5)


def test_a_parameter_with_a_default_need_not_be_in_the_space(trial: Path) -> None:
    assert worker.main(["simulation:defaults"]) == 0
    assert fetch(trial, "objective") == (0, 1.5)


def test_the_file_says_who_wrote_it(trial: Path) -> None:
    worker.main(["simulation:number"])
    with h5py.File(trial / "result.h5") as h5:
        assert dict(h5.attrs) == {
            "hpcopt_complete": 1,
            "hpcopt_trial": 3,
            "hpcopt_attempt": 1,
            "hpcopt_job_id": b"4711",
        }


def test_reports_become_curves(trial: Path) -> None:
    assert worker.main(["simulation:reports"]) == 0
    found = fetch(trial, "loss", reduce="min", step="/step")
    assert found == (20, pytest.approx(0.5 / 3))
    with h5py.File(trial / "result.h5") as h5:
        assert h5["step"][()].tolist() == [0, 10, 20]


def test_what_is_returned_replaces_what_was_reported(trial: Path) -> None:
    assert worker.main(["simulation:reports_and_returns"]) == 0
    assert fetch(trial, "loss") == (0, 0.5)
    assert fetch(trial, "accuracy") == (0, 0.5)


def test_a_function_that_fails_leaves_its_reports_and_no_complete_result(
    trial: Path,
) -> None:
    with pytest.raises(ValueError, match="the mesh is bad"):
        worker.main(["simulation:reports_and_fails"])
    with h5py.File(trial / "result.h5") as h5:
        assert h5["loss"][()].tolist() == [0.5]
    with pytest.raises(ResultNotReadyError, match="has not finished writing it"):
        fetch(trial, "loss")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "expected one argument, module:function, found []"),
        (["simulation"], "expected one argument, module:function, found"),
        (["simulation:number", "x"], "expected one argument, module:function, found"),
        (["absent:number"], "absent:number: expected a module absent in "),
        (["package.absent:f"], "expected a module package.absent in "),
        (["simulation:absent"], "simulation:absent: expected a function absent in "),
        (["simulation:NUMBER"], "simulation:NUMBER: expected a function, found int"),
        (["simulation:boolean"], "missing a required argument: 'kind'"),
        (["simulation:nothing"], "expected the function to return a number or a dict"),
        (["simulation:text"], "metric 'objective': expected a number, (mean, sem) or"),
        (["simulation:bad_name"], "metric names that are text without '/' and '@'"),
    ],
)
def test_a_function_that_does_not_fit_is_one_sentence(
    trial: Path,
    capsys: pytest.CaptureFixture[str],
    arguments: list[str],
    message: str,
) -> None:
    assert worker.main(arguments) == 2
    error = capsys.readouterr().err
    assert message in error
    assert error.startswith("hpcopt.node.worker: ")
    assert error.count("\n") == 1
    assert not (trial / "result.h5").exists()


def test_a_parameter_that_the_function_does_not_know_is_named(
    trial: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (trial / "parameters.json").write_text('{"x": 1, "zeta": 2}')
    assert worker.main(["simulation:number"]) == 2
    error = capsys.readouterr().err
    assert "parameters ['x', 'zeta'], found number(x)" in error
    assert "unexpected keyword argument 'zeta'" in error


def test_a_boolean_is_no_metric(
    trial: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (trial / "parameters.json").write_text('{"x": 1, "kind": "a"}')
    assert worker.main(["simulation:boolean"]) == 2
    assert "metric 'is_good': expected a number" in capsys.readouterr().err


def test_a_module_that_lacks_one_of_its_own_imports_shows_the_traceback(
    trial: Path,
) -> None:
    with pytest.raises(ModuleNotFoundError, match="not_installed_here"):
        worker.main(["package.broken:f"])


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("HPCOPT_TRIAL_FOLDER", "", "the environment variable HPCOPT_TRIAL_FOLDER"),
        ("HPCOPT_TRIAL_INDEX", "x", "HPCOPT_TRIAL_INDEX: expected a whole number"),
        ("HPCOPT_ATTEMPT", "", "the environment variable HPCOPT_ATTEMPT"),
    ],
)
def test_an_environment_that_is_no_jobs_is_one_sentence(
    trial: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    name: str,
    value: str,
    message: str,
) -> None:
    monkeypatch.setenv(name, value)
    assert worker.main(["simulation:number"]) == 2
    assert message in capsys.readouterr().err


@pytest.mark.parametrize("content", [None, "{", "[1]"])
def test_parameters_that_cannot_be_read_are_one_sentence(
    trial: Path, capsys: pytest.CaptureFixture[str], content: str | None
) -> None:
    path = trial / "parameters.json"
    path.unlink() if content is None else path.write_text(content)
    assert worker.main(["simulation:number"]) == 2
    assert str(path) in capsys.readouterr().err


# As a process


def run(
    function: str, module: str = "hpcopt.node.worker"
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-P", "-m", module, function],
        capture_output=True,
        text=True,
    )


def test_the_worker_runs_as_a_module_and_finds_functions_where_it_runs(
    trial: Path,
) -> None:
    done = run("simulation:reports")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert fetch(trial, "loss", reduce="first") == (0, 0.5)


@pytest.mark.parametrize(
    ("function", "code", "message"),
    [
        ("simulation:reports_and_fails", 1, "ValueError: the mesh is bad\n"),
        ("simulation:leaves", 7, ""),
        ("simulation:absent", 2, "found none\n"),
    ],
)
def test_the_exit_code_says_how_it_went(
    trial: Path, function: str, code: int, message: str
) -> None:
    done = run(function)
    assert done.returncode == code
    assert done.stderr.endswith(message)
    assert ("Traceback" in done.stderr) == (code == 1)


def test_job_scripts_of_the_first_release_find_the_worker(trial: Path) -> None:
    done = run("simulation:number", module="hpcopt.worker")
    assert (done.returncode, done.stderr) == (0, "")
    assert fetch(trial, "objective") == (0, 1.0)


# What went wrong


def left(trial: Path) -> WorkerError | None:
    return AttemptFolder(trial).read_error()


@pytest.mark.parametrize(
    ("function", "kind", "message"),
    [
        (
            "simulation:reports_and_fails",
            "ValueError",
            "the function raised ValueError: the mesh is bad",
        ),
        (
            "package.broken:run",
            "ModuleNotFoundError",
            "the function raised ModuleNotFoundError: "
            "No module named 'not_installed_here'",
        ),
    ],
)
def test_what_a_function_raises_is_left_in_the_folder(
    trial: Path, function: str, kind: str, message: str
) -> None:
    (trial / "started").write_text("4711 n1 7 boot 1\n")
    assert run(function).returncode == 1
    error = left(trial)
    assert error is not None
    assert (error.kind, error.message) == (kind, message)
    assert error.traceback.startswith("Traceback (most recent call last)")
    assert error.traceback.endswith(f"{message.removeprefix('the function raised ')}\n")


def test_why_the_worker_refuses_is_left_in_the_folder(trial: Path) -> None:
    assert worker.main(["simulation:nothing"]) == 2
    error = left(trial)
    assert error is not None
    assert (error.kind, error.traceback) == ("", "")
    assert error.message.endswith("found that it did neither")


@pytest.mark.parametrize("function", ["simulation:number", "simulation:leaves"])
def test_nothing_is_left_where_nothing_was_raised(trial: Path, function: str) -> None:
    run(function)
    assert left(trial) is None


def test_an_error_of_an_earlier_run_is_not_this_ones(trial: Path) -> None:
    (trial / "started").write_text("4711 n1 7 boot 1\n")
    run("simulation:reports_and_fails")
    (trial / "started").write_text("4711 n2 8 boot 2\n")
    assert left(trial) is None


def test_an_error_that_cannot_be_left_is_raised_all_the_same(
    trial: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (trial / "error.json").mkdir()
    with pytest.raises(ValueError, match="the mesh is bad"):
        worker.main(["simulation:reports_and_fails"])


def test_the_worker_loads_no_torch_and_hpcopt_nothing_heavy() -> None:
    code = (
        "import sys, hpcopt\n"
        "print(*sorted({'numpy', 'h5py', 'torch'} & set(sys.modules)))\n"
        "import hpcopt.node.worker\n"
        "print(*sorted({'torch', 'submitit', 'pydantic'} & set(sys.modules)))\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert (done.stdout, done.stderr) == ("\n\n", "")


# Reports


def test_reports_are_saved_at_once_and_then_at_most_once_a_second() -> None:
    times = [0.0, 0.5, 0.9, 1.0, 1.5, 2.0]
    clock = iter(times)
    saved: list[int] = []
    progress = report.ReportedSeries(
        lambda series: saved.append(len(series["loss"])), clock=lambda: next(clock)
    )
    for step, _ in enumerate(times):
        progress.add(step, {"loss": 0.5})
    assert saved == [1, 4, 6]
    assert progress.series["step"] == [0, 1, 2, 3, 4, 5]


def test_a_report_takes_any_number() -> None:
    progress = report.begin(lambda series: None)
    hpcopt.report(step=np.int64(1), loss=np.float32(0.5), cost=2)  # type: ignore[arg-type]
    assert progress.series == {"step": [1], "loss": [0.5], "cost": [2.0]}


@pytest.mark.parametrize(
    ("step", "values", "message"),
    [
        (2, {"cost": 1.0}, r"names of the steps before, \['loss'\], found \['cost'\]"),
        (2, {}, r"names of the steps before, \['loss'\], found \[\]"),
        (1, {"loss": 1.0}, r"expected a step after 1, found 1"),
    ],
)
def test_a_report_that_does_not_fit_those_before_is_refused(
    step: int, values: dict[str, float], message: str
) -> None:
    progress = report.begin(lambda series: None)
    hpcopt.report(step=1, loss=0.5)
    with pytest.raises(UsageError, match=message):
        hpcopt.report(step=step, **values)
    assert progress.series == {"step": [1], "loss": [0.5]}


def test_a_function_called_by_hand_may_report(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("HPCOPT_TRIAL_FOLDER", raising=False)
    hpcopt.report(step=1, loss=0.5)


def test_a_command_cannot_report(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HPCOPT_TRIAL_FOLDER", os.curdir)
    with pytest.raises(UsageError, match=r"found a job\.command: such a program"):
        hpcopt.report(step=1, loss=0.5)
