"""``hpcopt run --detach``: a driver that needs no terminal."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from hpcopt.experiment.folder import read_experiment
from tests.support.cli_world import hpcopt
from tests.support.gated_world import change, make_config, running
from tests.support.waiting import wait_until

pytestmark = pytest.mark.slow


@pytest.fixture
def config(tmp_path: Path) -> Path:
    return make_config(tmp_path)


def detach(config: Path) -> list[str]:
    return [sys.executable, "-m", "hpcopt", "run", str(config), "--detach"]


def has_ended(config: Path) -> bool:
    return read_experiment(config.parent / "out").ended is not None


def test_it_returns_and_leaves_the_driver_running(config: Path) -> None:
    (config.parent / "gate").touch()
    done = subprocess.run(detach(config), capture_output=True, text=True, check=True)
    try:
        (pid,) = re.findall(r"running as pid (\d+) on ", done.stdout)
        assert f"hpcopt stop {config}" in done.stdout
        assert f"running: pid {pid} on " in hpcopt("status", config).stdout
        assert os.getsid(int(pid)) == int(pid)
    finally:
        (config.parent / "open").touch()
    wait_until(lambda: has_ended(config))
    output = config.parent / "out" / "driver.out"
    wait_until(lambda: "all 3 trials have ended" in output.read_text())


def test_it_outlives_its_terminal_and_can_be_stopped(config: Path) -> None:
    (config.parent / "gate").touch()
    master, slave = os.openpty()
    try:
        # The command becomes the leader of a session with this terminal.
        with subprocess.Popen(
            ["setsid", "--ctty", "--wait", *detach(config)], stdin=slave
        ) as process:
            os.close(slave)
            assert process.wait(60) == 0
        os.close(master)  # the terminal is gone: SIGHUP to what is left in it
        text = hpcopt("stop", config, "--wait", 60).stdout
        assert "asked to stop by" in text
    finally:
        (config.parent / "open").touch()


def test_what_is_wrong_is_told_here_and_nothing_is_left_behind(config: Path) -> None:
    change(config, "objective:", "objektive:")
    done = subprocess.run(detach(config), capture_output=True, text=True)
    assert done.returncode == 2
    assert "objektive: unknown key" in done.stderr
    assert not (config.parent / "out").exists()


def test_a_second_driver_is_refused_here(config: Path) -> None:
    with running(config):
        done = subprocess.run(detach(config), capture_output=True, text=True)
    assert done.returncode == 1
    assert "is run by driver pid" in done.stderr
    assert f"stop it with: hpcopt stop {config.parent / 'out'}" in done.stderr


def test_what_ends_at_once_is_shown(config: Path) -> None:
    hpcopt("run", config, "-q")
    done = subprocess.run(detach(config), capture_output=True, text=True)
    assert done.returncode == 0
    assert "all 3 trials have ended" in done.stdout or "running as" in done.stdout
