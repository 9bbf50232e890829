"""The Slurm runner on a real one-host Slurm."""

from __future__ import annotations

import dataclasses
import multiprocessing
import re
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from hpcopt.core.errors import (
    PollError,
    SubmissionDeferredError,
    SubmissionRefusedError,
    SubmissionUnknownError,
)
from hpcopt.core.trials.trial import Attempt, AttemptState, Cause, Phase
from hpcopt.runners.protocol import AttemptRequest, Submission, SubmissionMetadata
from hpcopt.runners.slurm.runner import SlurmRunner
from hpcopt.slurm.commands import SlurmCommands, is_running
from hpcopt.slurm.site import describe, is_available
from tests.support.runner_contract import (
    RunnerContract,
    poll_until,
    request,
    submit,
)
from tests.support.slurm_support import TEMPLATE, RealSlurm
from tests.support.waiting import PATIENCE_S, wait_until

pytestmark = pytest.mark.slurm


@pytest.fixture
def slurm(tmp_path: Path, slurm_conf: Path) -> Iterator[RealSlurm]:
    # A name that is hard on shells, and on Slurm's patterns for the names of logs.
    real = RealSlurm(tmp_path / 'it\'s 100%j "a" $(rm) folder', slurm_conf)
    yield real
    real.cancel_all()


@pytest.fixture
def world(slurm: RealSlurm) -> RealSlurm:
    return slurm


class TestSlurmRunner(RunnerContract):
    pass


NASTY = "-n $(touch canary) `touch canary` 'a' \"b\" * ~ \\ \n; touch canary # é %j"


def test_any_value_reaches_the_program_as_it_is(slurm: RealSlurm) -> None:
    """In the template, its command, its environment and an option, and as an array."""
    template = (
        "#!/bin/bash\n#SBATCH --nice=3\ncd {{ directory }}\n"
        "printf '%s\\0' {{ value }} {{ command }} \"$VALUE\" > seen.{{ trial.index }}\n"
    )
    runner = slurm.runner(template, comment="{{ value }}")
    spec = runner._scripts.spec
    runner._scripts.spec = dataclasses.replace(
        spec, command=("a {{ value }}",), environment={"VALUE": "{{ value }}"}
    )
    requests = [AttemptRequest(index, 0, {"value": NASTY}) for index in (0, 1)]
    attempts = submit(runner, runner.plan(requests))
    states = poll_until(runner, attempts, Phase.ENDED)
    assert {states[attempt.key].cause for attempt in attempts} == {Cause.SUCCESS}
    for index in (0, 1):
        seen = (slurm.folder / f"seen.{index}").read_text().split("\0")
        assert seen == [NASTY, f"a {NASTY}", NASTY, ""]
    assert not list(slurm.folder.rglob("canary"))


def test_an_array_is_one_sbatch_and_its_tasks_log_where_they_belong(
    slurm: RealSlurm,
) -> None:
    runner = slurm.runner()
    requests = [request(index, code=int(index == 2)) for index in range(4)]
    (submission,) = runner.plan(requests)
    attempts = submit(runner, [submission])
    states = poll_until(runner, attempts, Phase.ENDED)
    assert [states[r.key].cause for r in requests] == [
        *(Cause.SUCCESS, Cause.SUCCESS),
        *(Cause.TRIAL, Cause.SUCCESS),
    ]
    assert "exit code 1" in states[2, 0].reason
    assert states[2, 0].facts["exit_code"] == 1
    assert str(states[2, 0].facts["node"]).startswith("n")
    assert runner.calls["sbatch"] == 1
    for attempt in attempts:
        log = Path(str((attempt.metadata or {})["folder"])) / "log.txt"
        assert log.read_text() == f"ran {attempt.trial_index}\n"
    ids = [job_id.partition("_")[2] for job_id in slurm.job_ids(attempts)]
    assert ids == ["0", "1", "2", "3"]


def test_nothing_in_a_template_or_the_environment_changes_the_name(
    slurm: RealSlurm,
) -> None:
    slurm.environment |= {"SBATCH_JOB_NAME": "other", "SLURM_JOB_NAME": "other"}
    hidden = TEMPLATE.replace("#SBATCH", "#SBATCH --job-name=other\n#SBATCH", 1)
    runner = slurm.runner(hidden, comment="from-the-config")
    attempts = submit(runner, runner.plan([request(0, hold=True)]))
    line = slurm.run("squeue", "-h", "-o", "%j %k", "-j", *slurm.job_ids(attempts))
    assert line.split() == [attempts[0].name, "from-the-config"]


def test_a_requeued_job_is_never_said_to_have_ended(slurm: RealSlurm) -> None:
    runner = slurm.runner()
    attempts = submit(runner, runner.plan([request(0, hold=True)]))
    poll_until(runner, attempts, Phase.RUNNING)
    (job_id,) = slurm.job_ids(attempts)
    slurm.run("scontrol", "requeue", job_id)
    seen = []
    until = time.monotonic() + 3
    while time.monotonic() < until:
        seen.append(runner.poll(attempts)[0, 0].phase)
    assert set(seen) <= {Phase.RUNNING, Phase.WAITING}
    assert seen[-1] is Phase.WAITING
    slurm.run("scontrol", "update", f"jobid={job_id}", "StartTime=now")
    slurm.release()
    assert poll_until(runner, attempts, Phase.ENDED)[0, 0].cause is Cause.SUCCESS


def test_a_job_that_a_person_cancels_while_it_waits_ends_by_the_user(
    slurm: RealSlurm,
) -> None:
    runner = slurm.runner(begin="now+1hour")
    attempts = submit(runner, runner.plan([request(0)]))
    state = runner.poll(attempts)[0, 0]
    assert (state.phase, state.facts["pending_reason"]) == (Phase.WAITING, "BeginTime")
    slurm.run("scancel", *slurm.job_ids(attempts))
    state = poll_until(runner, attempts, Phase.ENDED)[0, 0]
    assert (state.cause, state.reason.partition(" by ")[0]) == (
        Cause.USER,
        "the job was cancelled",
    )


def test_the_failure_of_a_node_is_not_that_of_the_trial(slurm: RealSlurm) -> None:
    runner = slurm.runner(no_requeue=True)
    attempts = submit(runner, runner.plan([request(0, hold=True)]))
    state = poll_until(runner, attempts, Phase.RUNNING)[0, 0]
    with slurm.failed_node(str(state.facts["node"])):
        state = poll_until(runner, attempts, Phase.ENDED)[0, 0]
    assert state.cause is Cause.INFRASTRUCTURE
    assert state.reason == "a node of the job failed"


def test_a_job_over_its_time_limit_ends_for_want_of_time(slurm: RealSlurm) -> None:
    runner = slurm.runner()
    attempts = submit(runner, runner.plan([request(0, hold=True)]))
    poll_until(runner, attempts, Phase.RUNNING)
    # A limit that is met at the next round of the controller, in at most 30 s.
    (job_id,) = slurm.job_ids(attempts)
    slurm.run("scontrol", "update", f"jobid={job_id}", "EndTime=now")
    state = poll_until(runner, attempts, Phase.ENDED)[0, 0]
    assert (state.cause, state.reason) == (
        Cause.TIME,
        "the job reached its time limit",
    )


def test_a_ghost_of_a_frozen_controller_is_adopted_and_not_doubled(
    slurm: RealSlurm,
) -> None:
    runner = slurm.runner()
    (submission,) = runner.plan([request(0), request(1)])
    with (
        slurm.frozen_controller(),
        pytest.raises(SubmissionUnknownError, match="Socket timed out"),
    ):
        runner.submit(submission)
    metadata = find_until_told(runner, submission)
    assert metadata is not None
    attempts = [
        Attempt(r.trial_index, r.number, submission.name, k, metadata=metadata[k])
        for k, r in enumerate(submission.requests)
    ]
    states = poll_until(runner, attempts, Phase.ENDED)
    assert {state.cause for state in states.values()} == {Cause.SUCCESS}
    assert sorted(slurm.runs()) == ["0", "1"]
    assert runner.calls["sbatch"] == 1


def test_the_answer_to_a_killed_driver_is_read_by_the_next_one(
    slurm: RealSlurm,
) -> None:
    (submission,) = slurm.runner().plan([request(0)])
    context = multiprocessing.get_context("fork")
    with slurm.frozen_controller():
        driver = context.Process(target=slurm.runner().submit, args=(submission,))
        driver.start()
        folder = slurm.folder / "experiment/trials/0000/attempt-0"
        wait_until(lambda: is_running(folder / "job.sh"))
        driver.kill()
        driver.join()
        with pytest.raises(PollError, match="still running"):
            slurm.runner().find(submission)
    metadata = find_until_told(slurm.runner(), submission)
    assert metadata is not None
    wait_until(lambda: slurm.runs() == ["0"])


def test_a_limit_on_submitted_jobs_holds_back_and_loses_nothing(
    slurm: RealSlurm,
) -> None:
    runner = slurm.runner()
    (submission,) = runner.plan([request(index) for index in range(5)])
    with slurm.submit_limit(2):
        with pytest.raises(SubmissionDeferredError, match="MaxSubmitJob"):
            runner.submit(submission)
        # Another driver goes on where this one was left.
        metadata = submit_until_accepted(slurm.runner(), submission)
    assert len(metadata) == 5
    wait_until(lambda: sorted(slurm.runs()) == list("01234"))


def test_slurm_says_beforehand_what_it_will_refuse(slurm: RealSlurm) -> None:
    said = slurm.runner().validate(request(0))
    assert re.search(r"to start at \d{4}-.* in partition main", said)
    with pytest.raises(SubmissionRefusedError, match="Invalid partition name"):
        slurm.runner(partition="nowhere").validate(request(0))
    runner = slurm.runner(partition="nowhere")
    (submission,) = runner.plan([request(0)])
    with pytest.raises(SubmissionRefusedError, match="Invalid partition name"):
        runner.submit(submission)
    assert slurm.runs() == []


def test_how_a_python_function_ended_is_known_without_asking_slurm(
    slurm: RealSlurm,
) -> None:
    runner = slurm.runner("#!/bin/bash\nexec {{ command }}\n")
    runner._scripts.spec = dataclasses.replace(
        runner._scripts.spec, function="simulation:run"
    )
    (slurm.folder / "simulation.py").write_text(
        "def run(x):\n"
        "    if x < 0:\n"
        "        raise ValueError(f'the mass is negative: {x}')\n"
        "    return x\n"
    )
    requests = [AttemptRequest(0, 0, {"x": 1.0}), AttemptRequest(1, 0, {"x": -1.0})]
    attempts = submit(runner, runner.plan(requests))
    calls = dict(runner.calls)
    found: dict[tuple[int, int], AttemptState] = {}

    def have_ended() -> bool:
        states = runner.poll_files(attempts)
        found.update({k: s for k, s in states.items() if s.phase is Phase.ENDED})
        return len(found) == 2

    wait_until(have_ended)
    assert found[0, 0].cause is Cause.SUCCESS
    failed = found[1, 0]
    assert failed.cause is Cause.TRIAL
    assert failed.reason == (
        "the function raised ValueError: the mass is negative: -1.0 (exit code 1)"
    )
    assert runner.poll(attempts).keys() == found.keys()
    assert dict(runner.calls) == calls
    assert calls.keys() == {"scontrol", "sbatch"}
    # Slurm says the same, once its accounting has heard of it.
    job_id = slurm.job_ids(attempts)[1]
    sacct = ("sacct", "-X", "-n", "-P", "-o", "State,ExitCode", "-j", job_id)
    wait_until(lambda: slurm.run(*sacct).strip() == "FAILED|1:0")


def test_the_site_is_described(slurm: RealSlurm) -> None:
    commands = SlurmCommands(slurm.environment)
    site = describe(commands)
    assert is_available(commands)
    assert site.has_accounting
    assert "main" in site.partitions
    assert site.max_array_size > 1
    assert site.version[0].isdigit()


def find_until_told(
    runner: SlurmRunner, submission: Submission
) -> SubmissionMetadata | None:
    deadline = time.monotonic() + PATIENCE_S
    while True:
        try:
            return runner.find(submission)
        except PollError:
            assert time.monotonic() < deadline
            time.sleep(0.2)


def submit_until_accepted(
    runner: SlurmRunner, submission: Submission
) -> SubmissionMetadata:
    deadline = time.monotonic() + PATIENCE_S
    while True:
        assert runner.find(submission) is None
        try:
            return runner.submit(submission)
        except SubmissionDeferredError:
            assert time.monotonic() < deadline
            time.sleep(0.5)
