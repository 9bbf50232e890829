from __future__ import annotations

import copy
import gc
import math
import signal
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from hpcopt.api.client import Client
from hpcopt.core.errors import ConfigError, HpcoptError, StorageError, UsageError
from hpcopt.core.events import Event, GoalsChanged
from hpcopt.core.experiment import Experiment
from hpcopt.core.trials.trial import Observation, TrialStatus
from hpcopt.experiment.folder import JOURNAL, LEASE, read_experiment
from hpcopt.storage.journal_file import JournalFile
from tests.support.api_world import BowlRunner, Height, X

SCRIPT = """
import os, signal, sys
from hpcopt.api.client import Client
from hpcopt.api.configs import RangeParameterConfig

client = Client(folder=sys.argv[1])
client.configure_experiment(
    [RangeParameterConfig(name="x", bounds=(0, 1), parameter_type="float")]
)
client.configure_optimization("-loss")
client.configure_generation_strategy("random_search")
for index, parameters in client.get_next_trials(3).items():
    client.complete_trial(index, {"loss": parameters["x"]})
client.get_next_trials(1)
os.kill(os.getpid(), signal.SIGKILL)
"""


def asking(folder: Path, objective: str = "-loss", **arguments: Any) -> Client:
    """Return a client that has only to be asked."""
    client = Client(folder=folder)
    client.configure_experiment([X])
    client.configure_optimization(objective, **arguments)
    client.configure_generation_strategy("random_search")
    return client


def kept(folder: Path) -> Experiment:
    """Return the experiment as it is on disk."""
    return read_experiment(folder)


def events(folder: Path) -> list[Event]:
    """Return all events of the experiment."""
    return list(JournalFile.open_for_reading(folder / JOURNAL).read())


def best_means(client: Client) -> dict[str, float]:
    """Return the best observed outcome without standard errors."""
    outcome: Any = client.get_best_parameterization(False)[1]
    return {name: mean for name, (mean, _) in outcome.items()}


@pytest.fixture
def client(tmp_path: Path) -> Client:
    return asking(tmp_path / "bowl")


def test_what_is_asked_for_is_told_and_the_best_is_known(client: Client) -> None:
    trials = client.get_next_trials(max_trials=3)
    assert list(trials) == [0, 1, 2]
    assert trials[0] == {"x": 0.5}
    for index, parameters in trials.items():
        status = client.complete_trial(index, {"loss": (float(parameters["x"]), 0.25)})
        assert status is TrialStatus.COMPLETED
    best, outcome, index, arm_name = client.get_best_parameterization(False)
    assert best == min(trials.values(), key=lambda p: p["x"])
    assert outcome == {"loss": (best["x"], 0.25)}
    assert arm_name == f"{index}_0"


def test_trials_that_were_asked_for_are_running_and_pending(client: Client) -> None:
    first = client.get_next_trials(2)
    second = client.get_next_trials(1)
    assert len({p["x"] for p in (*first.values(), *second.values())}) == 3
    table = client.summarize()
    assert list(table["trial_status"]) == ["RUNNING"] * 3


def test_everything_is_on_disk_at_once(client: Client, tmp_path: Path) -> None:
    client.get_next_trials(1)
    assert read_experiment(tmp_path / "bowl").trial(0).status is TrialStatus.RUNNING
    single: Any = np.float32(0.5)  # what nobody has typed is taken too
    client.attach_data(0, {"loss": single}, progression=3)
    trial = read_experiment(tmp_path / "bowl").trial(0)
    assert trial.outcome == {"loss": Observation(0.5, None, 3)}


def test_a_client_continues_what_an_earlier_one_began(tmp_path: Path) -> None:
    first = asking(tmp_path)
    first.get_next_trials(2)
    first.complete_trial(0, {"loss": 1.0})
    del first
    second = asking(tmp_path)
    assert list(second.get_next_trials(1)) == [2]
    assert second.complete_trial(1, {"loss": 2.0}) is TrialStatus.COMPLETED
    assert second.get_best_parameterization(False)[2] == 0


def test_clients_of_one_folder_share_what_they_know(tmp_path: Path) -> None:
    first, second = asking(tmp_path), asking(tmp_path)
    first.get_next_trials(1)
    second.complete_trial(0, {"loss": 1.0})
    assert list(first.get_next_trials(1)) == [1]
    assert first.get_best_parameterization(False)[2] == 0


@pytest.mark.slow
def test_a_script_that_was_killed_goes_on(tmp_path: Path) -> None:
    command = [sys.executable, "-c", SCRIPT, str(tmp_path)]
    killed = subprocess.run(command, check=False)
    assert killed.returncode == -signal.SIGKILL
    client = asking(tmp_path)
    assert list(client.get_next_trials(1)) == [4]
    statuses = [trial.status for trial in read_experiment(tmp_path).trials]
    running, completed = TrialStatus.RUNNING, TrialStatus.COMPLETED
    assert statuses == [completed] * 3 + [running] * 2


def test_clients_that_are_forgotten_leave_nothing_behind(tmp_path: Path) -> None:
    def ask(name: str) -> None:
        client = asking(tmp_path / name)
        client.get_next_trials(1)

    def held() -> tuple[int, int]:
        gc.collect()
        return len(list(Path("/proc/self/fd").iterdir())), threading.active_count()

    ask("first")
    before = held()
    for k in range(10):
        ask(f"bowl{k}")
    assert (
        len(list(Path("/proc/self/fd").iterdir())),
        threading.active_count(),
    ) == before
    assert [path.name for path in (tmp_path / "bowl0").iterdir()] == [JOURNAL]


def test_a_lease_is_held_while_the_client_lives(client: Client, tmp_path: Path) -> None:
    client.get_next_trials(1)
    assert (tmp_path / "bowl" / LEASE).exists()
    client.complete_trial(0, {"loss": 1.0})
    del client


def test_a_trial_of_ones_own_is_tried_and_told(client: Client) -> None:
    index = client.attach_trial({"x": np.float64(0.25)}, arm_name="mine")
    client.complete_trial(index, {"loss": 1.0})
    best, outcome, *rest = client.get_best_parameterization(False)
    assert (best, rest) == ({"x": 0.25}, [0, "mine"])
    mean, sem = outcome["loss"]  # type: ignore[misc]
    assert mean == 1.0
    assert math.isnan(sem)


def test_only_feasible_trials_are_the_best(tmp_path: Path) -> None:
    client = asking(tmp_path, outcome_constraints=["heat <= 5", "a + b >= 1"])
    for index, (loss, heat) in enumerate([(1.0, 6.0), (2.0, 5.0), (3.0, 4.0)]):
        client.attach_trial({"x": index / 10})
        client.complete_trial(index, {"loss": loss, "heat": heat, "a": 1, "b": 0})
    assert client.get_best_parameterization(False)[2] == 1


def test_there_is_no_best_where_nothing_is_feasible(tmp_path: Path) -> None:
    client = asking(tmp_path, outcome_constraints=["heat <= 5"])
    client.get_next_trials(1)
    client.complete_trial(0, {"loss": 1.0, "heat": 6.0})
    with pytest.raises(UsageError, match=r"expected a feasible .* among its 1 compl"):
        client.get_best_parameterization(False)


def test_a_constraint_may_be_relative_to_the_baseline(tmp_path: Path) -> None:
    client = asking(tmp_path, outcome_constraints=["qps >= 0.9 * baseline"])
    with pytest.raises(UsageError, match="expected attach_baseline to be called"):
        client.get_next_trials(1)
    baseline = client.attach_baseline({"x": 0.5})
    client.complete_trial(baseline, {"loss": 3.0, "qps": 100.0})
    for index, qps in ((1, 91.0), (2, 89.0)):
        client.get_next_trials(1)
        client.complete_trial(index, {"loss": -index, "qps": qps})
    assert client.get_best_parameterization(False)[2] == 1
    assert client.summarize()["arm_name"][baseline] == "baseline"


def test_a_trial_ends_as_it_is_marked(client: Client) -> None:
    client.get_next_trials(3)
    client.mark_trial_failed(0, "it burst")
    client.mark_trial_abandoned(1)
    client.attach_data(2, {"loss": 1.0}, progression=4)
    client.mark_trial_early_stopped(2)
    table = client.summarize()
    assert list(table["trial_status"]) == ["FAILED", "ABANDONED", "EARLY_STOPPED"]
    assert table["status_reason"][0] == "it burst"


def test_a_metric_that_is_missing_is_warned_about_and_may_come_later(
    client: Client, caplog: pytest.LogCaptureFixture
) -> None:
    client.get_next_trials(1)
    client.attach_data(0, {"cost": 7.0})
    assert client.complete_trial(0) is TrialStatus.COMPLETED
    assert "trial 0 is completed without ['loss']" in caplog.text
    client.attach_data(0, {"loss": 1.0})
    assert best_means(client) == {"cost": 7.0, "loss": 1.0}


def test_an_unknown_standard_error_may_be_nan(client: Client) -> None:
    client.get_next_trials(1)
    unknown: Any = (1.0, None)
    client.complete_trial(0, {"loss": (1.0, float("nan")), "cost": unknown})
    assert best_means(client) == {"loss": 1.0, "cost": 1.0}


def test_a_value_that_is_nan_is_warned_about_and_not_known(
    client: Client, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    client.get_next_trials(1)
    client.complete_trial(0, {"loss": float("nan"), "cost": (np.float64("nan"), 1.0)})
    assert kept(tmp_path / "bowl").trial(0).status is TrialStatus.COMPLETED
    assert kept(tmp_path / "bowl").trial(0).outcome == {}
    assert "metric 'loss' is NaN, and taken as not known" in caplog.text


def test_of_several_steps_the_value_at_the_highest_counts(
    client: Client, tmp_path: Path
) -> None:
    client.get_next_trials(1)
    for step, loss in ((1, 4.0), (2.5, 2.0), (2, 3.0), (np.float64(0.5), 5.0)):
        client.attach_data(0, {"loss": loss}, progression=step)  # type: ignore[arg-type]
    assert kept(tmp_path / "bowl").trial(0).outcome == {
        "loss": Observation(2.0, None, 2.5)
    }
    client.complete_trial(0, {"loss": 3.5, "cost": 1.0}, progression=np.int64(1))  # type: ignore[arg-type]
    trial = kept(tmp_path / "bowl").trial(0)
    assert trial.outcome["loss"] == Observation(2.0, None, 2.5)
    assert trial.outcome["cost"] == Observation(1.0, None, 1)
    told = [o for r in trial.reports for k, o in r.outcome.items() if k == "loss"]
    assert [(o.step, o.mean) for o in told] == [
        (1, 4.0), (2.5, 2.0), (2, 3.0), (0.5, 5.0), (1, 3.5),
    ]  # fmt: skip
    client.attach_data(0, {"loss": 9.0})  # without a step: that of the whole trial
    assert kept(tmp_path / "bowl").trial(0).outcome["loss"].mean == 9.0


def test_a_trial_is_named_by_numbers_of_numpy_too(client: Client) -> None:
    client.get_next_trials(np.int64(3))  # type: ignore[arg-type]
    client.complete_trial(np.int64(0), {"loss": 1.0})  # type: ignore[arg-type]
    client.mark_trial_failed(np.int32(1))  # type: ignore[arg-type]
    assert list(client.summarize(np.array([2, 0]))["trial_index"]) == [2, 0]


def test_what_is_said_again_changes_nothing_or_replaces(client: Client) -> None:
    client.get_next_trials(4)
    client.complete_trial(0, {"loss": 1.0})
    assert client.complete_trial(0, {"loss": 2.0}) is TrialStatus.COMPLETED
    assert best_means(client) == {"loss": 2.0}
    client.attach_data(3, {"loss": 1.0})
    for _ in range(2):
        client.mark_trial_failed(1, "it burst")
        client.mark_trial_abandoned(2)
        client.mark_trial_early_stopped(3)
    statuses = list(client.summarize()["trial_status"])
    assert statuses == ["COMPLETED", "FAILED", "ABANDONED", "EARLY_STOPPED"]


def test_errors_are_those_that_scripts_for_ax_expect_too(
    client: Client, tmp_path: Path
) -> None:
    client.get_next_trials(1)
    with pytest.raises(KeyError) as unknown:
        client.complete_trial(7, {"loss": 1.0})
    assert str(unknown.value).startswith("trial 7: expected one of")
    with pytest.raises(KeyError):
        client.summarize([3])
    with pytest.raises(ValueError, match="expected values for"):
        client.attach_trial({"y": 1.0})
    with pytest.raises(FileNotFoundError, match="expected a saved client, found noth"):
        Client.load_from_json_file(str(tmp_path / "none.json"))


def test_before_the_first_trial_the_table_is_empty(client: Client) -> None:
    assert client.summarize().shape == (0, 0)
    with pytest.raises(KeyError, match="there are no trials yet, found 0"):
        client.summarize([0])


def test_an_experiment_that_goes_on_is_told(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    first = asking(tmp_path)
    first.get_next_trials(2)
    first.get_next_trials(1)
    assert "goes on" not in caplog.text
    first.close()
    again = asking(tmp_path)
    for _ in range(2):
        again.get_next_trials(1)
    assert caplog.text.count("has 3 trials already, the latest event of ") == 1
    again.close()
    caplog.clear()
    Client.open(tmp_path).get_next_trials(1)
    assert "already" not in caplog.text


def test_the_threads_of_a_script_may_share_a_client(
    client: Client, tmp_path: Path
) -> None:
    def ask_and_tell(_: int) -> None:
        for index, parameters in client.get_next_trials(2).items():
            client.complete_trial(index, {"loss": float(parameters["x"])})

    with ThreadPoolExecutor(4) as threads:
        list(threads.map(ask_and_tell, range(8)))
    assert kept(tmp_path / "bowl").count(TrialStatus.COMPLETED) == 16


def test_a_copy_of_a_client_is_one_of_the_same_experiment(client: Client) -> None:
    client.get_next_trials(1)
    other = copy.deepcopy(client)
    client.close()
    other.complete_trial(0, {"loss": 1.0})
    assert list(client.summarize()["trial_status"]) == ["COMPLETED"]
    other.close()


@pytest.mark.slow
def test_runs_go_on_after_asking_and_asking_after_runs(tmp_path: Path) -> None:
    client = asking(tmp_path, "-height")
    client.get_next_trials(2)
    client.complete_trial(0, {"height": 1.0})
    runner = BowlRunner()
    client.configure_runner(runner)
    client.configure_metrics([Height("height")])
    client.run_trials(max_trials=5, initial_seconds_between_polls=0.01)
    assert runner.launched == [2, 3, 4]
    client.complete_trial(1, {"height": 2.0})
    assert list(client.get_next_trials(1)) == [5]
    assert list(client.summarize()["trial_status"]) == ["COMPLETED"] * 5 + ["RUNNING"]


def test_the_search_space_may_be_used_up(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    from hpcopt.api.configs import ChoiceParameterConfig

    client = Client(folder=tmp_path)
    client.configure_experiment([ChoiceParameterConfig("kind", ["a", "b"], "str")])
    client.configure_optimization("-loss")
    assert len(client.get_next_trials(3)) == 2
    assert client.get_next_trials(1) == {}
    assert (
        "1 trials were asked for and 0 are left in the search space: every point of "
        "the search space has been tried"
    ) in caplog.text


def test_what_may_be_best_of_few_settings_is_run_again_only_if_outcomes_differ(
    tmp_path: Path,
) -> None:
    from hpcopt.api.configs import ChoiceParameterConfig

    for noise, n_runs in ((0.0, 4), (1.0, 8)):
        client = Client(folder=tmp_path / str(noise))
        kinds = ChoiceParameterConfig("kind", ["a", "b", "c"], "str")
        client.configure_experiment([kinds])
        client.configure_optimization("-loss")
        for n in range(8):
            for index, parameters in client.get_next_trials(1).items():
                loss = ord(str(parameters["kind"])) + noise * (n % 2)
                client.complete_trial(index, {"loss": loss})
        assert len(client.summarize()) == n_runs


def test_a_saved_client_goes_on_where_its_experiment_is(tmp_path: Path) -> None:
    client, file = asking(tmp_path / "bowl"), str(tmp_path / "client.json")
    client.get_next_trials(1)
    client.save_to_json_file(file)
    client.complete_trial(0, {"loss": 1.0})
    loaded = Client.load_from_json_file(file)
    assert loaded.get_best_parameterization(False)[2] == 0
    loaded.configure_generation_strategy("random_search")
    assert list(loaded.get_next_trials(1)) == [1]
    assert list(client.get_next_trials(1)) == [2]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (None, "expected a saved client"),
        ("{", "expected a saved client"),
        ("[]", "expected what save_to_json_file of hpcopt wrote"),
        (
            '{"format": "hpcopt client", "folder": "/nowhere"}',
            "expected the experiment in /nowhere, found none",
        ),
    ],
)
def test_what_is_no_saved_client_is_told(
    tmp_path: Path, text: str | None, message: str
) -> None:
    if text is not None:
        (tmp_path / "client.json").write_text(text)
    with pytest.raises(UsageError, match=message):
        Client.load_from_json_file(str(tmp_path / "client.json"))


@pytest.mark.parametrize(
    ("raw_data", "message"),
    [
        ({"loss": float("inf")}, "metric 'loss': expected a finite number or .* inf"),
        ({"loss": "low"}, "metric 'loss': expected a finite number .* found 'low'"),
        ({"loss": (1.0, -0.5)}, "expected a standard error of 0 or more, found -0.5"),
        ({"loss": (1.0, 2.0, 3.0)}, r"expected a finite number or \(mean, sem\)"),
        (0.5, "trial 0: expected raw_data that gives each metric's name its value"),
        ({3: 0.5}, "trial 0: expected names of metrics, found 3"),
    ],
    ids=["infinite", "text", "negative sem", "three", "no names", "number as name"],
)
def test_what_is_no_outcome_is_told_and_changes_nothing(
    client: Client, tmp_path: Path, raw_data: Any, message: str
) -> None:
    client.get_next_trials(1)
    before = (tmp_path / "bowl" / JOURNAL).read_bytes()
    with pytest.raises(UsageError, match=message):
        client.complete_trial(0, raw_data)
    assert (tmp_path / "bowl" / JOURNAL).read_bytes() == before


def _complete_what_failed(client: Client) -> None:
    client.mark_trial_failed(0)
    client.complete_trial(0, {"loss": 1.0})


def _tell_of_a_failure(client: Client) -> None:
    client.mark_trial_failed(0)
    client.attach_data(0, {"loss": 1.0})


def _name_twice(client: Client) -> None:
    client.attach_trial({"x": 0.5}, "mine")
    client.attach_trial({"x": 0.5}, "mine")


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda c: c.complete_trial(7), UsageError, "trial 7: expected one of the 1"),
        (lambda c: c.attach_data(-1, {}), UsageError, "trial -1: expected one of"),
        (_complete_what_failed, UsageError, "one that has not ended, found one"),
        (_tell_of_a_failure, UsageError, "found one that is FAILED"),
        (lambda c: c.mark_trial_early_stopped(0), UsageError, "expected data to be"),
        (lambda c: c.attach_trial({"x": "2"}), UsageError, "expected a number, found"),
        (lambda c: c.attach_trial({"x": float("nan")}), UsageError, "a finite number"),
        (lambda c: c.attach_trial({"y": 2.0}), UsageError, "expected values for .'x'"),
        (lambda c: c.attach_trial({"x": None}), UsageError, "parameters: expected a"),
        (_name_twice, UsageError, "arm_name: expected a new name, found 'mine' in"),
        (lambda c: c.get_next_trials(0), ConfigError, "expected at least 1, found 0"),
        (lambda c: c.get_next_trials(1.5), ConfigError, "a whole number, found 1.5"),
        (lambda c: c.complete_trial(0, {}, "a"), UsageError, "a finite number as the"),
        (lambda c: c.configure_tracking_metrics([""]), ConfigError, "names of metrics"),
    ],
)  # fmt: skip
def test_what_cannot_be_done_is_told(
    client: Client, call: Any, error: type[HpcoptError], message: str
) -> None:
    client.get_next_trials(1)
    with pytest.raises(error, match=message):
        call(client)


def test_a_runners_trial_is_not_ended_by_hand(tmp_path: Path) -> None:
    client = asking(tmp_path, "-height")
    runner = BowlRunner(interrupts_at=0)
    client.configure_runner(runner)
    client.configure_metrics([Height("height")])
    with pytest.raises(KeyboardInterrupt):
        client.run_trials(max_trials=2, initial_seconds_between_polls=0.01)
    with pytest.raises(UsageError, match="found one that a runner evaluates"):
        client.complete_trial(0, {"height": 1.0})


def test_what_is_missing_is_told(tmp_path: Path) -> None:
    client = Client(folder=tmp_path)
    with pytest.raises(UsageError, match="get_next_trials: expected configure_experim"):
        client.get_next_trials(1)
    client.configure_experiment([X])
    with pytest.raises(UsageError, match="attach_trial: expected configure_optimizati"):
        client.attach_trial({"x": 0.5})


def test_a_folder_with_another_experiment_is_not_continued(tmp_path: Path) -> None:
    asking(tmp_path).get_next_trials(1)
    other = Client(random_seed=7, folder=tmp_path)
    other.configure_experiment([X])
    other.configure_optimization("-loss")
    with pytest.raises(ConfigError, match="begun with another definition: seed was 0"):
        other.get_next_trials(1)


def test_another_goal_holds_from_then_on_and_all_data_stay(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    client = Client(folder=tmp_path)
    client.configure_experiment([X])
    client.configure_optimization("-loss")
    for _ in range(8):
        for index, parameters in client.get_next_trials(1).items():
            x = float(parameters["x"])
            client.complete_trial(index, {"loss": (x - 0.25) ** 2, "cost": x})
    assert abs(float(client.get_best_parameterization()[0]["x"]) - 0.25) < 0.05
    client.configure_optimization("loss", ["cost <= 0.9"])
    # What only looks follows at once, and writes nothing.
    lost = [(float(t.parameters["x"]) - 0.25) ** 2 for t in kept(tmp_path).trials]
    assert client.get_best_parameterization(False)[2] == lost.index(max(lost))
    assert len(client.summarize()) == 8
    assert kept(tmp_path).goals.expression == "-loss"
    [(_, asked)] = client.get_next_trials(1).items()
    assert float(asked["x"]) > 0.75
    assert kept(tmp_path).goals.expression == "loss"
    assert kept(tmp_path).goals.constraint_expressions == ("cost <= 0.9",)
    assert "the goal changed: objective was '-loss' and is now 'loss'" in caplog.text
    # A script that is started again says the new goal and changes nothing.
    n_events = kept(tmp_path).n_events
    client.close()
    asking(tmp_path, "loss", outcome_constraints=["cost <= 0.9"]).attach_data(
        8, {"cost": 1}
    )
    changes = [e for e in events(tmp_path)[n_events:] if isinstance(e, GoalsChanged)]
    assert changes == []


def test_a_journal_that_vanished_is_told(client: Client, tmp_path: Path) -> None:
    client.get_next_trials(1)
    (tmp_path / "bowl" / JOURNAL).write_bytes(b"")
    with pytest.raises(StorageError, match="something else than this driver has writt"):
        client.complete_trial(0, {"loss": 1.0})
