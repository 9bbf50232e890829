"""The shipped MPI program on two nodes of a real one-host Slurm."""

from __future__ import annotations

import dataclasses
import shutil
from pathlib import Path

import pytest

from hpcopt.config.file import load_config
from hpcopt.config.specs import job_runner
from hpcopt.core.trials.trial import Cause, Phase
from hpcopt.metrics.hdf5 import Hdf5Metric
from hpcopt.runners.protocol import AttemptRequest
from hpcopt.runners.slurm.runner import SlurmRunner
from hpcopt.slurm.commands import SlurmCommands
from tests.support.runner_contract import poll_until, submit
from tests.support.slurm_support import RealSlurm
from tests.support.waiting import wait_until

pytestmark = [
    pytest.mark.slurm,
    pytest.mark.skipif(
        shutil.which("h5cc") is None or shutil.which("mpicc") is None,
        reason="h5cc or mpicc is not installed (libhdf5-dev, libopenmpi-dev)",
    ),
]


def test_four_processes_work_together_on_two_nodes(
    tmp_path: Path, slurm_conf: Path
) -> None:
    slurm = RealSlurm(tmp_path, slurm_conf)
    loaded = load_config(Path(__file__).parents[3] / "configs" / "plate.yaml")
    config = loaded.config.model_copy(
        update={"folder": str(tmp_path / "an experiment")}
    )
    loaded = dataclasses.replace(loaded, config=config)
    scripts = job_runner(loaded, "slurm").scripts(config.name, loaded.folder)
    runner = SlurmRunner(scripts, SlurmCommands(slurm.environment))
    centre = {parameter.name: 0.5 for parameter in config.parameters}
    attempts = submit(runner, runner.plan([AttemptRequest(0, 0, centre)]))
    state = poll_until(runner, attempts, Phase.ENDED)[attempts[0].key]
    metadata = dict(attempts[0].metadata or {})
    log = (Path(str(metadata["folder"])) / "log.txt").read_text()
    assert state.cause is Cause.SUCCESS, log
    assert log.startswith("4 processes: mean")
    _, unevenness = Hdf5Metric("unevenness", dataset="/unevenness").fetch(0, metadata)
    assert unevenness == pytest.approx(0.52114, abs=1e-5)
    job_id = str(metadata["job_id"])

    def is_accounted_for() -> bool:
        rows = slurm.run("sacct", "-nP", "-j", job_id, "-o", "JobName,NNodes").split()
        # The other one is what mpirun has started by srun, on both nodes.
        return {f"{attempts[0].name}|2", "orted|2"} <= set(rows)

    wait_until(is_accounted_for)  # the accounting hears of jobs after their ends
