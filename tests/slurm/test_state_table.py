"""Every state that a job can be in, driven for real, and what is said of it.

Each row of the table is one job; all of them are driven at once, by Slurm's own
commands, on the real one-host Slurm and on the fake one, and each is judged by itself.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import pytest

from hpcopt.core.trials.trial import Attempt, AttemptState, Cause, Phase
from hpcopt.runners.protocol import AttemptRequest
from hpcopt.runners.slurm.runner import SlurmRunner
from hpcopt.slurm.commands import SlurmCommands
from hpcopt.testing.fake_slurm import FakeSlurm
from tests.support.slurm_support import scripts
from tests.support.waiting import PATIENCE_S

#: Runs until it is released, and then does what its parameter says.
TEMPLATE = """\
#!/bin/bash
cd {{ directory }}
while [[ {{ how }} == wait && ! -e release ]]; do sleep 0.1; done
if [[ {{ how }} == step ]]; then srun --mpi=none /bin/false; exit 0; fi
[[ {{ how }} != fail ]] || exit 3
"""

#: For so long a state that is no verdict has to stay none.
STEADY_S = 2.0


@dataclass(frozen=True)
class Row:
    """A situation, and what follows from it."""

    name: str
    phase: Phase
    cause: Cause | None
    says: str
    """What the verdict's sentence holds."""
    options: tuple[tuple[str, str | bool], ...] = ()
    how: str = "wait"
    does: tuple[str, ...] = ()
    """The commands that bring it about, once the job runs; ``@`` stands for its id."""
    starts: bool = True
    node: str = "n1"


def row(name: str, phase: Phase, cause: Cause | None, says: str, **more: object) -> Row:
    return Row(name, phase, cause, says, **more)  # type: ignore[arg-type]


WAITING, RUNNING, ENDED = Phase.WAITING, Phase.RUNNING, Phase.ENDED
#: A node has 8 CPUs.
SECOND: Any = {"node": "n2"}
HOLD: Any = {"options": (("hold", True),), "starts": False}
BEGIN: Any = {"options": (("begin", "now+1hour"),), "starts": False}
ENDS: Any = {"starts": False, "node": "n2"}
SCAVENGE: Any = {"options": (("partition", "scavenge"),), "node": "n3"}
SPOT: Any = {"options": (("partition", "spot"),), "node": "n3"}
NO_REQUEUE: Any = {"options": (("no-requeue", True),), "node": "n4"}

ROWS = [
    row("held", WAITING, None, "JobHeldUser", **HOLD),
    row("beginning-later", WAITING, None, "BeginTime", **BEGIN),
    row(
        *("cancelled-before-its-begin", ENDED, Cause.USER, "cancelled by uid"),
        does=("scancel @",),
        **BEGIN,
    ),
    row("running", RUNNING, None, ""),
    row("suspended", RUNNING, None, "suspended", does=("scontrol suspend @",)),
    row("stopped", RUNNING, None, "stopped", does=("scancel -s STOP @",)),
    row("requeued", WAITING, None, "BeginTime", does=("scontrol requeue @",)),
    row(
        *("requeued-and-held", WAITING, None, "job requeued in held state"),
        does=("scontrol requeuehold @",),
    ),
    row(
        *("special-exit", WAITING, None, "ask your administrators"),
        does=("scontrol requeuehold State=SpecialExit @",),
    ),
    row("preempted-and-requeued", WAITING, None, "", does=("preempt",), **SCAVENGE),
    row(
        *("preempted-and-cancelled", ENDED, Cause.INFRASTRUCTURE, "was preempted"),
        does=("preempt",),
        **SPOT,
    ),
    row("node-down", WAITING, None, "", does=("fail",), node="n4"),
    row(
        *("node-down-no-requeue", ENDED, Cause.INFRASTRUCTURE, "node of the job"),
        does=("fail",),
        **NO_REQUEUE,
    ),
    row(
        *("over-its-time", ENDED, Cause.TIME, "reached its time limit"),
        does=("scontrol update jobid=@ EndTime=now",),
        **SECOND,
    ),
    row(
        *("killed", ENDED, Cause.TRIAL, "signal 9"),
        does=("scancel --batch --signal=KILL @",),
        **SECOND,
    ),
    row(
        *("cancelled", ENDED, Cause.USER, "cancelled by uid"),
        does=("scancel @",),
        **SECOND,
    ),
    row(*("completed", ENDED, Cause.SUCCESS, ""), how="end", **ENDS),
    row(*("failed", ENDED, Cause.TRIAL, "exit code 3"), how="fail", **ENDS),
    row(*("a-step-failed", ENDED, Cause.SUCCESS, ""), how="step", **ENDS),
]


class Cluster(Protocol):
    """Where the rows are driven."""

    def runner(self, **slurm: str | bool) -> SlurmRunner: ...

    def ask(self, *command: str) -> object: ...

    def preempt(self, node: str, ids: Sequence[str]) -> None: ...

    def wait(self, seconds: float) -> None: ...

    def moment(self) -> float: ...


def drive(cluster: Cluster) -> dict[str, list[AttemptState]]:
    """Bring all rows about; return what was said of each from then on."""
    runners = {one.name: cluster.runner(**_options(one)) for one in ROWS}
    attempts = {one.name: _submit(runners[one.name], one, k) for k, one in _numbered()}

    def poll() -> dict[str, AttemptState]:
        # One runner can watch them all.
        found = runners["held"].poll(list(attempts.values()))
        return {name: found[attempt.key] for name, attempt in attempts.items()}

    _wait(
        cluster,
        lambda: all(poll()[one.name].phase is RUNNING for one in ROWS if one.starts),
    )
    seen: dict[str, list[AttemptState]] = {one.name: [] for one in ROWS}
    expected = {one.name: one.phase for one in ROWS}
    for one in ROWS:
        job_id = _job_id(attempts[one.name])
        for command in one.does:
            if command == "preempt":
                continue
            if command == "fail":
                cluster.ask("scontrol", *_update(one.node, "down"))
            else:
                cluster.ask(*command.replace("@", job_id).split())
    ids = [_job_id(attempts[one.name]) for one in ROWS if "preempt" in one.does]
    cluster.preempt("n3", ids)

    reached: dict[str, float] = {}

    def is_seen() -> bool:
        now = cluster.moment()
        for name, state in poll().items():
            # Later, a job that was requeued runs again.
            if now - reached.get(name, now) <= STEADY_S:
                seen[name].append(state)
                if state.phase is expected[name]:
                    reached.setdefault(name, now)
        return all(now - reached.get(name, now) > STEADY_S for name in seen)

    _wait(cluster, is_seen)
    return seen


def _numbered() -> Iterator[tuple[int, Row]]:
    return enumerate(ROWS)


def _options(one: Row) -> dict[str, str | bool]:
    return {"nodelist": one.node, **dict(one.options)}


def _submit(runner: SlurmRunner, one: Row, index: int) -> Attempt:
    request = AttemptRequest(index, 0, {"how": one.how})
    (submission,) = runner.plan([request])
    (metadata,) = runner.submit(submission)
    return Attempt(index, 0, submission.name, metadata=metadata)


def _job_id(attempt: Attempt) -> str:
    return str((attempt.metadata or {})["job_id"])


def _update(node: str, state: str) -> list[str]:
    return ["update", f"nodename={node}", f"state={state}", "reason=test"]


def _wait(cluster: Cluster, is_so: Callable[[], bool]) -> None:
    deadline = cluster.moment() + 2 * PATIENCE_S
    while not is_so() and cluster.moment() < deadline:
        cluster.wait(0.2)


def check(one: Row, seen: Sequence[AttemptState]) -> None:
    assert (seen[-1].phase, seen[-1].cause) == (one.phase, one.cause)
    assert one.says in seen[-1].reason
    if one.phase is not ENDED:
        assert [state for state in seen if state.phase is ENDED] == []


# ---- on the real Slurm


class Real:
    def __init__(self, folder: Path, conf: Path) -> None:
        self.folder = folder
        self.commands = SlurmCommands({**os.environ, "SLURM_CONF": str(conf)})

    def runner(self, **slurm: str | bool) -> SlurmRunner:
        slurm = {"time": "00:20:00", "mem": "10M", **slurm}
        return SlurmRunner(scripts(self.folder, TEMPLATE, **slurm), self.commands)

    def ask(self, *command: str) -> str:
        # A job that is only just being requeued cannot be changed yet.
        for _ in range(20):
            answer = self.commands.run(command[0], command[1:])
            if answer.code == 0:
                return answer.out
            self.wait(0.5)
        raise AssertionError(answer.failure)

    def preempt(self, node: str, ids: Sequence[str]) -> None:
        script = self.folder / "preempt.sh"
        script.write_text("#!/bin/sh\nsleep 600\n")
        options = ["--exclusive", "--mem=10", f"--nodelist={node}", "-o/dev/null"]
        options += [f"--chdir={self.folder}"]
        self.ask("sbatch", "--partition=main", *options, str(script))

    def wait(self, seconds: float) -> None:
        time.sleep(seconds)

    def moment(self) -> float:
        return time.monotonic()

    def clean_up(self) -> None:
        listing = self.ask("squeue", "--me", "-h", "-o", "%A %Z")
        lines = [line for line in listing.splitlines() if str(self.folder) in line]
        self.ask("scancel", *(line.split()[0] for line in lines))
        self.commands.run("scontrol", _update("n4", "resume"))


@pytest.fixture(scope="module")
def really_seen(
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[dict[str, list[AttemptState]]]:
    conf = os.environ.get("HPCOPT_TEST_SLURM_CONF")
    if not conf:
        pytest.fail("expected HPCOPT_TEST_SLURM_CONF, which scripts/test sets")
    real = Real(tmp_path_factory.mktemp("table") / "real", Path(conf))
    yield drive(real)
    real.clean_up()


@pytest.mark.slurm
@pytest.mark.parametrize("one", ROWS, ids=lambda one: one.name)
def test_what_happens_to_a_job_on_slurm_is_judged_rightly(
    really_seen: dict[str, list[AttemptState]], one: Row
) -> None:
    check(one, really_seen[one.name])


# ---- on the fake one


class Fake(FakeSlurm):
    """The same by commands that run in this process, on a clock that obeys."""

    def runner(self, **slurm: str | bool) -> SlurmRunner:
        made = scripts(self.folder / "trials", TEMPLATE, **slurm)
        return SlurmRunner(made, self.commands_in_process(), self.moment)

    def ask(self, *command: str) -> str:
        return self.commands_in_process().query(command[0], command[1:])

    def preempt(self, node: str, ids: Sequence[str]) -> None:
        with self.world() as world:
            for job in [job for job_id in ids for job in world.find(job_id)]:
                world.preempt(job, is_cancelled=job.partition == "spot")

    def wait(self, seconds: float) -> None:
        self.go_on(seconds)

    def moment(self) -> float:
        return self.now


@pytest.fixture(scope="module")
def seen_on_the_fake(
    tmp_path_factory: pytest.TempPathFactory,
) -> dict[str, list[AttemptState]]:
    fake = Fake(tmp_path_factory.mktemp("table"))
    for index, one in enumerate(ROWS):
        fake.behave(
            f"hpcopt:*:{index}:0",
            run_s=1e6 if one.how == "wait" else 1.0,
            exit_code=3 if one.how == "fail" else 0,
            steps={"0": "FAILED"} if one.how == "step" else {},
        )
    return drive(fake)


@pytest.mark.parametrize("one", ROWS, ids=lambda one: one.name)
def test_the_fake_does_the_same_to_a_job(
    seen_on_the_fake: dict[str, list[AttemptState]], one: Row
) -> None:
    check(one, seen_on_the_fake[one.name])


@pytest.mark.parametrize(
    ("word", "phase", "cause"),
    [
        ("OUT_OF_MEMORY", ENDED, Cause.MEMORY),
        ("DEADLINE", ENDED, Cause.TIME),
        ("BOOT_FAIL", ENDED, Cause.INFRASTRUCTURE),
        ("LAUNCH_FAILED", ENDED, Cause.INFRASTRUCTURE),
        ("REVOKED", Phase.UNKNOWN, None),
        ("A_WORD_OF_TOMORROW", Phase.UNKNOWN, None),
    ],
)
def test_ends_that_cannot_be_had_on_one_host(
    tmp_path: Path, word: str, phase: Phase, cause: Cause | None
) -> None:
    fake = Fake(tmp_path)
    runner = fake.runner()
    attempt = _submit(runner, ROWS[3], 0)
    with fake.world() as world:
        world.end(world.find(_job_id(attempt))[0], word)
    state = runner.poll([attempt])[attempt.key]
    assert (state.phase, state.cause) == (phase, cause)


@pytest.mark.parametrize(
    ("word", "how"), [("RESIZING", RUNNING), ("COMPLETING", RUNNING)]
)
def test_a_job_that_is_not_quite_over_is_waited_for(
    tmp_path: Path, word: str, how: Phase
) -> None:
    fake = Fake(tmp_path)
    runner = fake.runner()
    attempt = _submit(runner, ROWS[3], 0)
    with fake.world() as world:
        world.find(_job_id(attempt))[0].word = word
    assert runner.poll([attempt])[attempt.key].phase is how
