"""The fake Slurm: what it says is what Slurm 22.05 said."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

from hpcopt.slurm.tables import SEPARATOR
from hpcopt.testing.fake_slurm import BEGINNING, FakeSlurm
from hpcopt.testing.faults import NO_ACCOUNTING, RATE_LIMIT, TIMED_OUT, Fault
from hpcopt.testing.jobs import Job
from hpcopt.testing.world import FakeSite, World


class Cluster(FakeSlurm):
    """A fake Slurm whose commands run in this process."""

    def submit(self, name: str = "job", *words: str) -> str:
        script = self.folder / "job.sh"
        script.write_text("#!/bin/sh\n")
        answer = self.ask("sbatch", "--parsable", f"-J{name}", *words, str(script))
        return answer.strip()

    def ask(self, command: str, *words: str) -> str:
        return self.commands_in_process().query(command, words)

    def fails(self, command: str, *words: str) -> tuple[int | None, str]:
        answer = self.commands_in_process().run(command, words)
        return answer.code, answer.err.strip()

    def states(self, *words: str) -> list[str]:
        """Return all that squeue says."""
        return self.ask("squeue", "-h", "-r", *words, "-o", "%i %T %r").splitlines()

    def records(self, *words: str) -> list[str]:
        """Return all that sacct says."""
        return self.ask(
            "sacct", "-P", "-n", "-o", "JobID,State,ExitCode", *words
        ).splitlines()


@pytest.fixture
def slurm(tmp_path: Path) -> Cluster:
    return Cluster(tmp_path, nodes=2, cpus=2)


def test_jobs_run_where_there_is_room_and_end_when_their_time_is_over(
    slurm: Cluster,
) -> None:
    slurm.behave("job", run_s=60)
    assert [slurm.submit(), slurm.submit("job", "--array=0-3")] == ["1", "2"]
    assert slurm.states() == [
        "1 RUNNING None",
        *(f"2_{task} RUNNING None" for task in range(3)),
        "2_3 PENDING Resources",
    ]
    slurm.go_on(60)
    assert slurm.states() == ["2_3 RUNNING None"]
    assert slurm.states("-t", "all")[0] == "1 COMPLETED None"
    slurm.go_on(301)
    assert slurm.states("-t", "all") == ["2_3 COMPLETED None"]
    assert slurm.records("-X", "-j", "1,2_1") == [
        "1|COMPLETED|0:0",
        "2_1|COMPLETED|0:0",
    ]


def test_the_executables_do_the_same(slurm: Cluster, tmp_path: Path) -> None:
    (tmp_path / "job.sh").write_text("#!/bin/sh\n#SBATCH --job-name mine -c 2\ntrue\n")
    command = ["sbatch", "-t", "1", str(tmp_path / "job.sh")]
    done = subprocess.run(
        command, env=slurm.environment, capture_output=True, text=True
    )
    assert (done.stdout, done.returncode) == ("Submitted batch job 1\n", 0)
    with slurm.world() as world:
        job = world.named("mine")
        assert (job.cpus, job.limit_s) == (2, 60.0)
    assert slurm.calls() == [command]
    assert slurm.call_times() == [BEGINNING]


def test_for_a_second_the_accounting_shows_how_a_requeued_run_ended(
    slurm: Cluster,
) -> None:
    slurm.submit()
    with slurm.world() as world:
        world.preempt(world.named("job"))
    assert slurm.states() == ["1 PENDING BeginTime"]
    assert slurm.records("-X", "-j1") == ["1|PREEMPTED|0:0"]
    slurm.go_on(1)
    assert slurm.records("-X", "-j1") == ["1|PENDING|0:0"]
    slurm.go_on(19)
    assert slurm.states() == ["1 RUNNING None"]
    assert slurm.records("-X", "-D", "-j1") == ["1|PREEMPTED|0:0", "1|RUNNING|0:0"]


def test_a_job_that_was_never_eligible_is_accounted_for_by_its_id_alone(
    slurm: Cluster,
) -> None:
    slurm.submit("held", "--hold")
    slurm.submit("later", "--begin=now+1hour")
    assert slurm.states() == ["1 PENDING JobHeldUser", "2 PENDING BeginTime"]
    slurm.ask("scancel", "2")
    assert slurm.records("-X", "--name=held,later", "-S", "now-60seconds") == []
    assert slurm.records("-X", "-j1,2") == ["1|PENDING|0:0", "2|CANCELLED by 0|0:0"]
    assert slurm.states("-t", "all")[1] == "2 CANCELLED BeginTime"


def test_tasks_that_wait_are_one_row_of_the_accounting(slurm: Cluster) -> None:
    slurm.submit("job", "--array=0-7:2", "--hold")
    assert slurm.records("-X", "-j1") == ["1_[0,2,4,6]|PENDING|0:0"]


def test_a_time_limit_is_no_exit_code(slurm: Cluster) -> None:
    slurm.submit("job", "--time=00:00:30")
    slurm.go_on(30)
    assert slurm.states("-t", "all") == ["1 TIMEOUT TimeLimit"]
    assert slurm.records("-j1") == ["1|TIMEOUT|0:0", "1.batch|CANCELLED|0:15"]


def test_a_job_is_paused_held_stopped_and_let_go_on(slurm: Cluster) -> None:
    slurm.behave(run_s=100)
    slurm.submit()
    slurm.go_on(40)
    slurm.ask("scontrol", "suspend", "1")
    slurm.go_on(1000)
    assert slurm.states() == ["1 SUSPENDED None"]
    slurm.ask("scontrol", "resume", "1")
    slurm.ask("scancel", "-s", "STOP", "1")
    assert slurm.states() == ["1 STOPPED None"]
    assert slurm.records("-X", "-j1") == ["1|RUNNING|0:0"]
    slurm.ask("scancel", "--signal=CONT", "1")
    slurm.go_on(60)
    assert slurm.states("-t", "all") == ["1 COMPLETED None"]


@pytest.mark.parametrize(
    ("words", "state"),
    [
        ([], "1 PENDING job requeued in held state"),
        (["State=SpecialExit"], "1 SPECIAL_EXIT job requeued in held state"),
    ],
)
def test_a_job_requeued_and_held_waits_for_a_person(
    slurm: Cluster, words: list[str], state: str
) -> None:
    slurm.submit()
    slurm.ask("scontrol", "requeuehold", *words, "1")
    slurm.go_on(100)
    assert slurm.states() == [state]
    slurm.ask("scontrol", "release", "1")
    slurm.go_on(1)
    assert slurm.states() == ["1 RUNNING None"]


def test_a_node_takes_its_jobs_down_and_gives_back_those_that_may_be_requeued(
    slurm: Cluster,
) -> None:
    slurm.submit("job", "-c", "2", "--no-requeue")
    slurm.submit("job", "-c", "2")
    for node in ("n1", "n2"):
        slurm.ask("scontrol", "update", f"nodename={node}", "state=down", "reason=x")
    assert slurm.states("-t", "all") == ["1 NODE_FAIL NodeDown", "2 PENDING BeginTime"]
    slurm.go_on(100)
    assert slurm.states() == ["2 PENDING Resources"]
    slurm.ask("scontrol", "update", "nodename=n2", "state=resume")
    assert slurm.states() == ["2 RUNNING None"]


def test_a_step_s_end_is_told_beside_that_of_its_job(slurm: Cluster) -> None:
    slurm.behave(run_s=1, word="FAILED", exit_code=1, steps={"0": "OUT_OF_MEMORY"})
    slurm.submit()
    slurm.go_on(1)
    assert slurm.records("-j1") == [
        "1|FAILED|1:0",
        "1.batch|FAILED|1:0",
        "1.0|OUT_OF_MEMORY|0:125",
    ]


def test_a_frozen_controller_accepts_later_what_it_said_had_timed_out(
    slurm: Cluster,
) -> None:
    with slurm.world() as world:
        world.site.controller = "frozen"
    (slurm.folder / "job.sh").write_text("#!/bin/sh\n")
    code, said = slurm.fails("sbatch", str(slurm.folder / "job.sh"))
    assert (code, TIMED_OUT in said) == (1, True)
    assert slurm.fails("squeue") == (1, f"slurm_load_jobs error: {TIMED_OUT}")
    with slurm.world() as world:
        assert world.jobs == []
        world.thaw()
    assert slurm.states() == ["1 RUNNING None"]


@pytest.mark.parametrize("lag_s", [0, 90])
def test_the_accounting_hears_late(slurm: Cluster, lag_s: float) -> None:
    with slurm.world() as world:
        world.site.accounting_lag_s = lag_s
    slurm.submit()
    slurm.go_on(60)
    expected = [] if lag_s else ["1|COMPLETED|0:0"]
    assert slurm.records("-X", "-j1") == expected
    slurm.go_on(90)
    assert slurm.records("-X", "-j1") == ["1|COMPLETED|0:0"]


def test_an_accounting_that_is_switched_off_says_so(slurm: Cluster) -> None:
    with slurm.world() as world:
        world.site.accounting = "off"
    assert slurm.fails("sacct", "-j1") == (1, NO_ACCOUNTING)


def test_a_limit_on_submitted_jobs_counts_those_of_an_array(slurm: Cluster) -> None:
    with slurm.world() as world:
        world.site.max_submit_jobs = 3
    slurm.submit("job", "--array=0-1")
    words = ["--array=0-1", str(slurm.folder / "job.sh")]
    code, said = slurm.fails("sbatch", *words)
    assert (code, "AssocMaxSubmitJobLimit" in said) == (1, True)
    assert slurm.ask("sacctmgr", "-nP", "show", "assoc", "format=User,MaxSubmitJobs")


@pytest.mark.parametrize(
    ("text", "words", "code", "said"),
    [
        ("#!/bin/sh\n", ["--partition=no"], 1, "Invalid partition name specified"),
        ("#!/bin/sh\n", ["--array=5-"], 1, "Invalid job array specification"),
        ("#!/bin/sh\n", ["-%"], 255, "unrecognized option"),
        ("", [], 1, "Batch script is empty!"),
        ("true\n", [], 1, "This does not look like a batch script"),
    ],
)
def test_sbatch_refuses_what_slurm_refuses(
    slurm: Cluster, text: str, words: list[str], code: int, said: str
) -> None:
    (slurm.folder / "job.sh").write_text(text)
    found, answer = slurm.fails("sbatch", *words, str(slurm.folder / "job.sh"))
    assert found == code
    assert said in answer


def test_a_fault_happens_as_often_as_it_is_told_to(slurm: Cluster) -> None:
    slurm.fail(Fault("squeue", err=RATE_LIMIT, times=2))
    assert [slurm.fails("squeue")[0] for _ in range(3)] == [1, 1, 0]


def test_an_answer_that_is_lost_was_heard(slurm: Cluster) -> None:
    slurm.fail(Fault("sbatch", hangs=True, is_heard=True))
    (slurm.folder / "job.sh").write_text("#!/bin/sh\n")
    assert slurm.fails("sbatch", str(slurm.folder / "job.sh"))[0] is None
    assert slurm.states() == ["1 RUNNING None"]


@pytest.mark.parametrize(
    ("garbles", "lines"),
    [
        ("cut", ["1 job", "2 "]),
        ("empty", []),
        ("repeat", ["1 job", "1 job", "2 job", "2 job"]),
        ("noise", ["*** maintenance on Monday ***", "1 job"]),
    ],
)
def test_an_answer_arrives_garbled(
    slurm: Cluster, garbles: str, lines: list[str]
) -> None:
    slurm.submit()
    slurm.submit()
    slurm.fail(Fault("squeue", garbles=garbles))
    found = slurm.ask("squeue", "-h", "-o", "%i %j").splitlines()
    assert found[: len(lines)] == lines


def test_a_command_that_is_removed_is_not_found(slurm: Cluster) -> None:
    slurm.remove("sacct")
    with pytest.raises(Exception, match="sacct cannot be run: No such file"):
        slurm.ask("sacct")


def test_programs_run_at_the_end_of_their_jobs(tmp_path: Path) -> None:
    slurm = Cluster(tmp_path, runs_programs=True)
    script = tmp_path / "job.sh"
    script.write_text("#!/bin/bash\necho task $SLURM_ARRAY_TASK_ID\nexit 3\n")
    log = f"--output={tmp_path}/%A-%a.txt"
    slurm.ask("sbatch", "--array=4-5", log, f"--chdir={tmp_path}", str(script))
    script.unlink()  # Slurm keeps a copy
    slurm.go_on(60)
    assert (tmp_path / "1-5.txt").read_text() == "task 5\n"
    assert slurm.records("-X", "-j1") == ["1_4|FAILED|3:0", "1_5|FAILED|3:0"]


def test_a_clock_may_go_by_itself(tmp_path: Path) -> None:
    slurm = Cluster(tmp_path, speed=1e6)
    slurm.submit()
    while slurm.now < BEGINNING + 60:
        pass
    assert slurm.records("-X", "-j1") == ["1|COMPLETED|0:0"]


def test_the_separator_of_hpcopt_is_printed(slurm: Cluster) -> None:
    slurm.submit()
    line = slurm.ask("squeue", "-h", "-o", f"%i{SEPARATOR}%j")
    assert line == f"1{SEPARATOR}job\n"


def test_time_passes_in_the_order_of_what_happens() -> None:
    world = World(0.0, FakeSite(nodes={"n1": True}, cpus=1))
    jobs = [Job(0, None, f"job-{n}", "/", "/log", "main", 0.0) for n in range(3)]
    for job in jobs:
        world.submit([job])
    world.advance(1000.0)
    assert [job.ended_at for job in jobs] == [60.0, 120.0, 180.0]


def test_the_example_of_the_document_is_true(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    document = (Path(__file__).parents[2] / "docs/testing.md").read_text()
    (program,) = re.findall(r"^```python\n(.*?)^```$", document, re.DOTALL | re.M)
    monkeypatch.chdir(tmp_path)
    exec(compile(program, "testing.md", "exec"), {})
