from __future__ import annotations

import json
import random
import subprocess
import sys
from collections.abc import Callable

import numpy as np
import pytest

from hpcopt.core.errors import ConfigError, GenerationError
from hpcopt.core.trials.trial import Observation
from hpcopt.core.types import TParameterization
from hpcopt.generation.choice import automatic_method
from hpcopt.generation.protocol import Generation, Suggestion
from hpcopt.generation.service.server import read_answer, write_answer, write_request
from hpcopt.generation.snapshot import ObservedTrial, Snapshot
from hpcopt.generation.strategy import BayesianGenerator
from tests.support.generation_world import (
    MIXED,
    SQUARE,
    TINY,
    bowl,
    constrained_snapshot,
    methods_of,
    minimise,
    mixed_bowl,
    observed,
    parameters_of,
    random_snapshot,
    snapshot,
    sobol_points,
)

# linear_operator still compiles a function with torch.jit when it is imported.
pytestmark = pytest.mark.filterwarnings(
    "ignore:.torch.jit.script. is deprecated:DeprecationWarning"
)


def test_the_first_trial_is_the_centre() -> None:
    generation = BayesianGenerator().generate(1, snapshot(SQUARE))
    assert generation.suggestions == (Suggestion({"x": 0.5, "y": 0.0}, "center"),)


def test_the_initial_design_does_not_depend_on_how_calls_are_grouped() -> None:
    together = sobol_points(MIXED, 8)
    one_by_one: list[TParameterization] = []
    for _ in range(8):
        now = snapshot(MIXED, pending=one_by_one)
        one_by_one += parameters_of(BayesianGenerator().generate(1, now))
    assert one_by_one == together


def test_the_initial_design_depends_on_the_seed() -> None:
    generator = BayesianGenerator()
    one, other = (
        parameters_of(generator.generate(3, snapshot(SQUARE, seed=s))) for s in (0, 1)
    )
    assert one[0] == other[0]
    assert one[1] != other[1]


def test_as_many_as_asked_are_given_while_nothing_has_completed() -> None:
    generation = BayesianGenerator().generate(40, snapshot(SQUARE))
    assert methods_of(generation) == ["center"] + ["sobol"] * 39


def test_the_model_is_asked_once_the_initial_design_is_complete() -> None:
    completed = observed(sobol_points(SQUARE, 3), bowl)
    generation = BayesianGenerator().generate(4, snapshot(SQUARE, completed))
    assert methods_of(generation) == ["sobol", "bo", "bo", "bo"]


def test_failed_trials_do_not_count_towards_the_initial_design() -> None:
    points = sobol_points(SQUARE, 4)
    now = snapshot(SQUARE, observed(points[:2], bowl), failed=points[2:])
    assert methods_of(BayesianGenerator().generate(3, now)) == ["sobol", "sobol", "bo"]


def test_a_trial_without_the_objectives_metric_does_not_count_as_data() -> None:
    points = sobol_points(SQUARE, 6)
    other = {"other": Observation(1.0)}
    lacking = tuple(ObservedTrial(k, point, other) for k, point in enumerate(points))
    now = snapshot(SQUARE, lacking)
    assert methods_of(BayesianGenerator().generate(1, now)) == ["sobol"]


def test_method_sobol_never_asks_a_model() -> None:
    completed = observed(sobol_points(SQUARE, 10), bowl)
    generator = BayesianGenerator(method="sobol")
    assert methods_of(generator.generate(1, snapshot(SQUARE, completed))) == ["sobol"]


def test_n_initial_below_1_is_refused() -> None:
    with pytest.raises(ConfigError, match="at least 1 initial trial, found 0"):
        BayesianGenerator(n_initial=0)


def test_the_generation_tells_its_position_and_hyperparameters() -> None:
    now = snapshot(SQUARE, observed(sobol_points(SQUARE, 6), bowl))
    generation = BayesianGenerator().generate(1, now)
    assert generation.position == now.position
    assert generation.details["fallbacks"] == []
    assert set(generation.details) >= {"lengthscales", "outputscale", "noise", "power"}


@pytest.mark.parametrize("in_flight", [1, 3])
def test_a_bowl_is_minimised(in_flight: int) -> None:
    assert min(map(bowl, minimise(SQUARE, bowl, 20, in_flight))) < 1e-3


def test_a_mixed_space_is_minimised_without_proposing_a_point_twice() -> None:
    points = minimise(MIXED, mixed_bowl, 22, in_flight=2)
    for point in points:
        MIXED.check(point)
    assert min(map(mixed_bowl, points)) < 0.1
    assert len({json.dumps(point) for point in points}) == 22


def test_a_space_is_used_up_point_by_point_and_then_fewer_are_given() -> None:
    points = minimise(TINY, lambda p: float(p["n"]), 9)
    assert len({json.dumps(point) for point in points}) == 9
    generation = BayesianGenerator().generate(
        2, snapshot(TINY, observed(points[:8], lambda p: float(p["n"]), 0.0))
    )
    assert parameters_of(generation) == [points[8]]


def test_a_space_is_used_up_by_the_initial_design_too() -> None:
    assert len(sobol_points(TINY, 20)) == 9


def test_a_failed_point_is_not_proposed_again() -> None:
    points = sobol_points(TINY, 9)
    completed = observed(points[:7], lambda p: float(p["n"]), 0.0)
    now = snapshot(TINY, completed, failed=points[7:8])
    assert parameters_of(BayesianGenerator().generate(9, now)) == [points[8]]


def test_trials_proposed_together_are_apart() -> None:
    now = snapshot(SQUARE, observed(sobol_points(SQUARE, 8), bowl))
    X = SQUARE.encode(parameters_of(BayesianGenerator().generate(4, now)))
    distances = np.linalg.norm(X[:, None] - X, axis=-1)[np.triu_indices(4, 1)]
    assert distances.min() > 1e-2


def test_a_pending_point_moves_the_next_one_away() -> None:
    completed = observed(sobol_points(SQUARE, 8), bowl)
    [wanted] = parameters_of(
        BayesianGenerator().generate(1, snapshot(SQUARE, completed))
    )
    now = snapshot(SQUARE, completed, [wanted])
    X = SQUARE.encode([wanted, *parameters_of(BayesianGenerator().generate(1, now))])
    assert float(np.linalg.norm(X[0] - X[1])) > 1e-2


def test_the_objective_is_a_weighted_sum() -> None:
    points = sobol_points(SQUARE, 12)
    completed = tuple(
        ObservedTrial(
            k, p, {"a": Observation(float(p["x"])), "b": Observation(bowl(p))}
        )
        for k, p in enumerate(points)
    )
    now = snapshot(SQUARE, completed, objective="a - 0.01*b")
    [best] = parameters_of(BayesianGenerator().generate(1, now))
    assert float(best["x"]) > 0.9


@pytest.mark.parametrize(
    "values",
    [[0.0] * 5 + [1e-300], [1.0, 2.0, 3.0, 4.0, -1e30, 1e30]],
    ids=["denormal", "outliers"],
)
def test_strange_outcomes_are_survived(values: list[float]) -> None:
    points = sobol_points(SQUARE, 6)
    completed = tuple(
        ObservedTrial(k, p, {"loss": Observation(v)})
        for k, (p, v) in enumerate(zip(points, values, strict=True))
    )
    generation = BayesianGenerator().generate(2, snapshot(SQUARE, completed))
    assert methods_of(generation) == ["bo", "bo"]


def test_repeated_observations_of_one_point_are_survived() -> None:
    points = [{"x": 0.5, "y": 0.0}] * 6
    generation = BayesianGenerator().generate(
        1, snapshot(SQUARE, observed(points, bowl))
    )
    assert parameters_of(generation) != [points[0]]


@pytest.mark.parametrize("height", [0.0, 3.7, -1e9, 1e-9])
def test_while_all_outcomes_are_equal_trials_fill_the_space(height: float) -> None:
    points = sobol_points(SQUARE, 20)
    now = snapshot(SQUARE, observed(points[:16], lambda _: height))
    generation = BayesianGenerator().generate(4, now)
    assert parameters_of(generation) == points[16:]


#: Points in pairs, which tell noise from a function that goes up and down.
PAIRS = [
    {"x": float(point["x"]) * scale, "y": float(point["y"]) * scale}
    for scale in (1.0, 0.99)
    for point in sobol_points(SQUARE, 10)
]


def _noisy(loss: Callable[[TParameterization], float], sem: float | None) -> Snapshot:
    """Return what is known of points whose loss has noise of size 0.1."""
    draw = random.Random(6)
    return snapshot(
        SQUARE, observed(PAIRS, lambda p: loss(p) + draw.gauss(0, 0.1), sem)
    )


@pytest.mark.parametrize("sem", [0.1, None], ids=["known", "not known"])
def test_while_outcomes_differ_by_noise_alone_trials_fill_the_space(
    sem: float | None,
) -> None:
    generation = BayesianGenerator().generate(4, _noisy(lambda _: 3.0, sem))
    assert methods_of(generation) == ["sobol"] * 4


@pytest.mark.parametrize("sem", [0.1, None], ids=["known", "not known"])
def test_an_outcome_beyond_the_noise_or_a_trend_ends_that(sem: float | None) -> None:
    losses: list[Callable[[TParameterization], float]] = [
        lambda point: -2.0 * (point == PAIRS[5]),
        lambda point: float(point["x"]),
    ]
    for loss in losses:
        generation = BayesianGenerator().generate(2, _noisy(loss, sem))
        assert methods_of(generation) == ["bo", "bo"]


@pytest.mark.parametrize(
    ("objective", "constraints", "trend", "method"),
    [
        ("a, b", [], 0.0, "sobol"),
        ("a, b", [], 1.0, "bo"),
        ("a", [], 1.0, "sobol"),
        ("a", ["b >= 0"], 1.0, "bo"),
    ],
)
def test_what_is_noise_leaves_other_outcomes_to_their_models(
    objective: str, constraints: list[str], trend: float, method: str
) -> None:
    a, b = ([draw.gauss(0, 0.1) for _ in PAIRS] for draw in map(random.Random, (6, 3)))
    trials = tuple(
        ObservedTrial(
            k,
            point,
            {
                "a": Observation(a[k], 0.1),
                "b": Observation(b[k] + trend * float(point["x"]), 0.1),
            },
        )
        for k, point in enumerate(PAIRS)
    )
    now = snapshot(SQUARE, trials, objective=objective, constraints=constraints)
    assert methods_of(BayesianGenerator().generate(1, now)) == [method]


def test_settings_that_are_few_are_left_to_the_model_whatever_the_noise() -> None:
    draw = random.Random(5)
    points = sobol_points(TINY, 9)
    now = snapshot(TINY, observed(points, lambda _: draw.gauss(0, 0.1), 0.1))
    assert methods_of(BayesianGenerator().generate(1, now)) == ["bo"]


def test_one_other_outcome_ends_that() -> None:
    points = sobol_points(SQUARE, 8)
    top = points[5]
    now = snapshot(SQUARE, observed(points, lambda point: -float(point == top)))
    assert methods_of(BayesianGenerator().generate(2, now)) == ["bo", "bo"]


def test_equal_outcomes_leave_a_constraint_to_its_model() -> None:
    now = constrained_snapshot(lambda _: 1.0)
    assert methods_of(BayesianGenerator().generate(1, now)) == ["bo"]


@pytest.mark.slow
def test_the_same_snapshot_gives_the_same_bits_in_another_process() -> None:
    completed = observed(sobol_points(MIXED, 8), mixed_bowl)
    now = snapshot(MIXED, completed, sobol_points(MIXED, 10)[8:])
    answers = [BayesianGenerator().generate(3, now) for _ in range(2)]
    fresh = subprocess.run(
        [sys.executable, "-m", "hpcopt.generation.service.server", "{}"],
        input=write_request(3, now),
        capture_output=True,
        check=True,
    )
    answers.append(read_answer(fresh.stdout))
    assert [a.suggestions for a in answers[1:]] == [answers[0].suggestions] * 2
    assert [a.details for a in answers[1:]] == [answers[0].details] * 2


def test_torchs_global_random_state_is_neither_used_nor_changed() -> None:
    import torch

    now = snapshot(SQUARE, observed(sobol_points(SQUARE, 6), bowl))
    torch.manual_seed(1)
    before = torch.random.get_rng_state()
    one = BayesianGenerator().generate(2, now)
    assert torch.equal(torch.random.get_rng_state(), before)
    torch.manual_seed(2)
    assert BayesianGenerator().generate(2, now).suggestions == one.suggestions


def test_generation_and_service_import_no_torch() -> None:
    code = (
        "import sys, hpcopt.generation.service.process_service\n"
        "import hpcopt.generation.strategy\n"
        "assert 'torch' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_a_generation_survives_the_pipe() -> None:
    generation = Generation(
        suggestions=(Suggestion({"x": 0.1, "n": 3, "b": True, "s": "t"}, "bo"),),
        position=3,
        seconds=0.25,
        details={"noise": None, "fallbacks": ["one"]},
    )
    assert read_answer(write_answer(generation)) == generation


def test_an_error_survives_the_pipe() -> None:
    with pytest.raises(GenerationError, match="no luck"):
        read_answer(write_answer(GenerationError("no luck")))


@pytest.mark.parametrize(
    ("d", "method"), [(12, "bo"), (13, "trust_region"), (51, "subspace")]
)
def test_the_method_follows_the_number_of_parameters(d: int, method: str) -> None:
    name, why = automatic_method(random_snapshot(d, 3))
    assert name == method
    assert f"{d} continuous parameter" in why
