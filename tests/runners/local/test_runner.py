from __future__ import annotations

import dataclasses
import os
import shutil
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path
from typing import Any

import pytest

from hpcopt.core.errors import ConfigError, RunnerError
from hpcopt.core.trials.trial import Attempt, Cause, Phase, TrialStatus
from hpcopt.core.types import TParameterization
from hpcopt.host.process import host_name
from hpcopt.runners.local.runner import LocalRunner
from hpcopt.runners.protocol import Submission
from hpcopt.runners.script.attempt_folder import AttemptFolder
from tests.support.local_world import TEMPLATE, LocalWorld, run
from tests.support.runner_contract import RunnerContract, poll_until, request
from tests.support.waiting import wait_until


@pytest.fixture
def world(tmp_path: Path) -> LocalWorld:
    return LocalWorld(tmp_path)


def folder_of(attempt: Attempt) -> AttemptFolder:
    assert attempt.metadata is not None
    return AttemptFolder(Path(str(attempt.metadata["folder"])))


class TestLocalRunner(RunnerContract):
    @pytest.fixture
    def world(self, tmp_path: Path) -> LocalWorld:
        return LocalWorld(tmp_path)


def test_no_more_processes_run_than_allowed_and_the_others_wait(
    world: LocalWorld,
) -> None:
    runner = LocalRunner(world.scripts(), max_processes=1)
    attempts = run(runner, request(0, hold=True), request(1))
    poll_until(runner, attempts[:1], Phase.RUNNING)
    wait_until(lambda: world.runs() == [0])
    assert runner.poll(attempts)[1, 0].phase is Phase.WAITING
    world.release()
    poll_until(runner, attempts, Phase.ENDED)
    assert world.runs() == [0, 1]


def test_a_later_driver_starts_what_waits_and_counts_what_runs(
    world: LocalWorld,
) -> None:
    first = LocalRunner(world.scripts(), max_processes=1)
    attempts = run(first, request(0, hold=True), request(1))
    poll_until(first, attempts[:1], Phase.RUNNING)
    second = LocalRunner(world.scripts(), max_processes=1)
    attempts += run(second, request(2))
    assert second.poll(attempts[1:])[2, 0].phase is Phase.WAITING
    assert not folder_of(attempts[2]).started.exists()
    world.release()
    poll_until(second, attempts, Phase.ENDED)
    assert sorted(world.runs()) == [0, 1, 2]


def test_a_trial_outlives_a_killed_driver_and_is_taken_over(world: LocalWorld) -> None:
    driver = textwrap.dedent(
        """
        import sys, time
        from pathlib import Path
        from tests.support.local_world import LocalWorld, run
        from tests.support.runner_contract import request

        world = LocalWorld.__new__(LocalWorld)
        world.folder = Path(sys.argv[1])
        runner = world.runner()
        attempts = run(runner, request(0, code=4, hold=True))
        print(runner.poll(attempts), flush=True)
        time.sleep(600)
        """
    )
    root = Path(__file__).parents[3]
    with subprocess.Popen(
        [sys.executable, "-c", driver, str(world.folder)],
        stdout=subprocess.PIPE,
        cwd=root,
    ) as process:
        assert process.stdout is not None
        process.stdout.readline()
        process.kill()
    runner = world.runner()
    (submission,) = runner.plan([request(0, code=4, hold=True)])
    wait_until(lambda: runner.find(submission))
    found = runner.find(submission)
    assert found is not None
    attempt = Attempt(0, 0, submission.name, metadata=found[0])
    poll_until(runner, [attempt], Phase.RUNNING)
    world.release()
    states = poll_until(runner, [attempt], Phase.ENDED)
    assert states[0, 0].facts["exit_code"] == 4
    assert world.runs() == [0]


def test_what_is_submitted_twice_runs_once(world: LocalWorld) -> None:
    runners = [world.runner() for _ in range(5)]
    for runner in runners:
        attempts = run(runner, request(0, code=5))
    for runner in runners:
        assert poll_until(runner, attempts, Phase.ENDED)[0, 0].cause is Cause.TRIAL
    log = folder_of(attempts[0]).log
    wait_until(lambda: log.read_text().count("leaves") == len(runners) - 1)
    assert world.runs() == [0]


def test_a_time_limit_ends_the_trial_for_its_time(world: LocalWorld) -> None:
    now = [time.time()]
    runner = LocalRunner(world.scripts(time="00:10:00"), clock=lambda: now[0])
    attempts = run(runner, request(0, hold=True))
    poll_until(runner, attempts, Phase.RUNNING)
    now[0] += 660
    states = poll_until(runner, attempts, Phase.ENDED)
    assert states[0, 0].cause is Cause.TIME
    assert states[0, 0].facts["exit_code"] == 128 + signal.SIGTERM


def test_a_trial_that_ignores_term_is_killed_after_the_grace(tmp_path: Path) -> None:
    world = LocalWorld(tmp_path, "#!/bin/bash\ntrap '' TERM\n" + TEMPLATE[12:])
    now = [time.time()]
    runner = LocalRunner(world.scripts(), time_limit_s=600, clock=lambda: now[0])
    attempts = run(runner, request(0, hold=True))
    poll_until(runner, attempts, Phase.RUNNING)
    wait_until(world.runs)
    now[0] += 660
    assert runner.poll(attempts)[0, 0].phase is Phase.RUNNING
    now[0] += 660
    states = poll_until(runner, attempts, Phase.ENDED)
    assert states[0, 0].cause is Cause.TIME


def test_a_stopped_trial_that_waits_never_runs(world: LocalWorld) -> None:
    runner = LocalRunner(world.scripts(), max_processes=0)
    attempts = run(runner, request(0))
    runner.stop(attempts)
    assert runner.poll(attempts)[0, 0].cause is Cause.USER
    later = world.runner()
    assert later.poll(attempts)[0, 0].cause is Cause.USER
    run(later, request(0))
    log = folder_of(attempts[0]).log
    wait_until(lambda: log.exists() and "leaves" in log.read_text())
    assert world.runs() == []


def test_stopping_an_ended_trial_changes_nothing(world: LocalWorld) -> None:
    runner = world.runner()
    attempts = run(runner, request(0))
    poll_until(runner, attempts, Phase.ENDED)
    runner.stop(attempts)
    assert runner.poll(attempts)[0, 0].cause is Cause.SUCCESS


def test_a_trial_killed_with_its_wrapper_has_failed(world: LocalWorld) -> None:
    runner = world.runner()
    attempts = run(runner, request(0, hold=True))
    poll_until(runner, attempts, Phase.RUNNING)
    started = folder_of(attempts[0]).read_started()
    assert started is not None
    os.kill(started.pid, signal.SIGKILL)
    state = poll_until(runner, attempts, Phase.ENDED)[0, 0]
    assert state.cause is Cause.TRIAL
    assert "gone without an exit code" in state.reason


def test_nothing_of_an_ended_trial_goes_on(tmp_path: Path) -> None:
    template = "#!/bin/bash\nsleep 600 &\necho $! > {{ trial.folder }}/left\n"
    world = LocalWorld(tmp_path, template)
    runner = world.runner()
    attempts = run(runner, request(0))
    poll_until(runner, attempts, Phase.ENDED)
    pid = int((folder_of(attempts[0]).path / "left").read_text())
    stat = Path(f"/proc/{pid}/stat")
    wait_until(lambda: not stat.exists() or " Z " in stat.read_text())


def rewrite_started(attempt: Attempt, **changes: Any) -> None:
    folder = folder_of(attempt)
    started = folder.read_started()
    assert started is not None
    words = dataclasses.astuple(dataclasses.replace(started, **changes))
    folder.started.write_text(" ".join(map(str, words)) + "\n")
    folder.ended.unlink()


def test_a_machine_that_was_started_anew_is_to_blame(world: LocalWorld) -> None:
    runner = world.runner()
    attempts = run(runner, request(0))
    poll_until(runner, attempts, Phase.ENDED)
    rewrite_started(attempts[0], boot_id="another-boot")
    state = world.runner().poll(attempts)[0, 0]
    assert state.cause is Cause.INFRASTRUCTURE
    assert state.reason == f"{host_name()} was started anew meanwhile"


def test_a_trial_on_another_machine_is_unknown(world: LocalWorld) -> None:
    runner = world.runner()
    attempts = run(runner, request(0))
    poll_until(runner, attempts, Phase.ENDED)
    rewrite_started(attempts[0], host="elsewhere")
    assert world.runner().poll(attempts)[0, 0].phase is Phase.UNKNOWN
    with pytest.raises(RunnerError, match="trial 0 runs on elsewhere, not here"):
        world.runner().stop(attempts)


def test_a_pid_that_is_used_again_is_not_the_trial(world: LocalWorld) -> None:
    runner = world.runner()
    attempts = run(runner, request(0))
    poll_until(runner, attempts, Phase.ENDED)
    rewrite_started(attempts[0], pid=os.getpid())
    assert world.runner().poll(attempts)[0, 0].cause is Cause.TRIAL


def test_a_wrapper_that_cannot_begin_is_an_infrastructure_failure(
    world: LocalWorld,
) -> None:
    runner = LocalRunner(world.scripts(), max_processes=0)
    attempts = run(runner, request(0))
    folder_of(attempts[0]).job.write_text("exit 7\n")
    state = poll_until(world.runner(), attempts, Phase.ENDED)[0, 0]
    assert state.cause is Cause.INFRASTRUCTURE
    assert "exit code 7 before it could run" in state.reason


@pytest.mark.parametrize("is_same_driver", [True, False])
def test_an_attempt_whose_folder_is_deleted_while_it_runs_is_not_run_beside_itself(
    world: LocalWorld, is_same_driver: bool
) -> None:
    runner = world.runner()
    (attempt,) = attempts = run(runner, request(0, hold=True))
    poll_until(runner, attempts, Phase.RUNNING)
    wait_until(lambda: world.runs() == [0])
    shutil.rmtree(folder_of(attempt).path)
    runner = runner if is_same_driver else world.runner()
    assert runner.poll(attempts)[0, 0].phase is Phase.RUNNING
    submission = Submission(attempt.name, (request(0, hold=True),))
    assert runner.find(submission) is not None
    world.release()
    state = poll_until(runner, attempts, Phase.ENDED)[0, 0]
    assert state.cause is Cause.INFRASTRUCTURE
    assert "attempt-0 was deleted" in state.reason
    assert world.runs() == [0]


def test_an_attempt_whose_folder_is_deleted_can_be_stopped(world: LocalWorld) -> None:
    runner = world.runner()
    attempts = run(runner, request(0, hold=True))
    poll_until(runner, attempts, Phase.RUNNING)
    shutil.rmtree(folder_of(attempts[0]).path)
    runner.stop(attempts)
    poll_until(runner, attempts, Phase.ENDED)


def test_an_attempt_whose_folder_is_deleted_before_it_runs_ends(
    world: LocalWorld,
) -> None:
    runner = LocalRunner(world.scripts(), max_processes=1)
    attempts = run(runner, request(0, hold=True), request(1))
    shutil.rmtree(folder_of(attempts[1]).path)
    state = runner.poll(attempts)[1, 0]
    assert (state.phase, state.cause) == (Phase.ENDED, Cause.INFRASTRUCTURE)
    world.release()
    poll_until(runner, attempts[:1], Phase.ENDED)


def test_a_malformed_time_limit_is_told_before_anything_runs(world: LocalWorld) -> None:
    runner = LocalRunner(world.scripts(time="soon"))
    with pytest.raises(ConfigError, match=r"job\.slurm\.time: .* found 'soon'"):
        runner.plan([request(0)])


def test_it_runs_single_trials_as_in_ax(world: LocalWorld) -> None:
    runner = world.runner()
    parameters: TParameterization = {"code": 0, "hold": "yes"}
    metadata = runner.run_trial(trial_index=3, parameterization=parameters)
    world.release()

    def status() -> object:
        return runner.poll_trial(trial_index=3, trial_metadata=metadata)

    wait_until(lambda: status() is TrialStatus.COMPLETED)
    assert runner.stop_trial(trial_index=3, trial_metadata=metadata) == {}
    again = runner.run_trial(trial_index=3, parameterization=parameters)
    assert again["name"] == "hpcopt:demo:3:1"
    wait_until(lambda: runner.poll_trial(3, again) is TrialStatus.COMPLETED)


def test_what_a_function_raised_is_the_reason(tmp_path: Path) -> None:
    world = LocalWorld(tmp_path, "#!/bin/bash\nexec {{ command }}\n")
    (world.folder / "simulation.py").write_text(
        "def run(code, hold):\n    raise KeyError(hold)\n"
    )
    scripts = world.scripts()
    scripts.spec = dataclasses.replace(scripts.spec, function="simulation:run")
    runner = LocalRunner(scripts)
    attempts = run(runner, request(0))
    state = poll_until(runner, attempts, Phase.ENDED)[0, 0]
    assert state.cause is Cause.TRIAL
    assert state.reason == "the function raised KeyError: 'no' (exit code 1)"
    assert state.facts["error"] == "KeyError"
