"""Jobs that an earlier version submitted, and that wait in the queue meanwhile.

Their scripts name that version's modules, ``hpcopt.worker`` and ``hpcopt.pack``, and
run whatever hpcopt is installed when their turn comes.
"""

from __future__ import annotations

import hashlib
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from hpcopt.config.file import load_config
from hpcopt.config.specs import run_spec
from hpcopt.core.experiment import Experiment
from hpcopt.core.trials.trial import Cause, TrialStatus
from hpcopt.experiment.composition import open_driver
from hpcopt.experiment.folder import JOURNAL, read_experiment
from hpcopt.testing.fake_slurm import FakeSlurm
from tests.support.cli_world import hpcopt
from tests.support.fake_clock import FakeClock
from tests.support.relocate import relocate

pytestmark = pytest.mark.slow

FIXTURES = Path(__file__).parent / "fixtures" / "0.1.0"


@pytest.fixture
def slurm(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FakeSlurm:
    """Return a Slurm on the PATH whose jobs run at once, and really."""
    folder = tmp_path / "slurm"
    folder.mkdir()
    slurm = FakeSlurm(folder, now=time.time(), speed=1.0, runs_programs=True)
    slurm.behave(run_s=0.0)
    monkeypatch.setenv("PATH", slurm.environment["PATH"])
    return slurm


def queue(
    slurm: FakeSlurm, name: str, folder: Path, *options: str, log: str = "log.txt"
) -> str:
    """Submit the script in a folder as it was submitted; return the job's id."""
    paths = (f"--output={folder / log}", f"--chdir={folder}")
    words = ("--parsable", f"--job-name={name}", *paths, *options)
    answer = slurm.commands().run("sbatch", [*words, str(folder / "job.sh")])
    assert answer.code == 0, answer.err
    return answer.out.strip()


def queue_array(slurm: FakeSlurm, experiment: Path) -> None:
    name = "hpcopt:array:0-1:0"
    folder = experiment / "arrays" / name
    assert queue(slurm, name, folder, "--array=0-1", log="%a/log.txt") == "1"


def queue_packed(slurm: FakeSlurm, experiment: Path) -> None:
    name = "hpcopt:packed:0-2:0"
    assert queue(slurm, name, experiment / "packs" / name) == "1"
    alone = experiment / "trials" / "0003" / "attempt-0"
    assert queue(slurm, "hpcopt:packed:3:0", alone) == "2"


def assert_all_completed(experiment: Experiment) -> None:
    """Assert that each trial ran once, and that its loss was read."""
    for trial in experiment.trials:
        assert trial.status is TrialStatus.COMPLETED, trial
        assert len(trial.attempts) == 1
        x, y = float(trial.parameters["x"]), float(trial.parameters["y"])
        penalty = 0.2 if trial.parameters["kind"] == "b" else 0.0
        expected = (x - 0.3) ** 2 + (y - 0.6) ** 2 + penalty
        assert trial.outcome["loss"].mean == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize(
    ("name", "submit", "n_jobs"),
    [("array", queue_array, 1), ("packed", queue_packed, 2)],
    ids=["array", "packed"],
)
def test_the_results_of_queued_jobs_are_read(
    name: str,
    submit: Callable[[FakeSlurm, Path], None],
    n_jobs: int,
    slurm: FakeSlurm,
    tmp_path: Path,
) -> None:
    copy = relocate(FIXTURES / name, tmp_path)
    submit(slurm, copy / "experiment")
    hpcopt("run", copy / "hpcopt.yaml", "--slurm")
    assert_all_completed(read_experiment(copy / "experiment"))
    assert len(slurm.calls("sbatch")) == n_jobs


def test_a_trial_whose_turn_had_not_come_when_its_pack_ended_runs_again(
    slurm: FakeSlurm, tmp_path: Path
) -> None:
    copy = relocate(FIXTURES / "packed", tmp_path)
    slurm.behave("hpcopt:packed:0-2:0", run_s=0.0, word="TIMEOUT")
    queue_packed(slurm, copy / "experiment")
    spec = run_spec(load_config(copy / "hpcopt.yaml"), "slurm")
    clock = FakeClock(slurm.now, moves=slurm.go_on)
    with open_driver(spec, clock=clock) as driver:
        driver.run()
        trials = driver.experiment.trials
    assert [trial.status for trial in trials] == [TrialStatus.COMPLETED] * 4
    assert [len(trial.attempts) for trial in trials] == [2, 2, 2, 1]
    first = trials[0].attempts[0]
    assert first.cause is Cause.INFRASTRUCTURE
    assert "its turn had not come when its pack ended" in first.reason


def test_a_job_whose_id_got_lost_is_found_by_its_name(
    slurm: FakeSlurm, tmp_path: Path
) -> None:
    copy = relocate(FIXTURES / "array", tmp_path)
    folder = copy / "experiment"
    # As if the driver had been killed before it had read sbatch's answer.
    (log,) = folder.glob("arrays/*/sbatch.log")
    begun, answer, _ = log.read_text().rpartition("1\n")
    assert answer
    log.write_text(begun)
    lines = (folder / JOURNAL).read_bytes().splitlines(keepends=True)
    submitted = next(k for k, line in enumerate(lines) if b"AttemptsSubmitted" in line)
    (folder / JOURNAL).write_bytes(b"".join(lines[:submitted]))
    queue_array(slurm, folder)
    hpcopt("run", copy / "hpcopt.yaml", "--slurm")
    experiment = read_experiment(folder)
    assert_all_completed(experiment)
    ids = [(trial.attempts[0].metadata or {})["job_id"] for trial in experiment.trials]
    assert ids == ["1_0", "1_1"]
    assert len(slurm.calls("sbatch")) == 1


def queue_driver(slurm: FakeSlurm, experiment: Path) -> Path:
    """Have the driver's job of ``submitted`` wait in the queue; return its folder."""
    place = hashlib.sha256(str(experiment).encode()).hexdigest()[:8]
    folder = experiment / "driver" / "0001"
    name = f"hpcopt:submitted:driver:{place}"
    assert queue(slurm, name, folder, "--hold") == "1"
    return folder


def test_a_driver_that_waits_in_the_queue_is_known(
    slurm: FakeSlurm, tmp_path: Path
) -> None:
    copy = relocate(FIXTURES / "submitted", tmp_path)
    folder = queue_driver(slurm, copy / "experiment")
    refused = hpcopt("submit", copy / "hpcopt.yaml", code=1).stderr
    assert "job 1 is in the queue; nothing was submitted" in refused
    assert list(folder.parent.iterdir()) == [folder]


def test_a_driver_that_waited_in_the_queue_runs_the_experiment(
    slurm: FakeSlurm, tmp_path: Path
) -> None:
    copy = relocate(FIXTURES / "submitted", tmp_path)
    folder = queue_driver(slurm, copy / "experiment")
    # A fake Slurm stands still while it runs a job: this one, which asks it, runs here.
    environment = {**slurm.environment, "SLURM_JOB_ID": "1"}
    words = ["/bin/bash", str(folder / "job.sh")]
    subprocess.run(words, cwd=folder, env=environment, check=True)
    experiment = read_experiment(copy / "experiment")
    assert experiment.n_trials == 3
    assert_all_completed(experiment)
    assert [driver.job_id for driver in experiment.drivers] == ["1"]
