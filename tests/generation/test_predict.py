"""Predictions are in the objective's own units."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from hpcopt.core.errors import GenerationError
from hpcopt.generation.predict import predict
from tests.support.generation_world import (
    SQUARE,
    bowl,
    observed,
    snapshot,
    sobol_points,
)
from tests.support.last_digits import Numbers


def test_predictions_are_in_the_objectives_own_units() -> None:
    points = sobol_points(SQUARE, 20)
    now = snapshot(SQUARE, observed(points, lambda p: 1000 * bowl(p)))
    for point, (mean, variance) in zip(points, predict(now, points), strict=True):
        assert mean == pytest.approx(-1000 * bowl(point), abs=5)
        assert 0 <= variance < 25
    [(mean, variance)] = predict(now, [{"x": 0.3, "y": 2.0}])
    assert mean == pytest.approx(0, abs=10)


def test_known_noise_is_smoothed_over() -> None:
    rng = Numbers(0)
    points = sobol_points(SQUARE, 40)
    now = snapshot(
        SQUARE, observed(points, lambda p: bowl(p) + 0.1 * float(rng.normal()), sem=0.1)
    )
    errors = [
        mean + bowl(p)
        for p, (mean, _) in zip(points, predict(now, points), strict=True)
    ]
    assert float(np.sqrt(np.mean(np.square(errors)))) < 0.07


def test_a_prediction_from_one_trial_is_refused() -> None:
    points = sobol_points(SQUARE, 1)
    with pytest.raises(
        GenerationError, match=r"at least 2 completed trials .* found 1"
    ):
        predict(snapshot(SQUARE, observed(points, bowl)), points)


def test_a_prediction_without_a_fit_is_refused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def failing(*arguments: Any) -> None:
        raise np.linalg.LinAlgError("3-th leading minor not positive definite")

    monkeypatch.setattr(
        "hpcopt.generation.models.surrogate.fit_hyperparameters", failing
    )
    now = snapshot(SQUARE, observed(sobol_points(SQUARE, 6), bowl))
    with pytest.raises(
        GenerationError, match="no model could be fitted to 6 completed"
    ):
        predict(now, [{"x": 0.5, "y": 0.0}])
