"""The one place where a driver is put together: for a config and for a script alike."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from hpcopt.api.client import Client
from hpcopt.api.configs import (
    ChoiceParameterConfig,
    DerivedParameterConfig,
    RangeParameterConfig,
)
from hpcopt.api.metrics import Hdf5Metric
from hpcopt.api.runners import local_runner, slurm_runner
from hpcopt.api.specs import run_spec as run_spec_of_script
from hpcopt.config.file import load_config
from hpcopt.config.specs import run_spec
from hpcopt.core.errors import ConfigError, StorageError
from hpcopt.driver.control import StopControl, request_stop
from hpcopt.driver.limits import Limits
from hpcopt.driver.polling import FLOOR_VARIABLE
from hpcopt.experiment import build, composition
from hpcopt.experiment.composition import open_driver
from hpcopt.experiment.folder import CONFIG, GENERATOR_LOG, read_experiment
from hpcopt.experiment.spec import RunSpec, file_latency
from hpcopt.generation.service.idle import NoService
from hpcopt.host.clock import SystemClock
from tests.support.api_world import BowlRunner, Height

YAML = """
name: both
folder: {folder}
parameters:
  - {{name: x, type: range, bounds: [0.0, 1.0]}}
  - {{name: n, type: range, bounds: [1, 8], parameter_type: int, scaling: log}}
  - {{name: s, type: range, bounds: [0.0, 1.0], step_size: 0.25, when: {{kind: a}}}}
  - {{name: kind, type: choice, values: [a, b, c]}}
  - {{name: flag, type: choice, values: [false, true], is_ordered: true}}
  - {{name: f, type: fixed, value: 7}}
  - {{name: y, type: derived, expression: "x + n"}}
parameter_constraints: ["x + n <= 8"]
objective: "-loss"
outcome_constraints: ["heat <= 5"]
metrics:
  - {{name: loss, dataset: /loss, sem: /sem}}
  - {{name: heat, file: other.h5, dataset: "/run@heat", reduce: last}}
job: {{runner: local, command: ["true"]}}
run: {{max_trials: 3}}
generation: {{seed: 4}}
"""


def of_config(folder: Path) -> RunSpec:
    path = folder.parent / "both.yaml"
    path.write_text(YAML.format(folder=folder))
    return run_spec(load_config(path), "local")


def of_script(folder: Path) -> RunSpec:
    client = Client(folder=folder, random_seed=4)
    client.configure_experiment(
        [
            RangeParameterConfig("x", (0, 1), "float"),
            RangeParameterConfig("n", (1, 8), "int", scaling="log"),
            RangeParameterConfig("s", (0, 1), "float", step_size=0.25),
            ChoiceParameterConfig(
                "kind", ["a", "b", "c"], "str", dependent_parameters={"a": ["s"]}
            ),
            ChoiceParameterConfig("flag", [True, False], "bool"),
            ChoiceParameterConfig("f", [7], "int", is_ordered=False),
            DerivedParameterConfig("y", "x + n", "float"),
        ],
        ["x + n <= 8"],
        name="both",
    )
    client.configure_optimization("-loss", ["heat <= 5"])
    metrics = [
        Hdf5Metric("loss", dataset="/loss", sem="/sem"),
        Hdf5Metric("heat", file="other.h5", dataset="/run@heat", reduce="last"),
    ]
    runner, limits = local_runner(["true"]), Limits(max_trials=3)
    return run_spec_of_script(client._spec("run_trials"), runner, metrics, limits)


BOTH = pytest.mark.parametrize("make", [of_config, of_script])


def test_a_config_and_a_script_define_the_same_experiment(tmp_path: Path) -> None:
    config, script = of_config(tmp_path / "a"), of_script(tmp_path / "b")
    definition = config.experiment.definition()
    assert definition == script.experiment.definition()
    # As it is found in journals: nobody who continues one is to be told of a change.
    assert json.dumps(definition["metrics"]) == (
        '[{"name": "loss", "file": "result.h5", "dataset": "/loss", "reduce": null, '
        '"sem": "/sem", "step": null}, {"name": "heat", "file": "other.h5", '
        '"dataset": "/run@heat", "reduce": "last", "sem": null, "step": null}]'
    )
    assert config.experiment.space == script.experiment.space
    assert config.settings()["runner"] == script.settings()["runner"] == "local"


def test_whoever_tells_outcomes_defines_no_metrics(tmp_path: Path) -> None:
    spec = replace(of_config(tmp_path / "a").experiment, metrics=())
    assert "metrics" not in spec.definition()


@pytest.fixture
def _no_generator(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(build, "make_generator", lambda *_: NoService())


@BOTH
@pytest.mark.usefixtures("_no_generator")
def test_every_driver_is_stopped_by_a_file_and_by_a_signal(
    make: Callable[[Path], RunSpec], tmp_path: Path
) -> None:
    spec = make(tmp_path / "out")
    with open_driver(spec) as driver:
        assert driver.reason_to_stop() is None
        request_stop(tmp_path / "out")
        stop = driver.run()
        assert stop.reason.startswith("asked to stop by ")
    with open_driver(spec) as driver:
        signal.raise_signal(signal.SIGTERM)
        assert driver.run().reason == "stopped by SIGTERM"


@BOTH
@pytest.mark.usefixtures("_no_generator")
def test_every_driver_says_which_job_it_is_and_has_a_log_of_its_generator(
    make: Callable[[Path], RunSpec], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SLURM_JOB_ID", "4711")
    folder = tmp_path / "out"
    request_before = StopControl(folder)
    with open_driver(make(folder), control=request_before) as driver:
        request_stop(folder)
        driver.run()
    assert read_experiment(folder).drivers[-1].job_id == "4711"
    assert (folder / GENERATOR_LOG).exists()
    assert (folder / CONFIG).exists() == (make is of_config)


@BOTH
@pytest.mark.usefixtures("_no_generator")
def test_the_floor_of_a_site_holds_for_every_driver(
    make: Callable[[Path], RunSpec], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spec = make(tmp_path / "out")
    monkeypatch.setenv(FLOOR_VARIABLE, "7")
    with open_driver(spec) as driver:
        assert driver._limits.min_seconds_between_polls == 7
    monkeypatch.setenv(FLOOR_VARIABLE, "often")
    with (
        pytest.raises(ConfigError, match="expected a number of seconds"),
        open_driver(spec),
    ):
        pass


@pytest.mark.usefixtures("_no_generator")
def test_a_log_that_cannot_be_written_is_told_before_anything_runs(
    tmp_path: Path,
) -> None:
    (tmp_path / "out" / GENERATOR_LOG).mkdir(parents=True)
    spec = of_script(tmp_path / "out")
    with pytest.raises(StorageError, match=GENERATOR_LOG), open_driver(spec):
        pass


def test_how_long_a_file_must_stay_as_it_is_depends_on_where_it_lies() -> None:
    runners: list[Any] = [local_runner(["a"]), slurm_runner(["a"]), BowlRunner()]
    assert [file_latency(runner).settle_s for runner in runners] == [0.5, 1.0, 1.0]
    assert [file_latency(runner).grace_s for runner in runners] == [2.0, 60.0, 60.0]


def test_a_script_may_pack_trials_too(tmp_path: Path) -> None:
    script = of_script(tmp_path / "out")
    clock = SystemClock()
    packed = replace(script, runner=slurm_runner(["a"], trials_per_job=4, at_once=2))
    assert build.make_runner(packed, clock).trials_per_job == 4
    single = replace(script, runner=slurm_runner(["a"]))
    assert build.make_runner(single, clock).trials_per_job == 1


def test_a_users_runner_is_named_by_its_class(tmp_path: Path) -> None:
    script = replace(of_script(tmp_path / "out"), runner=BowlRunner())
    measured = replace(script.experiment, metrics=(Height("loss"),))
    assert script.settings()["runner"] == "BowlRunner"
    assert measured.definition()["metrics"] == [{"name": "loss"}]


def test_the_job_of_this_process_is_known(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(os.environ, "SLURM_JOB_ID", "12")
    assert composition.own_job_id() == "12"
    monkeypatch.delenv("SLURM_JOB_ID")
    assert composition.own_job_id() == ""
