from __future__ import annotations

import logging
import signal
import sys
from pathlib import Path
from typing import Any

import pytest

from hpcopt.api.client import Client
from hpcopt.api.configs import RangeParameterConfig
from hpcopt.api.metrics import Hdf5Metric
from hpcopt.api.runners import local_runner
from hpcopt.core.errors import ConfigError, FailureRateExceededError
from hpcopt.core.trials.trial import TrialStatus
from hpcopt.experiment.folder import read_experiment
from tests.support.api_world import BowlRunner, Height, X, bowl_client

pytestmark = pytest.mark.slow

SOON: dict[str, Any] = {"initial_seconds_between_polls": 0.01}


def test_max_trials_is_the_total_over_all_runs(tmp_path: Path) -> None:
    runner = BowlRunner()
    first = bowl_client(tmp_path, runner)
    first.run_trials(max_trials=2, **SOON)
    first.run_trials(max_trials=3, **SOON)
    bowl_client(tmp_path, runner).run_trials(max_trials=5, parallelism=2, **SOON)
    bowl_client(tmp_path, runner).run_trials(max_trials=4, **SOON)
    assert runner.launched == [0, 1, 2, 3, 4]
    experiment = read_experiment(tmp_path)
    assert experiment.count(TrialStatus.COMPLETED) == experiment.n_trials == 5


def test_the_journal_says_how_the_experiment_is_defined(tmp_path: Path) -> None:
    client = Client(folder=tmp_path / "bowls", random_seed=7)
    client.configure_experiment([X], name="bowl", owner="me")
    client.configure_optimization("-height")
    client.configure_runner(BowlRunner())
    client.configure_metrics([Height("height")])
    client.run_trials(max_trials=1, max_queued_jobs=2, **SOON)
    experiment = read_experiment(tmp_path / "bowls")
    assert experiment.begun.definition == {
        "name": "bowl",
        "parameters": [X.parameter().to_json()],
        "parameter_constraints": [],
        "objective": "-height",
        "metrics": [{"name": "height"}],
        "seed": 7,
    }
    assert experiment.settings == {
        "run": {
            "max_trials": 1,
            "parallelism": 1,
            "max_queued_jobs": 2,
            "tolerated_trial_failure_rate": 0.5,
            "initial_seconds_between_polls": 0.01,
        },
        "generation": {"method": "auto"},
        "runner": "BowlRunner",
        "about": {"description": None, "experiment_type": None, "owner": "me"},
    }


def test_the_seed_decides_what_is_proposed(tmp_path: Path) -> None:
    proposed = []
    for folder, seed in (("a", 1), ("b", 1), ("c", 2)):
        client = bowl_client(tmp_path / folder, random_seed=seed)
        client.run_trials(max_trials=3, **SOON)
        trials = read_experiment(tmp_path / folder).trials
        proposed.append([trial.parameters["x"] for trial in trials])
    assert proposed[0] == proposed[1] != proposed[2]


def test_another_definition_does_not_continue_the_experiment(tmp_path: Path) -> None:
    bowl_client(tmp_path).run_trials(max_trials=1, **SOON)
    with pytest.raises(ConfigError, match="seed was 0 and is now 7"):
        bowl_client(tmp_path, random_seed=7).run_trials(max_trials=2, **SOON)
    assert read_experiment(tmp_path).n_trials == 1


def test_what_is_looked_at_is_the_configured_experiment(tmp_path: Path) -> None:
    bowl_client(tmp_path).run_trials(max_trials=1, **SOON)
    other = Client(folder=tmp_path)
    other.configure_experiment([RangeParameterConfig("y", (0, 1), "float")])
    with pytest.raises(ConfigError, match="parameter 'x': expected it to stay"):
        other.summarize()
    wider = Client(folder=tmp_path)
    wider.configure_experiment([RangeParameterConfig("x", (0, 2), "float")])
    assert len(wider.summarize()) == 1
    renamed = Client(folder=tmp_path)
    renamed.configure_experiment([X], name="other")
    with pytest.raises(ConfigError, match="expected the configured name 'other'"):
        renamed.summarize()


def test_an_experiment_can_be_looked_at_without_being_run(tmp_path: Path) -> None:
    ran = bowl_client(tmp_path)
    ran.run_trials(max_trials=3, **SOON)
    expected = ran.get_best_parameterization(use_model_predictions=False)
    restarted, bare = bowl_client(tmp_path), Client(folder=tmp_path)
    for client in (restarted, bare):
        assert client.get_best_parameterization(False) == expected
        assert list(client.summarize()["trial_index"]) == [0, 1, 2]


def test_failed_trials_end_the_run_when_they_are_too_many(tmp_path: Path) -> None:
    client = bowl_client(tmp_path, BowlRunner(fails=frozenset(range(0, 20, 2))))
    with pytest.raises(FailureRateExceededError, match="5 of 9 ended trials failed"):
        client.run_trials(max_trials=20, tolerated_trial_failure_rate=0.5, **SOON)
    failed = client.summarize(trial_statuses=["failed"])
    assert list(failed["trial_index"]) == [0, 2, 4, 6, 8]
    assert set(failed["status_reason"]) == {"poll_trial returned FAILED"}


def test_each_ended_trial_is_a_line_in_the_log(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, logger="hpcopt.api")
    bowl_client(tmp_path, BowlRunner(fails=frozenset({1}))).run_trials(
        max_trials=2, **SOON
    )
    lines = [record.getMessage() for record in caplog.records]
    assert lines[0] == f"experiment {tmp_path.name} in {tmp_path} has 0 of 2 trials"
    assert lines[1].startswith("trial 0 is completed: height = 0.")
    assert lines[1].endswith(" (1 of 2 have ended)")
    assert (
        lines[2] == "trial 1 is failed: poll_trial returned FAILED (2 of 2 have ended)"
    )
    assert lines[3].endswith("all 2 trials have ended")


def test_ctrl_c_leaves_the_journal_in_order_and_the_next_run_goes_on(
    tmp_path: Path,
) -> None:
    client = bowl_client(tmp_path, BowlRunner(interrupts_at=1))
    with pytest.raises(KeyboardInterrupt):
        client.run_trials(max_trials=4, **SOON)
    ended = read_experiment(tmp_path).ended
    assert ended is not None
    assert ended.reason == "interrupted"
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    runner = BowlRunner()
    bowl_client(tmp_path, runner).run_trials(max_trials=4, **SOON)
    assert runner.launched == [2, 3]


def test_trials_are_commands_that_write_hdf5(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    code = (
        "import sys, h5py\n"
        "with h5py.File(sys.argv[2], 'w') as file: file['loss'] = float(sys.argv[1])"
    )
    client = Client()
    client.configure_experiment([X], name="commands")
    client.configure_optimization("-loss")
    client.configure_runner(
        local_runner(
            [sys.executable, "-c", code, "{{ x }}", "{{ trial.folder }}/result.h5"]
        )
    )
    client.configure_metrics([Hdf5Metric("loss", dataset="/loss")])
    client.run_trials(max_trials=2, parallelism=2, **SOON)
    table = client.summarize()
    assert list(table["trial_status"]) == ["COMPLETED", "COMPLETED"]
    assert list(table["loss"]) == list(table["x"])


def test_trials_are_functions_beside_the_script(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "bowl.py").write_text("def run(x):\n    return {'loss': 2 * x}\n")
    client = Client(folder="runs/bowl")
    client.configure_experiment([X])
    client.configure_optimization("-loss")
    client.configure_runner(local_runner(function="bowl:run", time_limit="5"))
    client.configure_metrics([Hdf5Metric("loss", dataset="/loss")])
    client.run_trials(max_trials=1, **SOON)
    table = Client(folder=tmp_path / "runs/bowl").summarize()
    assert list(table["loss"]) == [2 * x for x in table["x"]]


def test_a_script_s_run_tells_a_person_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    client = bowl_client(tmp_path / "out")
    client.run_trials(max_trials=2, notify=["sh", "-c", "cat > told"])
    assert "all 2 trials have ended" in (tmp_path / "told").read_text()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"notify": "mail ann"}, "notify: expected a list of words, found 'mail ann'"),
        ({"notify": [1]}, r"notify: expected a list of words, found \[1\]"),
        ({"notify": []}, "notify: command: expected a program and its arguments"),
        ({"notify": ["m"], "notify_on": ["ends"]}, "notify: on: expected one of end"),
    ],
)
def test_who_is_told_is_checked(
    tmp_path: Path, arguments: dict[str, Any], message: str
) -> None:
    with pytest.raises(ConfigError, match=message):
        bowl_client(tmp_path).run_trials(max_trials=1, **arguments)
