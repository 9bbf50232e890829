"""Retries as Slurm sees them: what sbatch is asked for after an attempt failed."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from hpcopt.core.trials.retry_policy import RetryPolicies, RetryPolicy
from hpcopt.core.trials.trial import Cause, TrialStatus
from hpcopt.driver.driver import Driver
from hpcopt.driver.limits import Limits
from hpcopt.runners.script.escalation import ResourceEscalation
from hpcopt.runners.script.job_script import JobScripts
from hpcopt.runners.slurm.runner import SlurmRunner
from hpcopt.testing.fake_slurm import FakeSlurm
from tests.support.driver_world import World
from tests.support.fake_clock import FakeClock
from tests.support.slurm_support import scripts

POLICIES = RetryPolicies(memory=RetryPolicy(2, 2.0), time=RetryPolicy(1, 2.0))


@pytest.mark.parametrize(
    ("word", "cause", "asked"),
    [
        ("OUT_OF_MEMORY", Cause.MEMORY, ["--mem=1G", "--mem=2048M", "--mem=3072M"]),
        ("TIMEOUT", Cause.TIME, ["--time=00:10:00", "--time=00:20:00"]),
    ],
)
def test_sbatch_is_asked_for_more_up_to_the_cap(
    word: str, cause: Cause, asked: list[str], tmp_path: Path
) -> None:
    slurm = FakeSlurm(tmp_path)
    slurm.behave(run_s=60, word=word)
    clock = FakeClock(slurm.now, moves=slurm.go_on)
    made = scripts(tmp_path / "e", "#!/bin/bash\ntrue\n", mem="1G", time="00:10:00")
    escalation = ResourceEscalation(memory=True, memory_cap_mb=3072, time=True)
    made.spec = replace(made.spec, escalation=escalation)
    runner = SlurmRunner(made, slurm.commands_in_process(), clock.now)
    world = World(Limits(max_trials=1, policies=POLICIES))
    Driver(
        world.journal, runner, world.reader, world.service, world.limits, clock
    ).run()
    (trial,) = world.journal.experiment.trials
    assert (trial.status, trial.cause) == (TrialStatus.FAILED, cause)
    option = asked[0].partition("=")[0]
    calls = slurm.calls("sbatch")
    assert [w for call in calls for w in call if w.startswith(f"{option}=")] == asked
    metadata = trial.attempts[-1].metadata or {}
    assert metadata["options"] == {option[2:]: asked[-1].partition("=")[2]}


def test_a_failed_node_is_excluded_beside_the_user_s_own(tmp_path: Path) -> None:
    slurm = FakeSlurm(tmp_path)
    slurm.behave(run_s=60, word="NODE_FAIL")
    clock = FakeClock(slurm.now, moves=slurm.go_on)
    made: JobScripts = scripts(tmp_path / "e", "#!/bin/bash\ntrue\n", exclude="n9")
    runner = SlurmRunner(made, slurm.commands_in_process(), clock.now)
    runner._site.__dict__["_n_nodes"] = {"": 4}
    policies = RetryPolicies(infrastructure=RetryPolicy(1))
    world = World(Limits(max_trials=1, policies=policies))
    Driver(
        world.journal, runner, world.reader, world.service, world.limits, clock
    ).run()
    calls = slurm.calls("sbatch")
    excluded = [w for call in calls for w in call if w.startswith("--exclude=")]
    assert excluded == ["--exclude=n9", "--exclude=n9,n1"]
