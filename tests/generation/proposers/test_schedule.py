"""The schedule of proposals beside expected improvement."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from hpcopt.core.goals.goals import parse_goals
from hpcopt.core.trials.trial import Observation
from hpcopt.generation.predict import fitted_model
from hpcopt.generation.proposers.schedule import (
    Incumbent,
    constraint_optimism,
    has_success_by_distance,
    is_greedy_turn,
    is_held_up_by_failures,
)
from hpcopt.generation.snapshot import ObservedTrial, Snapshot
from hpcopt.generation.strategy import BayesianGenerator
from tests.support.generation_world import (
    MIXED,
    SQUARE,
    bowl,
    observed,
    snapshot,
    sobol_points,
)


def _stagnating(n_since: int) -> Snapshot:
    """Return a snapshot whose best trial is its third one."""
    points = sobol_points(SQUARE, 3 + n_since)
    points = [*sorted(points, key=bowl, reverse=True)[-1:], *points]
    best = min(points, key=bowl)
    rest = [point for point in points if point != best]
    return snapshot(SQUARE, observed([*rest[:2], best, *rest[2:]], bowl))


def test_outcomes_are_counted_since_the_best_trial() -> None:
    now = _stagnating(5)
    incumbent = Incumbent.of(now)
    assert incumbent is not None
    assert incumbent.n_since == len(now.completed) - 3
    [best] = SQUARE.encode([now.completed[2].parameters])
    np.testing.assert_array_equal(incumbent.point, best)


def test_without_a_feasible_trial_there_is_no_incumbent() -> None:
    now = _stagnating(5)
    goals = parse_goals("-loss", ["other >= 0"])
    assert Incumbent.of(dataclasses.replace(now, goals=goals)) is None


@pytest.mark.parametrize("index", range(8))
def test_every_other_proposal_of_a_stagnation_is_as_usual(index: int) -> None:
    short, long = Incumbent(np.zeros(2), 5), Incumbent(np.zeros(2), 6)
    assert short.proposal(index) == "usual"
    expected = ["usual", "local", "usual", "long_lengthscales"][index % 4]
    assert long.proposal(index) == expected


def test_close_comes_closer_with_each_trial_that_is_no_better() -> None:
    best = np.array([0.5, 0.1])
    sizes = []
    for n_since in (6, 8, 12, 60):
        box = Incumbent(best, n_since).local_box(SQUARE)
        assert (box.lower <= best).all()
        assert (best <= box.upper).all()
        sizes.append(float((box.upper - box.lower)[0]))
    assert sizes == pytest.approx([0.4, 0.2, 0.05, 0.002])


def test_discrete_parameters_are_free_close_to_the_best_trial() -> None:
    box = Incumbent(np.full(MIXED.d, 0.5), 20).local_box(MIXED)
    sizes = box.upper - box.lower
    np.testing.assert_array_equal(sizes == 1, MIXED.is_discrete)


def test_a_stagnating_experiment_gets_a_trial_close_to_its_best() -> None:
    now = _stagnating(16)
    incumbent = Incumbent.of(now)
    assert incumbent is not None
    turn = next(k for k in range(12) if k % 4 == 1 and not is_greedy_turn(k))
    now = dataclasses.replace(now, n_trials=turn + 12 * 2)
    [suggestion] = BayesianGenerator().generate(1, now).suggestions
    [x] = SQUARE.encode([suggestion.parameters])
    box = incumbent.local_box(SQUARE)
    assert (box.lower - 1e-9 <= x).all()
    assert (x <= box.upper + 1e-9).all()


def test_a_greedy_trial_goes_where_the_mean_is_largest() -> None:
    points = sobol_points(SQUARE, 12)
    now = snapshot(SQUARE, observed(points, bowl))
    assert is_greedy_turn(now.n_trials)
    [suggestion] = BayesianGenerator().generate(1, now).suggestions
    assert bowl(suggestion.parameters) < min(map(bowl, points))


def test_a_greedy_trial_is_not_a_known_one_once_more() -> None:
    points = [*sobol_points(SQUARE, 11), {"x": 0.3, "y": 2.0}]
    now = snapshot(SQUARE, observed(points, bowl))
    assert is_greedy_turn(now.n_trials)
    [suggestion] = BayesianGenerator().generate(1, now).suggestions
    X = SQUARE.encode(points)
    distances = np.abs(X - SQUARE.encode([suggestion.parameters])).max(axis=1)
    assert distances.min() > 1e-4


def test_trials_are_optimistic_more_often_at_first() -> None:
    bold = [constraint_optimism(k, 2) > 0 for k in range(30)]
    assert (sum(bold[:10]), sum(bold[10:20]), sum(bold[20:])) == (5, 2, 3)


@pytest.mark.parametrize("n_waiting", range(8))
def test_with_few_in_flight_the_schedule_is_by_trials(n_waiting: int) -> None:
    now = dataclasses.replace(_stagnating(20), n_asked=n_waiting + 1)
    incumbent, alone = Incumbent.of(now), Incumbent.of(_stagnating(20))
    assert incumbent is not None
    assert alone is not None
    assert incumbent.n_since == alone.n_since
    for index in range(24):
        assert is_greedy_turn(index, n_waiting) == (index % 3 == 0)
        assert incumbent.proposal(index, n_waiting) == incumbent.proposal(index)


@pytest.mark.parametrize("first", range(12))
def test_few_of_a_large_batch_are_near_the_best(first: int) -> None:
    long = Incumbent(np.zeros(2), 6)
    batch = range(50)
    n_greedy = sum(is_greedy_turn(first + k, k) for k in batch)
    n_local = sum(long.proposal(first + k, k) == "local" for k in batch)
    assert 0 < n_greedy <= 8
    assert 0 < n_local <= 6


def test_outcomes_of_the_best_trials_own_batch_are_no_stagnation() -> None:
    now = dataclasses.replace(_stagnating(30), n_asked=50)
    incumbent = Incumbent.of(now)
    assert incumbent is not None
    assert {incumbent.proposal(index) for index in range(4)} == {"usual"}
    later = Incumbent.of(dataclasses.replace(_stagnating(100), n_asked=50))
    assert later is not None
    assert later.proposal(1) == "local"
    wide = later.local_box(SQUARE)
    assert float((wide.upper - wide.lower)[0]) > 0.01


def _beside_a_wall(n_failed: int, last_gain: float) -> Snapshot:
    """Return 12 outcomes, then failures, then an outcome better by ``last_gain``."""
    points = sobol_points(SQUARE, 13 + n_failed)
    losses = [*(10.0 + k for k in range(12)), 10.0 - last_gain]
    trials = tuple(
        ObservedTrial(
            k if k < 12 else k + n_failed, points[k], {"loss": Observation(loss)}
        )
        for k, loss in enumerate(losses)
    )
    return snapshot(SQUARE, trials, failed=points[13:])


@pytest.mark.parametrize(
    ("n_failed", "last_gain", "is_held_up"),
    [(0, 0.0, False), (4, 0.0, False), (8, 0.1, True), (8, 2.0, False)],
)
def test_many_failures_and_no_notable_gain_hold_up_the_search(
    n_failed: int, last_gain: float, is_held_up: bool
) -> None:
    now = _beside_a_wall(n_failed, last_gain)
    assert is_held_up_by_failures(now) is is_held_up
    assert not has_success_by_distance(now, index=4)
    assert has_success_by_distance(now, index=6) is is_held_up


@pytest.mark.parametrize("n_failed", [8, 9, 10, 11])
def test_people_get_the_model_of_success_of_the_next_trial(n_failed: int) -> None:
    now = _beside_a_wall(n_failed, 0.1)
    fitted = fitted_model(now)
    assert fitted.outcomes[-1] == "success"
    is_one = bool((fitted.Y[-1].abs() == 1).all())
    assert is_one is not has_success_by_distance(now, now.n_trials)
