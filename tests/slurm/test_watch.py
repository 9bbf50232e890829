"""What the queue and the accounting say together."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest

from hpcopt.core.errors import PollError
from hpcopt.core.trials.trial import AttemptState, Cause, Phase
from hpcopt.slurm.queue import SlurmQueue
from hpcopt.slurm.tables import SEPARATOR, WatchedJob
from hpcopt.slurm.watch import JobWatch
from hpcopt.testing.fake_slurm import BEGINNING, FakeSlurm
from hpcopt.testing.faults import Fault
from tests.support.fake_clock import FakeClock
from tests.support.slurm_support import accounting_line, lines

NO_ACCOUNTING = "Slurm accounting storage is disabled"
NO_DATABASE = "sacct: error: slurm_persist_conn_open: failed to connect: refused"
NO_CONTROLLER = "slurm_load_jobs error: Unable to contact slurm controller"


def queued(job_id: str, word: str, reason: str = "None", name: str = "name") -> str:
    cells = [job_id, word, "1800000000", "n1", reason, name, "/folder"]
    return SEPARATOR.join(cells) + "\n"


def accounted(
    job_id: str,
    word: str,
    exit_code: str = "0:0",
    name: str = "name",
    *,
    allocated: str = "cpu=4,mem=60M,node=1",
    max_rss: str = "",
) -> str:
    cells = [job_id, word, exit_code, "1800000000", "7", "n1", name, "/folder"]
    return accounting_line(*cells, allocated=allocated, max_rss=max_rss)


class World:
    """A watch over fake commands."""

    def __init__(self, folder: Path) -> None:
        self.slurm = FakeSlurm(folder)
        self.clock = FakeClock(BEGINNING)
        self.watch = JobWatch(
            SlurmQueue(self.slurm.commands_in_process()), self.clock.now
        )

    def look(self, job_id: str = "7", exit_code: int | None = None) -> AttemptState:
        job = WatchedJob(job_id, "name", exit_code=exit_code)
        return self.watch.look([job])[job_id]


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


@pytest.mark.parametrize(
    ("word", "phase"),
    [
        ("PENDING", Phase.WAITING),
        ("RUNNING", Phase.RUNNING),
        ("SUSPENDED", Phase.RUNNING),
        ("COMPLETING", Phase.RUNNING),
    ],
)
def test_a_job_that_the_queue_lists_as_alive_costs_one_call(
    world: World, word: str, phase: Phase
) -> None:
    world.slurm.says("squeue", queued("7", word))
    assert world.look().phase is phase
    assert [call.split()[0] for call in lines(world.slurm)] == ["squeue"]


def test_a_thousand_jobs_cost_one_call(world: World) -> None:
    world.slurm.says(
        "squeue", "".join(queued(f"9_{k}", "RUNNING") for k in range(1000))
    )
    jobs = [WatchedJob(f"9_{k}", "name") for k in range(1000)]
    states = world.watch.look(jobs)
    assert {state.phase for state in states.values()} == {Phase.RUNNING}
    assert len(lines(world.slurm)) == 1


def test_where_a_job_could_not_be_started_is_asked_once(world: World) -> None:
    reason = "launch failed requeued held"
    world.slurm.says("squeue", queued("7", "PENDING", reason))
    world.slurm.says("sacct", accounted("7", "REQUEUED"))
    for _ in range(3):
        found = world.look()
    assert found.is_unstartable
    assert not found.is_stuck
    assert found.facts["bad_node"] == "n1"
    calls = [call for call in lines(world.slurm) if call.startswith("sacct")]
    assert len(calls) == 1
    assert " -D " in calls[0]


def test_where_a_job_could_not_be_started_may_stay_unknown(world: World) -> None:
    world.slurm.says("squeue", queued("7", "PENDING", "JobHoldMaxRequeue"))
    world.slurm.says("sacct", "", code=1, err=NO_DATABASE)
    found = world.look()
    assert found.is_unstartable
    assert "bad_node" not in found.facts


@pytest.mark.parametrize("reason", ["JobHeldUser", "JobHeldAdmin"])
def test_a_job_that_a_person_holds_is_left_alone(world: World, reason: str) -> None:
    world.slurm.says("squeue", queued("7", "PENDING", reason))
    found = world.look()
    assert (found.is_held, found.is_stuck, found.is_unstartable) == (True, False, False)


def test_why_a_job_waits_is_told(world: World) -> None:
    world.slurm.says("squeue", queued("7", "PENDING", "PartitionNodeLimit"))
    state = world.look()
    assert state.facts["pending_reason"] == "PartitionNodeLimit"
    assert "more or fewer nodes than its partition gives" in state.reason


@pytest.mark.parametrize("word", ["NODE_FAIL", "PREEMPTED", "REQUEUED", "FAILED"])
def test_a_terminal_word_of_sacct_counts_for_nothing_while_the_job_is_queued(
    world: World, word: str
) -> None:
    world.slurm.says("squeue", queued("7", "PENDING", "BeginTime"))
    world.slurm.says("sacct", accounted("7", word))
    assert world.look(exit_code=143).phase is Phase.WAITING


@pytest.mark.parametrize(
    ("word", "exit_code", "cause", "reason"),
    [
        ("COMPLETED", "0:0", Cause.SUCCESS, "the job completed"),
        ("FAILED", "3:0", Cause.TRIAL, "exit code 3"),
        ("FAILED", "0:9", Cause.TRIAL, "the job was killed by signal 9 (SIGKILL)"),
        ("TIMEOUT", "0:0", Cause.TIME, "the job reached its time limit"),
        ("OUT_OF_MEMORY", "0:125", Cause.MEMORY, "the job ran out of memory"),
        ("CANCELLED by 0", "0:0", Cause.USER, "the job was cancelled by uid 0"),
        ("NODE_FAIL", "0:0", Cause.INFRASTRUCTURE, "a node of the job failed"),
        ("PREEMPTED", "0:0", Cause.INFRASTRUCTURE, "the job was preempted"),
    ],
)
def test_a_job_that_left_the_queue_ended_as_sacct_says(
    world: World, word: str, exit_code: str, cause: Cause, reason: str
) -> None:
    world.slurm.says("sacct", accounted("7", word, exit_code))
    state = world.look()
    if cause is Cause.INFRASTRUCTURE:  # it may be requeued
        assert state.phase is Phase.UNKNOWN
        world.clock.wait(2)
        state = world.look()
    assert (state.phase, state.cause, state.reason) == (Phase.ENDED, cause, reason)
    assert (state.facts["node"], state.facts["elapsed_s"]) == ("n1", 7)


@pytest.mark.parametrize("word", ["NODE_FAIL", "PREEMPTED"])
def test_a_requeue_that_an_answer_cut_short_hides_is_no_end(
    world: World, word: str
) -> None:
    """squeue lacks the job for once, just when sacct says how its first run ended."""
    world.slurm.says("sacct", accounted("7", word))
    assert world.look().phase is Phase.UNKNOWN
    world.slurm.says("squeue", queued("7", "PENDING", "BeginTime"))
    assert world.look().phase is Phase.WAITING
    world.clock.wait(60)
    world.slurm.says("squeue", "")
    assert world.look().phase is Phase.UNKNOWN


def test_a_step_killed_for_its_memory_is_why_a_job_failed(world: World) -> None:
    steps = accounted("7", "FAILED", "1:0") + accounted("7.0", "OUT_OF_MEMORY", "0:125")
    world.slurm.says("sacct", steps)
    assert world.look().cause is Cause.MEMORY


def test_the_end_of_a_job_tells_what_it_cost(world: World) -> None:
    """Its own row has no memory, and its steps have nothing else that counts."""
    job = accounted("7", "COMPLETED", allocated="cpu=4,gres/gpu=2,gres/gpu:a=2")
    steps = accounted("7.batch", "COMPLETED", max_rss="2048K", name="batch")
    steps += accounted("7.0", "COMPLETED", max_rss="1.5M", name="program")
    world.slurm.says("sacct", accounted("8.0", "COMPLETED", max_rss="9G") + job + steps)
    assert world.look().facts["accounting"] == {
        "cpus": 4,
        "nodes": 1,
        "gpus": 2,
        "submitted_at": 1800000000,
        "eligible_at": 1800000001,
        "started_at": 1800000010,
        "ended_at": 1800000017,
        "elapsed_s": 7,
        "max_rss_bytes": 2048 * 1024,
        "node": "n1",
    }
    assert len(lines(world.slurm)) == 2


def test_what_the_accounting_leaves_out_is_left_out(world: World) -> None:
    cells = ["7", "CANCELLED by 0", "0:0", "1800000000", "0", "None assigned", "name"]
    rest = ["/folder", "1800000000", "None", "Unknown", "0", "1", "", ""]
    world.slurm.says("sacct", SEPARATOR.join([*cells, *rest]) + "\n")
    assert world.look().facts["accounting"] == {
        "cpus": 0,
        "nodes": 1,
        "submitted_at": 1800000000,
        "eligible_at": 1800000000,
        "elapsed_s": 0,
    }


def test_many_failed_jobs_cost_two_calls(world: World) -> None:
    rows = "".join(accounted(f"9_{k}", "FAILED", "1:0") for k in range(400))
    world.slurm.says("sacct", rows)
    states = world.watch.look([WatchedJob(f"9_{k}", "name") for k in range(400)])
    assert {state.cause for state in states.values()} == {Cause.TRIAL}
    assert len(lines(world.slurm)) == 2


def test_long_lists_of_ids_are_asked_about_in_chunks(world: World) -> None:
    world.watch.look([WatchedJob(f"9_{k}", "name") for k in range(1001)])
    lengths = [call.count("9_") for call in lines(world.slurm, "sacct")]
    assert lengths == [500, 500, 1]


def test_a_malformed_id_does_not_spoil_the_others(world: World) -> None:
    world.slurm.says("sacct", accounted("7", "COMPLETED"))
    jobs = [WatchedJob("7", "name"), WatchedJob("7; rm -rf", "name")]
    states = world.watch.look(jobs)
    assert states["7"].cause is Cause.SUCCESS
    assert states["7; rm -rf"].phase is Phase.UNKNOWN
    assert "rm" not in lines(world.slurm, "sacct")[0]


def test_a_pending_range_of_an_array_covers_its_tasks(world: World) -> None:
    world.slurm.says(
        "squeue", queued("9_1", "RUNNING") + queued("9_[2-5%1]", "PENDING")
    )
    states = world.watch.look([WatchedJob(f"9_{k}", "name") for k in (1, 2, 5)])
    phases = [state.phase for state in states.values()]
    assert phases == [Phase.RUNNING, Phase.WAITING, Phase.WAITING]


def test_a_job_of_another_name_is_another_job(world: World) -> None:
    world.slurm.says("squeue", queued("7", "RUNNING", name="other"))
    world.slurm.says("sacct", accounted("7", "COMPLETED", name="other"))
    assert world.look().phase is Phase.UNKNOWN


def test_a_job_in_neither_place_is_lost_after_the_deadline(world: World) -> None:
    assert world.look().phase is Phase.UNKNOWN
    world.clock.wait(299)
    assert world.look().phase is Phase.UNKNOWN
    world.clock.wait(2)
    state = world.look()
    assert state.cause is Cause.INFRASTRUCTURE
    assert state.reason.startswith("lost: job 7 was for 300 s neither")


def test_a_job_that_comes_back_is_not_lost_later(world: World) -> None:
    world.look()
    world.clock.wait(299)
    world.slurm.says("squeue", queued("7", "RUNNING"))
    world.look()
    world.slurm.says("squeue", "")
    world.clock.wait(200)
    assert world.look().phase is Phase.UNKNOWN


def test_a_job_that_the_accounting_believes_running_is_lost_in_the_end(
    world: World,
) -> None:
    world.slurm.says("sacct", accounted("7", "RUNNING"))
    assert world.look().phase is Phase.UNKNOWN
    world.clock.wait(301)
    assert world.look().cause is Cause.INFRASTRUCTURE


def test_hours_without_a_database_are_not_counted_against_a_job(world: World) -> None:
    world.look()
    world.slurm.says("sacct", "", code=1, err=NO_DATABASE)
    for _ in range(5):
        world.clock.wait(3600)
        assert world.look().phase is Phase.UNKNOWN
    world.slurm.says("sacct", accounted("7", "RUNNING"))
    assert world.look().phase is Phase.UNKNOWN


def test_hours_without_a_controller_are_not_counted_against_a_job(
    world: World,
) -> None:
    world.look()
    world.slurm.says("squeue", "", code=1, err=NO_CONTROLLER)
    world.clock.wait(3600)
    with pytest.raises(PollError, match="Unable to contact"):
        world.look()
    world.slurm.says("squeue", "")
    assert world.look().phase is Phase.UNKNOWN


def test_nothing_is_said_while_the_controller_is_away(world: World) -> None:
    world.slurm.says("squeue", "", code=1, err=NO_CONTROLLER)
    world.slurm.says("sacct", accounted("7", "COMPLETED"))
    with pytest.raises(PollError, match="squeue exited 1: slurm_load_jobs error"):
        world.look()
    assert lines(world.slurm, "sacct") == []


def test_a_hanging_command_is_killed_and_says_nothing(tmp_path: Path) -> None:
    slurm = FakeSlurm(tmp_path)
    slurm.fail(Fault("squeue", hangs=True))
    commands = slurm.commands({"squeue": 0.2})
    with pytest.raises(PollError, match="squeue did not answer in time"):
        JobWatch(SlurmQueue(commands)).look([WatchedJob("7", "name")])


@pytest.mark.parametrize(
    ("word", "cause"),
    [("CANCELLED", Cause.USER), ("TIMEOUT", Cause.TIME), ("COMPLETED", Cause.SUCCESS)],
)
def test_without_accounting_the_queue_tells_the_end_at_once(
    world: World, word: str, cause: Cause
) -> None:
    world.slurm.says("squeue", queued("7", word))
    world.slurm.says("sacct", "", code=1, err=NO_ACCOUNTING)
    assert world.look().cause is cause


def test_without_accounting_a_job_that_the_queue_forgot_is_lost_or_as_it_says(
    world: World,
) -> None:
    world.slurm.says("sacct", "", code=1, err=NO_ACCOUNTING)
    assert world.look("8", exit_code=3).reason == "exit code 3"
    assert world.look("7").phase is Phase.UNKNOWN
    world.clock.wait(301)
    assert world.look("7").cause is Cause.INFRASTRUCTURE


@pytest.mark.parametrize("code", [0, 1], ids=["lags", "is away"])
def test_the_accounting_has_a_while_to_say_how_a_job_ended(
    world: World, code: int
) -> None:
    world.slurm.says("squeue", queued("7", "FAILED", "NonZeroExitCode"))
    world.slurm.says("sacct", "", code=code, err=NO_DATABASE if code else "")
    assert world.look(exit_code=3).phase is Phase.UNKNOWN
    world.clock.wait(31)
    state = world.look(exit_code=3)
    assert (state.cause, state.reason) == (Cause.TRIAL, "exit code 3")


def test_an_unknown_word_waits_and_is_warned_of_once(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    world.slurm.says("squeue", queued("7", "DREAMING"))
    with caplog.at_level(logging.WARNING):
        for _ in range(3):
            world.clock.wait(3600)
            assert world.look().phase is Phase.UNKNOWN
    assert len([r for r in caplog.records if "DREAMING" in r.getMessage()]) == 1


def test_garbage_of_a_command_is_passed_over_with_one_warning(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    world.slurm.says("squeue", "Maintenance on Monday!\n" + queued("7", "RUNNING"))
    with caplog.at_level(logging.WARNING):
        assert world.look().phase is Phase.RUNNING
        world.look()
    assert len([r for r in caplog.records if "Maintenance" in r.getMessage()]) == 1


def test_a_job_on_another_cluster_is_asked_for_there(world: World) -> None:
    world.slurm.says("squeue", "CLUSTER: far\n" + queued("7", "RUNNING"))
    states = world.watch.look([WatchedJob("7", "name", "far")])
    assert states["7"].phase is Phase.RUNNING
    assert "--clusters=far" in lines(world.slurm, "squeue")[0]
