"""What Slurm, the network and the disk do at their worst: nothing lost or doubled."""

from __future__ import annotations

import logging
import shutil
from pathlib import Path

import pytest

from hpcopt.core.errors import (
    PollError,
    SubmissionDeferredError,
    SubmissionRefusedError,
    SubmissionUnknownError,
)
from hpcopt.core.trials.trial import Attempt, AttemptState, Cause, Phase
from hpcopt.runners.protocol import Submission, SubmissionMetadata
from hpcopt.runners.slurm.runner import SlurmRunner
from hpcopt.slurm.watch import LOST_AFTER_S
from hpcopt.testing.fake_slurm import FakeSlurm
from hpcopt.testing.faults import NO_DATABASE, RATE_LIMIT, TIMED_OUT, Fault
from tests.support.runner_contract import request, submit
from tests.support.slurm_support import TEMPLATE, scripts

#: No job of these tests ends by itself.
FOR_EVER_S = 1e9


class World(FakeSlurm):
    """A fake Slurm, and drivers that come and go."""

    def runner(self, template: str = TEMPLATE) -> SlurmRunner:
        """Return the runner of a driver that begins now."""
        made = scripts(self.folder / "trials", template)
        return SlurmRunner(made, self.commands_in_process(), lambda: self.now)

    def submitted(self, n: int = 2) -> list[Attempt]:
        runner = self.runner()
        return submit(runner, runner.plan([request(k) for k in range(n)]))

    def one(self) -> Attempt:
        (attempt,) = self.submitted(1)
        return attempt

    def find(self, runner: SlurmRunner, made: Submission) -> SubmissionMetadata | None:
        """Look until it can be told, at most for as long as it may take."""
        for _ in range(100):
            try:
                return runner.find(made)
            except PollError:
                self.go_on(2)
        raise AssertionError(f"{made.name} is never settled")


@pytest.fixture
def world(tmp_path: Path) -> World:
    world = World(tmp_path)
    world.behave(run_s=FOR_EVER_S)
    return world


def state_of(runner: SlurmRunner, attempt: Attempt) -> AttemptState:
    return runner.poll([attempt])[attempt.key]


def folder_of(attempt: Attempt) -> Path:
    return Path(str((attempt.metadata or {})["folder"]))


def job_id(attempt: Attempt) -> str:
    return str((attempt.metadata or {})["job_id"])


# ---- answers that are not what was asked for


@pytest.mark.parametrize("garbles", ["cut", "empty", "repeat", "noise"])
@pytest.mark.parametrize("command", ["squeue", "sacct"])
def test_a_garbled_answer_ends_no_attempt(
    world: World, command: str, garbles: str
) -> None:
    attempts = world.submitted(6)
    world.fail(Fault(command, times=None, garbles=garbles))
    runner = world.runner()
    for _ in range(5):
        world.go_on(10)
        phases = {state.phase for state in runner.poll(attempts).values()}
        assert phases <= {Phase.RUNNING, Phase.UNKNOWN}


def test_lines_that_are_not_understood_are_told_once(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    attempts = world.submitted()
    world.fail(Fault("squeue", times=None, garbles="noise"))
    runner = world.runner()
    for _ in range(3):
        runner.poll(attempts)
    found = [r.getMessage() for r in caplog.records if r.levelno == logging.WARNING]
    assert found == [
        "squeue printed a line that is passed over: '*** maintenance on Monday ***'"
    ]


@pytest.mark.parametrize("code", [0, 1])
def test_an_answer_in_another_language_ends_no_attempt(world: World, code: int) -> None:
    attempt = world.one()
    world.fail(Fault("squeue", times=None, code=code, out="<html>502</html>\n"))
    world.fail(Fault("sacct", times=None, code=code, out='{"jobs": []}\n'))
    runner = world.runner()
    for _ in range(2):
        if code:
            with pytest.raises(PollError, match=r"^squeue exited 1: no message$"):
                runner.poll([attempt])
        else:
            assert state_of(runner, attempt).phase is Phase.UNKNOWN


# ---- daemons that are away, late or forgetful


@pytest.mark.parametrize(
    ("command", "words", "said"),
    [
        ("squeue", TIMED_OUT, f"squeue exited 1: {TIMED_OUT}"),
        ("squeue", RATE_LIMIT, f"squeue exited 1: {RATE_LIMIT}"),
    ],
)
def test_a_failed_poll_says_the_command_its_exit_code_and_its_words(
    world: World, command: str, words: str, said: str
) -> None:
    attempt = world.one()
    world.fail(Fault(command, err=words))
    runner = world.runner()
    with pytest.raises(PollError) as caught:
        runner.poll([attempt])
    assert str(caught.value) == said
    assert state_of(runner, attempt).phase is Phase.RUNNING


def test_a_database_that_is_away_for_hours_loses_no_job(world: World) -> None:
    attempt = world.one()
    with world.world() as slurm:
        slurm.end(slurm.find(job_id(attempt))[0], "NODE_FAIL")
        slurm.site.accounting = "down"
    world.go_on(301)  # the controller has forgotten it
    runner = world.runner()
    for _ in range(10):
        world.go_on(3600)
        state = state_of(runner, attempt)
        assert state.phase is Phase.UNKNOWN
        assert "is not in the queue, and sacct does not answer" in state.reason
    with world.world() as slurm:
        slurm.site.accounting = "up"
    assert "may be requeued" in state_of(runner, attempt).reason
    world.go_on(2)
    assert state_of(runner, attempt).cause is Cause.INFRASTRUCTURE


def test_an_accounting_that_lags_is_waited_for(world: World) -> None:
    with world.world() as slurm:
        slurm.site.accounting_lag_s = 200
        slurm.site.min_job_age_s = 2
    attempt = world.one()
    world.go_on(100)
    with world.world() as slurm:
        slurm.end(slurm.find(job_id(attempt))[0], "OUT_OF_MEMORY")
    runner = world.runner()
    seen = []
    for _ in range(22):
        world.go_on(10)
        seen.append(state_of(runner, attempt))
    assert next(s.cause for s in seen if s.phase is Phase.ENDED) is Cause.MEMORY
    assert seen[0].phase is Phase.UNKNOWN


def test_a_requeued_job_is_alive_though_its_record_says_otherwise(world: World) -> None:
    attempt = world.one()
    folder = folder_of(attempt)
    (folder / "started").write_text(f"{job_id(attempt)} n1 1 boot 2\n")
    (folder / "ended").write_text("143 TERM\n")
    with world.world() as slurm:
        slurm.preempt(slurm.find(job_id(attempt))[0])
    assert state_of(world.runner(), attempt).phase is Phase.WAITING


def test_another_job_under_a_reused_id_is_not_the_attempt_s(world: World) -> None:
    attempt = world.one()
    world.go_on(10)
    with world.world() as slurm:
        (job,) = slurm.find(job_id(attempt))
        slurm.jobs.clear()  # the cluster was set up anew
        slurm.next_id = job.base
        job.name, job.runs = "somebody's", []
        slurm.submit([job])
    runner = world.runner()
    assert state_of(runner, attempt).phase is Phase.UNKNOWN
    world.go_on(LOST_AFTER_S)
    state = state_of(runner, attempt)
    assert (state.cause, state.reason.partition(":")[0]) == (
        Cause.INFRASTRUCTURE,
        "lost",
    )


# ---- no accounting


@pytest.mark.parametrize("how", ["off", "removed"])
def test_without_an_accounting_the_end_of_a_job_is_told_by_the_queue(
    world: World, how: str, caplog: pytest.LogCaptureFixture
) -> None:
    attempt = world.one()
    with world.world() as slurm:
        slurm.site.accounting = "off"
        slurm.kill(slurm.find(job_id(attempt))[0], 9)
    if how == "removed":
        world.remove("sacct")
    runner = world.runner()
    assert state_of(runner, attempt).cause is Cause.TRIAL
    told = "sacct cannot be run: No such file or directory; so it is as if no"
    assert (told in caplog.text) == (how == "removed")


@pytest.mark.parametrize("how", ["off", "removed"])
def test_without_an_accounting_a_job_that_the_queue_forgot_is_lost_in_the_end(
    world: World, how: str
) -> None:
    attempt = world.one()
    with world.world() as slurm:
        slurm.site.accounting = "off"
        slurm.kill(slurm.find(job_id(attempt))[0], 9)
    if how == "removed":
        world.remove("sacct")
    world.go_on(301)  # while no driver was there
    runner = world.runner()
    assert state_of(runner, attempt).phase is Phase.UNKNOWN
    world.go_on(LOST_AFTER_S)
    assert state_of(runner, attempt).cause is Cause.INFRASTRUCTURE


# ---- submissions


def test_a_ghost_that_appears_late_is_adopted(world: World) -> None:
    runner = world.runner()
    (made,) = runner.plan([request(0), request(1)])
    with world.world() as slurm:
        slurm.site.controller = "frozen"
    with pytest.raises(SubmissionUnknownError, match=TIMED_OUT):
        runner.submit(made)
    for _ in range(10):
        world.go_on(60)
        with pytest.raises(PollError):
            runner.find(made)
    with world.world() as slurm:
        slurm.thaw()
    found = world.find(world.runner(), made)
    assert [one["job_id"] for one in found or ()] == ["1_0", "1_1"]
    assert len(world.calls("sbatch")) == 1


@pytest.mark.parametrize("garbles", ["cut", "empty"])
def test_a_ghost_that_a_truncated_list_hides_is_found_in_the_accounting(
    world: World, garbles: str
) -> None:
    runner = world.runner()
    (made,) = runner.plan([request(0)])
    world.fail(Fault("sbatch", is_heard=True, err=TIMED_OUT))
    with pytest.raises(SubmissionUnknownError):
        runner.submit(made)
    world.fail(Fault("squeue", times=None, garbles=garbles))
    found = world.find(world.runner(), made)
    assert [one["job_id"] for one in found or ()] == ["1"]


def test_a_foreign_job_of_the_same_name_is_not_adopted(world: World) -> None:
    runner = world.runner()
    (made,) = runner.plan([request(0)])
    world.fail(Fault("sbatch", err=TIMED_OUT))
    with pytest.raises(SubmissionUnknownError):
        runner.submit(made)
    script = world.folder / "foreign.sh"
    script.write_text("#!/bin/sh\n")
    name = f"--job-name={made.name}"
    commands = world.commands_in_process()
    commands.query("sbatch", [name, f"--chdir={world.folder}", str(script)])
    assert world.find(runner, made) is None


def test_a_script_that_sbatch_refuses_is_refused_in_its_words(world: World) -> None:
    runner = world.runner()
    (made,) = runner.plan([request(0)])
    refusal = "sbatch: error: Batch job submission failed: Invalid qos specification"
    world.fail(Fault("sbatch", err=f"{refusal}\n"))
    with pytest.raises(SubmissionRefusedError, match="Invalid qos specification"):
        runner.submit(made)
    # Once what was wrong is put right, the same attempt goes on.
    again = world.runner()
    assert again.find(made) is None
    assert len(again.submit(made)) == 1


# ---- folders


def test_the_folder_of_a_running_attempt_may_be_deleted(world: World) -> None:
    attempt = world.one()
    shutil.rmtree(folder_of(attempt))
    runner = world.runner()
    assert state_of(runner, attempt).phase is Phase.RUNNING
    with world.world() as slurm:
        slurm.end(slurm.find(job_id(attempt))[0], "FAILED", exit_code=1)
    assert state_of(runner, attempt).cause is Cause.TRIAL


def test_a_folder_that_cannot_be_looked_into_decides_nothing(world: World) -> None:
    attempt = world.one()
    shutil.rmtree(folder_of(attempt))
    folder_of(attempt).write_text("not a folder, as after a file system's mishap")
    runner = world.runner()
    assert state_of(runner, attempt).phase is Phase.RUNNING
    with world.world() as slurm:
        slurm.end(slurm.find(job_id(attempt))[0], "COMPLETED")
    state = state_of(runner, attempt)
    assert state.phase is Phase.UNKNOWN
    assert "Not a directory" in state.reason


def test_a_submission_whose_folder_cannot_be_looked_into_is_not_settled(
    world: World,
) -> None:
    runner = world.runner()
    (made,) = runner.plan([request(0)])
    world.fail(Fault("sbatch", is_heard=True, err=TIMED_OUT))
    with pytest.raises(SubmissionUnknownError):
        runner.submit(made)
    folder = world.folder / "trials/experiment/trials/0000/attempt-0"
    folder.rename(folder.with_name("away"))
    folder.write_text("not a folder")
    with pytest.raises(PollError, match="Not a directory"):
        runner.find(made)
    folder.unlink()
    folder.with_name("away").rename(folder)
    found = world.find(runner, made)
    assert [one["job_id"] for one in found or ()] == ["1"]


def test_a_folder_that_cannot_be_written_defers_the_submission(world: World) -> None:
    runner = world.runner()
    (made,) = runner.plan([request(0)])
    trials = world.folder / "trials/experiment/trials"
    trials.parent.mkdir(parents=True, exist_ok=True)
    trials.write_text("not a folder")
    with pytest.raises(SubmissionDeferredError, match="cannot write"):
        runner.submit(made)
    assert world.calls("sbatch") == []
    trials.unlink()
    assert len(runner.submit(made)) == 1


def test_a_database_that_refuses_is_no_reason_to_submit_again(world: World) -> None:
    runner = world.runner()
    (made,) = runner.plan([request(0)])
    world.fail(Fault("sbatch", err=TIMED_OUT))
    with pytest.raises(SubmissionUnknownError):
        runner.submit(made)
    world.fail(Fault("sacct", times=None, err=NO_DATABASE))
    for _ in range(20):
        world.go_on(60)
        with pytest.raises(PollError, match="sacct exited 1"):
            runner.find(made)
