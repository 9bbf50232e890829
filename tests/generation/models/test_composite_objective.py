"""Objectives that bring metrics to targets: models, improvement, search."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import pytest

from hpcopt.api.client import Client
from hpcopt.api.configs import RangeParameterConfig
from hpcopt.core.goals.objective import parse_objective
from hpcopt.core.trials.trial import Observation
from hpcopt.core.types import TParameterization
from hpcopt.experiment.folder import read_events
from hpcopt.generation.models.composite_objective import CompositeSurrogate
from hpcopt.generation.models.composite_process import CompositeProcess, DistanceTerm
from hpcopt.generation.models.gaussian_process import (
    Array,
    GaussianProcess,
    Hyperparameters,
)
from hpcopt.generation.models.outcome_models import objective_surrogate
from hpcopt.generation.models.surrogate import Surrogate
from hpcopt.generation.predict import predict
from hpcopt.generation.protocol import FallbackLevel
from hpcopt.generation.replay import replay
from hpcopt.generation.snapshot import ObservedTrial, Snapshot
from hpcopt.generation.strategy import BayesianGenerator
from tests.support.generation_world import (
    SQUARE,
    parameters_of,
    snapshot,
    sobol_points,
)
from tests.support.last_digits import Numbers

Metrics = Mapping[str, float]


def hills(parameters: TParameterization) -> Metrics:
    x, y = float(parameters["x"]), float(parameters["y"])
    return {"a": np.sin(3 * x) + y, "b": x * y - y**2, "cost": x + 2 * y}


def observed(
    points: list[TParameterization],
    metrics: Callable[[TParameterization], Metrics] = hills,
    sem: float | None = None,
) -> tuple[ObservedTrial, ...]:
    return tuple(
        ObservedTrial(
            k, point, {n: Observation(float(v), sem) for n, v in metrics(point).items()}
        )
        for k, point in enumerate(points)
    )


def process(rng: Numbers, X: Array, noise: float) -> GaussianProcess:
    hyperparameters = Hyperparameters(
        lengthscales=np.array([0.4, 0.6]), outputscale=1.0, noise=noise, mean=0.0
    )
    y = rng.normal(len(X))
    return GaussianProcess.of(X, y, np.full(len(X), noise), hyperparameters)


def targets(
    n: int, power: int, *, is_linear: bool, noise: float = 1e-6
) -> CompositeProcess:
    rng = Numbers(n, power)
    X = rng.random(8, 2)
    return CompositeProcess(
        X,
        tuple(
            DistanceTerm(process(rng, X, noise), 0.2 * k, 1.0 + k, power)
            for k in range(n)
        ),
        process(rng, X, noise) if is_linear else None,
        slope=0.7,
    )


@pytest.mark.parametrize(
    "objective", ["-abs(a - 1)", "-2*(a - b - 1)**2 - 0.5*abs(cost - 1)", "cost - b**2"]
)
def test_predictions_are_of_the_objectives_own_value(objective: str) -> None:
    points = sobol_points(SQUARE, 25)
    now = snapshot(SQUARE, observed(points), objective=objective)
    predicted = predict(now, points[:5])
    spread = np.std([now.objective.value(trial.outcome) for trial in now.completed])
    for (mean, variance), trial in zip(predicted, now.completed, strict=False):
        assert mean == pytest.approx(
            now.objective.value(trial.outcome), abs=0.01 * float(spread)
        )
        assert 0 <= variance < 0.01 * spread**2


def test_a_prediction_far_from_data_counts_what_is_uncertain() -> None:
    """The mean of the distance, not the distance of the mean."""
    points = sobol_points(SQUARE, 4)
    now = snapshot(SQUARE, observed(points), objective="-abs(a - 1)")
    model = objective_surrogate(now.objective, now, Surrogate.unfitted)
    assert isinstance(model, CompositeSurrogate)
    X = Numbers(0).random(20, 2)
    mean, _ = model.predict(X)
    value_of_mean = model.process.terms[0].value(model.process.terms[0].process.mean(X))
    surplus = -model.scale * value_of_mean - mean
    assert (surplus >= -1e-9).all()
    assert surplus.max() > 0.1


def distance(now: Snapshot, point: TParameterization) -> float:
    [trial] = observed([point])
    return -now.objective.value(trial.outcome)


@pytest.mark.parametrize(
    "objective",
    ["-abs(a - 1)", "-(a - 1)**2 - 2*(b + 0.1)**2", "-abs(a - 1) - 0.1*cost"],
)
def test_targets_are_found_in_few_trials(objective: str) -> None:
    generator = BayesianGenerator()
    points: list[TParameterization] = []
    while len(points) < 16:
        done = points[: max(0, len(points) - 1)]
        now = snapshot(SQUARE, observed(done), points[len(done) :], objective=objective)
        points += parameters_of(generator.generate(1, now))
    grid = [
        {"x": x, "y": y} for x in np.linspace(0, 1, 41) for y in np.linspace(-1, 1, 41)
    ]
    best = min(distance(now, point) for point in grid)
    assert min(distance(now, point) for point in points) < best + 0.01


@pytest.mark.parametrize("method", ["bo", "trust_region", "subspace"])
@pytest.mark.parametrize("level", [FallbackLevel.FULL, FallbackLevel.UNFITTED])
def test_every_method_takes_targets(method: str, level: FallbackLevel) -> None:
    objective = "-abs(a - 1) - (b + 0.1)**2"
    now = snapshot(SQUARE, observed(sobol_points(SQUARE, 10)), objective=objective)
    generation = BayesianGenerator(method=method).generate(2, now, level)
    assert len(generation.suggestions) == 2
    assert generation.details["fallbacks"] == []


@pytest.mark.parametrize(
    ("objective", "constraints"),
    [("-abs(a - 1), -cost", []), ("-abs(a - 1)", ["a <= 1.2", "cost <= 2"])],
)
def test_targets_go_with_other_objectives_and_with_constraints(
    objective: str, constraints: list[str]
) -> None:
    trials = observed(sobol_points(SQUARE, 10), sem=0.01)
    now = snapshot(SQUARE, trials, objective=objective, constraints=constraints)
    generation = BayesianGenerator().generate(4, now)
    assert [s.method for s in generation.suggestions] == ["bo"] * 4
    assert generation.details["fallbacks"] == []
    json.dumps(dict(generation.details))


def test_the_same_snapshot_gives_the_same_suggestions() -> None:
    objective = "-abs(a - 1) - 2*(b - cost)**2"
    now = snapshot(SQUARE, observed(sobol_points(SQUARE, 9)), objective=objective)
    one, other = (BayesianGenerator().generate(3, now) for _ in range(2))
    assert one.suggestions == other.suggestions
    assert one.details == other.details


@pytest.mark.slow
@pytest.mark.parametrize("diverged", [1e9, 1e300])
def test_one_diverged_outcome_does_not_hide_what_is_close(diverged: float) -> None:
    def metrics(point: TParameterization) -> Metrics:
        found = hills(point)
        return dict.fromkeys(found, diverged) if point == points[2] else found

    objective = "-(a - 1)**2 - 2*(b + 0.1)**2"
    points = sobol_points(SQUARE, 4)
    for _ in range(14):
        now = snapshot(SQUARE, observed(points, metrics), objective=objective)
        generation = BayesianGenerator().generate(1, now)
        assert generation.details["fallbacks"] == []
        points += parameters_of(generation)
    assert min(distance(now, point) for point in points) < 1e-3


@pytest.mark.parametrize("sem", [None, 0.0, 1e160])
@pytest.mark.parametrize("size", [1e-30, 1.0, 1e30])
@pytest.mark.parametrize("objective", ["-abs(a - 1e30) - abs(b)", "-(a - 1)**2 - cost"])
def test_metrics_and_targets_of_other_orders_of_magnitude_are_modelled(
    objective: str, size: float, sem: float | None
) -> None:
    def metrics(point: TParameterization) -> Metrics:
        return {name: size * value for name, value in hills(point).items()}

    trials = observed(sobol_points(SQUARE, 8), metrics, sem)
    now = snapshot(SQUARE, trials, objective=objective)
    assert BayesianGenerator().generate(2, now).details["fallbacks"] == []


@pytest.mark.parametrize("values", [[1.0] * 8, [1e30, -1e30] * 4, [1e-320, 0.0] * 4])
def test_strange_metrics_are_survived(values: list[float]) -> None:
    points = sobol_points(SQUARE, 8)
    by_point = {id(p): v for p, v in zip(points, values, strict=True)}
    trials = observed(points, lambda point: {"a": by_point[id(point)]})
    now = snapshot(SQUARE, trials, objective="-abs(a - 1)")
    assert len(BayesianGenerator().generate(2, now).suggestions) == 2


def test_of_many_trials_the_models_see_the_same_part() -> None:
    rng = Numbers(0)
    points: list[TParameterization] = [
        {"x": float(x), "y": float(y)} for x, y in rng.random(1100, 2)
    ]
    objective = parse_objective("-abs(a - 1) - (b - 1)**2")
    now = snapshot(SQUARE, observed(points), objective=objective.expression)
    model = objective_surrogate(objective, now, Surrogate.unfitted)
    assert isinstance(model, CompositeSurrogate)
    one, other = (target.process.X for target in model.process.terms)
    assert len(one) == 1000
    assert (one == other).all()
    best = max(objective.value(trial.outcome) for trial in now.completed)
    assert model.location + model.scale * model.process.y.max() == pytest.approx(best)


@pytest.mark.slow
def test_a_journal_with_targets_is_replayed_bit_for_bit(tmp_path: Path) -> None:
    client = Client(random_seed=3, folder=tmp_path)
    client.configure_experiment(
        name="targets",
        parameters=[
            RangeParameterConfig(name=name, parameter_type="float", bounds=(-1, 1))
            for name in ("x", "y")
        ],
    )
    client.configure_optimization(
        objective="-abs(a - 1) - 2*(b + 0.1)**2", outcome_constraints=["a <= 1.1"]
    )
    for _ in range(4):
        for index, point in client.get_next_trials(max_trials=2).items():
            raw = {
                name: value for name, value in hills(point).items() if name != "cost"
            }
            client.complete_trial(trial_index=index, raw_data=raw)
    del client
    found = replay(
        read_events(tmp_path),
        lambda spec, n, now, level: BayesianGenerator().generate(n, now, level),
    )
    assert (found.n_identical, found.mismatches) == (8, [])
