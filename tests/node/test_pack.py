"""Working off a pack, with real programs."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from hpcopt.core.trials.trial import Cause
from hpcopt.host.durable import write_text_durably
from hpcopt.node import pack
from hpcopt.runners.script.attempt_folder import AttemptFolder, Stopped
from tests.support.waiting import PATIENCE_S, wait_until

#: Leaves a mark while it runs, waits for its end to be allowed, and counts its peers.
HOLD = """#!/bin/bash
touch ../$HPCOPT_TRIAL_INDEX.runs
echo "$HPCOPT_SLOT $(ls .. | grep -c runs)" > seen
while [[ ! -e ../go ]]; do sleep 0.01; done
rm ../$HPCOPT_TRIAL_INDEX.runs
exit $((HPCOPT_TRIAL_INDEX % 3))
"""


class PackOf:
    """A pack in a folder with a name that is hard on shells."""

    def __init__(self, folder: Path, scripts: list[str]) -> None:
        self.path = folder / "it's a $(rm)\npack"
        self.path.mkdir()
        self.trials = folder / "trials"
        for index, script in enumerate(scripts):
            attempt = self.attempt(index)
            attempt.path.mkdir(parents=True)
            write_text_durably(attempt.script, script, mode=0o755)
            (self.path / str(index)).symlink_to(attempt.path)

        members = [
            {"variables": {"HPCOPT_TRIAL_INDEX": str(index)}, "python_path": "/a b"}
            for index in range(len(scripts))
        ]
        (self.path / "pack.json").write_text(json.dumps(members))

    def attempt(self, index: int) -> AttemptFolder:
        return AttemptFolder(self.trials / str(index))

    def begin(self, at_once: int = 2) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "-P", "-m", "hpcopt.node.pack", self.path, str(at_once)],
            cwd=self.path,
            env={**os.environ, "SLURM_JOB_ID": "12", "SLURM_MEM_PER_CPU": "1"},
            stderr=subprocess.PIPE,
            text=True,
        )

    def run(self, at_once: int = 2) -> int:
        process = self.begin(at_once)
        _, said = process.communicate(timeout=PATIENCE_S)
        assert said == ""
        return process.returncode

    def codes(self) -> list[int | None]:
        n = len(list(self.trials.glob("*/script.sh")))
        return [self.attempt(index).read().exit_code for index in range(n)]


def test_all_are_run_a_few_at_a_time_and_failures_hold_up_nothing(
    tmp_path: Path,
) -> None:
    packed = PackOf(tmp_path, [HOLD] * 7)
    process = packed.begin(at_once=3)
    wait_until(lambda: len(list(tmp_path.glob("trials/*.runs"))) == 3)
    (packed.trials / "go").touch()
    process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 0
    assert packed.codes() == [0, 1, 2, 0, 1, 2, 0]
    seen = [(packed.attempt(k).path / "seen").read_text().split() for k in range(7)]
    assert {slot for slot, _ in seen} <= {"0", "1", "2"}
    assert max(int(n_peers) for _, n_peers in seen) == 3
    started = packed.attempt(6).read().started
    assert started is not None
    assert started.job_id == "12"


def test_each_has_its_log_and_an_environment_for_steps(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONPATH", "/b")
    monkeypatch.setenv("SLURM_CPUS_PER_TASK", "3")
    script = "#!/bin/bash\necho $SLURM_EXACT $SLURM_MEM_PER_NODE-$SLURM_MEM_PER_CPU "
    packed = PackOf(
        tmp_path, [script + "$SRUN_CPUS_PER_TASK $PYTHONPATH\npwd >&2\n"] * 2
    )
    assert packed.run() == 0
    for index in (0, 1):
        folder = packed.attempt(index)
        assert folder.log.read_text() == f"1 0- 3 /a b:/b\n{folder.path.resolve()}\n"


def test_a_signal_ends_what_runs_and_keeps_the_rest_from_starting(
    tmp_path: Path,
) -> None:
    packed = PackOf(tmp_path, ["#!/bin/bash\nexec sleep 60\n"] * 3)
    process = packed.begin(at_once=2)
    wait_until(lambda: all(packed.attempt(k).read().started for k in (0, 1)))
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 128 + signal.SIGTERM
    assert packed.codes() == [143, 143, None]
    assert packed.attempt(0).read().last_signal == "TERM"
    assert packed.attempt(2).read().started is None


def test_other_signals_are_passed_on(tmp_path: Path) -> None:
    script = "#!/bin/bash\ntrap 'exit 7' USR1\ntouch ready\nsleep 60 & wait\n"
    packed = PackOf(tmp_path, [script])
    process = packed.begin()
    wait_until((packed.attempt(0).path / "ready").exists)
    process.send_signal(signal.SIGUSR1)
    process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 0
    assert packed.codes() == [7]


def test_a_pack_that_runs_again_goes_on_where_it_was(tmp_path: Path) -> None:
    packed = PackOf(tmp_path, ["#!/bin/bash\necho ran\nexit 4\n"] * 3)
    packed.attempt(0).ended.write_text("0\n")
    packed.attempt(1).ended.write_text("143 TERM\n")
    packed.attempt(1).started.write_text("12 n1 1 boot 1\n")
    assert packed.run() == 0
    assert packed.codes() == [0, 4, 4]
    assert not packed.attempt(0).log.exists()


def test_one_that_was_stopped_before_its_turn_never_runs(tmp_path: Path) -> None:
    packed = PackOf(tmp_path, ["#!/bin/bash\nexit 0\n"] * 2)
    packed.attempt(0).started.write_text("never-run n1 0 boot 0\n")
    assert packed.run() == 0
    assert packed.codes() == [None, 0]


def test_one_is_stopped_and_the_others_go_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    packed = PackOf(tmp_path, ["#!/bin/bash\nexec sleep 60\n", HOLD])
    monkeypatch.chdir(packed.path)
    monkeypatch.setenv("SLURM_JOB_ID", "12")
    works = pack.Pack(packed.path, 2)
    works.start()
    wait_until(lambda: packed.attempt(0).read().started is not None)
    packed.attempt(0).write_stopped(Stopped(Cause.USER, 1.0))
    works.stop_those_asked_for()
    wait_until(works.reap)
    assert packed.attempt(0).read().exit_code == 143
    (packed.trials / "go").touch()
    while works.is_busy:
        works.reap()
    assert packed.codes() == [143, 1]


def test_one_that_does_not_end_when_it_is_told_to_is_killed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    deaf = "#!/bin/bash\ntrap '' TERM\ntouch ready\nsleep 60 & wait; sleep 60\n"
    packed = PackOf(tmp_path, [deaf])
    monkeypatch.chdir(packed.path)
    monkeypatch.setenv("SLURM_JOB_ID", "12")
    now = [0.0]
    works = pack.Pack(packed.path, 1, lambda: now[0])
    works.start()
    wait_until((packed.attempt(0).path / "ready").exists)
    packed.attempt(0).write_stopped(Stopped(Cause.USER, 1.0))
    for now[0] in (0.0, 29.0):
        works.stop_those_asked_for()
        assert not works.reap()
    now[0] = 30.0
    works.stop_those_asked_for()
    wait_until(works.reap)
    assert packed.attempt(0).read().exit_code == 128 + signal.SIGKILL
    assert not works.is_busy


def test_the_attempt_of_another_job_is_left_alone(tmp_path: Path) -> None:
    packed = PackOf(tmp_path, ["#!/bin/bash\nexit 0\n"] * 2)
    packed.attempt(0).started.write_text("7 n1 1 boot 1\n")
    assert packed.run() == 0
    assert packed.codes() == [None, 0]
    said = packed.attempt(0).log.read_text()
    assert said == "hpcopt: job 7 runs or ran this attempt already; job 12 leaves\n"


def test_an_end_is_not_written_down_for_one_that_was_begun_elsewhere(
    tmp_path: Path,
) -> None:
    packed = PackOf(tmp_path, [HOLD])
    process = packed.begin()
    wait_until((packed.attempt(0).path / "seen").exists)
    packed.attempt(0).started.write_text("12 elsewhere 1 boot 1\n")
    (packed.trials / "go").touch()
    process.communicate(timeout=PATIENCE_S)
    assert packed.codes() == [None]


@pytest.mark.parametrize(
    ("script", "code", "said"),
    [("#!/no/such/shell\n", 127, "No such file"), ("\0", 126, "Exec format error")],
)
def test_a_script_that_cannot_be_run_fails_as_in_bash(
    tmp_path: Path, script: str, code: int, said: str
) -> None:
    packed = PackOf(tmp_path, [script, "#!/bin/bash\nkill -KILL $$\n"])
    assert packed.run() == 0
    assert packed.codes() == [code, 128 + signal.SIGKILL]
    assert said in packed.attempt(0).log.read_text()


@pytest.mark.parametrize("arguments", [[], ["folder"], ["folder", "x"]])
def test_it_says_what_it_wants(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert pack.main(arguments) == 2
    assert "hpcopt.node.pack: expected a folder and a number" in capsys.readouterr().err


def test_a_folder_without_attempts_is_an_error(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert pack.main([str(tmp_path), "2"]) == 2
    assert "expected links to attempts, found none" in capsys.readouterr().err
