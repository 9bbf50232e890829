"""Failures that are too many or too much alike to go on."""

from __future__ import annotations

import pytest

from hpcopt.core.errors import (
    FailureRateExceededError,
    RepeatedFailureError,
    StorageError,
)
from hpcopt.core.trials.trial import DISK_FULL, Cause, TrialStatus
from hpcopt.driver.limits import Limits
from tests.support.driver_world import World


def failing_world(*, run_s: float = 2.0, **limits: int | float | None) -> World:
    world = World(Limits(max_trials=20, parallelism=2, **limits))  # type: ignore[arg-type]
    world.cluster.run_s = run_s
    world.cluster.cause = lambda key: Cause.TRIAL
    return world


def test_immediate_failures_that_are_all_identical_stop_the_run() -> None:
    world = failing_world()
    with pytest.raises(RepeatedFailureError, match="trial 3: bad") as caught:
        world.run()
    assert caught.value.trial_index == 3
    experiment = world.journal.experiment
    assert experiment.count(TrialStatus.FAILED) == 4
    assert experiment.ended is not None
    assert "the same command continues" in experiment.ended.reason


def test_the_same_command_continues_when_the_cause_is_removed() -> None:
    world = failing_world()
    with pytest.raises(RepeatedFailureError):
        world.run()
    world.cluster.cause = lambda key: Cause.SUCCESS
    assert world.run().is_complete
    assert world.journal.experiment.count(TrialStatus.COMPLETED) == 16


def test_live_jobs_are_left_alone() -> None:
    world = World(Limits(max_trials=20, parallelism=6))
    world.cluster.run_s = 2.0
    world.cluster.slots = 4
    world.cluster.cause = lambda key: Cause.TRIAL
    with pytest.raises(RepeatedFailureError):
        world.run()
    assert len(world.journal.experiment.live_attempts()) == 2
    assert not any(job.stopped for job in world.cluster.jobs.values())


def test_three_in_five_are_judged_by_their_rate() -> None:
    world = failing_world()
    world.cluster.cause = lambda key: Cause.TRIAL if key[0] % 5 < 3 else Cause.SUCCESS
    with pytest.raises(FailureRateExceededError, match="more than the tolerated"):
        world.run()


def test_one_in_five_completes() -> None:
    world = failing_world()
    world.cluster.cause = lambda key: Cause.SUCCESS if key[0] % 5 else Cause.TRIAL
    assert world.run().is_complete


@pytest.mark.parametrize(
    "world",
    [
        failing_world(run_s=60.0),
        failing_world(max_identical_failures=None),
        failing_world(max_identical_failures=7),
    ],
    ids=["slow", "switched off", "more allowed"],
)
def test_otherwise_the_rate_of_failures_judges(world: World) -> None:
    with pytest.raises(FailureRateExceededError, match=r"(5|6) of (5|6)"):
        world.run()


def test_failures_of_several_kinds_are_not_identical() -> None:
    world = failing_world()
    world.cluster.cause = lambda key: Cause.MEMORY if key[0] % 2 else Cause.TRIAL
    with pytest.raises(FailureRateExceededError, match=r"(5|6) of (5|6)"):
        world.run()


def test_exceptions_of_one_kind_are_alike_whatever_they_say() -> None:
    world = failing_world()
    world.cluster.facts = lambda key: {"exit_code": 1, "error": "KeyError"}
    with pytest.raises(RepeatedFailureError):
        world.run()
    world = failing_world()
    world.cluster.facts = lambda key: {
        "exit_code": 1,
        "error": "KeyError" if key[0] % 2 else "ValueError",
    }
    with pytest.raises(FailureRateExceededError):
        world.run()


def test_a_disk_that_stays_full_stops_the_run_and_no_trial_fails_for_it() -> None:
    world = World(Limits(max_trials=4, parallelism=2))
    world.cluster.cause = lambda key: Cause.INFRASTRUCTURE
    world.cluster.facts = lambda key: {DISK_FULL: True}
    for _ in range(3):  # more often than failures of the infrastructure are forgiven
        with pytest.raises(StorageError, match=r"3 times in a row.*make room"):
            world.run()
    assert world.journal.experiment.count(TrialStatus.FAILED) == 0
    world.cluster.cause = lambda key: Cause.SUCCESS
    world.cluster.facts = lambda key: {}
    assert world.run().is_complete
    assert world.journal.experiment.count(TrialStatus.COMPLETED) == 4


def test_a_disk_that_is_full_now_and_then_stops_nothing() -> None:
    world = World(Limits(max_trials=4, parallelism=2))
    # With a node's own disk full, twice; then another failure of the infrastructure.
    world.cluster.cause = lambda key: (
        Cause.SUCCESS if key[1] == 5 else Cause.INFRASTRUCTURE
    )
    world.cluster.facts = lambda key: {DISK_FULL: True} if key[1] % 3 != 2 else {}
    assert world.run().is_complete
    assert world.journal.experiment.count(TrialStatus.COMPLETED) == 4
