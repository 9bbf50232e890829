"""The submitit executor and its futures."""

from __future__ import annotations

from pathlib import Path

import pytest
from submitit import SlurmExecutor, SlurmJob
from submitit.core.utils import UncompletedJobError

from hpcopt.core.errors import RunnerError
from hpcopt.slurm.call_log import Call, CallLog
from hpcopt.slurm.executor import BatchScript, TrialExecutor, TrialJob, TrialWatcher
from hpcopt.slurm.queue import SlurmQueue
from hpcopt.slurm.tables import SEPARATOR
from hpcopt.slurm.watch import JobWatch
from tests.support.slurm_support import FakeSlurm, FakeTime


class World:
    def __init__(self, folder: Path) -> None:
        self.slurm = FakeSlurm(folder)
        self.slurm.says("sbatch", "41;far")
        self.folder = folder
        (folder / "job.sh").write_text("#!/bin/sh\n")
        commands = self.slurm.commands()
        watch = JobWatch(SlurmQueue(commands), FakeTime())
        self.executor = TrialExecutor(
            BatchScript(folder / "job.sh", ("--x",), folder / "%a.txt", True),
            Call(1.0, 2, 3, "", "here"),
            commands,
            TrialWatcher(watch, "name"),
        )

    def accounting(self, **words: str) -> None:
        rows = [
            SEPARATOR.join([job_id[1:], word, "0:0", "1", "7", "n1", "name", "/f"])
            for job_id, word in words.items()
        ]
        self.slurm.says("sacct", "\n".join(rows))


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


def test_an_array_gives_futures_that_are_submitits(world: World) -> None:
    jobs = world.executor.submit_script()
    assert isinstance(world.executor, SlurmExecutor)
    assert [isinstance(job, (SlurmJob, TrialJob)) for job in jobs] == [True, True]
    assert [job.job_id for job in jobs] == ["41_2", "41_3"]
    assert world.slurm.calls("sbatch") == [
        f"sbatch --parsable --x {world.folder}/job.sh"
    ]
    assert sorted(path.name for path in world.folder.glob("*.pkl")) == []


def test_what_sbatch_said_is_on_disk(world: World) -> None:
    world.executor.submit_script()
    (answered,) = CallLog(world.folder).read()
    assert (answered.call.first, answered.call.last) == (2, 3)
    assert (answered.job_id, answered.cluster) == ("41", "far")


def test_a_future_is_done_when_both_places_say_so(world: World) -> None:
    running, ended = world.executor.submit_script()
    world.slurm.says(
        "squeue", SEPARATOR.join(["41_2", "SUSPENDED", "1", "n1", "None", "name", "/f"])
    )
    world.accounting(_41_3="COMPLETED")
    assert ended.done(force_check=True)
    assert not running.done()
    assert (running.state, ended.state) == ("RUNNING", "ENDED")
    assert ended.result() is None
    assert "--clusters=far" in world.slurm.calls("squeue")[0]


def test_the_future_of_a_job_that_failed_says_how(world: World) -> None:
    first, second = world.executor.submit_script()
    world.accounting(_41_2="TIMEOUT", _41_3="NODE_FAIL")
    with pytest.raises(UncompletedJobError, match=r"job 41_2: .* its time limit"):
        first.result()
    with pytest.raises(UncompletedJobError, match="job 41_3: a node"):
        second.result()


def test_a_controller_that_is_away_ends_no_future(world: World) -> None:
    first, _ = world.executor.submit_script()
    world.slurm.says("squeue", "", code=1, err="Unable to contact slurm controller")
    assert not first.done(force_check=True)


def test_a_future_shows_its_log_and_can_be_cancelled(world: World) -> None:
    first, second = world.executor.submit_script()
    (world.folder / "2.txt").write_text("hello\n")
    assert (first.stdout(), second.stdout()) == ("hello\n", None)
    first.cancel()
    assert world.slurm.calls("scancel") == ["scancel --clusters=far 41_2"]


def test_functions_are_not_submitted(world: World) -> None:
    with pytest.raises(RunnerError, match="submits its script, not functions"):
        world.executor.submit(print)
