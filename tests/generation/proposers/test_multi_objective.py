"""None"""

from __future__ import annotations

import dataclasses

import numpy as np
import numpy.typing as npt
import pytest

from hpcopt.core.goals.pareto import hypervolume
from hpcopt.core.space.ranges import RangeParameter
from hpcopt.core.space.search_space import SearchSpace
from hpcopt.core.trials.trial import Observation
from hpcopt.core.types import TParameterization
from hpcopt.generation.acquisition import log_ehvi
from hpcopt.generation.proposers.multi_objective import MultiObjectiveProposer
from hpcopt.generation.snapshot import ObservedTrial
from hpcopt.generation.strategy import BayesianGenerator
from tests.support.generation_world import SQUARE, snapshot, sobol_points
from tests.support.last_digits import Numbers

Array = npt.NDArray[np.float64]


def test_what_a_changed_space_left_behind_is_not_there_to_be_improved_on() -> None:
    points = sobol_points(SQUARE, 8)
    now = snapshot(SQUARE, observed(points), objective="-near, -far")
    x, y = SQUARE.parameters
    assert isinstance(x, RangeParameter)
    smaller = SearchSpace((dataclasses.replace(x, upper=0.6), y))
    now = dataclasses.replace(now, space=smaller)
    proposer = MultiObjectiveProposer(now, is_fitted=True)
    tried = [trial.parameters for trial in now.completed]
    left = [point for point in tried if float(point["x"]) <= 0.6]
    assert 0 < len(left) < len(points)
    X_observed = proposer._X_observed
    assert sorted(X_observed.tolist()) == sorted(smaller.encode(left).tolist())
    assert {tuple(x) for x in proposer._X_front} <= {tuple(x) for x in X_observed}
    assert len(proposer._models.objectives[0].process.X) == len(points)


def test_nobody_is_optimistic_about_failures() -> None:
    points = sobol_points(SQUARE, 8)
    now = snapshot(
        SQUARE, observed(points[:6]), failed=points[6:], objective="-near, -far"
    )
    proposer = MultiObjectiveProposer(now, is_fitted=True)
    assert proposer._models.success is not None
    X, nothing = Numbers(0).random(4, 2), np.empty((0, 2))
    soberly, boldly = (
        proposer._acquisition(nothing, 0, optimism).values(X) for optimism in (0.0, 2.0)
    )
    assert boldly.tolist() == soberly.tolist()


# The generator


def two_bowls(point: TParameterization) -> dict[str, Observation]:
    """Return distances to two corners: the front is the line between them."""
    x1, x2 = float(point["x"]), float(point["y"])
    near = (x1 - 0.2) ** 2 + (x2 - 0.2) ** 2
    far = (x1 - 0.8) ** 2 + (x2 - 0.8) ** 2
    return {"near": Observation(near), "far": Observation(far)}


def observed(points: list[TParameterization]) -> tuple[ObservedTrial, ...]:
    return tuple(ObservedTrial(k, p, two_bowls(p)) for k, p in enumerate(points))


@pytest.mark.slow
def test_suggestions_spread_over_the_front() -> None:
    points = sobol_points(SQUARE, 6)
    reference = np.array([-0.72, -0.72])
    for _ in range(4):
        now = snapshot(SQUARE, observed(points), objective="-near, -far")
        generation = BayesianGenerator(n_initial=6).generate(2, now)
        assert generation.details["fallbacks"] == []
        points += [suggestion.parameters for suggestion in generation.suggestions]
    Y = -np.array([[o.mean for o in two_bowls(p).values()] for p in points])
    assert hypervolume(Y, reference) > 0.75 * hypervolume(_exact_front(), reference)


def _exact_front() -> Array:
    line = np.linspace(0.2, 0.8, 200)
    return -2 * np.column_stack([(line - 0.2) ** 2, (line - 0.8) ** 2])


def test_the_same_snapshot_gives_the_same_points() -> None:
    now = snapshot(SQUARE, observed(sobol_points(SQUARE, 6)), objective="-near, -far")
    generator = BayesianGenerator()
    first, second = generator.generate(2, now), generator.generate(2, now)
    assert first.suggestions == second.suggestions


def test_a_trial_without_a_metric_still_teaches_the_others() -> None:
    trials = list(observed(sobol_points(SQUARE, 6)))
    trials[2] = ObservedTrial(2, trials[2].parameters, {"near": Observation(0.5)})
    now = snapshot(SQUARE, tuple(trials), objective="-near, -far")
    generation = BayesianGenerator().generate(1, now)
    assert [s.method for s in generation.suggestions] == ["bo"]


def test_of_many_objectives_no_boxes_are_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(log_ehvi, "nondominated_partitioning")
    points = sobol_points(SQUARE, 8)
    trials = tuple(
        ObservedTrial(
            k, p, {**two_bowls(p), "x": Observation(float(p["x"])), "y": Observation(1)}
        )
        for k, p in enumerate(points)
    )
    now = snapshot(SQUARE, trials, objective="-near, -far, x, -y")
    generation = BayesianGenerator().generate(2, now)
    assert [s.method for s in generation.suggestions] == ["bo", "bo"]
    assert generation.details["fallbacks"] == []


@pytest.mark.parametrize(
    "constraints", [["near <= 0.1", "far <= 0.5"], ["other >= 0"], ["near <= -5"]]
)
def test_thresholds_and_constraints_are_heeded(constraints: list[str]) -> None:
    trials = tuple(
        ObservedTrial(t.index, t.parameters, {**t.outcome, "other": Observation(-1.0)})
        for t in observed(sobol_points(SQUARE, 6))
    )
    now = snapshot(SQUARE, trials, objective="-near, -far", constraints=constraints)
    generation = BayesianGenerator().generate(1, now)
    assert [s.method for s in generation.suggestions] == ["bo"]
    assert generation.details["fallbacks"] == []
