"""What people ask of a driver: to cancel trials, and to run some again."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from hpcopt.core import events as ev
from hpcopt.core.trials.trial import AttemptState, Cause, Phase, TrialStatus
from hpcopt.driver.limits import Limits
from hpcopt.driver.requests import REQUESTS, Request, RequestFolder
from tests.support.driver_world import Killed, World


@pytest.fixture
def requests(tmp_path: Path) -> RequestFolder:
    return RequestFolder(tmp_path)


def cancel(*trials: int) -> Request:
    return Request("cancel", trials or None, "ada")


def retry(*trials: int) -> Request:
    return Request("retry", trials, "ada")


def world_of(requests: RequestFolder, **limits: Any) -> World:
    world = World(Limits(**limits))
    world.requests = requests
    return world


def files(tmp_path: Path) -> list[str]:
    return [path.name for path in (tmp_path / REQUESTS).iterdir()]


def test_requests_come_back_in_the_order_in_which_they_were_left(
    requests: RequestFolder, tmp_path: Path
) -> None:
    assert requests.pending() == []
    left = [(requests.add(r), r) for r in (cancel(3, 4), retry(0), cancel())]
    assert requests.pending() == left
    requests.remove(left[0][0])
    assert requests.pending() == left[1:]
    assert len(files(tmp_path)) == 2


@pytest.mark.parametrize(
    "text",
    ["", "[]", "{", '{"verb": "obey", "trials": [1], "by": "ada"}', "\ud800"]
    + [
        f'{{"verb": "cancel", "trials": {t}, "by": "ada"}}'
        for t in ('"1"', "[1.5]", "[true]")
    ],
)
def test_what_is_no_request_is_set_aside_and_reported_once(
    text: str,
    requests: RequestFolder,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    name = requests.add(cancel(1))
    requests.file(name).write_bytes(text.encode("utf-8", "surrogatepass"))
    assert requests.pending() == []
    assert requests.pending() == []
    assert caplog.text.count("is no request") == 1
    assert files(tmp_path) == [f"{name}.refused"]


def test_a_cancelled_trial_is_abandoned_and_the_driver_goes_on(
    requests: RequestFolder, tmp_path: Path
) -> None:
    world = world_of(requests, max_trials=5, parallelism=3)
    world.driver().step()
    name = requests.add(cancel(0, 2))
    assert world.run().is_complete
    experiment = world.journal.experiment
    for index in (0, 2):
        trial = experiment.trial(index)
        assert (trial.status, trial.cause) == (TrialStatus.ABANDONED, Cause.USER)
        assert trial.reason == "cancelled by ada"
        assert not trial.cancelled_by
        assert len(trial.attempts) == 1
    assert experiment.count(TrialStatus.COMPLETED) == 3
    assert experiment.n_trials == 5
    assert world.runner.stops == [[(0, 0), (2, 0)]]  # in one call
    assert experiment.requests[name].trial_indices == (0, 2)
    assert files(tmp_path) == []


def test_all_cancelled_stops_the_driver_and_the_next_run_goes_on(
    requests: RequestFolder,
) -> None:
    world = world_of(requests, max_trials=6, parallelism=3)
    world.cluster.slots = 1
    world.driver().step()
    requests.add(cancel())
    stop = world.run()
    assert (stop.reason, stop.is_complete) == ("all trials cancelled by ada", False)
    assert world.journal.experiment.count(TrialStatus.ABANDONED) == 3
    assert world.journal.experiment.n_trials == 3
    assert world.run().is_complete
    assert world.journal.experiment.count(TrialStatus.COMPLETED) == 3


def test_what_has_ended_or_never_was_is_not_cancelled(
    requests: RequestFolder,
) -> None:
    world = world_of(requests, max_trials=2)
    world.run()
    name = requests.add(cancel(0, 7))
    world.limits = Limits(max_trials=3)
    assert world.run().is_complete
    assert world.journal.experiment.requests[name].trial_indices == ()
    assert world.journal.experiment.count(TrialStatus.COMPLETED) == 3


def test_a_success_after_the_request_is_not_wanted(requests: RequestFolder) -> None:
    world = world_of(requests, max_trials=1)
    driver = world.driver()
    driver.step()
    world.cluster.state = lambda key: _succeeded()  # type: ignore[method-assign]
    requests.add(cancel(0))
    assert driver.run().is_complete
    assert driver.experiment.trial(0).status is TrialStatus.ABANDONED


def _succeeded() -> AttemptState:
    return AttemptState(Phase.ENDED, Cause.SUCCESS)


def test_what_was_never_submitted_is_given_up_without_a_job(
    requests: RequestFolder,
) -> None:
    world = world_of(requests, max_trials=2, parallelism=2)
    world.runner.defer = 3
    driver = world.driver()
    driver.step()
    assert driver.experiment.staged_attempts()
    requests.add(cancel())
    driver.run()
    assert driver.experiment.count(TrialStatus.ABANDONED) == 2
    assert world.cluster.jobs == {}


def test_what_may_have_been_submitted_is_found_and_ended(
    requests: RequestFolder,
) -> None:
    world = world_of(requests, max_trials=2, parallelism=2)
    world.runner.lose = 1
    driver = world.driver()
    driver.step()
    requests.add(cancel())
    driver.run()
    assert driver.experiment.count(TrialStatus.ABANDONED) == 2
    assert all(job.stopped for job in world.cluster.jobs.values())
    assert set(world.cluster.n_starts.values()) == {1}


def test_a_cluster_that_is_away_delays_cancelling_and_nothing_else(
    requests: RequestFolder,
) -> None:
    world = world_of(requests, max_trials=1)
    world.cluster.run_s = 1e6
    driver = world.driver()
    driver.step()
    requests.add(cancel(0))
    world.runner.is_deaf = True
    until = world.clock.now() + 60

    notes = set()

    def come_back() -> None:
        notes.add(driver.progress.note)
        world.runner.is_deaf = world.clock.now() <= until

    world.on_look = come_back
    assert driver.run().is_complete
    assert world.runner.stops == [[(0, 0)]]
    assert notes == {"", "the cluster does not answer"}
    assert driver.experiment.trial(0).status is TrialStatus.ABANDONED


def test_a_job_that_does_not_end_is_asked_again(requests: RequestFolder) -> None:
    world = world_of(requests, max_trials=1)
    world.cluster.run_s = 1e6
    driver = world.driver()
    driver.step()
    requests.add(cancel(0))
    until = world.clock.now() + 100

    def be_deaf() -> None:
        for job in world.cluster.jobs.values():
            job.stopped = job.stopped and world.clock.now() > until

    world.on_look = be_deaf
    assert driver.run().is_complete
    assert len(world.runner.stops) == 3


def test_a_failed_trial_is_run_again_with_the_same_parameters(
    requests: RequestFolder,
) -> None:
    world = world_of(requests, max_trials=4, parallelism=2)
    world.cluster.cause = lambda key: Cause.TRIAL if key == (1, 0) else Cause.SUCCESS
    world.run()
    before = world.journal.experiment.trial(1)
    assert before.status is TrialStatus.FAILED
    requests.add(retry(1, 2))  # trial 2 is completed: it stays so
    assert world.run().is_complete
    experiment = world.journal.experiment
    after = experiment.trial(1)
    assert after.status is TrialStatus.COMPLETED
    assert after.parameters == before.parameters
    assert [a.cause for a in after.attempts] == [Cause.TRIAL, Cause.SUCCESS]
    assert len(experiment.trial(2).attempts) == 1
    assert experiment.n_trials == 4
    assert experiment.count(TrialStatus.FAILED) == 0


def test_a_trial_run_again_has_its_free_attempts_again(
    requests: RequestFolder,
) -> None:
    world = world_of(requests, max_trials=1)
    world.cluster.cause = lambda key: (
        Cause.SUCCESS if key[1] > 8 else Cause.INFRASTRUCTURE
    )
    world.run()
    n = len(world.journal.experiment.trial(0).attempts)
    requests.add(retry(0))
    world.run()
    trial = world.journal.experiment.trial(0)
    assert trial.status is TrialStatus.COMPLETED
    assert len(trial.attempts) == 10 > n


def test_a_result_missing_once_has_its_grace_time_again(
    requests: RequestFolder,
) -> None:
    world = world_of(requests, max_trials=1)
    world.reader.not_ready = {0}
    n_looks = 0

    def ask_again() -> None:
        nonlocal n_looks
        trial = world.journal.experiment.trials[-1:]
        if trial and trial[0].cause is Cause.RESULT:
            requests.add(retry(0))
        if trial and len(trial[0].attempts) == 2 and trial[0].attempts[1].cause:
            n_looks += 1
            world.reader.not_ready = set()

    world.on_look = ask_again
    world.run()
    while not world.journal.experiment.count(TrialStatus.COMPLETED):
        world.run()
    assert n_looks
    assert len(world.journal.experiment.trial(0).attempts) == 2


def test_a_draining_driver_does_what_was_asked_and_no_more(
    requests: RequestFolder,
) -> None:
    world = world_of(requests, max_trials=9, parallelism=3)
    world.driver().step()
    requests.add(cancel(1))
    stop = world.driver(drain=True).run()
    assert (stop.reason, stop.is_complete) == ("done what was asked for", False)
    experiment = world.journal.experiment
    assert experiment.trial(1).status is TrialStatus.ABANDONED
    assert experiment.n_trials == 3
    assert [job.stopped for job in world.cluster.jobs.values()] == [False, True, False]


@pytest.mark.parametrize("fatal", range(30))
def test_a_request_is_honoured_once_wherever_the_driver_dies(
    fatal: int, requests: RequestFolder, tmp_path: Path
) -> None:
    world = world_of(requests, max_trials=4, parallelism=2)
    world.cluster.cause = lambda key: Cause.TRIAL if key == (1, 0) else Cause.SUCCESS
    driver = world.driver()
    driver.step()
    world.clock.time += 11
    driver.step()
    assert driver.experiment.trial(1).status is TrialStatus.FAILED
    names = [requests.add(retry(1)), requests.add(cancel(2))]
    world.hazards.n_passed, world.hazards._fatal = 0, fatal
    try:
        world.run()
    except Killed:
        world.hazards._fatal = None
        world.run()
    experiment = world.journal.experiment
    assert len(experiment.trial(1).attempts) == 2
    assert experiment.trial(2).status is TrialStatus.ABANDONED
    assert experiment.count(TrialStatus.COMPLETED) == 3
    assert list(experiment.requests) == names
    assert [type(e) for e in world.store.read()].count(ev.TrialsReopened) == 1
    assert files(tmp_path) == []


def test_a_request_that_is_in_the_journal_is_only_removed(
    requests: RequestFolder, tmp_path: Path
) -> None:
    world = world_of(requests, max_trials=1)
    name = requests.add(cancel(0))
    world.journal.append(ev.TrialsCancelled(1.0, (), "ada", name))
    assert world.run().is_complete
    assert world.journal.experiment.trial(0).status is TrialStatus.COMPLETED
    assert files(tmp_path) == []
