"""The driver as a Slurm job, against commands that obey the test."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from hpcopt.core.errors import (
    ConfigError,
    PollError,
    StorageError,
    SubmissionDeferredError,
    SubmissionRefusedError,
    SubmissionUnknownError,
)
from hpcopt.runners.script.job_spec import SlurmValue
from hpcopt.runners.script.shipped import shipped_templates
from hpcopt.runners.slurm.driver_job import DriverJobs, DriverJobSpec, overrides_of
from hpcopt.slurm.driver_job_folders import latest
from hpcopt.slurm.tables import SEPARATOR
from hpcopt.testing.fake_slurm import BEGINNING, FakeSlurm
from tests.support.fake_clock import FakeClock
from tests.support.slurm_support import lines

CONFIG = Path("/home/ada/my study/flow.yaml")


def spec_of(
    slurm: dict[str, SlurmValue] | None = None,
    overrides: dict[str, SlurmValue] | None = None,
    handover_s: int | None = None,
) -> DriverJobSpec:
    return DriverJobSpec(
        template=shipped_templates()["driver.sbatch"],
        setup=("module load python",),
        slurm=slurm or {},
        overrides=overrides or {},
        handover_s=handover_s,
        config=CONFIG,
    )


class World:
    """A folder, a fake Slurm and a clock that the jobs' sleeping moves on."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "experiment"
        self.folder.mkdir()
        self.slurm = FakeSlurm(folder)
        self.clock = FakeClock(BEGINNING)
        self.jobs = self.new()
        self.slurm.says("sbatch", "17")

    def new(self) -> DriverJobs:
        """Return what another process would have."""
        commands = self.slurm.commands_in_process()
        return DriverJobs("flow", self.folder, commands, self.clock.now)

    def queue(self, *jobs: tuple[str, str]) -> None:
        """Have the queue hold jobs of the driver's name, in these states."""
        last = latest(self.folder)
        folder = str(last.folder if last else "")
        now = str(int(self.clock.now()))
        rows = [
            SEPARATOR.join([i, word, now, "", "None", self.jobs.name, folder])
            for i, word in jobs
        ]
        self.slurm.says("squeue", "\n".join(rows))


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


def test_a_job_is_the_only_one_of_its_name_and_is_told_before_its_end(
    world: World,
) -> None:
    assert world.jobs.submit(spec_of({"time": "2-00:00:00", "qos": "low"})) == "17"
    (call,) = lines(world.slurm, "sbatch")
    for option in (
        "--dependency=singleton",
        "--signal=B:USR1@300",
        "--requeue",
        "--qos=low",
        "--time=2-00:00:00",
        "--open-mode=append",
        f"--job-name={world.jobs.name}",
    ):
        assert f" {option} " in call
    job = latest(world.folder)
    assert job is not None
    assert (job.number, job.job_id) == (1, "17")
    assert job.submitted_at == world.clock.now()


def test_slurm_mails_about_the_driver_if_it_is_asked_to(world: World) -> None:
    mails = {"mail_type": "END,FAIL", "mail_user": "ann@example.org"}
    world.jobs.submit(spec_of({"time": "2-00:00:00", **mails}))
    (call,) = lines(world.slurm, "sbatch")
    assert " --mail-type=END,FAIL --mail-user=ann@example.org " in call


def test_the_script_is_the_driver_itself(world: World) -> None:
    world.jobs.submit(spec_of())
    job = latest(world.folder)
    assert job is not None
    lines = (job.folder / "job.sh").read_text().splitlines()
    assert lines[0] == "#!/bin/bash"
    assert "module load python" in lines
    assert lines[-1] == (
        f"exec {sys.executable} -m hpcopt run '{CONFIG}' --slurm "
        f"--driver-job {job.folder}"
    )
    subprocess.run(["/bin/bash", "-n", job.folder / "job.sh"], check=True)


@pytest.mark.parametrize(
    ("limit", "handover_s", "expected"),
    [
        (None, None, 120),
        ("2", None, 30),
        ("10:00", None, 60),
        (10, None, 60),
        ("1-00", None, 300),
        ("UNLIMITED", None, 300),
        ("10:00", 45, 45),
    ],
)
def test_it_is_told_early_enough_and_not_too_early(
    limit: SlurmValue, handover_s: int | None, expected: int
) -> None:
    options = spec_of({"time": limit}, handover_s=handover_s).options()
    assert options["signal"] == f"B:USR1@{expected}"


def test_what_is_asked_for_goes_before_the_config() -> None:
    spec = spec_of(
        {"cpus_per_task": 4, "mem": "1G", "exclusive": True},
        {"cpus-per-task": "1", "time": "1:00:00"},
    )
    options = spec.options()
    assert (options["cpus-per-task"], options["mem"]) == ("1", "1G")
    assert options["exclusive"] is None
    assert options["signal"] == "B:USR1@300"


@pytest.mark.parametrize(
    "name", ["dependency", "signal", "requeue", "no_requeue", "chdir", "job_name"]
)
def test_what_makes_one_job_follow_the_other_is_not_the_users(name: str) -> None:
    message = f"driver.slurm.{name}: hpcopt sets this option itself"
    with pytest.raises(ConfigError, match=message):
        spec_of({name: "x"}).options()
    with pytest.raises(ConfigError, match=f"submit.{name}: hpcopt sets this option"):
        spec_of(overrides={name: "x"}).options()


def test_one_that_waits_or_runs_is_not_followed_by_another(world: World) -> None:
    world.queue(("16", "PENDING"))
    assert world.jobs.submit(spec_of()) == "16"
    assert world.jobs.in_queue() == "16"
    world.queue(("16", "COMPLETED"), ("15", "SUSPENDED"))
    assert world.jobs.submit(spec_of()) == "15"
    assert lines(world.slurm, "sbatch") == []


def test_a_job_submits_one_successor_however_often_it_is_asked(world: World) -> None:
    world.jobs.submit(spec_of(overrides={"mem": "1G"}))
    world.queue(("17", "RUNNING"))
    world.slurm.says("sbatch", "18")
    assert world.jobs.submit(spec_of(overrides={"mem": "1G"}), own_id="17") == "18"
    world.queue(("17", "RUNNING"), ("18", "PENDING"))
    assert world.new().submit(spec_of(), own_id="17") == "18"
    assert len(lines(world.slurm, "sbatch")) == 2
    job = latest(world.folder)
    assert job is not None
    assert (job.number, job.job_id) == (2, "18")
    assert overrides_of(job.folder) == {"mem": "1G"}


def test_an_experiment_elsewhere_is_another_one(world: World, tmp_path: Path) -> None:
    other = DriverJobs(
        "flow", tmp_path / "copy", world.slurm.commands_in_process(), world.clock.now
    )
    assert other.name != world.jobs.name


def test_a_lost_answer_is_looked_for_before_anything_is_submitted_again(
    world: World,
) -> None:
    world.slurm.says("sbatch", "", code=1, err="Socket timed out on send/recv")
    with pytest.raises(SubmissionUnknownError):
        world.jobs.submit(spec_of())
    world.queue(("21", "PENDING"))
    assert world.jobs.submit(spec_of()) == "21"
    assert len(lines(world.slurm, "sbatch")) == 1
    job = latest(world.folder)
    assert job is not None
    assert (job.number, job.job_id) == (1, "21")


def test_a_busy_cluster_is_asked_for_a_while(world: World) -> None:
    err = (
        "sbatch: error: Batch job submission failed: Unable to contact slurm controller"
    )
    world.slurm.says("sbatch", "", code=1, err=err)
    waits = []

    def sleep(seconds: float) -> None:
        waits.append(seconds)
        world.clock.wait(seconds)
        if len(waits) == 3:
            world.slurm.says("sbatch", "22")

    assert world.jobs.submit_within(60, spec_of(), sleep=sleep) == "22"
    assert len(waits) == 3
    world.slurm.says("sbatch", "", code=1, err=err)
    with pytest.raises(SubmissionDeferredError, match="not possible now"):
        world.new().submit_within(30, spec_of(), sleep=world.clock.wait)


def test_a_refusal_is_told_at_once(world: World) -> None:
    world.slurm.says("sbatch", "", code=1, err="Invalid partition name specified")
    with pytest.raises(SubmissionRefusedError, match="Invalid partition"):
        world.jobs.submit_within(60, spec_of(), sleep=world.clock.wait)


def test_a_queue_that_cannot_be_seen_submits_nothing(world: World) -> None:
    world.slurm.says("squeue", "", code=1, err="slurm_load_jobs error")
    with pytest.raises(PollError):
        world.jobs.submit(spec_of())
    assert lines(world.slurm, "sbatch") == []


def test_a_job_that_was_cancelled_is_none_to_come(world: World) -> None:
    world.jobs.submit(spec_of())
    world.jobs.cancel("17")
    assert lines(world.slurm, "scancel") == ["scancel 17"]
    job = latest(world.folder)
    assert job is not None
    assert job.is_cancelled


@pytest.mark.parametrize("text", ["", "[]", "{"])
def test_options_that_cannot_be_read_are_told(text: str, tmp_path: Path) -> None:
    (tmp_path / "options.json").write_text(text)
    with pytest.raises(StorageError, match=r"options\.json: expected"):
        overrides_of(tmp_path)


def test_without_a_job_there_is_no_latest(tmp_path: Path) -> None:
    assert latest(tmp_path) is None
    (tmp_path / "driver" / "notes").mkdir(parents=True)
    assert latest(tmp_path) is None
    (tmp_path / "driver" / "0003").mkdir()
    job = latest(tmp_path)
    assert job is not None
    assert (job.number, job.job_id, json.dumps(job.submitted_at)) == (3, "", "0.0")
