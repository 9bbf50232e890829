"""What is proposed where outcomes are constrained."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np

from hpcopt.core.trials.trial import Observation
from hpcopt.core.types import TParameterization
from hpcopt.generation.snapshot import ObservedTrial, Snapshot
from hpcopt.generation.strategy import BayesianGenerator
from tests.support.generation_world import (
    SQUARE,
    bowl,
    observed,
    parameters_of,
    snapshot,
    sobol_points,
)


def _constrained(
    points: Sequence[TParameterization], *constraints: str, start: int = 0
) -> Snapshot:
    """Return a snapshot of trials that measured ``x`` beside the loss."""
    completed = tuple(
        ObservedTrial(
            index,
            point,
            {
                "loss": Observation(bowl(point)),
                "weight": Observation(float(point["x"])),
            },
        )
        for index, point in enumerate(points)
    )
    return snapshot(SQUARE, completed, constraints=constraints)


def test_proposals_come_to_the_best_feasible_point() -> None:
    # The bowl's bottom is at 0.3.
    points = sobol_points(SQUARE, 6)
    for _ in range(8):
        now = _constrained(points, "weight >= 0.6")
        points += parameters_of(BayesianGenerator().generate(1, now))
    feasible = [point for point in points if float(point["x"]) >= 0.6]
    best = min(feasible, key=bowl)
    assert abs(float(best["x"]) - 0.6) < 0.02
    assert abs(float(best["y"]) - 2.0) < 0.5


def test_where_nothing_is_feasible_proposals_become_so() -> None:
    points = sobol_points(SQUARE, 6)
    bound = max(float(point["x"]) for point in points) + 0.02
    for _ in range(4):
        now = _constrained(points, f"weight >= {bound}")
        points += parameters_of(BayesianGenerator().generate(1, now))
    assert any(float(point["x"]) >= bound for point in points)


def test_a_constraint_of_which_nothing_is_known_yet_is_left_out() -> None:
    now = _constrained(sobol_points(SQUARE, 6), "weight >= 0.6", "unseen <= 1")
    generation = BayesianGenerator().generate(1, now)
    constraints = generation.details["constraints"]
    assert isinstance(constraints, list)
    assert len(constraints) == 1


def test_a_trial_without_the_objective_still_teaches_what_is_feasible() -> None:
    points = sobol_points(SQUARE, 12)
    now = _constrained(points, "weight >= 0.6")
    partial = tuple(
        dataclasses.replace(trial, outcome={"weight": trial.outcome["weight"]})
        for trial in now.completed[6:]
    )
    whole = now.completed[:6]
    fewer = dataclasses.replace(now, completed=whole)
    more = dataclasses.replace(now, completed=whole + partial)
    generator = BayesianGenerator()
    known = [generator.generate(1, s).details["constraints"] for s in (fewer, more)]
    assert known[0] != known[1]
    assert generator.generate(1, more).details["fallbacks"] == []


def test_where_failures_hold_up_the_search_it_leaves_their_wall() -> None:
    # The bowl's bottom, at x = 0.3, is behind a wall at 0.4, and all trials are there.
    near = [{"x": 0.41 + 0.02 * k, "y": 2.0 - 0.1 * k} for k in range(8)]
    behind = [{"x": 0.39 - 0.01 * k, "y": 2.0 + 0.1 * k} for k in range(8)]
    now = snapshot(SQUARE, observed(near, bowl), failed=behind)
    X_tried = SQUARE.encode([*near, *behind])
    points = parameters_of(BayesianGenerator().generate(2, now))
    X = SQUARE.encode(points)
    assert (np.abs(X[:, None] - X_tried).max(axis=-1).min(axis=-1) > 0.2).all()
