"""When the objective has long lengthscales."""

from __future__ import annotations

import math

from hpcopt.core.types import TParameterization
from hpcopt.generation.models.outcome_models import SingleObjectiveModels
from hpcopt.generation.models.surrogate import Surrogate
from tests.support.generation_world import (
    constrained_snapshot,
)


def test_an_objective_has_long_lengthscales_where_they_are_much_likelier() -> None:
    def loss(point: TParameterization) -> float:
        return sum((k + 1) * float(point[f"x{k}"]) ** 2 for k in range(5))

    now = constrained_snapshot(loss)
    models = SingleObjectiveModels.of(now, Surrogate.fit)
    likelier = models.with_likelier_objective(now)
    processes = [m.objective.process for m in (models, likelier)]
    shortest = [float(p.lengthscales.min()) for p in processes]
    assert shortest[1] > 2 * shortest[0]


def test_without_much_evidence_the_objectives_model_stays() -> None:
    now = constrained_snapshot(lambda point: math.sin(25 * float(point["x1"])))
    models = SingleObjectiveModels.of(now, Surrogate.fit)
    assert models.with_likelier_objective(now) is models
