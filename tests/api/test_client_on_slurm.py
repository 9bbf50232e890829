"""The public API on the real Slurm."""

from __future__ import annotations

from pathlib import Path

import pytest

from hpcopt.api.client import Client
from hpcopt.api.configs import RangeParameterConfig
from hpcopt.api.metrics import Hdf5Metric
from hpcopt.api.runners import slurm_runner

pytestmark = pytest.mark.slurm

PROGRAM = """
import sys
import h5py

with h5py.File(sys.argv[2], "w") as file:
    file["loss"] = (float(sys.argv[1]) - 0.3) ** 2
"""


def client(folder: Path) -> Client:
    """Configure what a script configures each time it is run."""
    client = Client(random_seed=1, folder=folder / "out")
    client.configure_experiment(
        name="api",
        parameters=[
            RangeParameterConfig(name="x", parameter_type="float", bounds=(0, 1))
        ],
    )
    client.configure_optimization(objective="-loss")
    result = "{{ trial.folder }}/result.h5"
    command = ["{{ python }}", str(folder / "program.py"), "{{ x }}", result]
    client.configure_runner(slurm_runner(command, slurm={"time": 5, "mem": "50M"}))
    client.configure_metrics([Hdf5Metric("loss", dataset="/loss")])
    return client


def test_a_client_runs_slurm_jobs_and_the_same_script_continues(
    tmp_path: Path, slurm_conf: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SLURM_CONF", str(slurm_conf))
    (tmp_path / "program.py").write_text(PROGRAM)
    first = client(tmp_path)
    first.run_trials(max_trials=3, parallelism=3, initial_seconds_between_polls=1)
    again = client(tmp_path)
    again.run_trials(max_trials=8, parallelism=2, initial_seconds_between_polls=1)
    table = again.summarize()
    assert list(table["trial_status"]) == ["COMPLETED"] * 8
    assert list(table["trial_index"]) == list(range(8))
    parameters, outcome, index, arm = again.get_best_parameterization(
        use_model_predictions=False
    )
    assert parameters["x"] == table["x"][index]
    mean, _ = outcome["loss"]  # type: ignore[misc]
    assert mean == table["loss"].min()
    assert arm == f"{index}_0"
