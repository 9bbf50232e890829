"""Why nothing is submitted: limits, jobs that cannot start, and who is told."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pytest
from typing_extensions import override

from hpcopt.core import events as ev
from hpcopt.core.driver_activity import DriverActivity
from hpcopt.core.trials.trial import (
    HELD,
    STUCK,
    UNSTARTABLE,
    Attempt,
    AttemptState,
    Phase,
    TrialStatus,
)
from hpcopt.driver.driver import Driver
from hpcopt.driver.limits import Limits
from tests.support.driver_world import Cluster, ClusterRunner, Hazards, World


class SiteRunner(ClusterRunner):
    """A site with a limit, other jobs of the same user, and jobs that cannot start."""

    def __init__(self, cluster: Cluster, hazards: Hazards) -> None:
        super().__init__(cluster, hazards)
        self.limit: int | None = None
        self.n_elsewhere = 0
        self.stuck: dict[tuple[int, int], str] = {}
        self.kind = STUCK
        """In which way they cannot."""
        self.n_calls = 0

    @override
    def site_capacity(self) -> int | None:
        if self.limit is None:
            return None
        n_alive = sum(
            self.cluster.state(key).phase is not Phase.ENDED
            for key in self.cluster.jobs
        )
        return max(0, self.limit - n_alive)

    @override
    def why_no_capacity(self) -> str:
        return f"the limit of {self.limit} submitted jobs is reached"

    @override
    def n_queued_elsewhere(self) -> int:
        return self.n_elsewhere

    @override
    def poll(
        self, attempts: Sequence[Attempt]
    ) -> Mapping[tuple[int, int], AttemptState]:
        self.n_calls += 1
        states = dict(super().poll(attempts))
        for key, reason in self.stuck.items():
            states[key] = AttemptState(
                Phase.WAITING, reason=reason, facts={self.kind: True}
            )
        return states

    @property
    @override
    def calls(self) -> Mapping[str, int]:
        return {"squeue": self.n_calls}


def site_world(limits: Limits) -> tuple[World, SiteRunner]:
    world = World(limits)
    runner = SiteRunner(world.cluster, world.hazards)
    world.runner = runner
    return world, runner


def go_on(driver: Driver, n_steps: int) -> None:
    for _ in range(n_steps):
        driver.step()
        driver.wait()


def test_a_limit_of_the_site_is_kept_and_reported() -> None:
    world, runner = site_world(Limits(max_trials=9, parallelism=6))
    runner.limit = 3
    driver = world.driver()
    go_on(driver, 3)
    assert driver.experiment.n_trials == 3, "nothing is generated to wait"
    assert driver.progress.note == "the limit of 3 submitted jobs is reached"
    assert driver.experiment.driver_activity.note == driver.progress.note
    driver.run()
    assert world.cluster.most_alive == 3
    assert world.journal.experiment.count(TrialStatus.COMPLETED) == 9
    assert all(len(t.attempts) == 1 for t in world.journal.experiment.trials)
    assert world.journal.experiment.driver_activity.note == ""


def test_the_jobs_of_the_user_count_where_that_is_asked_for() -> None:
    limits = Limits(max_trials=9, parallelism=6, max_queued_jobs=4, count="user")
    world, runner = site_world(limits)
    world.cluster.slots = 0
    runner.n_elsewhere = 3
    driver = world.driver()
    go_on(driver, 3)
    assert len(world.cluster.jobs) == 1
    assert driver.progress.note == (
        "max_queued_jobs: 4 or more jobs of yours wait in the queue"
    )
    runner.n_elsewhere = 1
    go_on(driver, 3)
    assert len(world.cluster.jobs) == 3


def test_a_job_that_cannot_start_pauses_all_until_it_can() -> None:
    world, runner = site_world(Limits(max_trials=9, parallelism=3))
    driver = world.driver()
    driver.step()
    runner.stuck = {(1, 0): "waits: PartitionNodeLimit (change nodes)"}
    go_on(driver, 60)
    assert driver.experiment.n_trials == 3
    assert driver.progress.note == (
        "paused: trial 1 waits: PartitionNodeLimit (change nodes); nothing is "
        "submitted until it can start or is cancelled"
    )
    assert driver.experiment.trial(1).status is TrialStatus.STAGED
    runner.stuck = {}
    driver.run()
    assert driver.experiment.count(TrialStatus.COMPLETED) == 9


def test_a_job_that_a_person_holds_is_reported_and_delays_nothing() -> None:
    world, runner = site_world(Limits(max_trials=9, parallelism=3))
    runner.kind = HELD
    driver = world.driver()
    driver.step()
    runner.stuck = {(1, 0): "waits: JobHeldAdmin (ask why)"}
    go_on(driver, 120)
    assert driver.experiment.count(TrialStatus.COMPLETED) == 8
    assert (
        driver.experiment.driver_activity.note
        == "trial 1 waits: JobHeldAdmin (ask why)"
    )
    assert runner.stops == []


def test_a_job_that_could_not_be_started_is_cancelled_while_all_goes_on() -> None:
    world, runner = site_world(Limits(max_trials=9, parallelism=3))
    runner.kind = UNSTARTABLE
    driver = world.driver()
    driver.step()
    runner.stuck = {(1, 0): "waits: launch failed requeued held"}
    go_on(driver, 3)
    assert runner.stops == [[(1, 0)]]
    go_on(driver, 40)
    assert driver.experiment.count(TrialStatus.COMPLETED) > 2


def test_calls_survive_a_driver_that_is_killed() -> None:
    world, _ = site_world(Limits(max_trials=3))
    world.cluster.run_s = 5000.0
    driver = world.driver()
    world.journal.append(ev.DriverBegun(world.clock.now(), "h", 1, "v"))
    while world.clock.now() < 3000:
        driver.step()
        driver.wait()
    experiment = world.driver().experiment  # what is in the journal
    assert experiment.driver_activity.calls["squeue"] > 30
    assert 0 < experiment.driver_activity.seconds(experiment.last_event_time) <= 2000


def test_the_effort_of_all_drivers_is_added_up() -> None:
    activity = DriverActivity().begun(100.0, 50.0).noted("full", {"squeue": 3})
    assert (activity.note, activity.seconds(160.0)) == ("full", 60.0)
    activity = activity.begun(500.0, 180.0)  # the first one was killed after 80 s
    assert activity.note == ""
    activity = activity.ended(520.0, {"squeue": 4, "sbatch": 1})
    assert activity.calls == {"squeue": 7, "sbatch": 1}
    assert activity.seconds(9999.0) == 100.0


@pytest.mark.parametrize("is_down", [True, False])
def test_a_note_that_flickers_is_not_written_down_each_time(is_down: bool) -> None:
    world, runner = site_world(Limits(max_trials=2, initial_seconds_between_polls=0.1))
    driver = world.driver()
    driver.step()
    n_events = driver.experiment.n_events
    for k in range(100):
        runner.is_down = is_down and bool(k % 2)
        world.clock.time += 0.1
        driver.step()
    assert driver.experiment.n_events - n_events <= 4
