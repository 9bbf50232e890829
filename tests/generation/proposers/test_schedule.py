"""What is tried beside expected improvement, and when."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hpcopt.core.goals.goals import parse_goals
from hpcopt.generation.proposers.schedule import Region, Stall, is_greedy_turn, optimism
from hpcopt.generation.snapshot import Snapshot
from hpcopt.generation.strategy import BayesianGenerator
from tests.support.generation_world import (
    MIXED,
    SQUARE,
    bowl,
    observed,
    snapshot,
    sobol_points,
)


def _stalled(n_since: int) -> Snapshot:
    """Return a snapshot whose best trial is its third one."""
    points = sobol_points(SQUARE, 3 + n_since)
    points = [*sorted(points, key=bowl, reverse=True)[-1:], *points]
    best = min(points, key=bowl)
    rest = [point for point in points if point != best]
    return snapshot(SQUARE, observed([*rest[:2], best, *rest[2:]], bowl))


def test_a_stall_begins_after_the_best_trial() -> None:
    now = _stalled(5)
    stall = Stall.of(now)
    assert stall is not None
    assert stall.n_since == len(now.completed) - 3
    [best] = SQUARE.encode([now.completed[2].parameters])
    np.testing.assert_array_equal(stall.best, best)


def test_without_a_feasible_trial_there_is_no_stall() -> None:
    now = _stalled(5)
    goals = parse_goals("-loss", ["other >= 0"])
    assert Stall.of(dataclasses.replace(now, goals=goals)) is None


@pytest.mark.parametrize("index", range(8))
def test_the_model_keeps_every_other_turn_of_a_stall(index: int) -> None:
    short, long = Stall(np.zeros(2), 5), Stall(np.zeros(2), 6)
    assert short.turn(index) == "model"
    expected = ["model", "near", "model", "trend"][index % 4]
    assert long.turn(index) == expected


def test_close_comes_closer_with_each_trial_that_is_no_better() -> None:
    best = np.array([0.5, 0.1])
    sizes = []
    for n_since in (6, 8, 12, 60):
        region = Stall(best, n_since).region(SQUARE)
        assert (region.lower <= best).all()
        assert (best <= region.upper).all()
        sizes.append(float((region.upper - region.lower)[0]))
    assert sizes == pytest.approx([0.4, 0.2, 0.05, 0.002])


def test_discrete_parameters_are_free_close_to_the_best_trial() -> None:
    region = Stall(np.full(MIXED.d, 0.5), 20).region(MIXED)
    sizes = region.upper - region.lower
    np.testing.assert_array_equal(sizes == 1, MIXED.is_discrete)


def test_points_drawn_towards_a_feasible_centre_stay_feasible() -> None:
    center, rng = np.array([0.1, 0.2]), np.random.default_rng(0)
    X = rng.random((100, 2))
    X = X[X.sum(axis=1) <= 0.5]
    region = Region.around(center, np.full(2, 0.3))
    moved = region.shrunk(X)
    assert (moved.sum(axis=1) <= 0.5).all()
    assert (region.lower <= moved).all()
    assert (moved <= region.upper).all()


@given(
    st.lists(st.floats(0, 1), min_size=2, max_size=2).map(np.array),
    st.floats(0, 1).map(lambda reach: np.full(2, reach)),
)
def test_a_region_stays_inside_the_cube(
    center: np.ndarray[tuple[int], np.dtype[np.float64]],
    reach: np.ndarray[tuple[int], np.dtype[np.float64]],
) -> None:
    region = Region.around(center, reach)
    corners = np.array([[0.0, 0.0], [1.0, 1.0]])
    for moved in (region.shrunk(corners), region.spread(corners)):
        assert (moved >= -1e-12).all()
        assert (moved <= 1 + 1e-12).all()


def test_a_stalled_experiment_gets_a_trial_close_to_its_best() -> None:
    now = _stalled(16)
    stall = Stall.of(now)
    assert stall is not None
    turn = next(k for k in range(12) if k % 4 == 1 and not is_greedy_turn(k))
    now = dataclasses.replace(now, n_trials=turn + 12 * 2)
    [suggestion] = BayesianGenerator().generate(1, now).suggestions
    [x] = SQUARE.encode([suggestion.parameters])
    region = stall.region(SQUARE)
    assert (region.lower - 1e-9 <= x).all()
    assert (x <= region.upper + 1e-9).all()


def test_a_greedy_trial_goes_where_the_model_expects_most() -> None:
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
    bold = [optimism(k, 2) > 0 for k in range(30)]
    assert (sum(bold[:10]), sum(bold[10:20]), sum(bold[20:])) == (5, 2, 3)
