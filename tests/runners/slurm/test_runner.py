"""The Slurm runner over fake commands, which have faults at will."""

from __future__ import annotations

import dataclasses
import errno
import json
import shutil
import subprocess
from pathlib import Path

import pytest

from hpcopt.core.errors import (
    ConfigError,
    PollError,
    RunnerError,
    SubmissionDeferredError,
    SubmissionRefusedError,
    SubmissionUnknownError,
)
from hpcopt.core.trials.retry_policy import BAD_NODE
from hpcopt.core.trials.trial import UNSTARTABLE, Attempt, Cause, Phase
from hpcopt.core.types import JSONValue
from hpcopt.runners.protocol import AttemptRequest, Submission
from hpcopt.runners.script.attempt_folder import AttemptFolder
from hpcopt.runners.slurm import attempt_watch
from hpcopt.runners.slurm.runner import SlurmRunner
from hpcopt.slurm import call_log
from hpcopt.slurm.queue import SlurmQueue
from hpcopt.slurm.tables import SEPARATOR, WatchedJob
from hpcopt.slurm.watch import JobWatch
from hpcopt.testing.fake_slurm import BEGINNING, FakeSlurm
from hpcopt.testing.faults import Fault
from tests.support.fake_clock import FakeClock
from tests.support.runner_contract import request, submit
from tests.support.slurm_support import TEMPLATE, accounting_line, lines, scripts

TIMED_OUT = (
    "sbatch: error: Batch job submission failed: "
    "Socket timed out on send/recv operation"
)
LIMIT = (
    "sbatch: error: AssocMaxSubmitJobLimit\nsbatch: error: Batch job submission "
    "failed: Job violates accounting/QOS policy (job submit limit, user's size and/or "
    "time limits)"
)
NO_DATABASE = "sacct: error: Problem talking to the database: Connection refused"

#: An sbatch that takes no more than two array tasks a call, and numbers its jobs.
LIMITED = f"""
read -r n < "$0.n"
for word; do [[ $word == --array=* ]] && tasks=${{word#--array=}}; done
if (( ${{tasks#*-}} - ${{tasks%-*}} >= 2 )); then echo "{LIMIT}" >&2; exit 1; fi
echo $((n + 1)) > "$0.n"
echo $((n + 1))
"""


class World:
    """A runner over fake commands, and what it takes to start another one."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "a folder"
        self.folder.mkdir()
        self.slurm = FakeSlurm(folder)
        self.clock = FakeClock(BEGINNING)
        self.slurm.says("sbatch", "41")
        self.commands = self.slurm.commands_in_process

    def limited(self, script: str = LIMITED) -> None:
        """Have an sbatch that takes but a few tasks at a time."""
        self.slurm.replace("sbatch", script)
        (self.slurm.bin / "sbatch.n").write_text("40\n")
        self.commands = self.slurm.commands

    def runner(self, template: str = TEMPLATE, **slurm: str) -> SlurmRunner:
        commands = self.commands()
        return SlurmRunner(
            scripts(self.folder, template, **slurm), commands, self.clock.now
        )

    def attempt_folder(self, trial_index: int) -> Path:
        return self.folder / f"experiment/trials/{trial_index:04d}/attempt-0"

    def write(self, trial_index: int, name: str, text: str) -> None:
        (self.attempt_folder(trial_index) / name).write_text(text)

    def queue(self, name: str, *job_ids: str, folder: object = None) -> None:
        """Have squeue list running jobs."""
        where = str(folder or self.attempt_folder(0))
        since = f"{self.clock.now():.0f}"
        rows = [
            SEPARATOR.join([job_id, "RUNNING", since, "n1", "None", name, where])
            for job_id in job_ids
        ]
        self.slurm.says("squeue", "\n".join(rows))

    def accounting(self, name: str, job_id: str, word: str) -> None:
        cells = [job_id, word, "0:0", f"{self.clock.now():.0f}", "7", "n1", name]
        row = accounting_line(*cells, str(self.attempt_folder(0)))
        self.slurm.says("sacct", row)

    def lost(self, text: str = "") -> Submission:
        """Return a submission whose answer got lost."""
        runner = self.runner()
        (submission,) = runner.plan([request(0)])
        self.slurm.says("sbatch", text, code=1, err=TIMED_OUT)
        with pytest.raises(SubmissionUnknownError, match="Socket timed out"):
            runner.submit(submission)
        return submission

    def is_absent(self, runner: SlurmRunner, submission: Submission) -> bool:
        """Whether the submission is said to be absent, and not said to be unknown."""
        try:
            return runner.find(submission) is None
        except PollError:
            return False


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


# Plan


def test_neighbours_with_the_same_options_make_an_array(world: World) -> None:
    requests = [request(k) for k in (5, 0, 1, 2, 4)] + [request(3, 1)]
    planned = world.runner().plan(requests)
    assert [[r.key for r in s.requests] for s in planned] == [
        [(0, 0), (1, 0), (2, 0)],
        [(4, 0), (5, 0)],
        [(3, 1)],
    ]
    assert [s.is_array for s in planned] == [True, True, False]
    assert planned[0].name.endswith(":0-2:0")


def test_other_options_or_directives_make_another_job(world: World) -> None:
    requests = [request(0), request(1, code=2), request(2, code=2)]
    by_option = world.runner(nice="{{ code }}").plan(requests)
    assert [len(s.requests) for s in by_option] == [1, 2]
    template = TEMPLATE.replace("from-the-template", "{{ code }}")
    by_directive = world.runner(template).plan(requests)
    assert [len(s.requests) for s in by_directive] == [1, 2]


def test_an_array_is_no_larger_than_the_site_has_them(world: World) -> None:
    world.slurm.says("scontrol", "MaxArraySize = 3\n")
    planned = world.runner().plan([request(k) for k in range(7)])
    assert [len(s.requests) for s in planned] == [3, 3, 1]


def test_without_an_answer_about_arrays_there_are_none(world: World) -> None:
    world.slurm.says("scontrol", "", code=1)
    planned = world.runner().plan([request(0), request(1)])
    assert [s.is_array for s in planned] == [False, False]


def test_a_digest_tells_what_runs(world: World) -> None:
    (one,) = world.runner().plan([request(0)])
    (same,) = world.runner().plan([request(0)])
    (other,) = world.runner().plan([request(0, code=1)])
    assert one.digest == same.digest != other.digest


def test_a_folder_that_slurm_cannot_log_to_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no backslash"):
        SlurmRunner(scripts(tmp_path / "a\\b"), FakeSlurm(tmp_path).commands())


# Submit


def test_a_single_job_is_submitted_with_the_managed_options_last(world: World) -> None:
    runner = world.runner(partition="main", exclusive="")
    (attempt,) = submit(runner, runner.plan([request(0)]))
    folder = world.attempt_folder(0)
    (line,) = lines(world.slurm, "sbatch")
    assert line == (
        "sbatch --parsable --partition=main --exclusive= "
        f"--job-name={attempt.name} --output={folder}/log.txt "
        f"--error={folder}/log.txt --open-mode=append --chdir={folder} {folder}/job.sh"
    )
    assert attempt.metadata == {
        "folder": str(folder),
        "attempt": 0,
        "job_id": "41",
        "name": attempt.name,
        "cluster": "",
        "requested": {"nodes": 1},
    }


def test_a_users_own_working_directory_is_kept(world: World) -> None:
    runner = world.runner(chdir="/elsewhere")
    submit(runner, runner.plan([request(0)]))
    (line,) = lines(world.slurm, "sbatch")
    assert line.count("--chdir=") == 1


def test_an_array_is_submitted_by_one_call(world: World) -> None:
    world.slurm.says("sbatch", "Have a nice day!\n41;far")
    runner = world.runner()
    attempts = submit(runner, runner.plan([request(k) for k in range(3)]))
    (line,) = lines(world.slurm, "sbatch")
    assert "--array=0-2" in line
    assert f"/{attempts[0].name}/%a/log.txt" in line
    ids = [(a.metadata or {})["job_id"] for a in attempts]
    assert ids == ["41_0", "41_1", "41_2"]
    assert {(a.metadata or {})["cluster"] for a in attempts} == {"far"}


@pytest.mark.parametrize(
    ("err", "kind"),
    [
        ("sbatch: error: Invalid partition name specified", SubmissionRefusedError),
        ("sbatch: error: Rate limit exceeded", SubmissionDeferredError),
        (LIMIT, SubmissionDeferredError),
        (TIMED_OUT, SubmissionUnknownError),
        ("sbatch: error: My dog ate it", SubmissionUnknownError),
    ],
)
def test_a_failed_sbatch_says_whether_to_try_again(
    world: World, err: str, kind: type[RunnerError]
) -> None:
    world.slurm.says("sbatch", "", code=1, err=err)
    runner = world.runner()
    (submission,) = runner.plan([request(0)])
    with pytest.raises(kind, match=err.splitlines()[0]):
        runner.submit(submission)
    assert len(lines(world.slurm, "sbatch")) == 1


def test_an_sbatch_that_says_nothing_may_have_submitted(world: World) -> None:
    world.slurm.says("sbatch", "")
    runner = world.runner()
    (submission,) = runner.plan([request(0)])
    with pytest.raises(SubmissionUnknownError, match="expected sbatch to print"):
        runner.submit(submission)


def test_a_hanging_sbatch_is_killed_and_may_have_submitted(world: World) -> None:
    world.slurm.fail(Fault("sbatch", hangs=True))
    commands = world.slurm.commands({"sbatch": 0.2})
    runner = SlurmRunner(scripts(world.folder), commands, world.clock.now)
    (submission,) = runner.plan([request(0)])
    with pytest.raises(SubmissionUnknownError, match="sbatch was killed: time-out"):
        runner.submit(submission)


def test_a_missing_sbatch_is_said(world: World) -> None:
    (world.slurm.bin / "sbatch").unlink()
    runner = world.runner()
    (submission,) = runner.plan([request(0)])
    with pytest.raises(SubmissionRefusedError, match="sbatch cannot be run"):
        runner.submit(submission)
    assert world.runner().find(submission) is None


def test_an_array_too_large_for_the_limit_is_submitted_in_parts(world: World) -> None:
    world.limited()
    runner = world.runner()
    attempts = submit(runner, runner.plan([request(k) for k in range(5)]))
    ids = [str((a.metadata or {})["job_id"]) for a in attempts]
    assert [job_id.partition("_")[2] for job_id in ids] == list("01234")
    assert ids[0] == "41_0"
    sizes = [ids.count(job_id) for job_id in ids]
    assert sizes == [1] * 5


def test_what_was_submitted_in_part_is_finished_and_not_repeated(world: World) -> None:
    # One call is accepted, for at most one task; then the limit is reached.
    world.limited(LIMITED.replace(">= 2", ">= 1 || n > 40"))
    runner = world.runner()
    (submission,) = runner.plan([request(k) for k in range(3)])
    with pytest.raises(SubmissionDeferredError, match="AssocMaxSubmitJobLimit"):
        runner.submit(submission)
    assert world.runner().find(submission) is None
    world.slurm.replace("sbatch", LIMITED)
    metadata = world.runner().submit(submission)
    assert [m["job_id"] for m in metadata] == ["41_0", "42_1", "42_2"]
    found = world.runner().find(submission)
    assert found == metadata


# Find


def test_what_was_planned_and_never_sent_is_absent_at_no_cost(world: World) -> None:
    (submission,) = world.runner().plan([request(0)])
    assert world.runner().find(submission) is None
    assert lines(world.slurm) == []


def test_an_answer_that_no_driver_lived_to_read_is_found_at_no_cost(
    world: World,
) -> None:
    runner = world.runner()
    (submission,) = runner.plan([request(0)])
    metadata = runner.submit(submission)
    n_calls = len(lines(world.slurm))
    assert world.runner().find(submission) == metadata
    assert len(lines(world.slurm)) == n_calls


def test_a_clear_no_that_no_driver_lived_to_read_is_absent_at_no_cost(
    world: World,
) -> None:
    runner = world.runner()
    (submission,) = runner.plan([request(0)])
    world.slurm.says("sbatch", "", code=1, err=LIMIT)
    with pytest.raises(SubmissionDeferredError, match="Assoc"):
        runner.submit(submission)
    assert world.runner().find(submission) is None
    assert lines(world.slurm, "squeue") == []


def test_a_ghost_in_the_queue_is_adopted_once_and_for_all(world: World) -> None:
    submission = world.lost()
    world.queue(submission.name, "57")
    (metadata,) = world.runner().find(submission) or [{}]
    assert metadata["job_id"] == "57"
    world.slurm.says("squeue", "")
    assert world.runner().find(submission) == [metadata]
    assert len(lines(world.slurm, "squeue")) == 1


def test_a_ghost_that_the_queue_forgot_is_found_in_the_accounting(
    world: World,
) -> None:
    submission = world.lost()
    world.clock.wait(86400)
    world.slurm.says("squeue", "")
    world.accounting(submission.name, "57", "COMPLETED")
    (metadata,) = world.runner().find(submission) or [{}]
    assert metadata["job_id"] == "57"
    (call,) = lines(world.slurm, "sacct")
    assert f"--name={submission.name} -S now-86460seconds" in call


def test_a_ghost_of_an_array_is_adopted_with_its_tasks(world: World) -> None:
    runner = world.runner()
    (submission,) = runner.plan([request(0), request(1)])
    world.slurm.says("sbatch", "", code=1, err=TIMED_OUT)
    with pytest.raises(SubmissionUnknownError, match="timed out"):
        runner.submit(submission)
    folder = world.folder / "experiment/arrays" / submission.name
    world.queue(submission.name, "57_0", "57_1", folder=folder)
    metadata = world.runner().find(submission) or []
    assert [m["job_id"] for m in metadata] == ["57_0", "57_1"]


def test_a_job_that_runs_the_attempt_is_adopted_whatever_slurm_says(
    world: World,
) -> None:
    submission = world.lost()
    world.write(0, "started", "57 n1 1 boot 1\n")
    (metadata,) = world.runner().find(submission) or [{}]
    assert metadata["job_id"] == "57"
    assert lines(world.slurm, "squeue") == []


def test_the_job_of_another_experiment_of_the_same_name_is_let_be(
    world: World,
) -> None:
    submission = world.lost()
    world.queue(submission.name, "57", folder="/another/folder")
    with pytest.raises(PollError, match="not found in Slurm"):
        world.runner().find(submission)


def test_the_job_of_an_experiment_deleted_before_is_let_be(world: World) -> None:
    world.clock.wait(-600)
    (submission,) = world.runner().plan([request(0)])
    world.queue(submission.name, "57")
    world.clock.wait(600)
    world.lost()
    with pytest.raises(PollError, match="not found in Slurm"):
        world.runner().find(submission)


def test_a_job_is_absent_when_a_frozen_controller_had_time_to_show_it(
    world: World,
) -> None:
    submission = world.lost()
    runner = world.runner()
    seen = []
    for _ in range(16):
        seen.append(world.is_absent(runner, submission))
        world.clock.wait(1)
    # MessageTimeout of 10 s, and 5 s for the accounting.
    assert seen == [False] * 15 + [True]


def test_an_sbatch_killed_with_its_machine_is_settled_in_seconds(world: World) -> None:
    submission = world.lost()
    log = world.attempt_folder(0) / "sbatch.log"
    log.write_text(log.read_text().replace(TIMED_OUT, ""))
    runner = world.runner()
    assert not world.is_absent(runner, submission)
    world.clock.wait(5)
    assert world.is_absent(runner, submission)


@pytest.mark.parametrize("command", ["squeue", "sacct"])
def test_a_job_is_not_absent_while_slurm_is_away(world: World, command: str) -> None:
    submission = world.lost()
    world.slurm.says(command, "", code=1, err=NO_DATABASE)
    runner = world.runner()
    for _ in range(5):
        world.clock.wait(3600)
        with pytest.raises(PollError, match="Connection refused"):
            runner.find(submission)


def deleted(world: World, n: int = 1) -> Submission:
    """Return a submission that no driver lived to write down, without its folders."""
    runner = world.runner()
    (submission,) = runner.plan([request(k) for k in range(n)])
    runner.submit(submission)
    shutil.rmtree(world.folder / "experiment")
    return dataclasses.replace(submission, staged_at=world.clock.now())


def test_a_job_whose_folder_was_deleted_is_searched_and_not_submitted_again(
    world: World,
) -> None:
    submission = deleted(world)
    world.queue(submission.name, "41")
    (metadata,) = world.runner().find(submission) or [{}]
    assert metadata["job_id"] == "41"
    world.slurm.says("squeue", "")
    assert world.runner().find(submission) == [metadata]


def test_a_deleted_array_is_found_in_its_parts(world: World) -> None:
    submission = deleted(world, 4)
    folder = world.folder / "experiment/arrays" / submission.name
    world.queue(submission.name, "41_0", "42_2", folder=folder)
    cells = ["41_1", "COMPLETED", "0:0", f"{world.clock.now():.0f}", "7", "n1"]
    row = accounting_line(*cells, submission.name, str(folder))
    world.slurm.says("sacct", row)
    assert world.runner().find(submission) is None
    world.slurm.says("sbatch", "43")
    metadata = world.runner().submit(submission)
    assert [m["job_id"] for m in metadata] == ["41_0", "41_1", "42_2", "43_3"]
    assert "--array=3-3" in lines(world.slurm, "sbatch")[-1]


def test_what_was_staged_and_is_nowhere_is_absent_after_a_second_look(
    world: World,
) -> None:
    submission = deleted(world)
    runner = world.runner()
    with pytest.raises(PollError, match="looking once more"):
        runner.find(submission)
    world.clock.wait(5)
    assert runner.find(submission) is None


def test_a_folder_that_was_written_and_not_submitted_is_absent_at_no_cost(
    world: World,
) -> None:
    submission = world.lost()
    (world.attempt_folder(0) / "sbatch.log").unlink()
    staged = dataclasses.replace(submission, staged_at=world.clock.now())
    assert world.runner().find(staged) is None
    assert lines(world.slurm, "squeue") == []


def test_without_accounting_the_queue_and_the_folder_decide(world: World) -> None:
    submission = world.lost()
    world.slurm.says("sacct", "", code=1, err="Slurm accounting storage is disabled")
    runner = world.runner()
    assert not world.is_absent(runner, submission)
    world.clock.wait(15)
    assert world.is_absent(runner, submission)


def test_an_sbatch_that_a_dead_driver_left_behind_is_waited_for(world: World) -> None:
    submission = world.lost()
    with left_behind(world):
        world.queue(submission.name, "57")
        with pytest.raises(PollError, match="still running"):
            world.runner().find(submission)
    assert world.runner().find(submission) is not None


def left_behind(world: World) -> subprocess.Popen[bytes]:
    """Return a process that looks like an sbatch, and ends with its standard input."""
    world.slurm.replace("sbatch", "echo; read -r")
    command = [world.slurm.bin / "sbatch", world.attempt_folder(0) / "job.sh"]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert process.stdout is not None
    process.stdout.readline()  # a process that has hardly begun shows no command yet
    return process


def test_an_sbatch_on_another_machine_is_given_its_longest_life(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    submission = world.lost()
    log = world.attempt_folder(0) / "sbatch.log"
    log.write_text(log.read_text().replace(call_log.this_machine(), "elsewhere 1"))
    runner = world.runner()
    world.clock.wait(60)
    with pytest.raises(PollError, match="on another machine"):
        runner.find(submission)
    world.clock.wait(120)
    assert not world.is_absent(runner, submission)
    world.clock.wait(15)
    assert world.is_absent(runner, submission)


# Poll and stop


@pytest.fixture
def attempts(world: World) -> list[Attempt]:
    runner = world.runner()
    return submit(runner, runner.plan([request(0), request(1)]))


def test_an_exit_code_of_0_costs_no_call(world: World, attempts: list[Attempt]) -> None:
    for trial_index in (0, 1):
        world.write(trial_index, "ended", "0\n")
    n_calls = len(lines(world.slurm))
    states = world.runner().poll(attempts)
    assert {state.cause for state in states.values()} == {Cause.SUCCESS}
    assert states[1, 0].facts == {"job_id": "41_1", "exit_code": 0}
    assert len(lines(world.slurm)) == n_calls


@pytest.mark.parametrize("word", ["PENDING", "RUNNING"])
def test_an_exit_code_of_0_after_a_signal_is_no_success_while_slurm_has_the_job(
    world: World, attempts: list[Attempt], word: str
) -> None:
    for trial_index in range(2):
        world.write(trial_index, "ended", "0 TERM\n")
    name = attempts[0].name
    lines = [
        SEPARATOR.join([f"41_{k}", word, "1", "n1", "None", name, "/f"]) for k in (0, 1)
    ]
    world.slurm.says("squeue", "\n".join(lines))
    states = world.runner().poll(attempts).values()
    assert {state.phase for state in states} == {
        Phase.WAITING if word == "PENDING" else Phase.RUNNING
    }
    world.slurm.says("squeue", "")
    world.slurm.says("sacct", "", code=1, err="Slurm accounting storage is disabled")
    states = world.runner().poll(attempts).values()
    assert {state.cause for state in states} == {Cause.SUCCESS}


def test_another_exit_code_is_explained_when_slurm_cannot(
    world: World, attempts: list[Attempt]
) -> None:
    world.write(0, "ended", "127\n")
    world.write(1, "ended", "0\n")
    runner = world.runner()
    assert runner.poll(attempts)[0, 0].phase is Phase.UNKNOWN
    world.clock.wait(31)
    state = runner.poll(attempts)[0, 0]
    assert state.cause is Cause.TRIAL
    assert "exit code 127: its command was not found" in state.reason


BEGUN = "41_0 n1 7 boot 1\n"


def write_error(
    world: World, traceback: str = "Traceback: …", run: str = BEGUN
) -> None:
    """Have the function of the first trial raise, and its script end."""
    record = {
        "kind": "ValueError",
        "message": "the function raised ValueError: the mesh is bad",
        "traceback": traceback,
        "run": run,
    }
    world.write(0, "started", BEGUN)
    world.write(0, "error.json", json.dumps(record))
    world.write(0, "ended", "1\n")


def test_what_a_function_raised_costs_no_call(
    world: World, attempts: list[Attempt]
) -> None:
    runner = world.runner()
    runner.plan([request(2), request(3)])  # which asks for the site's configuration
    write_error(world)
    n_calls = len(world.slurm.calls())
    for ask in (runner.poll_files, runner.poll):
        state = ask(attempts[:1])[0, 0]
        assert (state.phase, state.cause) == (Phase.ENDED, Cause.TRIAL)
        assert state.reason == (
            "the function raised ValueError: the mesh is bad (exit code 1)"
        )
        assert state.facts["error"] == "ValueError"
    assert len(world.slurm.calls()) == n_calls


@pytest.mark.parametrize(
    ("traceback", "run", "ended", "config"),
    [
        ("MemoryError", BEGUN, "1\n", ""),  # another process may have been killed
        ("", "41_0 n2 8 boot 2\n", "1\n", ""),  # of an earlier run
        ("", BEGUN, "1 TERM\n", ""),
        ("", BEGUN, "1\n", "RequeueExit = 1,99\n"),
        ("", BEGUN, "1\n", "RequeueExitHold = 0-7\n"),
    ],
)
def test_slurm_is_asked_where_it_may_know_better(
    world: World,
    attempts: list[Attempt],
    traceback: str,
    run: str,
    ended: str,
    config: str,
) -> None:
    world.slurm.says("scontrol", f"MaxArraySize = 1001\n{config}")
    write_error(world, traceback, run)
    world.write(0, "ended", ended)
    runner = world.runner()
    assert runner.poll_files(attempts[:1])[0, 0].phase is Phase.UNKNOWN
    world.slurm.says("squeue", "")
    world.accounting(attempts[0].name, "41_0", "OUT_OF_MEMORY")
    assert runner.poll(attempts[:1])[0, 0].cause is Cause.MEMORY


def test_what_a_function_raised_is_the_reason_where_slurm_is_asked(
    world: World, attempts: list[Attempt]
) -> None:
    write_error(world, "MemoryError")
    world.slurm.says("squeue", "")
    world.accounting(attempts[0].name, "41_0", "FAILED")
    state = world.runner().poll(attempts[:1])[0, 0]
    assert state.cause is Cause.TRIAL
    assert state.reason.startswith("the function raised ValueError: the mesh is bad")


def test_a_failed_poll_is_an_error_and_no_state(
    world: World, attempts: list[Attempt]
) -> None:
    world.slurm.says("squeue", "", code=1, err="Unable to contact slurm controller")
    runner = world.runner()
    with pytest.raises(PollError, match="Unable to contact"):
        runner.poll(attempts)


def test_an_outage_hides_no_success_that_files_tell(
    world: World, attempts: list[Attempt]
) -> None:
    world.write(0, "ended", "0\n")
    world.slurm.says("squeue", "", code=1, err="Unable to contact slurm controller")
    states = world.runner().poll(attempts)
    assert states[0, 0].cause is Cause.SUCCESS
    assert states[1, 0].phase is Phase.UNKNOWN
    assert "Unable to contact" in states[1, 0].reason


def test_an_attempt_is_followed_to_the_job_that_runs_it(world: World) -> None:
    runner = world.runner()
    attempts = submit(runner, runner.plan([request(0)]))
    name = attempts[0].name
    # Job 40, a late ghost's elder, runs the attempt; job 41 found it and left.
    world.write(0, "started", "40 n1 1 boot 1\n")
    world.queue(name, "40")
    world.accounting(name, "41", "COMPLETED")
    assert runner.poll(attempts)[0, 0].phase is Phase.UNKNOWN
    assert runner.poll(attempts)[0, 0].phase is Phase.RUNNING
    runner.stop(attempts)
    assert lines(world.slurm, "scancel") == ["scancel 40"]


def test_many_attempts_are_stopped_by_few_calls(world: World) -> None:
    runner = world.runner()
    (one,) = submit(runner, runner.plan([request(0)]))
    many = [
        dataclasses.replace(one, metadata={**(one.metadata or {}), "job_id": str(k)})
        for k in range(1200)
    ]
    runner.stop(many)
    assert len(lines(world.slurm, "scancel")) == 3


def test_attempts_that_could_not_be_stopped_are_told(
    world: World, attempts: list[Attempt]
) -> None:
    world.slurm.says("scancel", "", code=1, err="Unable to contact slurm controller")
    with pytest.raises(RunnerError, match=r"could not be cancelled: .* contact"):
        world.runner().stop(attempts)


def test_a_trial_can_be_run_by_itself(world: World) -> None:
    runner = world.runner()
    metadata = runner.run_trial(trial_index=3, parameterization=request(3).parameters)
    assert metadata["attempt"] == 0
    world.write(3, "ended", "0\n")
    status = runner.poll_trial(trial_index=3, trial_metadata=metadata)
    assert str(status) == "COMPLETED"
    again = runner.run_trial(trial_index=3, parameterization=request(3).parameters)
    assert again["attempt"] == 1


def test_calls_are_counted(world: World, attempts: list[Attempt]) -> None:
    runner = world.runner()
    runner.poll(attempts)
    assert runner.calls == {"squeue": 1, "sacct": 1}


# What attempts cost


def test_a_call_for_others_tells_the_cost_of_what_has_ended_by_its_files(
    world: World, attempts: list[Attempt]
) -> None:
    """One sacct for the one that failed, as it would be without; and no other ever."""
    runner = world.runner()
    world.write(0, "started", "41_0 n1 1 boot 1\n")
    world.write(0, "ended", "0\n")
    name = attempts[0].name
    world.queue(name, "41_1")
    assert runner.poll(attempts[:2])[0, 0].cause is Cause.SUCCESS
    assert "sacct" not in runner.calls
    assert runner.accounted() == {}
    world.slurm.says("squeue", "")
    cells = ("0:0", f"{world.clock.now():.0f}", "7", "n1", name, "/f")
    ended = accounting_line("41_0", "COMPLETED", *cells, max_rss="")
    batch = accounting_line("41_0.batch", "COMPLETED", *cells, max_rss="3M")
    other = accounting_line("41_1", "FAILED", *cells)
    world.slurm.says("sacct", ended + batch + other)
    assert runner.poll(attempts[1:2])[1, 0].cause is Cause.TRIAL
    (call,) = lines(world.slurm, "sacct")
    assert call.endswith(" -j 41_1,41_0")
    told = runner.accounted()
    assert told.keys() == {(0, 0)}
    assert told[0, 0]["cpus"] == 4
    assert told[0, 0]["max_rss_bytes"] == 3 * 1024**2
    assert runner.accounted() == {}
    runner.poll(attempts[1:2])
    assert lines(world.slurm, "sacct")[1].endswith(" -j 41_1")


def test_the_cost_of_a_job_that_the_accounting_believes_running_is_asked_again(
    world: World, attempts: list[Attempt]
) -> None:
    runner = world.runner()
    world.write(0, "ended", "0\n")
    world.accounting(attempts[0].name, "41_0", "RUNNING")
    for _ in range(2):
        runner.poll(attempts[:2])
        assert runner.accounted() == {}
    assert all(" -j 41_1,41_0" in call for call in lines(world.slurm, "sacct"))


def test_nothing_is_told_of_an_attempt_whose_end_is_not_legible_yet(
    world: World, attempts: list[Attempt], monkeypatch: pytest.MonkeyPatch
) -> None:
    """It has not ended for the journal, which takes the cost of ended ones alone."""
    runner, name = world.runner(), attempts[0].name
    started = "41_0 n1 1 boot 1\n"
    record = {"kind": "E", "message": "no", "traceback": "", "run": started}
    world.write(0, "started", started)
    world.write(0, "error.json", json.dumps(record))
    world.write(0, "ended", "1\n")
    world.accounting(name, "41_0", "FAILED")

    def unreadable(folder: AttemptFolder, exit_code: int) -> bool:
        raise OSError(errno.EIO, "Input/output error")

    with monkeypatch.context() as patch:
        patch.setattr(attempt_watch, "disk_was_full", unreadable)
        assert runner.poll(attempts[:2])[0, 0].phase is Phase.UNKNOWN
        assert len(lines(world.slurm, "sacct")) == 1
        assert runner.accounted() == {}
    assert runner.poll(attempts[:2])[0, 0].phase is Phase.ENDED
    assert runner.accounted().keys() == {(0, 0)}


def test_after_a_call_that_failed_the_next_one_is_about_what_is_needed_alone(
    tmp_path: Path,
) -> None:
    slurm = FakeSlurm(tmp_path)
    watch = JobWatch(SlurmQueue(slurm.commands_in_process()))
    watch.ended_by_itself(WatchedJob("8", "name"), (0, 0))
    slurm.says("sacct", "", code=1, err=NO_DATABASE)
    watch.look([WatchedJob("9", "name")])
    slurm.says("sacct", "")
    for _ in range(2):
        watch.look([WatchedJob("9", "name")])
    asked = [call.rpartition(" ")[2] for call in lines(slurm, "sacct")]
    assert asked == ["9,8", "9", "9,8"]


def test_a_job_of_the_same_id_on_another_cluster_tells_no_cost(tmp_path: Path) -> None:
    slurm = FakeSlurm(tmp_path)
    watch = JobWatch(SlurmQueue(slurm.commands_in_process()))
    watch.ended_by_itself(WatchedJob("8", "name", "far"), (0, 0))
    cells = ("0:0", "1000", "7", "n1", "name", "/f")
    slurm.says("sacct", accounting_line("8", "COMPLETED", *cells))
    watch.look([WatchedJob("8", "name", "near")])
    assert len(lines(slurm, "sacct")) == 1
    assert watch.told_late() == {}


def test_no_call_more_is_made_where_all_calls_are_full(tmp_path: Path) -> None:
    slurm = FakeSlurm(tmp_path)
    watch = JobWatch(SlurmQueue(slurm.commands_in_process()))
    for k in range(600):
        watch.ended_by_itself(WatchedJob(f"8_{k}", "name"), (k, 0))
    watch.look([WatchedJob(f"9_{k}", "name") for k in range(500)])
    watch.look([WatchedJob(f"9_{k}", "name") for k in range(501)])
    counts = [(c.count("9_"), c.count("8_")) for c in lines(slurm, "sacct")]
    assert counts == [(500, 0), (500, 0), (1, 499)]


def test_validate_submits_nothing(world: World) -> None:
    world.slurm.says("sbatch", "", err="sbatch: Job 5 to start at tea time")
    said = world.runner().validate(AttemptRequest(0, 0, request(0).parameters))
    assert said == "Job 5 to start at tea time"
    (line,) = lines(world.slurm, "sbatch")
    assert line.startswith("sbatch --test-only ")
    assert not world.attempt_folder(0).exists()


# What Slurm could not start

UNSTARTED = "waits: launch failed requeued held (look for what fails on its node)"


@pytest.mark.parametrize("is_told", [True, False])
def test_what_was_cancelled_as_it_could_not_start_runs_again_elsewhere(
    world: World, is_told: bool
) -> None:
    runner = world.runner()
    [attempt] = submit(runner, runner.plan([request(0)]))
    facts: dict[str, JSONValue] = {UNSTARTABLE: True, BAD_NODE: "n1"} if is_told else {}
    attempt = dataclasses.replace(attempt, reason=UNSTARTED, facts=facts)
    world.slurm.says("squeue", "")
    world.accounting(attempt.name, "41", "CANCELLED by 0")
    state = world.runner().poll([attempt])[attempt.key]  # by the next driver
    if not is_told:
        assert state.cause is Cause.USER
        return
    assert state.cause is Cause.INFRASTRUCTURE
    assert state.facts[BAD_NODE] == "n1"
    assert state.reason == (
        "it could not be started, and was cancelled: launch failed requeued held "
        "(look for what fails on its node)"
    )
