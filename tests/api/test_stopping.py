"""A script whose run is stopped by somebody else: in order, and the script goes on."""

from __future__ import annotations

import logging
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from typing_extensions import override

from hpcopt.api.types import TParameterization
from hpcopt.driver.control import STOP_REQUEST, request_stop
from hpcopt.experiment.folder import LEASE, is_begun, read_experiment
from tests.support.api_world import BowlRunner, bowl_client
from tests.support.cli_world import hpcopt
from tests.support.waiting import wait_until

pytestmark = pytest.mark.slow

SOON: dict[str, Any] = {"initial_seconds_between_polls": 0.01}

SCRIPT = """
import sys
from pathlib import Path
from tests.support.api_world import EndlessRunner, bowl_client
client = bowl_client(Path(sys.argv[1]), EndlessRunner())
client.run_trials(max_trials=9)
print("goes on with", len(client.summarize()))
"""


class StoppingRunner(BowlRunner):
    """Asks for a stop when it starts its second trial."""

    def __init__(self, folder: Path) -> None:
        super().__init__()
        self._folder = folder

    @override
    def run_trial(
        self, trial_index: int, parameterization: TParameterization
    ) -> dict[str, Any]:
        if trial_index == 1:
            request_stop(self._folder)
        return super().run_trial(trial_index, parameterization)


def test_a_request_ends_the_run_and_not_the_script(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING, logger="hpcopt.api")
    bowl_client(tmp_path, StoppingRunner(tmp_path)).run_trials(max_trials=9, **SOON)
    experiment = read_experiment(tmp_path)
    assert experiment.ended is not None
    assert experiment.ended.reason.startswith("asked to stop by ")
    assert not (tmp_path / STOP_REQUEST).exists()
    [line] = [record.getMessage() for record in caplog.records]
    assert "with 2 of 9 trials; run_trials continues it" in line
    assert experiment.ended.reason in line
    runner = BowlRunner()
    bowl_client(tmp_path, runner).run_trials(max_trials=3, **SOON)
    assert runner.launched == [2]


@contextmanager
def running(folder: Path) -> Iterator[subprocess.Popen[str]]:
    """Run trials that never end, in a script of its own."""
    root = Path(__file__).parents[2]
    process = subprocess.Popen(
        [sys.executable, "-c", SCRIPT, str(folder)],
        cwd=root,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        wait_until(
            lambda: is_begun(folder) and read_experiment(folder).live_attempts(),
            told=process.poll,
        )
        yield process
    finally:
        process.kill()
        process.communicate()


def check_end(process: subprocess.Popen[str], folder: Path) -> None:
    out, err = process.communicate(timeout=60)
    assert process.returncode == 0, err
    assert out == "goes on with 1\n"
    assert "asked to stop by" in err  # without any set-up of logging
    ended = read_experiment(folder).ended
    assert ended is not None
    assert ended.reason.startswith("asked to stop by ")
    assert not (folder / LEASE).exists()


def test_hpcopt_stop_ends_the_run_of_a_script(tmp_path: Path) -> None:
    with running(tmp_path) as process:
        text = hpcopt("stop", tmp_path, "--wait", 60).stdout
        assert "the driver ended" in text
        assert "1 job left running" in text
        check_end(process, tmp_path)


def test_a_file_that_somebody_writes_ends_the_run_of_a_script(tmp_path: Path) -> None:
    with running(tmp_path) as process:
        (tmp_path / STOP_REQUEST).touch()
        check_end(process, tmp_path)
    ended = read_experiment(tmp_path).ended
    assert ended is not None
    assert ended.reason == "asked to stop by somebody"


def test_a_script_that_drives_nothing_is_told_apart_and_let_alone(
    tmp_path: Path,
) -> None:
    client = bowl_client(tmp_path)
    client.get_next_trials(1)
    text = hpcopt("stop", tmp_path, "--wait", 0).stdout
    assert "drives no trials: a script that asks for them itself" in text
    assert list(client.get_next_trials(1)) == [1]
