"""What is proposed where numerics fail."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from hpcopt.generation.snapshot import Snapshot
from hpcopt.generation.strategy import BayesianGenerator
from tests.support.generation_world import (
    SQUARE,
    bowl,
    methods_of,
    observed,
    snapshot,
    sobol_points,
)


@pytest.fixture
def now() -> Snapshot:
    return snapshot(SQUARE, observed(sobol_points(SQUARE, 6), bowl))


def _failing_fit(*arguments: Any) -> None:
    raise np.linalg.LinAlgError("3-th leading minor not positive definite")


def test_a_failed_fit_leads_to_a_model_that_needs_none(
    now: Snapshot, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        "hpcopt.generation.models.surrogate.fit_hyperparameters", _failing_fit
    )
    generation = BayesianGenerator().generate(2, now)
    assert methods_of(generation) == ["bo", "bo"]
    assert generation.details["fallbacks"] == [
        "the fit failed; a model with fixed hyperparameters is used instead "
        "(LinAlgError: 3-th leading minor not positive definite)"
    ]


def test_a_search_that_always_fails_leads_to_sobol_points(
    now: Snapshot, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def failing(*arguments: Any, **options: Any) -> None:
        raise np.linalg.LinAlgError("not positive definite")

    monkeypatch.setattr(
        "hpcopt.generation.proposers.single_objective.LogNoisyExpectedImprovement",
        failing,
    )
    generation = BayesianGenerator().generate(2, now)
    assert methods_of(generation) == ["sobol", "sobol"]
    assert generation.details["fallbacks"] == [
        f"trial {index}: the search failed; {what} is used instead "
        "(LinAlgError: not positive definite)"
        for index, what in (
            (6, "a model with fixed hyperparameters"),
            (6, "a Sobol point"),
            (7, "a Sobol point"),
        )
    ]
    assert caplog.messages == generation.details["fallbacks"]


def test_a_search_that_fails_once_leads_to_the_simpler_model(
    now: Snapshot, monkeypatch: pytest.MonkeyPatch
) -> None:
    from hpcopt.generation.optim.optimize import optimize_acquisition
    from hpcopt.generation.proposers import single_objective

    failures = [FloatingPointError("NaNs")]

    def failing_once(*arguments: Any) -> Any:
        if failures:
            raise failures.pop()
        return optimize_acquisition(*arguments)

    monkeypatch.setattr(single_objective, "optimize_acquisition", failing_once)
    generation = BayesianGenerator().generate(1, now)
    assert methods_of(generation) == ["bo"]
    assert len(generation.details["fallbacks"]) == 1  # type: ignore[arg-type]


def test_a_mistake_in_the_program_is_not_taken_for_bad_numerics(
    now: Snapshot, monkeypatch: pytest.MonkeyPatch
) -> None:
    def mistaken(*arguments: Any) -> None:
        raise TypeError("a mistake")

    monkeypatch.setattr(
        "hpcopt.generation.proposers.single_objective.optimize_acquisition", mistaken
    )
    with pytest.raises(TypeError, match="a mistake"):
        BayesianGenerator().generate(1, now)
