"""Crashes that are told as a number are taken as failed."""

from __future__ import annotations

import dataclasses
import itertools

import pytest

from hpcopt.core.types import TParameterization
from hpcopt.generation.penalties import without_penalties
from hpcopt.generation.snapshot import Snapshot
from hpcopt.generation.strategy import BayesianGenerator
from tests.support.generation_world import (
    SQUARE,
    bowl,
    observed,
    parameters_of,
    snapshot,
    sobol_points,
)

POINTS = sobol_points(SQUARE, 20)


def crashes(point: TParameterization) -> bool:
    return float(point["x"]) > 0.6


def told(number: float) -> Snapshot:
    """Return trials whose loss is ``number`` where they crashed."""
    return snapshot(
        SQUARE, observed(POINTS, lambda p: number if crashes(p) else bowl(p))
    )


@pytest.mark.parametrize("number", [4.0, 1e4, 1e10, 1e300])
def test_whatever_the_number_is_suggestions_are_those_of_failed_trials(
    number: float,
) -> None:
    good = tuple(t for t in observed(POINTS, bowl) if not crashes(t.parameters))
    marked = snapshot(SQUARE, good, failed=[p for p in POINTS if crashes(p)])
    generator = BayesianGenerator()
    found = generator.generate(2, told(number))
    assert parameters_of(found) == parameters_of(generator.generate(2, marked))


def test_a_sentence_says_which_trials_and_what_to_do() -> None:
    note = BayesianGenerator().generate(1, told(1e4)).details["note"]
    indices = [str(k) for k, p in enumerate(POINTS) if crashes(p)]
    assert f"trials {', '.join(indices[:5])}" in str(note)
    assert "loss = 10000" in str(note)
    assert "mark_trial_failed" in str(note)


def test_it_is_a_warning_once(caplog: pytest.LogCaptureFixture) -> None:
    for details in ({}, BayesianGenerator().generate(1, told(1e4)).details):
        caplog.clear()
        now = dataclasses.replace(told(1e4), details=details)
        BayesianGenerator().generate(1, now)
        assert bool(caplog.messages) is not bool(details)


@pytest.mark.parametrize("objective", ["-loss", "loss"])
def test_outcomes_that_differ_are_taken_as_they_are(objective: str) -> None:
    values = itertools.count()
    now = snapshot(
        SQUARE, observed(POINTS, lambda _: 3.0 ** next(values)), objective=objective
    )
    assert without_penalties(now) == (now, "")


def test_equal_outcomes_that_are_not_far_from_others_are_taken_as_they_are() -> None:
    now = snapshot(SQUARE, observed(POINTS, lambda p: min(bowl(p), 0.4)))
    assert without_penalties(now) == (now, "")


def test_zero_is_no_penalty() -> None:
    now = snapshot(
        SQUARE,
        observed(POINTS, lambda p: 0.0 if crashes(p) else 5 + bowl(p)),
        objective="loss",
    )
    assert without_penalties(now) == (now, "")
