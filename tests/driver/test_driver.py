"""The driver's loop against a cluster that obeys the test."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest

from hpcopt.core.errors import FailureRateExceededError, RunnerError
from hpcopt.core.trials.retry_policy import MAX_INFRASTRUCTURE_RETRIES
from hpcopt.core.trials.trial import Cause, TrialStatus
from hpcopt.driver.limits import Limits
from hpcopt.generation.protocol import USED_UP
from hpcopt.generation.snapshot import Snapshot
from tests.support.driver_world import (
    ClusterRunner,
    Hazards,
    Killed,
    RandomService,
    World,
)


def check_all_completed_once(world: World, n: int) -> None:
    experiment = world.journal.experiment
    assert experiment.n_trials == n
    assert experiment.count(TrialStatus.COMPLETED) == n
    assert [t.outcome["loss"].mean for t in experiment.trials] == list(range(n))
    assert set(world.cluster.n_starts.values()) == {1}
    assert len(world.cluster.n_starts) == n


def test_runs_all_trials_and_stops() -> None:
    world = World(Limits(max_trials=7, parallelism=3))
    stop = world.run()
    assert stop.is_complete
    check_all_completed_once(world, 7)
    assert world.cluster.most_alive == 3
    ended = world.journal.experiment.ended
    assert ended is not None
    assert ended.reason == "all 7 trials have ended"


def test_max_trials_is_a_total_over_restarts() -> None:
    world = World(Limits(max_trials=3))
    world.run()
    world.run()
    check_all_completed_once(world, 3)
    world.limits = Limits(max_trials=5)
    world.run()
    check_all_completed_once(world, 5)


def test_never_more_waiting_jobs_than_allowed() -> None:
    world = World(Limits(max_trials=20, parallelism=16, max_queued_jobs=2))
    world.cluster.slots = 3
    world.run()
    check_all_completed_once(world, 20)
    assert world.cluster.most_waiting == 2
    assert world.cluster.most_alive == 5


def test_a_slow_generator_does_not_keep_the_driver_from_polling() -> None:
    world = World(Limits(max_trials=6, parallelism=2))
    world.service = RandomService(delay=3)
    world.run()
    check_all_completed_once(world, 6)


def test_a_failed_poll_is_not_a_failed_trial() -> None:
    world = World(Limits(max_trials=2, parallelism=2))
    driver = world.driver()
    driver.step()
    world.runner.is_down = True
    for _ in range(500):
        driver.wait()
        driver.step()
    assert driver.progress.note == "the cluster does not answer"
    assert driver.experiment.count(TrialStatus.FAILED, TrialStatus.COMPLETED) == 0
    world.runner.is_down = False
    world.run()
    check_all_completed_once(world, 2)


def test_failed_trials_are_data() -> None:
    world = World(Limits(max_trials=10, parallelism=2))
    world.cluster.cause = lambda key: Cause.TRIAL if key[0] % 5 == 0 else Cause.SUCCESS
    world.run()
    experiment = world.journal.experiment
    failed = [t.index for t in experiment.trials if t.status is TrialStatus.FAILED]
    assert failed == [0, 5]
    assert experiment.trial(5).cause is Cause.TRIAL
    assert experiment.trial(5).reason == "bad"
    assert experiment.count(TrialStatus.COMPLETED) == 8


def test_too_many_failures_stop_the_run_and_a_higher_rate_continues_it() -> None:
    world = World(Limits(max_trials=20, parallelism=3))
    world.cluster.cause = lambda key: (
        Cause.TRIAL if key[0] % 5 in (0, 1, 2) else Cause.SUCCESS
    )
    with pytest.raises(FailureRateExceededError, match=r"6 of 9 ended trials failed"):
        world.run()
    experiment = world.journal.experiment
    assert not any(job.stopped for job in world.cluster.jobs.values())
    assert experiment.ended is not None
    assert "6 of 9" in experiment.ended.reason
    world.limits = Limits(
        max_trials=20, parallelism=3, tolerated_trial_failure_rate=0.7
    )
    assert world.run().is_complete
    experiment = world.journal.experiment
    assert experiment.count(TrialStatus.FAILED) == 12
    assert experiment.count(TrialStatus.COMPLETED) == 8


def test_infrastructure_failures_are_run_again_for_free() -> None:
    world = World(Limits(max_trials=3, tolerated_trial_failure_rate=0))
    world.cluster.cause = lambda key: (
        Cause.INFRASTRUCTURE if key == (1, 0) else Cause.SUCCESS
    )
    world.run()
    experiment = world.journal.experiment
    assert experiment.count(TrialStatus.COMPLETED) == 3
    assert [a.cause for a in experiment.trial(1).attempts] == [
        Cause.INFRASTRUCTURE,
        Cause.SUCCESS,
    ]
    assert len({a.name for a in experiment.trial(1).attempts}) == 2


def test_infrastructure_that_always_fails_fails_the_trial() -> None:
    world = World(Limits(max_trials=1))
    world.cluster.cause = lambda key: Cause.INFRASTRUCTURE
    world.run()
    trial = world.journal.experiment.trial(0)
    assert trial.status is TrialStatus.FAILED
    assert trial.cause is Cause.INFRASTRUCTURE
    assert len(trial.attempts) == MAX_INFRASTRUCTURE_RETRIES + 1


def test_a_trial_cancelled_by_a_person_is_abandoned() -> None:
    world = World(Limits(max_trials=2))
    world.cluster.cause = lambda key: Cause.USER if key[0] == 0 else Cause.SUCCESS
    world.run()
    assert world.journal.experiment.trial(0).status is TrialStatus.ABANDONED
    assert world.journal.experiment.trial(1).status is TrialStatus.COMPLETED


def test_a_result_may_be_late_within_the_grace_time() -> None:
    world = World(Limits(max_trials=1, result_grace_s=60))
    world.reader.not_ready = {0}
    driver = world.driver()
    while world.clock.now() < 1040:
        driver.step()
        driver.wait()
    assert driver.experiment.trial(0).status is TrialStatus.RUNNING
    world.reader.not_ready = set()
    driver.step()
    assert driver.experiment.trial(0).status is TrialStatus.COMPLETED


def test_a_trial_keeps_its_slot_until_its_result_is_read() -> None:
    world = World(Limits(max_trials=5, parallelism=2, result_grace_s=60))
    world.reader.not_ready = {0, 1}
    driver = world.driver()
    while world.clock.now() < 1040:
        driver.step()
        driver.wait()
    assert driver.experiment.n_trials == 2
    world.reader.not_ready = set()
    driver.run()
    check_all_completed_once(world, 5)


def test_a_result_that_never_comes_fails_the_trial() -> None:
    world = World(Limits(max_trials=1, result_grace_s=60))
    world.reader.not_ready = {0}
    world.run()
    trial = world.journal.experiment.trial(0)
    assert trial.status is TrialStatus.FAILED
    assert trial.cause is Cause.RESULT
    assert trial.reason == "trial 0: result.h5 is missing"


def test_a_full_queue_delays_submission_and_costs_nothing() -> None:
    world = World(Limits(max_trials=4, parallelism=2))
    world.runner.defer = 3
    driver = world.driver()
    driver.step()
    assert driver.progress.note == "the queue is full"
    world.run()
    check_all_completed_once(world, 4)
    assert all(len(t.attempts) == 1 for t in world.journal.experiment.trials)


def test_a_submission_whose_answer_was_lost_is_found_not_repeated() -> None:
    world = World(Limits(max_trials=4, parallelism=2))
    world.runner.lose = 2
    world.run()
    check_all_completed_once(world, 4)


def test_stops_when_the_space_is_used_up() -> None:
    world = World(Limits(max_trials=10, parallelism=2))
    world.service = RandomService(n_points=3)
    stop = world.run()
    assert stop.reason == "every point of the search space has been tried"
    check_all_completed_once(world, 3)


def test_stops_with_the_generators_own_reason_when_it_has_no_more_points() -> None:
    world = World(Limits(max_trials=10, parallelism=2))
    world.service = RandomService(n_points=3, why_none="mine:Grid has no more points")
    assert world.run().reason == "mine:Grid has no more points"


def test_a_generator_that_has_none_is_asked_again_once_a_result_is_known() -> None:
    class Waiting(RandomService):
        """Proposes nothing while a trial runs."""

        def request(self, n: int, snapshot: Snapshot) -> None:
            super().request(n, snapshot)
            if snapshot.pending and self._answer is not None:
                self._answer = replace(self._answer, suggestions=())

    world = World(Limits(max_trials=5, parallelism=2))
    world.service = Waiting(n_points=3)
    assert world.run().reason == USED_UP
    check_all_completed_once(world, 3)


def test_stops_on_request_leaving_jobs_alone() -> None:
    world = World(Limits(max_trials=4, parallelism=2))
    driver = world.driver()
    driver.step()
    world.stop = "SIGINT"
    assert driver.run().reason == "SIGINT"
    assert len(world.journal.experiment.live_attempts()) == 2
    world.stop = None
    world.run()
    check_all_completed_once(world, 4)


def n_hazards(limits: Limits) -> int:
    world = World(limits)
    world.run()
    return world.hazards.n_passed


def test_trials_that_share_jobs_are_generated_for_a_whole_job() -> None:
    world = World(Limits(max_trials=10, parallelism=8))
    world.runner.trials_per_job = 4
    world.cluster.stretch = lambda key: 1.0 + key[0] / 4
    world.run()
    assert world.service.requests == [8, 2]


def test_a_queue_limit_counts_jobs_and_not_the_trials_in_them() -> None:
    world = World(Limits(max_trials=12, parallelism=12, max_queued_jobs=2))
    world.runner.trials_per_job = 3
    world.cluster.slots = 2
    world.run()
    assert world.service.requests[0] == 6
    assert world.cluster.most_waiting <= 6


LIMITS = Limits(max_trials=5, parallelism=2, max_queued_jobs=2)


@pytest.mark.parametrize("fatal", range(n_hazards(LIMITS)))
def test_killed_at_any_point_loses_and_doubles_nothing(fatal: int) -> None:
    world = World(LIMITS, hazards=Hazards(fatal))
    with pytest.raises(Killed):
        world.run()
    world.store.hazards = world.runner.hazards = Hazards()
    world.run()
    check_all_completed_once(world, 5)


@pytest.mark.parametrize("seed", range(20))
def test_killed_again_and_again_loses_and_doubles_nothing(seed: int) -> None:
    rng = random.Random(seed)
    world = World(Limits(max_trials=12, parallelism=3))
    world.cluster.cause = lambda key: (
        Cause.INFRASTRUCTURE if key == (4, 0) else Cause.SUCCESS
    )
    n_deaths = 0
    while True:
        hazards = Hazards(rng.randrange(12))
        world.store.hazards = hazards
        world.runner = ClusterRunner(world.cluster, hazards)
        world.service = RandomService()
        try:
            world.run()
        except Killed:
            n_deaths += 1
        else:
            break
    assert n_deaths >= 3
    experiment = world.journal.experiment
    assert experiment.n_trials == 12
    assert experiment.count(TrialStatus.COMPLETED) == 12
    assert set(world.cluster.n_starts.values()) == {1}
    assert len(world.cluster.n_starts) == 13


def test_no_more_is_staged_than_the_runner_accepts(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    world = World(Limits(max_trials=6, parallelism=6))
    monkeypatch.setattr(ClusterRunner, "n_acceptable", 2)
    driver = world.driver()
    for n_launched in (2, 4, 6):
        driver.step()
        assert len(world.cluster.jobs) == n_launched
    assert driver.run().is_complete
    check_all_completed_once(world, 6)


def test_the_grace_time_of_a_result_begins_when_a_driver_looks_for_it() -> None:
    world = World(Limits(max_trials=1, result_grace_s=2))
    world.reader.not_ready = {0}
    driver = world.driver()
    while not driver.experiment.n_trials or driver.experiment.live_attempts():
        driver.wait()
        driver.step()
    world.clock.time += 86400  # killed in this moment, and started again a day later
    driver = world.driver()
    driver.step()
    assert driver.experiment.trial(0).status is TrialStatus.RUNNING
    world.reader.not_ready = set()
    driver.run()
    check_all_completed_once(world, 1)


def test_a_clock_that_is_set_back_delays_no_verdict() -> None:
    world = World(Limits(max_trials=1, result_grace_s=2))
    world.reader.not_ready = {0}
    driver = world.driver()
    while not driver.experiment.n_trials or driver.experiment.live_attempts():
        driver.step()
        driver.wait()
    world.clock.time -= 86400
    set_at = world.clock.now()
    driver.run()
    assert driver.experiment.trial(0).cause is Cause.RESULT
    assert world.clock.now() < set_at + 10


def test_a_clock_that_is_set_back_delays_neither_polls_nor_submissions() -> None:
    world = World(Limits(max_trials=4, parallelism=2))
    driver = world.driver()
    driver.step()
    driver.wait()
    world.runner.defer = 1
    world.clock.time += world.cluster.run_s
    driver.step()
    assert driver.progress.note == "the queue is full"
    world.clock.time -= 86400
    set_at = world.clock.now()
    for job in world.cluster.jobs.values():
        job.started_at = set_at
    driver.run()
    check_all_completed_once(world, 4)
    assert world.clock.now() < set_at + 100


def test_what_may_have_been_submitted_is_stopped_too() -> None:
    world = World(Limits(max_trials=2, parallelism=2))
    world.runner.lose = 1
    driver = world.driver()
    driver.step()
    assert not driver.experiment.live_attempts()
    driver.stop_live_attempts()
    assert len(driver.experiment.live_attempts()) == 2
    assert all(job.stopped for job in world.cluster.jobs.values())


def test_stopping_tells_what_may_have_been_submitted_and_is_not_stopped() -> None:
    world = World(Limits(max_trials=3, parallelism=2))
    driver = world.driver()
    driver.step()
    world.limits = Limits(max_trials=3, parallelism=3)
    world.runner.lose = 1
    driver = world.driver()
    driver.step()
    world.runner.is_down = True
    with pytest.raises(RunnerError, match="world:2:0 may have been submitted too: "):
        driver.stop_live_attempts()
    stopped = [key for key, job in world.cluster.jobs.items() if job.stopped]
    assert stopped == [(0, 0), (1, 0)]
