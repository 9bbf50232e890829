"""Experiments that an earlier version began go on: nothing is lost or run twice."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from hpcopt.api.client import Client
from hpcopt.api.configs import ChoiceParameterConfig, RangeParameterConfig
from hpcopt.core.errors import LeaseHeldError
from hpcopt.core.experiment import Experiment
from hpcopt.core.trials.trial import Cause, TrialStatus
from hpcopt.experiment.folder import JOURNAL, LEASE, read_experiment
from hpcopt.host.process import Process
from hpcopt.storage.lease import Lease
from hpcopt.storage.lease_holder import read_lease
from tests.support.cli_world import hpcopt
from tests.support.gated_world import change
from tests.support.relocate import relocate

pytestmark = pytest.mark.slow

FIXTURES = Path(__file__).parent / "fixtures" / "0.1.0"


def statuses(experiment: Experiment) -> list[TrialStatus]:
    return [trial.status for trial in experiment.trials]


# The driver


def test_local_trials_that_a_reboot_cut_off_run_again(tmp_path: Path) -> None:
    killed = relocate(FIXTURES / "killed", tmp_path)
    journal = killed / "experiment" / JOURNAL
    before = journal.read_bytes()
    hpcopt("run", killed / "hpcopt.yaml")
    assert journal.read_bytes().startswith(before)
    experiment = read_experiment(killed / "experiment")
    assert statuses(experiment) == [TrialStatus.COMPLETED] * 5
    again = [trial for trial in experiment.trials if len(trial.attempts) > 1]
    assert [trial.index for trial in again] == [1, 2]
    for trial in again:
        first, second = trial.attempts
        assert first.cause is Cause.INFRASTRUCTURE
        assert "was started anew meanwhile" in first.reason
        assert second.cause is Cause.SUCCESS
    assert len(experiment.drivers) == 2
    assert not (killed / "experiment" / LEASE).exists()


def test_the_initial_design_goes_on_where_it_was(tmp_path: Path) -> None:
    killed = relocate(FIXTURES / "killed", tmp_path)
    change(killed / "hpcopt.yaml", "max_trials: 5", "max_trials: 4")
    hpcopt("run", killed / "hpcopt.yaml")
    # The earlier version had made the same experiment's trial 3 elsewhere.
    packed = relocate(FIXTURES / "packed", tmp_path)
    there = read_experiment(packed / "experiment").trial(3)
    here = read_experiment(killed / "experiment").trial(3)
    assert here.generation_method == there.generation_method == "sobol"
    assert here.parameters == there.parameters


def test_an_experiment_whose_trials_have_all_ended_goes_on(tmp_path: Path) -> None:
    ended = relocate(FIXTURES / "ended", tmp_path)
    before = read_experiment(ended / "experiment")
    change(ended / "hpcopt.yaml", "max_trials: 8", "max_trials: 9")
    hpcopt("run", ended / "hpcopt.yaml", "--local")
    after = read_experiment(ended / "experiment")
    assert after.trials[:8] == before.trials
    assert after.trial(8).status is TrialStatus.COMPLETED


def test_a_request_that_no_driver_has_seen_is_honoured(tmp_path: Path) -> None:
    killed = relocate(FIXTURES / "killed", tmp_path)
    name = "01795796269000000000-0123abcd"
    requests = killed / "experiment" / "requests"
    requests.mkdir()
    text = '{"verb": "cancel", "trials": [2], "by": "ada"}'
    (requests / f"{name}.json").write_text(text)
    change(killed / "hpcopt.yaml", "max_trials: 5", "max_trials: 3")
    hpcopt("run", killed / "hpcopt.yaml")
    trial = read_experiment(killed / "experiment").trial(2)
    assert (trial.status, trial.reason) == (
        TrialStatus.ABANDONED,
        "cancelled by ada",
    )
    assert list(requests.iterdir()) == []


# The lease


def never(seconds: float) -> None:
    raise AssertionError(f"expected no waiting, was to wait for {seconds} s")


def test_the_lease_of_a_driver_that_died_with_its_machine_is_taken_over(
    tmp_path: Path,
) -> None:
    lease = relocate(FIXTURES / "killed", tmp_path) / "experiment" / LEASE
    before = read_lease(lease)
    assert before is not None
    with Lease.acquire(lease, heartbeat_s=None, sleep=never):
        now = read_lease(lease)
        assert now is not None
        assert now.process == Process.this()
    assert not lease.exists()
    assert list(lease.parent.glob("lease*")) == []


def test_a_driver_of_an_earlier_version_that_lives_is_not_succeeded(
    tmp_path: Path,
) -> None:
    lease = relocate(FIXTURES / "killed", tmp_path) / "experiment" / LEASE
    record = json.loads(lease.read_text())
    here = Process.this()
    record["process"] = {key: getattr(here, key) for key in record["process"]}
    text = json.dumps(record)
    lease.write_text(text)
    with pytest.raises(LeaseHeldError, match=f"is run by driver pid {here.pid} on"):
        Lease.acquire(lease, heartbeat_s=None, sleep=never)
    assert lease.read_text() == text


# The API


def asked(folder: Path) -> Client:
    """Return the client of the script that asked, configured as it was."""
    client = Client(random_seed=3, folder=folder)
    client.configure_experiment(
        name="asked",
        parameters=[
            RangeParameterConfig(name="x", parameter_type="float", bounds=(0, 1)),
            RangeParameterConfig(name="n", parameter_type="int", bounds=(1, 9)),
            ChoiceParameterConfig(
                name="kind", parameter_type="str", values=["a", "b", "c"]
            ),
        ],
    )
    client.configure_optimization("-loss", ["cost <= 1.2 * baseline"])
    client.configure_generation_strategy(initialization_budget=4)
    return client


def test_a_script_that_asks_and_tells_goes_on(tmp_path: Path) -> None:
    folder = relocate(FIXTURES / "asked", tmp_path) / "experiment"
    before = (folder / JOURNAL).read_bytes()
    client = asked(folder)
    assert str(client.get_best_parameterization(use_model_predictions=False)) == (
        "({'x': 0.5, 'n': 5, 'kind': 'a'}, "
        "{'loss': (0.019999999999999997, 0.01), 'cost': (5.5, nan)}, 0, 'baseline')"
    )
    client.complete_trial(7, {"loss": 0.01, "cost": 6.0})
    client.mark_trial_failed(8, "it diverged")
    assert list(client.get_next_trials(max_trials=1)) == [9]
    assert client.get_best_parameterization(use_model_predictions=False)[2] == 7
    running = client.summarize(trial_statuses=["running"])
    assert list(running["trial_index"]) == [9]
    assert (folder / JOURNAL).read_bytes().startswith(before)


@pytest.mark.parametrize("name", ["asked", "ended"])
def test_a_client_opens_a_folder_whoever_began_it(name: str, tmp_path: Path) -> None:
    folder = relocate(FIXTURES / name, tmp_path) / "experiment"
    before = read_experiment(folder)
    with Client.open(folder) as client:
        (new,) = client.get_next_trials(max_trials=1)
        client.complete_trial(new, {"loss": 0.001, "cost": 1.0})
        assert client.get_best_parameterization(use_model_predictions=False)[2] == new
    after = read_experiment(folder)
    assert after.begun == before.begun
    assert after.trials[:-1] == before.trials
    assert after.trials[-1].index == new == before.n_trials


def test_a_saved_client_is_loaded(tmp_path: Path) -> None:
    folder = relocate(FIXTURES / "asked", tmp_path) / "experiment"
    saved = {"format": "hpcopt client", "folder": str(folder)}
    (tmp_path / "client.json").write_text(json.dumps(saved))
    client = Client.load_from_json_file(str(tmp_path / "client.json"))
    client.complete_trial(8, {"loss": 0.01, "cost": 6.0})
    assert read_experiment(folder).trial(8).status is TrialStatus.COMPLETED
