"""The driver as a job of the real Slurm."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.support.gated_world import change, make_config
from tests.support.waiting import wait_until

pytestmark = pytest.mark.slurm

DRIVER = """
driver: {slurm: {time: "00:05:00", mem: 500M, cpus_per_task: 1}}
"""


class Study:
    """An experiment whose trials wait for a file, on the real Slurm."""

    def __init__(self, folder: Path, conf: Path) -> None:
        self.environment = {**os.environ, "SLURM_CONF": str(conf)}
        self.config = make_config(folder)
        self.folder = folder / "out"
        change(self.config, "runner: local", "slurm: {time: '5', mem: 100M}")
        self.config.write_text(self.config.read_text() + DRIVER)
        (folder / "gate").touch()

    def open(self) -> None:
        (self.config.parent / "open").touch()

    def hpcopt(self, verb: str, *words: str, code: int = 0) -> str:
        done = subprocess.run(
            [sys.executable, "-m", "hpcopt", verb, str(self.config), *words],
            env=self.environment,
            capture_output=True,
            text=True,
        )
        assert done.returncode == code, done.stdout + done.stderr
        return done.stdout + done.stderr

    def slurm(self, *words: str) -> str:
        return subprocess.run(
            words, env=self.environment, check=True, capture_output=True, text=True
        ).stdout

    def driver(self) -> dict[str, object]:
        if not (self.folder / "journal.jsonl").exists():
            return {"state": "none", "job_id": None}
        status = json.loads(self.hpcopt("status", "--json"))
        return {"live": len(status["live"]), **status["driver"]}

    def state_of(self, job_id: str) -> str:
        return self.slurm("squeue", "-h", "-t", "all", "-j", job_id, "-o", "%T").strip()

    def wait_until(self, is_true: Callable[[], bool]) -> None:
        wait_until(is_true, 120.0, told=lambda: (self.driver(), self.logs()))

    def wait_for_driver(self, job_id: str) -> None:
        self.wait_until(
            lambda: (
                self.driver().items()
                >= {"state": "running", "job_id": job_id, "live": 3}.items()
            )
        )

    def logs(self) -> list[str]:
        return [path.read_text() for path in sorted(self.folder.glob("driver/*/log.*"))]

    def states(self) -> list[str]:
        return [trial["state"] for trial in json.loads(self.hpcopt("trials", "--json"))]


@pytest.fixture
def study(tmp_path: Path, slurm_conf: Path) -> Iterator[Study]:
    study = Study(tmp_path, slurm_conf)
    yield study
    study.open()
    names = study.slurm("squeue", "--me", "-h", "-o", "%A %Z").splitlines()
    ours = [line.split()[0] for line in names if str(tmp_path) in line]
    if ours:
        study.slurm("scancel", *ours)


def submitted(text: str) -> str:
    match = re.search(r"submitted as job (\d+)", text)
    assert match, text
    return match[1]


def test_a_job_hands_over_to_one_successor_which_goes_on(study: Study) -> None:
    first = submitted(study.hpcopt("submit", "--mem", "400M"))
    study.wait_for_driver(first)
    refusal = study.hpcopt("submit", code=1)
    assert f"has a driver, running: job {first}, pid " in refusal
    study.slurm("scancel", "--batch", "--signal=USR1", first)
    study.wait_until(lambda: "handed over to job" in study.logs()[0])
    second = re.findall(r"handed over to job (\d+)", study.logs()[0])[0]
    study.wait_for_driver(second)
    assert study.state_of(first) == "COMPLETED"
    # What was asked for when the first one was submitted.
    assert "400M" in study.slurm("squeue", "-h", "-j", second, "-o", "%m")
    study.open()
    study.wait_until(lambda: study.driver()["state"] == "ended")
    study.wait_until(lambda: study.state_of(second) == "COMPLETED")
    assert study.states() == ["completed"] * 3
    assert len(study.logs()) == 2
    assert "nothing was submitted" in study.hpcopt("submit")


def test_a_job_that_waits_can_be_stopped_and_one_that_runs_too(study: Study) -> None:
    first = submitted(study.hpcopt("submit"))
    study.wait_for_driver(first)
    assert "asked to stop by" in study.hpcopt("stop", "--wait", "60")
    study.wait_until(lambda: study.state_of(first) == "FAILED")  # it exits with 143
    second = submitted(study.hpcopt("submit", "-o", "begin=now+1hour"))
    assert f"submitted as job {second}, not begun" in study.hpcopt("status")
    assert f"job {second} is in the queue" in study.hpcopt("submit", code=1)
    assert f"job {second}, which would have been" in study.hpcopt("stop")
    study.wait_until(lambda: study.state_of(second) == "CANCELLED")
    assert "asked to stop by" in study.hpcopt("status")


@pytest.mark.slow
def test_a_driver_whose_node_fails_is_begun_anew_by_slurm(study: Study) -> None:
    job = submitted(study.hpcopt("submit"))
    study.wait_for_driver(job)
    pid = study.driver()["pid"]
    study.slurm("scontrol", "requeue", job)  # what Slurm does when a node fails
    study.slurm("scontrol", "update", f"jobid={job}", "starttime=now")
    study.wait_until(lambda: study.driver()["pid"] != pid)
    study.open()
    study.wait_until(lambda: study.driver()["state"] == "ended")
    assert study.states() == ["completed"] * 3
