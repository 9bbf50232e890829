"""Crashes that are told as a number are taken as failed."""

from __future__ import annotations

import dataclasses
import itertools
import math
import random
from collections.abc import Callable

import numpy as np
import pytest

from hpcopt.core.trials.trial import Observation
from hpcopt.core.types import TParameterization
from hpcopt.generation.penalties import look_like_crashes, without_penalties
from hpcopt.generation.predict import fitted_model, predict
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

POINTS = sobol_points(SQUARE, 20)


def crashes(point: TParameterization) -> bool:
    return float(point["x"]) > 0.6


def told(number: float) -> Snapshot:
    """Return trials whose loss is ``number`` where they crashed."""
    return snapshot(
        SQUARE, observed(POINTS, lambda p: number if crashes(p) else bowl(p))
    )


def marked() -> Snapshot:
    """Return the same trials, those that crashed as failed."""
    good = tuple(t for t in observed(POINTS, bowl) if not crashes(t.parameters))
    return snapshot(SQUARE, good, failed=[p for p in POINTS if crashes(p)])


#: Penalties that differ from trial to trial, by a number from 0 to 1 and the point.
VARIED: dict[str, Callable[[float, TParameterization], float]] = {
    "some noise": lambda u, _: 1e4 * (1 + 0.01 * u),
    "much noise": lambda u, _: 1e4 * (1 + u),
    "a trend": lambda _, p: 1e4 + 1e3 * float(p["x"]) + 100 * float(p["y"]),
    "two numbers": lambda u, _: 1e6 if u < 0.5 else 1e8,
    "a number and a rare one": lambda u, _: 1e6 if u < 0.9 else 1e8,
    "two numbers with noise": lambda u, _: (1e6 if u < 0.5 else 1e8) * (1 + u),
}


def varied(name: str) -> Snapshot:
    """Return trials whose loss is a penalty of that kind where they crashed."""
    draw = random.Random(1)
    drawn = {id(point): draw.random() for point in POINTS}

    def loss(point: TParameterization) -> float:
        if crashes(point):
            return VARIED[name](drawn[id(point)], point)
        return bowl(point)

    return snapshot(SQUARE, observed(POINTS, loss))


@pytest.mark.parametrize("number", [4.0, 1e4, 1e10, 1e300])
def test_whatever_the_number_is_suggestions_are_those_of_failed_trials(
    number: float,
) -> None:
    generator = BayesianGenerator()
    found = generator.generate(2, told(number))
    assert parameters_of(found) == parameters_of(generator.generate(2, marked()))


@pytest.mark.parametrize("name", VARIED)
def test_penalties_that_differ_are_taken_as_failed(name: str) -> None:
    found, note = without_penalties(varied(name))
    assert (found.completed, found.failed) == (marked().completed, marked().failed)
    assert "loss from 1" in note


def test_what_is_predicted_knows_no_penalties() -> None:
    at = [{"x": 0.1, "y": 1.0}, {"x": 0.9, "y": 1.0}]
    assert predict(varied("some noise"), at) == predict(marked(), at)
    models = fitted_model(varied("some noise"))
    assert models.outcomes == ("-loss", "success")


def test_what_was_a_penalty_stays_one_whatever_is_found_later() -> None:
    now = varied("some noise")
    n = len(now.completed)
    near = [{"x": 0.3 + 1e-3 * k, "y": 2.0} for k in range(20)]
    later = [dataclasses.replace(t, index=n + t.index) for t in observed(near, bowl)]
    found, _ = without_penalties(
        dataclasses.replace(now, completed=(*now.completed, *later))
    )
    assert found.failed == marked().failed


def test_a_trial_of_several_objectives_has_crashed_if_all_are_penalties() -> None:
    draw = random.Random(1)

    def outcome(point: TParameterization) -> dict[str, Observation]:
        a, b = bowl(point), -math.hypot(*map(float, point.values()))
        if crashes(point):
            a, b = 1e4 * (1 + draw.random()), -999.0
        elif a > 0.3:
            a = 1e5 * (1 + draw.random())
        return {"a": Observation(a), "b": Observation(b)}

    now = snapshot(
        SQUARE,
        tuple(ObservedTrial(k, p, outcome(p)) for k, p in enumerate(POINTS)),
        objective="-a, b",
    )
    found, note = without_penalties(now)
    points = [trial.parameters for trial in now.completed]
    assert list(found.failed) == [p for p in points if crashes(p)]
    assert "all have a from " in note
    assert " and b = -999, far worse" in note


@pytest.mark.parametrize("decades", [1, 3, 8, 20])
@pytest.mark.parametrize("n", [20, 40, 80])
def test_heavy_tails_are_outcomes(decades: int, n: int) -> None:
    drawn = np.random.default_rng(7 * decades + n).random((20, n))
    assert not any(look_like_crashes(-(10.0 ** (decades * row))).any() for row in drawn)


def test_what_a_search_leaves_behind_is_no_crash() -> None:
    draw = np.random.default_rng(3)
    initial, found = -100 - draw.random(12), -draw.random(28)
    assert not look_like_crashes(np.concatenate([initial, found])).any()


@pytest.mark.parametrize(
    "values", [[1, 1, 1, 1, 1, 2, 2, 2], [1, 1, 1, 1, 1, 1, 1, 2, 3, 3, 3]]
)
def test_few_equal_values_are_outcomes(values: list[float]) -> None:
    assert not look_like_crashes(-np.array(values)).any()


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
