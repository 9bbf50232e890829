"""A script that was written for Ax, killed on its way and started again."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import pytest

from hpcopt.core.trials.trial import Trial, TrialStatus
from hpcopt.experiment.folder import is_begun, read_experiment
from tests.support.waiting import wait_until

SCRIPT = Path(__file__).parent / "tutorial" / "automating.py"
N_TRIALS = 30
TIMEOUT_S = 300.0


def start(folder: Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, str(SCRIPT)],
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def completed(experiment_folder: Path) -> list[Trial]:
    if not is_begun(experiment_folder):
        return []
    return read_experiment(experiment_folder).completed_trials()


def kill_after(n_completed: int, script: subprocess.Popen[str], folder: Path) -> None:
    wait_until(
        lambda: len(completed(folder)) >= n_completed or script.poll() is not None,
        TIMEOUT_S,
    )
    assert script.poll() is None, script.communicate()
    script.kill()
    script.communicate()


@pytest.mark.slow
def test_ax_tutorial_runs_and_goes_on_after_it_was_killed(tmp_path: Path) -> None:
    folder = tmp_path / "experiments" / "hartmann6_experiment"
    kill_after(8, start(tmp_path), folder)
    before = completed(folder)
    # The script begins with a trial by hand, in a file with the second's name.
    last_second = max(int(path.stem) for path in tmp_path.glob("*.txt"))
    wait_until(lambda: time.time() >= last_second + 1)

    script = start(tmp_path)
    output, errors = script.communicate(timeout=TIMEOUT_S)

    assert script.returncode == 0, errors
    goes_on, taken_over = errors.splitlines()
    assert "trials already" in goes_on
    assert taken_over.endswith("has died; taking over")
    assert "Best Parameters: {'x1': " in output
    experiment = read_experiment(folder)
    trials = experiment.trials
    assert experiment.count(TrialStatus.COMPLETED) == len(trials) == N_TRIALS
    assert [experiment.trial(trial.index) for trial in before] == before
    assert len(experiment.drivers) == 2
    # One launch a second: no trial has written over the file of another one.
    attempts = [attempt for trial in trials for attempt in trial.attempts]
    files = {str((attempt.metadata or {})["file_name"]) for attempt in attempts}
    assert len(files) == len(attempts) == N_TRIALS
    # Two were written by hand; one may be of a trial that was launched and killed
    # before that could be recorded, and is launched again.
    assert len(list(tmp_path.glob("*.txt"))) - len(files) in (2, 3)
    best = experiment.best_trials()[0]
    assert best.outcome["hartmann6"].mean < -1.5
