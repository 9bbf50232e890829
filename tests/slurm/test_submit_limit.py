"""The site's limit on submitted jobs: told, learned, and kept."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from hpcopt.slurm.queue import SlurmQueue
from hpcopt.slurm.site import SiteLimits
from hpcopt.slurm.submit_limit import SubmitLimit
from hpcopt.testing.fake_slurm import FakeSlurm
from hpcopt.testing.faults import Fault


@pytest.fixture
def slurm(tmp_path: Path) -> FakeSlurm:
    return FakeSlurm(tmp_path)


def limit_of(slurm: FakeSlurm, clock: Callable[[], float]) -> SubmitLimit:
    commands = slurm.commands_in_process()
    queue = SlurmQueue(commands)
    return SubmitLimit(commands, queue, SiteLimits(commands), {}, clock)


def submit(slurm: FakeSlurm, folder: Path, n: int) -> None:
    script = folder / "job.sh"
    script.write_text("#!/bin/sh\n")
    for _ in range(n):
        slurm._store.run("sbatch", [str(script)], slurm.environment)


def test_without_a_limit_there_is_any_room(slurm: FakeSlurm) -> None:
    limit = limit_of(slurm, lambda: 0.0)
    assert limit.n_left() is None
    assert limit.why() == ""
    assert slurm.calls("squeue") == []


def test_a_limit_that_is_told_is_counted_against(
    slurm: FakeSlurm, tmp_path: Path
) -> None:
    with slurm.world() as world:
        world.site.max_submit_jobs = 3
    submit(slurm, tmp_path, 1)
    limit = limit_of(slurm, lambda: 0.0)
    assert limit.n_left() == 2
    limit.accepted(2)
    assert limit.n_left() == 0
    assert limit.why() == (
        "the limit of 3 submitted jobs (MaxSubmitJobs of account research) is reached"
    )
    limit.ended()
    assert limit.n_left() == 1
    assert len(slurm.calls("sacctmgr")) == 2
    assert len(slurm.calls("squeue")) == 1


def test_a_count_that_leaves_no_room_is_made_again_after_a_while(
    slurm: FakeSlurm, tmp_path: Path
) -> None:
    with slurm.world() as world:
        world.site.max_submit_jobs = 2
    submit(slurm, tmp_path, 2)
    now = [0.0]
    limit = limit_of(slurm, lambda: now[0])
    assert [limit.n_left() for _ in range(5)] == [0] * 5
    slurm.go_on(10_000)
    now[0] += 61
    assert limit.n_left() == 2
    assert len(slurm.calls("squeue")) == 2


@pytest.mark.parametrize(
    "fault",
    [
        Fault("sacctmgr", err="Access/permission denied", times=None),
        Fault("sacctmgr", err="Connection refused", times=None),
        Fault("sacctmgr", hangs=True, times=None),
        Fault("sacctmgr", code=0, out="nonsense\n\n|||", times=None),
    ],
    ids=["denied", "no database", "hangs", "nonsense"],
)
def test_a_limit_that_is_not_told_is_learned_for_a_while(
    slurm: FakeSlurm, tmp_path: Path, fault: Fault
) -> None:
    slurm.fail(fault)
    now = [1000.0]
    limit = limit_of(slurm, lambda: now[0])
    assert limit.n_left() is None
    submit(slurm, tmp_path, 3)
    limit.refused()
    assert limit.n_left() == 0
    assert limit.why() == "the limit of 3 submitted jobs (as it seems) is reached"
    limit.ended()
    assert limit.n_left() == 1
    now[0] += 601
    assert limit.n_left() is None
    assert len(slurm.calls("sacctmgr")) == 1 or "nonsense" in fault.out
