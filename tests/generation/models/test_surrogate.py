"""The priors and the part of the data that a surrogate takes."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from hpcopt.generation.models.map_fit import Priors
from hpcopt.generation.models.surrogate import Surrogate, TrainingData
from tests.support.generation_world import (
    SQUARE,
    bowl,
    observed,
    snapshot,
    sobol_points,
)
from tests.support.last_digits import Numbers


@pytest.mark.parametrize(
    ("frequency", "is_long"), [(0.5, True), (12.0, False)], ids=["trend", "waves"]
)
def test_the_priors_of_largest_leave_one_out_density_are_taken(
    frequency: float, is_long: bool
) -> None:
    X = Numbers(0).random(24, 2)
    short = TrainingData(
        X,
        np.sin(frequency * X.sum(axis=1)),
        None,
        Priors.short_lengthscales(np.zeros(2, dtype=bool)),
    )
    long = replace(short, priors=Priors.long_lengthscales(2))
    chosen = Surrogate.fit(replace(short, alternative_priors=(long.priors,)))
    expected = Surrogate.fit(long if is_long else short)
    assert chosen.details == expected.details


def test_of_many_outcomes_the_best_half_and_a_part_of_the_rest_is_modelled() -> None:
    points = sobol_points(SQUARE, 1200)
    now = snapshot(SQUARE, observed(points, bowl))
    data = TrainingData.of_sum(now, now.objective)
    part = data.subset(1000)
    assert len(part) == 1000
    best = np.argsort(-data.y, kind="stable")[:500]
    assert {*map(tuple, data.X[best])} <= {*map(tuple, part.X)}
    assert (data.subset(1000).X == part.X).all()
    assert data.subset(1200) is data
    assert len(Surrogate.unfitted(data).process.X) == 1000
