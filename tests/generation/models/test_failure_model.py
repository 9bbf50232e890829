"""Trials that fail on their own account are learnt from, and no others."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

import numpy as np
import pytest
from scipy.special import ndtr

from hpcopt.core import events as ev
from hpcopt.core.experiment import Experiment
from hpcopt.core.goals.goals import parse_goals
from hpcopt.core.trials.trial import Cause, Observation
from hpcopt.core.types import JSONValue, TParameterization
from hpcopt.generation.models.failure_model import success_data
from hpcopt.generation.models.outcome_models import SingleObjectiveModels
from hpcopt.generation.models.surrogate import Surrogate
from hpcopt.generation.snapshot import Snapshot
from hpcopt.generation.strategy import BayesianGenerator
from tests.support.generation_world import (
    SQUARE,
    bowl,
    observed,
    snapshot,
    sobol_points,
)

DEFINITION: Mapping[str, JSONValue] = {
    "name": "demo",
    "parameters": [
        {"name": "x", "type": "range", "bounds": [0.0, 1.0], "parameter_type": "float"}
    ],
    "objective": "-loss",
    "metrics": [{"name": "loss"}],
    "seed": 0,
}


def probability(now: Snapshot, *points: TParameterization) -> list[float]:
    mean, variance = Surrogate.fit(success_data(now)).process.moments(
        now.space.encode(points)
    )
    chances: list[float] = ndtr(mean / np.sqrt(variance)).tolist()
    return chances


def split(n: int) -> Snapshot:
    """Return trials all over the square; those with x above 0.7 failed."""
    points = sobol_points(SQUARE, n)
    good = [p for p in points if float(p["x"]) <= 0.7]
    bad = [p for p in points if float(p["x"]) > 0.7]
    return snapshot(SQUARE, observed(good, bowl), failed=bad)


@pytest.mark.parametrize("cause", list(Cause), ids=str)
def test_only_what_the_parameters_may_be_blamed_for_counts(cause: Cause) -> None:
    trials = (ev.GeneratedTrial(0, {"x": 0.5}, "sobol"),)
    events: list[ev.Event] = [
        ev.ExperimentBegun(0.0, "test", DEFINITION, {}),
        ev.TrialsGenerated(1.0, trials),
        ev.TrialFailed(2.0, 0, cause, "bad"),
    ]
    now = Snapshot.of(Experiment.from_events(events))
    is_to_blame = cause is not Cause.INFRASTRUCTURE
    assert now.failed == (({"x": 0.5},) if is_to_blame else ())
    assert now.known == ([{"x": 0.5}] if is_to_blame else [])


@pytest.mark.parametrize("n_failed", [0, 1])
def test_success_is_modelled_once_a_trial_has_failed(n_failed: int) -> None:
    points = sobol_points(SQUARE, 6)
    now = snapshot(SQUARE, observed(points[:5], bowl), failed=points[5 : 5 + n_failed])
    models = SingleObjectiveModels.of(now, Surrogate.unfitted)
    assert (models.success is not None) is bool(n_failed)


def test_a_region_that_fails_is_learnt() -> None:
    inside, outside = {"x": 0.9, "y": 0.0}, {"x": 0.4, "y": 0.0}
    chances = probability(split(24), inside, outside)
    assert chances[0] < 0.2
    assert chances[1] > 0.9


@pytest.mark.parametrize("n", [16, 24])
def test_one_failure_is_held_against_more_than_its_own_point(n: int) -> None:
    [failed, *others] = sobol_points(SQUARE, n)
    data = success_data(snapshot(SQUARE, observed(others, bowl), failed=[failed]))
    lengthscales = Surrogate.fit(data).details["lengthscales"]
    assert isinstance(lengthscales, list)
    assert min(lengthscales) >= 0.05 - 1e-9  # type: ignore[type-var, operator]


def test_what_is_learnt_of_many_failures_is_bounded() -> None:
    points = sobol_points(SQUARE, 1200)
    data = success_data(
        snapshot(SQUARE, observed(points[:800], bowl), failed=points[800:])
    )
    assert [int(np.sum(data.y * side > 0)) for side in (1, -1)] == [150, 150]


def test_one_failure_scares_off_nothing_but_its_neighbourhood() -> None:
    points = sobol_points(SQUARE, 16)
    [failed] = points[1:2]
    others = [point for point in points if point is not failed]
    now = snapshot(SQUARE, observed(others, bowl), failed=[failed])
    x = float(failed["x"])
    far = {"x": x - 0.45 if x > 0.5 else x + 0.45, "y": float(failed["y"])}
    near = {"x": x + 0.01, "y": float(failed["y"])}
    chances = probability(now, near, far)
    assert chances[0] < 0.3
    assert chances[1] > 0.8


def test_failures_of_pure_chance_hold_nothing_back() -> None:
    points = sobol_points(SQUARE, 40)
    rng = np.random.default_rng(3)
    is_bad = rng.random(40) < 0.2
    now = snapshot(
        SQUARE,
        observed([p for p, bad in zip(points, is_bad, strict=True) if not bad], bowl),
        failed=[p for p, bad in zip(points, is_bad, strict=True) if bad],
    )
    fresh = sobol_points(SQUARE, 80)[40:]
    assert np.quantile(probability(now, *fresh), 0.2) > 0.5


def test_of_many_trials_the_latest_failures_and_what_is_near_them_are_kept() -> None:
    now = split(1000)
    data = success_data(now)
    assert len(data) == 300
    assert data.X[data.y > 0, 0].min() > 0.4


def test_what_has_failed_is_not_proposed_again() -> None:
    now = split(24)
    generation = BayesianGenerator(n_initial=2).generate(4, now)
    assert {s.method for s in generation.suggestions} == {"bo"}
    for suggestion in generation.suggestions:
        assert float(suggestion.parameters["x"]) < 0.75
    assert "success" in generation.details


def test_what_has_failed_is_not_proposed_for_several_objectives_either() -> None:
    now = split(24)
    both = tuple(
        dataclasses.replace(t, outcome={**t.outcome, "cost": Observation(cost)})
        for t in now.completed
        for cost in [-float(t.parameters["x"])]
    )
    now = dataclasses.replace(now, goals=parse_goals("-loss, -cost"), completed=both)
    generation = BayesianGenerator(n_initial=2).generate(2, now)
    assert max(float(s.parameters["x"]) for s in generation.suggestions) < 0.75


def test_what_a_person_gave_up_is_not_proposed_again() -> None:
    now = snapshot(SQUARE, observed(sobol_points(SQUARE, 12), bowl))
    [first] = BayesianGenerator(n_initial=2).generate(1, now).suggestions
    without = dataclasses.replace(now, abandoned=(first.parameters,))
    [second] = BayesianGenerator(n_initial=2).generate(1, without).suggestions
    gap = np.abs(np.diff(SQUARE.encode([first.parameters, second.parameters]), axis=0))
    assert gap.max() > 1e-3
    assert "success" not in BayesianGenerator(n_initial=2).generate(1, without).details


def test_distances_from_the_wall_know_what_is_behind_it() -> None:
    # Pairs on both sides of a wall, and little else, leave a process of +1 and -1 no
    # lengthscale but that of their gap.
    heights = [0.1, 0.3, 0.5, 0.7, 0.9]
    good = [{"x": 0.68, "y": y} for y in heights] + [{"x": 0.3, "y": 0.5}]
    bad = [{"x": 0.72, "y": y} for y in heights] + [{"x": 0.99, "y": 0.5}]
    now = snapshot(SQUARE, observed(good, bowl), failed=bad)
    data = success_data(now, by_distance=True)
    assert ((data.y > 0) == (success_data(now).y > 0)).all()
    assert np.abs(data.y[:5]) == pytest.approx(np.full(5, 0.04))
    assert data.y[5] == pytest.approx(0.42)
    behind = SQUARE.encode([{"x": 0.88, "y": y} for y in (0.2, 0.8)])
    models = SingleObjectiveModels.of(now, Surrogate.fit)
    chances = []
    for one in (models, models.with_success_by_distance(now)):
        assert one.success is not None
        mean, variance = one.success.process.moments(behind)
        chances.append(ndtr(mean / np.sqrt(variance)).max())
    assert chances[0] > 0.3
    assert chances[1] < 0.05


def test_a_point_that_ended_both_ways_says_nothing() -> None:
    now = snapshot(
        SQUARE,
        observed([{"x": 0.5, "y": 0.5}, {"x": 0.2, "y": 0.5}], bowl),
        failed=[{"x": 0.5, "y": 0.5}],
    )
    assert np.abs(success_data(now, by_distance=True).y[[0, 2]]).max() < 1e-5
    assert SingleObjectiveModels.of(now, Surrogate.fit).with_success_by_distance(now)
