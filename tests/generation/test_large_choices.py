"""Unordered choices of more values than a model has coordinates for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch

from hpcopt.core.space.choices import ChoiceParameter
from hpcopt.core.space.ranges import RangeParameter
from hpcopt.core.space.search_space import Condition, SearchSpace
from hpcopt.core.trials.trial import Observation
from hpcopt.core.types import TParameterization
from hpcopt.generation.predict import fitted_model, predict
from hpcopt.generation.protocol import FallbackLevel
from hpcopt.generation.snapshot import ObservedTrial
from hpcopt.generation.strategy import BayesianGenerator
from tests.support.generation_world import (
    methods_of,
    parameters_of,
    snapshot,
    sobol_points,
)

VALUES = tuple(f"v{k:04d}" for k in range(5000))
X, Y = RangeParameter("x", 0.0, 1.0), RangeParameter("y", 0.0, 1.0)
FORTY = SearchSpace((ChoiceParameter("c", VALUES[:40]), X, Y), ("x + y <= 1.5",))
SPACES = {
    "forty, constrained": FORTY,
    "thousands": SearchSpace((ChoiceParameter("c", VALUES), X)),
    "two": SearchSpace(
        (ChoiceParameter("c", VALUES[:33]), ChoiceParameter("k", VALUES[:50]), X)
    ),
    "nothing else": SearchSpace((ChoiceParameter("c", VALUES[:40]),)),
    "with conditions": SearchSpace(
        (ChoiceParameter("c", VALUES[:40]), X, Y),
        conditions=(Condition("y", "c", VALUES[:3]),),
    ),
}


def told(points: Sequence[TParameterization]) -> tuple[ObservedTrial, ...]:
    """Return trials with a loss by ``c`` and ``x``, and two further metrics."""
    return tuple(
        ObservedTrial(
            index,
            point,
            {
                "loss": Observation(loss(point)),
                "other": Observation(float(point.get("x", 0.0))),
                "third": Observation(float(point.get("y", 0.5))),
            },
        )
        for index, point in enumerate(points)
    )


def loss(point: TParameterization) -> float:
    return int(str(point["c"])[1:]) % 7 + (float(point.get("x", 0.0)) - 0.3) ** 2


@pytest.mark.parametrize("space", SPACES.values(), ids=SPACES)
@pytest.mark.parametrize(
    ("objective", "constraints"),
    [("-loss", []), ("-loss", ["other >= 0.2"]), ("-loss, other", ["third >= 0.1"])],
    ids=["plain", "constrained", "two objectives"],
)
def test_a_model_proposes_what_is_new_and_allowed(
    space: SearchSpace, objective: str, constraints: list[str]
) -> None:
    points = sobol_points(space, 14)
    now = snapshot(
        space,
        told(points[:10]),
        pending=points[10:12],
        failed=points[12:],
        objective=objective,
        constraints=constraints,
    )
    generation = BayesianGenerator().generate(3, now)
    found = parameters_of(generation)
    assert methods_of(generation) == ["bo"] * 3
    assert generation.details["fallbacks"] == []
    assert space.contains(found).all()
    assert all(point not in points for point in found)
    assert len({tuple(point.items()) for point in found}) == 3
    assert parameters_of(BayesianGenerator().generate(3, now)) == found


@pytest.mark.parametrize("method", ["bo", "trust_region", "subspace"])
def test_its_coordinates_are_the_values_in_use_and_a_few_others(method: str) -> None:
    space = SPACES["thousands"]
    points = sobol_points(space, 12)
    n_in_use = len({point["c"] for point in points})
    now = snapshot(space, told(points))
    for level in (FallbackLevel.FULL, FallbackLevel.UNFITTED):
        generation = BayesianGenerator(method=method).generate(2, now, level)
        assert methods_of(generation) == ["bo"] * 2
        if method == "bo":
            lengthscales = generation.details["lengthscales"]
            assert isinstance(lengthscales, list)
            assert len(lengthscales) == n_in_use + 8 + 2 + 1


def test_the_initial_design_is_as_long_as_for_other_choices_of_many_values() -> None:
    for n in (32, 33, 5000):
        space = SearchSpace((ChoiceParameter("c", VALUES[:n]), X))
        points = sobol_points(space, 12)
        for n_done, method in ((8, "sobol"), (12, "bo")):
            now = snapshot(space, told(points[:n_done]))
            assert methods_of(BayesianGenerator().generate(1, now)) == [method]


def test_where_outcomes_have_noise_what_may_be_best_is_proposed_again() -> None:
    space = SPACES["nothing else"]
    points: list[TParameterization] = [{"c": value} for value in VALUES[:40]]
    trials = tuple(
        replace(trial, outcome={"loss": Observation(loss(trial.parameters), 1.0)})
        for trial in told(points)
    )
    now = snapshot(space, trials)
    generation = BayesianGenerator().generate(4, now)
    assert methods_of(generation) == ["bo"] * 4
    assert all(loss(point) <= 2.1 for point in parameters_of(generation))


def test_values_that_no_trial_had_are_predicted_alike() -> None:
    space = SPACES["thousands"]
    points = sobol_points(space, 10)
    now = snapshot(space, told(points))
    in_use = {point["c"] for point in points}
    others = [value for value in VALUES if value not in in_use][:20]
    asked: list[TParameterization] = [{"c": value, "x": 0.5} for value in others]
    predictions = predict(now, asked)
    assert len(set(predictions)) == 1
    [(mean, variance)] = predict(now, points[:1])
    assert mean == pytest.approx(-loss(points[0]), abs=0.5)
    assert variance < predictions[0][1]


def test_the_model_is_that_of_the_next_suggestion() -> None:
    space = SPACES["thousands"]
    points = sobol_points(space, 12)
    now = snapshot(space, told(points))
    fitted = fitted_model(now)
    posterior: Any = fitted.model.posterior(fitted.encode(points))
    mean = posterior.mean.detach()[:, 0]
    expected = torch.tensor([value for value, _ in predict(now, points)]).double()
    np.testing.assert_allclose(mean, expected, atol=1e-9)
    lengthscales = BayesianGenerator().generate(1, now).details["lengthscales"]
    assert fitted.X[0].shape[1] == len(lengthscales)  # type: ignore[arg-type]
    assert space.contains(fitted.decode(fitted.X[0])).all()
