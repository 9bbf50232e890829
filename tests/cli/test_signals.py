"""What a driver does when it is told to stop at an awkward moment."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from hpcopt.driver.control import STOP_REQUEST, request_stop
from hpcopt.experiment.folder import JOURNAL, LEASE, read_experiment
from hpcopt.storage.lease_holder import read_lease
from hpcopt.testing.fake_slurm import FakeSlurm
from tests.support.cli_world import hpcopt
from tests.support.gated_world import change, make_config, running
from tests.support.waiting import wait_until

pytestmark = pytest.mark.slow


@pytest.fixture
def config(tmp_path: Path) -> Path:
    return make_config(tmp_path)


def start(config: Path, *words: str, **environment: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "hpcopt", "run", str(config), *words],
        env={**os.environ, **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def generator_of(pid: int) -> int:
    """Return the process that proposes parameters for the driver ``pid``."""
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    for child in children:
        if "hpcopt.generation" in Path(f"/proc/{child}/cmdline").read_text():
            return int(child)
    return 0


def test_a_lost_terminal_stops_the_driver_and_not_its_trials(config: Path) -> None:
    with running(config) as process:
        process.send_signal(signal.SIGHUP)
        out, _ = process.communicate(timeout=60)
        assert process.returncode == 128 + signal.SIGHUP
        assert "stopped by SIGHUP" in out
        assert f"hpcopt run {config}" in out
    hpcopt("run", config)
    trials = read_experiment(config.parent / "out").trials
    assert [len(trial.attempts) for trial in trials] == [1, 1, 1]


def test_a_driver_stops_while_parameters_are_being_found(config: Path) -> None:
    process = start(config)
    child = 0
    try:
        wait_until(lambda: generator_of(process.pid) > 0)
        child = generator_of(process.pid)
        os.kill(child, signal.SIGSTOP)  # a fit that takes for ever
        wait_until(
            lambda: " so far" in str(process.stdout and process.stdout.readline())
        )
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=60)
        assert process.returncode == 128 + signal.SIGINT
        wait_until(lambda: not Path(f"/proc/{child}").exists())
    finally:
        process.kill()
    hpcopt("run", config)


def test_a_driver_lets_a_submission_finish_before_it_stops(
    config: Path, tmp_path: Path
) -> None:
    fake = FakeSlurm(tmp_path)
    called, answer = tmp_path / "called", tmp_path / "answer"
    fake.replace(
        "sbatch",
        f'[[ "$*" == *--test-only* ]] && exit 0\necho >> {called}\n'
        f"while [[ ! -e {answer} ]]; do sleep 0.05; done\necho 17",
    )
    change(config, "runner: local", "runner: slurm")
    process = start(config, PATH=fake.environment["PATH"])
    try:
        wait_until(called.exists)
        process.send_signal(signal.SIGINT)
        with pytest.raises(subprocess.TimeoutExpired):
            process.wait(0.5)
        answer.touch()
        out, _ = process.communicate(timeout=60)
    finally:
        answer.touch()
        process.kill()
    assert process.returncode == 128 + signal.SIGINT
    assert "stopped by SIGINT" in out
    live = read_experiment(config.parent / "out").live_attempts()
    assert [(a.metadata or {})["job_id"] for a in live] == ["17_0", "17_1", "17_2"]
    assert called.read_text() == "\n"


def test_a_driver_that_slept_and_was_succeeded_writes_nothing_more(
    config: Path,
) -> None:
    folder = config.parent / "out"
    with running(config) as process:
        os.kill(process.pid, signal.SIGSTOP)
        holder = read_lease(folder / LEASE)
        assert holder is not None
        successor = replace(holder, token="another")
        (folder / "new").write_bytes(successor.to_bytes())
        (folder / "new").replace(folder / LEASE)
        journal = (folder / JOURNAL).read_bytes()
        request_stop(folder)  # which is for the successor
        os.kill(process.pid, signal.SIGCONT)
        _, err = process.communicate(timeout=60)
        assert process.returncode == 1
        assert "this driver must end" in err
        assert (folder / JOURNAL).read_bytes() == journal
        assert (folder / STOP_REQUEST).exists()
        assert read_lease(folder / LEASE) == successor
        (folder / LEASE).unlink()
