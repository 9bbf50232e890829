"""When suggestions are made, and which are used."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from hpcopt.core.events import DataAttached, ObservedMetric, TrialsGenerated
from hpcopt.core.trials.trial import Cause
from hpcopt.driver.limits import Limits
from hpcopt.generation.protocol import Generation, Suggestion
from hpcopt.generation.snapshot import Snapshot
from tests.support.driver_world import World
from tests.support.fake_clock import FakeClock


class TimedService:
    """Answers so many seconds after a request; ``x`` tells what it has seen."""

    is_concurrent = True

    def __init__(self, clock: FakeClock, seconds: float) -> None:
        self.seconds = seconds
        self.requests: list[tuple[int, Snapshot]] = []
        self.collected_at: list[float] = []
        self._clock = clock
        self._ready_at: float | None = None

    @property
    def is_busy(self) -> bool:
        return self._ready_at is not None

    def request(self, n: int, snapshot: Snapshot) -> None:
        self.requests.append((n, snapshot))
        self._ready_at = self._clock.now() + self.seconds

    def collect(self, timeout_s: float) -> Generation | None:
        assert self._ready_at is not None
        if self._ready_at > self._clock.now() + timeout_s:
            self._clock.wait(timeout_s)
            return None
        self._clock.time = max(self._clock.time, self._ready_at)
        self._ready_at = None
        n, snapshot = self.requests[-1]
        xs = [(snapshot.position * 100 + k) / 1e6 for k in range(n)]
        suggestions = tuple(Suggestion({"x": x}, "bo") for x in xs)
        return Generation(suggestions, snapshot.position, self.seconds)

    def close(self) -> None:
        pass


def make_world(
    n: int, parallelism: int, *, run_s: float, seconds: float
) -> tuple[World, TimedService]:
    world = World(
        Limits(n, parallelism, initial_seconds_between_polls=run_s / 1000),
    )
    world.cluster.run_s = run_s
    service = TimedService(world.clock, seconds)
    world.service = service  # type: ignore[assignment]
    return world, service


def idle_seconds(world: World) -> list[float]:
    """Return how long each trial after the first ones waited for its generation."""
    trials = world.journal.experiment.trials
    parallelism = world.limits.parallelism
    ends = sorted(t.ended_at for t in trials if t.ended_at is not None)
    return [
        trial.created_at - end
        for trial, end in zip(trials[parallelism:], ends, strict=False)
    ]


def generations(world: World) -> list[TrialsGenerated]:
    return [e for e in world.store.read() if isinstance(e, TrialsGenerated)]


def stagger(key: tuple[int, int]) -> float:
    """Let trials end one after another."""
    return 1 + 0.1 * (key[0] % 8)


def test_with_short_trials_a_freed_slot_is_refilled_at_once() -> None:
    world, _ = make_world(30, 4, run_s=10.0, seconds=0.5)
    world.cluster.stretch = stagger
    world.run()
    # After the first few it is known how many end between two polls.
    assert set(idle_seconds(world)[8:]) == {0.0}


def test_with_long_trials_the_latest_result_is_waited_for() -> None:
    world, service = make_world(12, 1, run_s=3600.0, seconds=1.0)
    world.run()
    assert idle_seconds(world) == pytest.approx([1.0] * 11)
    used = {event.position for event in generations(world)}
    seen = [len(s.completed) for _, s in service.requests if s.position in used]
    assert seen == list(range(12))


def test_a_slot_does_not_stay_empty_longer_than_a_result_is_worth() -> None:
    world, service = make_world(4, 1, run_s=100.0, seconds=1.0)
    driver = world.driver()
    while driver.experiment.n_trials < 3:
        driver.step()
        driver.wait()
    service.seconds = 50.0  # from now on it is slow, and nothing told so
    while driver.experiment.n_trials < 4:
        driver.step()
        driver.wait()
    attempts = [t.attempts[0] for t in world.journal.experiment.trials[:3]]
    durations = [(a.ended_at or 0.0) - (a.submitted_at or 0.0) for a in attempts]
    patience_s = 0.02 * sorted(durations)[1]
    assert idle_seconds(world)[-1] == pytest.approx(patience_s, abs=0.01)


def test_an_event_tells_where_in_which_answer_its_trials_were() -> None:
    world, service = make_world(40, 8, run_s=10.0, seconds=6.0)
    world.cluster.stretch = stagger
    world.run()
    answers = {snapshot.position: n for n, snapshot in service.requests}
    events = generations(world)
    assert any(event.offset > 0 for event in events)
    for event in events:
        assert event.n_requested == answers[event.position]
        places = [round(t.parameters["x"] * 1e6) % 100 for t in event.trials]  # type: ignore[operator]
        assert places == list(range(event.offset, event.offset + len(event.trials)))


def test_a_prepared_suggestion_knows_what_is_live() -> None:
    world, service = make_world(6, 3, run_s=3600.0, seconds=1.0)
    driver = world.driver()
    for _ in range(6):
        driver.step()
        driver.wait()
    n, snapshot = service.requests[-1]
    assert (n, snapshot.n_trials, len(snapshot.pending)) == (1, 3, 3)
    assert driver.experiment.n_trials == 3


def test_what_is_attached_to_a_trial_outdates_what_was_prepared() -> None:
    world, service = make_world(6, 3, run_s=3600.0, seconds=1.0)
    driver = world.driver()
    while driver.experiment.n_trials < 3 or len(service.requests) < 2:
        driver.step()
        driver.wait()
    for _ in range(3):
        driver.step()
        driver.wait()
    n_requests = len(service.requests)
    now = world.clock.now()
    world.journal.append(DataAttached(now, 0, {"loss": ObservedMetric(1.0)}))
    driver.step()
    assert len(service.requests) == n_requests + 1


@pytest.mark.parametrize("cause", [Cause.TRIAL, Cause.USER])
def test_nothing_is_prepared_for_trials_that_shall_not_be(cause: Cause) -> None:
    world, service = make_world(5, 2, run_s=3600.0, seconds=1.0)
    world.limits = replace(world.limits, tolerated_trial_failure_rate=1.0)
    world.cluster.cause = lambda key: cause
    world.run()
    assert all(snapshot.n_trials < 5 for _, snapshot in service.requests)


def test_a_killed_driver_prepares_anew() -> None:
    world, _ = make_world(6, 2, run_s=10.0, seconds=0.5)
    steps: Callable[[], None] = world.driver().step
    for _ in range(20):
        steps()
        world.clock.wait(1.0)
    world.service = TimedService(world.clock, 0.5)  # type: ignore[assignment]
    world.run()
    assert world.journal.experiment.n_trials == 6
    assert set(world.cluster.n_starts.values()) == {1}
