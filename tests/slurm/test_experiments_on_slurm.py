"""Whole experiments on the real Slurm: killed, refused, limited, completed."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import textwrap
import time
from collections import Counter
from pathlib import Path

import pytest

from hpcopt.core.trials.cost import attempts_of, cost_of
from hpcopt.experiment.folder import read_experiment
from tests.support.waiting import PATIENCE_S

pytestmark = pytest.mark.slurm

PROGRAM = """
import os, sys, time
import h5py

x = float(sys.argv[1])
time.sleep(float(os.environ.get("PROGRAM_S", "0.3")))
if int(os.environ["HPCOPT_TRIAL_INDEX"]) % 5 in json.loads(os.environ["PROGRAM_FAILS"]):
    sys.exit(1)
with h5py.File(sys.argv[2], "w") as file:
    file["loss"] = (x - 0.3) ** 2
"""

CONFIG = """
name: {name}
parameters:
  - {{name: x, type: range, bounds: [0, 1]}}
objective: "-loss"
metrics:
  - {{name: loss, file: result.h5, dataset: /loss}}
job:
  command:
    - "{{{{ python }}}}"
    - program.py
    - "{{{{ x }}}}"
    - "{{{{ trial.folder }}}}/result.h5"
  environment: {{PROGRAM_S: "{seconds}", PROGRAM_FAILS: "{fails}"}}
  slurm: {{time: "00:05:00", mem: 50M}}
run:
  max_trials: {max_trials}
  parallelism: {parallelism}
  max_queued_jobs: {max_queued_jobs}
  tolerated_trial_failure_rate: {rate}
  initial_seconds_between_polls: 0.3
generation: {{method: sobol}}
"""


class Case:
    """An experiment in a folder of its own, run by the command line."""

    def __init__(self, folder: Path, environment: dict[str, str], **changes: object):
        self.folder = folder
        self.environment = environment
        self.name = f"case-{os.getpid()}-{random.randrange(10**9)}"
        self.settings: dict[str, object] = {
            "seconds": 0.3,
            "fails": [],
            "max_trials": 10,
            "parallelism": 4,
            "max_queued_jobs": "null",
            "rate": 0.5,
            **changes,
        }
        (folder / "program.py").write_text("import json\n" + textwrap.dedent(PROGRAM))
        self.write()

    @property
    def config(self) -> Path:
        return self.folder / "case.yaml"

    def write(self, **changes: object) -> None:
        self.settings |= changes
        self.config.write_text(CONFIG.format(name=self.name, **self.settings))

    def start(self) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "-m", "hpcopt", "run", str(self.config), "--slurm"],
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def run(self) -> tuple[int, str]:
        driver = self.start()
        output, _ = driver.communicate(timeout=240)
        return driver.returncode, output

    def trials(self) -> list[dict[str, object]]:
        listing = subprocess.run(
            [sys.executable, "-m", "hpcopt", "trials", str(self.config), "--json"],
            env=self.environment,
            check=True,
            capture_output=True,
            text=True,
        )
        trials: list[dict[str, object]] = json.loads(listing.stdout)
        return trials

    def states(self) -> Counter[str]:
        return Counter(str(trial["state"]).lower() for trial in self.trials())

    def slurm(self, *command: str) -> str:
        return subprocess.run(
            command, env=self.environment, check=True, capture_output=True, text=True
        ).stdout

    def accounted(self, n_jobs: int) -> Counter[tuple[str, str]]:
        """Count the rows of this experiment in sacct by job name and array task.

        The accounting hears of jobs some time after their ends: it is waited for, until
        it knows ``n_jobs``.
        """
        deadline = time.monotonic() + PATIENCE_S
        while len(found := self._accounted()) < n_jobs:
            assert time.monotonic() < deadline, found
            time.sleep(0.2)
        return found

    def _accounted(self) -> Counter[tuple[str, str]]:
        listing = self.slurm(
            *("sacct", "-D", "-X", "-n", "-P", "-S", "now-1hour"),
            *("-o", "JobName,JobID"),
        )
        rows = [line.split("|") for line in listing.splitlines()]
        return Counter(
            (name, job_id.partition("_")[2])
            for name, job_id in rows
            if name.startswith(f"hpcopt:{self.name}:")
        )


@pytest.fixture
def environment(slurm_conf: Path) -> dict[str, str]:
    return {**os.environ, "SLURM_CONF": str(slurm_conf)}


def test_one_trial_in_five_fails_and_the_experiment_completes(
    tmp_path: Path, environment: dict[str, str]
) -> None:
    case = Case(tmp_path, environment, fails=[2])
    code, output = case.run()
    assert code == 0, output
    assert case.states() == {"completed": 8, "failed": 2}
    accounted = case.accounted(10)
    assert len(accounted) == 10
    assert set(accounted.values()) == {1}


def test_core_hours_are_those_of_sacct(
    tmp_path: Path, environment: dict[str, str]
) -> None:
    """To the second where the accounting told; and no estimate is of more than it."""
    case = Case(tmp_path, environment, fails=[2], max_trials=12)
    code, output = case.run()
    assert code == 0, output
    case.accounted(12)
    experiment = read_experiment(tmp_path / "experiments" / case.name)
    attempts = {
        str((attempt.metadata or {})["job_id"]): attempt
        for _, attempt in attempts_of(experiment.trials)
    }
    listing = case.slurm(
        *("sacct", "-X", "-n", "-P", "-j", ",".join(attempts)),
        *("-o", "JobID,AllocCPUS,ElapsedRaw"),
    )
    rows = [line.split("|") for line in listing.splitlines()]
    assert {job_id for job_id, _, _ in rows} == attempts.keys()
    accounted = set()
    for job_id, cpus, elapsed_s in rows:
        attempt = attempts[job_id]
        cost = cost_of(attempt)
        assert cost.cpus == int(cpus)
        assert cost.run_s is not None
        if cost.is_accounted:
            accounted.add(attempt.trial_index)
            assert cost.core_hours == int(cpus) * int(elapsed_s) / 3600
        else:
            # Slurm counts from the beginning of one second to that of another.
            assert cost.run_s <= int(elapsed_s) + 1
    assert accounted >= {2, 7}  # those that failed


def test_three_trials_in_five_fail_and_the_run_stops_until_the_rate_is_raised(
    tmp_path: Path, environment: dict[str, str]
) -> None:
    case = Case(tmp_path, environment, fails=[0, 1, 2], max_trials=20)
    code, output = case.run()
    assert code == 1, output
    assert "ended trials failed, more than the tolerated share of 0.5" in output
    case.write(rate=0.8)
    code, output = case.run()
    assert code == 0, output
    assert case.states() == {"completed": 8, "failed": 12}
    assert set(case.accounted(20).values()) == {1}


def test_never_more_jobs_waiting_than_allowed(
    tmp_path: Path, environment: dict[str, str]
) -> None:
    case = Case(tmp_path, environment, max_trials=12, parallelism=16, max_queued_jobs=2)
    # Every CPU but two is taken, so that jobs do wait.
    n_cpus = int(case.slurm("sinfo", "-h", "-p", "main", "-o", "%C").split("/")[-1])
    blocker = case.slurm(
        *("sbatch", "--parsable", "--exclusive", "--wrap", "sleep 600"),
        *("-J", f"blocker-{case.name}", f"--array=1-{max(1, n_cpus // 8)}"),
        *("-N", "1", "-o", "/dev/null"),
    ).strip()
    try:
        driver = case.start()
        most_waiting = 0
        until = time.monotonic() + 15
        while driver.poll() is None and time.monotonic() < until:
            listing = case.slurm("squeue", "--me", "-h", "-r", "-t", "PD", "-o", "%j")
            waiting = [n for n in listing.splitlines() if f":{case.name}:" in n]
            most_waiting = max(most_waiting, len(waiting))
            time.sleep(0.2)
        assert most_waiting == 2
    finally:
        case.slurm("scancel", blocker)
    output, _ = driver.communicate(timeout=120)
    assert driver.returncode == 0, output
    assert case.states() == {"completed": 12}


@pytest.mark.slow
def test_killed_at_twenty_moments_loses_and_doubles_nothing(
    tmp_path: Path, environment: dict[str, str]
) -> None:
    case = Case(tmp_path, environment, seconds=1, max_trials=40, parallelism=6)
    rng = random.Random(0)
    for _ in range(20):
        driver = case.start()
        try:
            driver.wait(timeout=rng.uniform(0.3, 6))
        except subprocess.TimeoutExpired:
            driver.send_signal(signal.SIGKILL)
        driver.communicate()
    code, output = case.run()
    assert code == 0, output
    assert case.states() == {"completed": 40}
    accounted = case.accounted(40)
    assert set(accounted.values()) == {1}
    assert len(accounted) == 40


def test_a_refusal_of_sbatch_names_the_key(
    tmp_path: Path, environment: dict[str, str]
) -> None:
    """An option that does not exist, and one that the site refuses."""
    case = Case(tmp_path, environment)
    text = case.config.read_text()
    for option, key in (("frobnicate: 1", "frobnicate"), ("qos: nowhere", "qos")):
        case.config.write_text(text.replace("mem: 50M", f"mem: 50M, {option}"))
        done = subprocess.run(
            [sys.executable, "-m", "hpcopt", "check", str(case.config), "--slurm"],
            env=case.environment,
            capture_output=True,
            text=True,
        )
        assert done.returncode == 2
        assert f"job.slurm.{key}: sbatch --test-only exited " in done.stderr
