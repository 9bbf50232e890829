"""The submitit executor and its futures."""

from __future__ import annotations

from pathlib import Path

import pytest
from submitit import SlurmExecutor, SlurmJob
from submitit.core.utils import FailedJobError, UncompletedJobError

from hpcopt.core.errors import RunnerError
from hpcopt.slurm.batch_job import BatchJob
from hpcopt.slurm.call_log import Call, CallLog
from hpcopt.slurm.executor import TrialExecutor
from hpcopt.slurm.futures import Outcome, TrialJob
from hpcopt.testing.fake_slurm import FakeSlurm
from tests.support.slurm_support import lines


class World:
    def __init__(self, folder: Path) -> None:
        self.slurm = FakeSlurm(folder)
        self.slurm.says("sbatch", "41;far")
        self.folder = folder
        (folder / "job.sh").write_text("#!/bin/sh\n")
        self.executor = TrialExecutor(
            BatchJob("name", folder, {"x": None}, is_array=True, is_placed=False),
            Call(1.0, 2, 3, "", "here"),
            self.slurm.commands_in_process(),
        )


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


def test_an_array_is_submitted_by_submitits_hooks(world: World) -> None:
    assert isinstance(world.executor, SlurmExecutor)
    assert world.executor.submit_script() == "41"
    (line,) = lines(world.slurm, "sbatch")
    assert line.startswith("sbatch --parsable --x --job-name=name ")
    assert line.endswith(f" --array=2-3 {world.folder}/job.sh")
    assert sorted(path.name for path in world.folder.glob("*.pkl")) == []


def test_what_sbatch_said_is_on_disk(world: World) -> None:
    world.executor.submit_script()
    (answered,) = CallLog(world.folder).read()
    assert (answered.call.first, answered.call.last) == (2, 3)
    assert (answered.job_id, answered.cluster) == ("41", "far")


def test_functions_are_not_submitted(world: World) -> None:
    with pytest.raises(RunnerError, match="submits its script, not functions"):
        world.executor.submit(print)


# Futures


def test_a_future_is_done_when_its_job_has_left_something(tmp_path: Path) -> None:
    left: list[Outcome | None] = [None, None, Outcome()]
    job = TrialJob(tmp_path, "41_2", lambda: left.pop(0))
    assert isinstance(job, SlurmJob)
    assert not job.done(force_check=True)
    with pytest.raises(UncompletedJobError, match="job 41_2 has not told"):
        job.result()
    assert job.done()
    assert (job.result(), job.exception(), job.state) == (None, None, "DONE")
    assert left == []


def test_the_future_of_a_job_that_failed_says_how(tmp_path: Path) -> None:
    failed = Outcome("ValueError: the mesh is bad", "Traceback: …")
    job = TrialJob(tmp_path, "41", lambda: failed)
    error = job.exception()
    assert str(error) == "ValueError: the mesh is bad"
    assert error is not None
    assert error.__notes__ == ["Traceback: …"]
    with pytest.raises(FailedJobError, match="the mesh is bad"):
        job.result()


def test_futures_ask_slurm_nothing(tmp_path: Path) -> None:
    slurm = FakeSlurm(tmp_path)
    job = TrialJob(tmp_path, "41", lambda: None)
    assert not job.done(force_check=True)
    assert "UNKNOWN" in repr(job)
    assert job.watcher.num_calls == 0
    assert slurm.calls() == []
