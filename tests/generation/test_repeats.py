"""What is run again where each setting of a small space has been run."""

from __future__ import annotations

from dataclasses import replace

import pytest

from hpcopt.core.space.change import continued
from hpcopt.core.space.choices import ChoiceParameter
from hpcopt.core.space.ranges import RangeParameter
from hpcopt.core.space.search_space import SearchSpace
from hpcopt.core.trials.trial import Observation
from hpcopt.core.types import TParameterization
from hpcopt.generation.protocol import USED_UP, FallbackLevel
from hpcopt.generation.repeats import has_noise
from hpcopt.generation.snapshot import ObservedTrial, Snapshot
from hpcopt.generation.strategy import BayesianGenerator
from tests.support.generation_world import (
    TINY,
    methods_of,
    observed,
    parameters_of,
    snapshot,
    sobol_points,
)

POINTS = sobol_points(TINY, 9)


def mixed_order(parameters: TParameterization) -> float:
    """Return a loss that tells all points of ``TINY`` apart."""
    return (
        float(parameters["n"]) + {"a": 0.1, "b": 0.2, "c": 0.3}[str(parameters["kind"])]
    )


BEST = min(POINTS, key=mixed_order)


def again(now: Snapshot, point: TParameterization, loss: float) -> Snapshot:
    """Return what is known once a setting was run again, with this loss."""
    trial = ObservedTrial(now.n_trials, point, {"loss": Observation(loss)})
    return replace(now, completed=(*now.completed, trial), n_trials=trial.index + 1)


@pytest.mark.parametrize("sem", [0.0, 0.2])
def test_settings_are_repeated_where_their_noise_is_known(sem: float) -> None:
    loss = {str(point): float(k) for k, point in enumerate(POINTS)}
    now = snapshot(TINY, observed(POINTS, lambda p: loss[str(p)], sem))
    found = parameters_of(BayesianGenerator().generate(3, now))
    if not sem:
        assert found == []
        return
    assert len(found) == 3
    assert POINTS[0] in found
    assert all(loss[str(point)] < 5 for point in found[:2])


def test_what_failed_or_is_pending_is_not_repeated() -> None:
    completed = observed(POINTS[2:], mixed_order, 0.2)
    now = snapshot(TINY, completed, pending=POINTS[:1], failed=POINTS[1:2])
    found = parameters_of(BayesianGenerator().generate(9, now))
    assert len(found) == 7
    assert not [point for point in POINTS[:2] if point in found]


@pytest.mark.parametrize("method", ["auto", "sobol"])
@pytest.mark.parametrize("level", FallbackLevel)
def test_where_nothing_tells_of_noise_the_best_setting_is_run_once_more(
    method: str, level: FallbackLevel
) -> None:
    now = snapshot(TINY, observed(POINTS, mixed_order))
    generation = BayesianGenerator(method=method).generate(3, now, level)
    assert parameters_of(generation) == [BEST]
    assert methods_of(generation) == ["repeat"]
    assert generation.why_none.startswith(f"{USED_UP}, and the outcome of one that is")


def test_until_its_outcome_is_known_nothing_else_is_proposed() -> None:
    now = snapshot(TINY, observed(POINTS, mixed_order), pending=[BEST])
    generation = BayesianGenerator().generate(2, now)
    assert parameters_of(generation) == []
    assert generation.why_none.endswith("one that is run again is awaited")


def test_outcomes_that_repeat_to_rounding_are_the_end() -> None:
    now = again(
        snapshot(TINY, observed(POINTS, mixed_order)),
        BEST,
        mixed_order(BEST) * (1 + 1e-12),
    )
    generation = BayesianGenerator().generate(2, now)
    assert parameters_of(generation) == []
    assert generation.why_none == (
        "every point of the search space has been tried, and one that was run again "
        "had the same outcome"
    )


def test_where_they_differ_what_may_be_best_is_run_again_and_again() -> None:
    now = again(snapshot(TINY, observed(POINTS, mixed_order)), BEST, 1.3)
    for _ in range(6):
        [point] = parameters_of(BayesianGenerator().generate(1, now))
        assert point["n"] in (1, 2)
        now = again(now, point, mixed_order(point) + 0.1 * (-1) ** now.n_trials)
    assert len(parameters_of(BayesianGenerator().generate(4, now))) == 4


def test_the_best_is_the_best_feasible_one() -> None:
    def two_metrics(*, is_low: bool) -> tuple[ObservedTrial, ...]:
        return tuple(
            replace(
                trial,
                outcome={
                    **trial.outcome,
                    "level": Observation(float(trial.parameters["n"]) - 5 * is_low),
                },
            )
            for trial in observed(POINTS, mixed_order)
        )

    for is_low, n in ((False, 2), (True, 3)):  # none is feasible: the least violation
        now = snapshot(TINY, two_metrics(is_low=is_low), constraints=["level >= 1.5"])
        [point] = parameters_of(BayesianGenerator().generate(2, now))
        assert point == {"n": n, "kind": "a"}


def test_of_several_objectives_a_setting_of_the_front_is_run_again() -> None:
    trials = tuple(
        ObservedTrial(
            k,
            point,
            {
                "cost": Observation(float(point["n"])),
                "loss": Observation(-mixed_order(point)),
            },
        )
        for k, point in enumerate(POINTS)
    )
    now = snapshot(TINY, trials, objective="-cost, -loss")
    [point] = parameters_of(BayesianGenerator().generate(2, now))
    assert point == {"n": 1, "kind": "c"}
    other = ObservedTrial(
        9, point, {"cost": Observation(1.0), "loss": Observation(-1.5)}
    )
    noisy = replace(now, completed=(*trials, other), n_trials=10)
    generation = BayesianGenerator().generate(2, noisy)
    assert methods_of(generation) == ["bo", "bo"]


def test_a_setting_that_failed_when_it_was_run_again_is_left() -> None:
    now = snapshot(TINY, observed(POINTS, mixed_order), failed=[BEST])
    [point] = parameters_of(BayesianGenerator().generate(2, now))
    others = [point for point in POINTS if point != BEST]
    assert point == min(others, key=mixed_order)


def test_a_trial_that_was_stopped_early_tells_nothing_of_noise() -> None:
    now = snapshot(TINY, observed(POINTS, mixed_order))
    stopped = ObservedTrial(9, BEST, {"loss": Observation(7.0, step=3)})
    now = replace(now, completed=(*now.completed, stopped), n_trials=10)
    assert has_noise(now) is None


def test_what_is_no_longer_allowed_is_not_run_again() -> None:
    after = SearchSpace(
        (RangeParameter("n", 2.0, 3.0, "int"), ChoiceParameter("kind", ("a", "b", "c")))
    )
    space, _ = continued(TINY, after)
    now = snapshot(space, observed(POINTS, mixed_order))
    [point] = parameters_of(BayesianGenerator().generate(2, now))
    assert point == {"n": 2, "kind": "a"}


def test_one_setting_alone_is_run_once() -> None:
    space = SearchSpace((ChoiceParameter("kind", ("a",)),))
    now = snapshot(space, observed([{"kind": "a"}], lambda _: 1.0))
    generation = BayesianGenerator().generate(1, now)
    assert parameters_of(generation) == []
    assert generation.why_none == USED_UP
