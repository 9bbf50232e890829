from __future__ import annotations

import dataclasses

import numpy as np
import numpy.typing as npt
import pytest
from scipy.special import ndtr

from hpcopt.core.goals.pareto import hypervolume
from hpcopt.core.space.ranges import RangeParameter
from hpcopt.core.space.search_space import SearchSpace
from hpcopt.core.trials.trial import Observation
from hpcopt.core.types import TParameterization
from hpcopt.generation.acquisition.log_ehvi import (
    LogNoisyExpectedHypervolumeImprovement,
    infer_reference_point,
    posterior_mean_front,
)
from hpcopt.generation.models.gaussian_process import GaussianProcess, Hyperparameters
from hpcopt.generation.models.outcome_models import possibly_best
from hpcopt.generation.models.standardize import Standardize
from hpcopt.generation.proposers.multi_objective import MultiObjectiveProposer
from hpcopt.generation.snapshot import ObservedTrial
from hpcopt.generation.strategy import BayesianGenerator
from tests.support.differences import assert_gradients
from tests.support.generation_world import SQUARE, snapshot, sobol_points
from tests.support.last_digits import Numbers

Array = npt.NDArray[np.float64]


def process(X: Array, y: Array, noise: float = 1e-6) -> GaussianProcess:
    known = Hyperparameters(
        mean=0.0, lengthscales=np.full(X.shape[1], 0.4), outputscale=1.0, noise=noise
    )
    return GaussianProcess.of(X, y, np.full(len(y), noise), known)


def problem(m: int, noise: float = 1e-6) -> tuple[list[GaussianProcess], Array]:
    """Return the models of ``m`` outcomes and where they are asked."""
    rng = Numbers(m)
    X = rng.random(8, 2)
    return [process(X, rng.normal(8), noise) for _ in range(m)], rng.random(5, 2)


def baseline(models: list[GaussianProcess], m: int) -> Array:
    """Return what there is to improve on, where the first ``m`` are the objectives."""
    X = models[0].X
    return X[possibly_best(X, models[:m], models[m:])]


@pytest.mark.parametrize(
    ("m", "optimism", "noise"),
    [(2, [], 1e-6), (2, [0.0], 1e-6), (2, [], 0.3), (3, [0.0], 0.1), (2, [2.0], 0.1)],
    ids=["two", "constrained", "noisy", "three", "optimistic"],
)
def test_the_gradient_is_that_of_the_value(
    m: int, optimism: list[float], noise: float
) -> None:
    models, X = problem(m + len(optimism), noise)
    acquisition = LogNoisyExpectedHypervolumeImprovement(
        models[:m],
        models[m:],
        np.full(m, -1.0),
        baseline(models, m),
        np.array([[0.5, 0.5]]),
        seed=0,
        optimism=optimism,
    )
    values, gradients = acquisition.values_and_gradients(X)
    assert np.array_equal(acquisition.values(X), values)
    assert_gradients(gradients, acquisition.values, X, step=1e-3, sharp=1e-3)


@pytest.mark.parametrize("n_constraints", [0, 1])
def test_the_value_is_the_expected_growth_of_the_volume(n_constraints: int) -> None:
    models, X = problem(2 + n_constraints)
    reference = np.full(2, -1.0)
    acquisition = LogNoisyExpectedHypervolumeImprovement(
        models[:2], models[2:], reference, baseline(models, 2), np.empty((0, 2)), seed=0
    )
    moments = [model.moments(X) for model in models]
    feasible = np.all([model.y >= 0 for model in models[2:]], axis=0)
    Y = np.column_stack([model.y for model in models[:2]])
    Y = Y[np.broadcast_to(feasible, len(Y))]
    before = hypervolume(Y, reference)
    rng = Numbers(0)
    for b, found in enumerate(acquisition.values(X)):
        gains = []
        for z in rng.normal(4000, len(models)):
            drawn = [
                m[b] + np.sqrt(v[b]) * s for (m, v), s in zip(moments, z, strict=True)
            ]
            outcome = np.array([drawn[:2]])
            is_feasible = all(slack >= 0 for slack in drawn[2:])
            after = hypervolume(np.concatenate([Y, outcome]), reference)
            gains.append(is_feasible * (after - before))
        error = 4 * np.std(gains) / np.sqrt(len(gains)) + 1e-4
        assert np.exp(found) == pytest.approx(np.mean(gains), abs=error)


def test_a_pending_point_adds_nothing_more() -> None:
    models, X = problem(2)
    empty = np.empty((0, 2))
    reference = np.full(2, -1.0)
    alone, taken = (
        LogNoisyExpectedHypervolumeImprovement(
            models, [], reference, baseline(models, 2), X_pending, seed=0
        )
        for X_pending in (empty, X[:1])
    )
    assert taken.values(X[:1])[0] < alone.values(X[:1])[0] - 5


def test_optimism_is_for_what_is_unknown_not_for_what_is_known_to_be_infeasible() -> (
    None
):
    X = np.array([[0.1, 0.1], [0.15, 0.1]])
    objectives = [process(X, np.zeros(2)) for _ in range(2)]
    constraints = [process(X, np.full(2, -1.0))]
    gains = [
        LogNoisyExpectedHypervolumeImprovement(
            objectives,
            constraints,
            np.full(2, -1.0),
            X,
            np.empty((0, 2)),
            seed=0,
            optimism=[optimism],
        ).values(np.array([[0.1, 0.1001], [0.9, 0.9]]))
        for optimism in (0.0, 2.0)
    ]
    known, unknown = gains[1] - gains[0]
    assert unknown == pytest.approx(np.log(ndtr(2.0) / ndtr(0.0)), abs=0.05)
    assert gains[1][0] < gains[1][1] - 100
    assert known > 0


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


def test_far_from_any_improvement_there_is_a_slope_to_follow() -> None:
    models, X = problem(2)
    acquisition = LogNoisyExpectedHypervolumeImprovement(
        models, [], np.full(2, 30.0), baseline(models, 2), np.empty((0, 2)), seed=0
    )
    values, gradients = acquisition.values_and_gradients(X)
    assert (values < -100).all()
    assert np.isfinite(gradients).all()
    assert (np.abs(gradients).max(axis=1) > 1e-3).all()


@pytest.mark.parametrize(
    ("thresholds", "expected"),
    [
        ((None, None), [-0.2, -0.3]),
        ((0.5, None), [0.5, -0.1]),
        ((0.5, -7.0), [0.5, -7.0]),
        ((9.0, None), [9.0, -0.3]),
    ],
    ids=["inferred", "one given", "both given", "beyond the front"],
)
def test_the_reference_point_is_given_or_lies_below_the_front(
    thresholds: tuple[float | None, ...], expected: list[float]
) -> None:
    front = np.array([[0.0, 3.0], [1.0, 1.0], [2.0, 0.0]])
    assert infer_reference_point(front, thresholds) == pytest.approx(expected)


def test_a_front_of_one_point_has_a_reference_point_below_it() -> None:
    assert (infer_reference_point(np.array([[1.0, 2.0]]), (None, None)) < [1, 2]).all()


def test_the_front_is_that_of_feasible_outcomes_where_there_are_any() -> None:
    X = np.array([[0.1, 0.1], [0.5, 0.5], [0.9, 0.9]])
    models = [process(X, np.array([3.0, 2.0, 1.0])) for _ in range(2)]
    some, none = np.array([-1.0, 1.0, 1.0]), np.full(3, -1.0)
    assert posterior_mean_front(X, models, [process(X, some)])[0].tolist() == [
        [0.5, 0.5]
    ]
    assert posterior_mean_front(X, models, [process(X, none)])[0].tolist() == [
        [0.1, 0.1]
    ]


def test_the_linear_transform_keeps_ratios_of_differences() -> None:
    y = np.array([0.0, 1.0, 2.0, 4.0, 5.0, -1e9])
    transform = Standardize.fit(y)
    t = transform(y)
    assert (t[3] - t[2]) / (t[1] - t[0]) == pytest.approx(2)
    assert t[5] > -100  # bad beyond measure is just bad
    mean, _ = transform.inverse_moments(t[:5], np.zeros(5))
    assert mean == pytest.approx(y[:5], abs=1e-6)
    assert transform.scaled(4.0) == pytest.approx(t[3])


def test_outcomes_that_are_all_equal_can_be_transformed() -> None:
    transform = Standardize.fit(np.full(4, 7.0))
    assert transform(np.full(4, 7.0)).tolist() == [0.0] * 4


# The generator


def two_bowls(point: TParameterization) -> dict[str, Observation]:
    """Return distances to two corners: the front is the line between them."""
    x1, x2 = float(point["x"]), float(point["y"])
    near = (x1 - 0.2) ** 2 + (x2 - 0.2) ** 2
    far = (x1 - 0.8) ** 2 + (x2 - 0.8) ** 2
    return {"near": Observation(near), "far": Observation(far)}


def observed(points: list[TParameterization]) -> tuple[ObservedTrial, ...]:
    return tuple(ObservedTrial(k, p, two_bowls(p)) for k, p in enumerate(points))


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
