"""Spaces, outcomes and snapshots that the tests of the generator share."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Sequence

from botorch.models import SingleTaskGP

from hpcopt.core.goals.goals import parse_goals
from hpcopt.core.space.search_space import ChoiceParameter, RangeParameter, SearchSpace
from hpcopt.core.trials.trial import Observation
from hpcopt.core.types import TParameterization
from hpcopt.generation.acquisition.log_ei import LogNoisyExpectedImprovement
from hpcopt.generation.models.composite_process import CompositeProcess
from hpcopt.generation.models.gaussian_process import Array, GaussianProcess
from hpcopt.generation.models.outcome_models import possibly_best
from hpcopt.generation.models.surrogate import Surrogate
from hpcopt.generation.protocol import Generation
from hpcopt.generation.snapshot import ObservedTrial, Snapshot
from hpcopt.generation.strategy import BayesianGenerator
from tests.support.last_digits import Numbers, changed_point, changed_trial

SQUARE = SearchSpace((RangeParameter("x", 0.0, 1.0), RangeParameter("y", -5.0, 5.0)))
MIXED = SearchSpace(
    (
        RangeParameter("rate", 1e-4, 1.0, log=True),
        RangeParameter("layers", 1.0, 100.0, "int", log=True),
        RangeParameter("dropout", 0.0, 0.5, step=0.1),
        ChoiceParameter("kind", ("a", "b", "c")),
        ChoiceParameter("fixed", (7,)),
    )
)
TINY = SearchSpace(
    (RangeParameter("n", 1.0, 3.0, "int"), ChoiceParameter("kind", ("a", "b", "c")))
)


def bowl(parameters: TParameterization) -> float:
    """Return a loss in ``SQUARE`` whose minimum is 0, at x = 0.3, y = 2."""
    x, y = float(parameters["x"]), float(parameters["y"])
    return (x - 0.3) ** 2 + (y / 10 - 0.2) ** 2


def mixed_bowl(parameters: TParameterization) -> float:
    """Return a loss in ``MIXED`` whose minimum is 0, with kind b and no dropout."""
    return (
        (math.log10(float(parameters["rate"])) + 2) ** 2
        + math.log(float(parameters["layers"]) / 20) ** 2
        + float(parameters["dropout"])
        + {"a": 1.0, "b": 0.0, "c": 2.0}[str(parameters["kind"])]
    )


def cube(d: int) -> SearchSpace:
    """Return the space of ``d`` numbers from 0 to 1."""
    return SearchSpace(tuple(RangeParameter(f"x{k}", 0.0, 1.0) for k in range(d)))


def sphere(parameters: TParameterization) -> float:
    """Return a loss in a cube whose minimum is 0, where all numbers are 0.3."""
    return sum((float(value) - 0.3) ** 2 for value in parameters.values())


def observed(
    points: Sequence[TParameterization],
    loss: Callable[[TParameterization], float],
    sem: float | None = None,
) -> tuple[ObservedTrial, ...]:
    """Return the points as completed trials with the metric ``loss``."""
    return tuple(
        ObservedTrial(index, point, {"loss": Observation(loss(point), sem)})
        for index, point in enumerate(points)
    )


def snapshot(
    space: SearchSpace,
    completed: tuple[ObservedTrial, ...] = (),
    pending: Sequence[TParameterization] = (),
    failed: Sequence[TParameterization] = (),
    seed: int = 0,
    objective: str = "-loss",
    constraints: Sequence[str] = (),
) -> Snapshot:
    """Return what a generator is told: by default to minimise ``loss``.

    It has other last digits where ``last_digits`` says so.
    """
    n_trials = len(completed) + len(pending) + len(failed)
    return Snapshot(
        space=space,
        goals=parse_goals(objective, constraints),
        seed=seed,
        n_trials=n_trials,
        position=10 * n_trials,
        completed=tuple(changed_trial(space, trial) for trial in completed),
        pending=tuple(changed_point(space, point) for point in pending),
        failed=tuple(changed_point(space, point) for point in failed),
    )


def random_snapshot(d: int, n: int, seed: int = 0) -> Snapshot:
    """Return what ``n`` random trials say of the sphere in ``d`` dimensions."""
    space = cube(d)
    points = space.decode(Numbers(seed).random(n, d))
    return snapshot(space, observed(points, sphere), seed=seed)


def constrained_snapshot(
    loss: Callable[[TParameterization], float], least: float = 0.2
) -> Snapshot:
    """Return 20 trials in a cube, where the metric c, x0, is to reach ``least``."""
    space = cube(5)
    points = sobol_points(space, 20)
    trials = tuple(
        ObservedTrial(
            index,
            point,
            {"loss": Observation(loss(point)), "c": Observation(float(point["x0"]))},
        )
        for index, point in enumerate(points)
    )
    return snapshot(space, trials, constraints=[f"c >= {least}"])


def sobol_points(space: SearchSpace, n: int) -> list[TParameterization]:
    """Return the first ``n`` points of the initial design with seed 0."""
    generation = BayesianGenerator(method="sobol").generate(n, snapshot(space))
    return [suggestion.parameters for suggestion in generation.suggestions]


def parameters_of(generation: Generation) -> list[TParameterization]:
    """Return what was suggested."""
    return [suggestion.parameters for suggestion in generation.suggestions]


def methods_of(generation: Generation) -> list[str]:
    """Return how each suggestion was made."""
    return [suggestion.method for suggestion in generation.suggestions]


def minimise(
    space: SearchSpace,
    loss: Callable[[TParameterization], float],
    n_trials: int,
    in_flight: int = 1,
) -> list[TParameterization]:
    """Run an optimisation of ``n_trials`` trials, and return all points.

    Each point is suggested while ``in_flight - 1`` trials are pending.
    """
    generator = BayesianGenerator()
    points: list[TParameterization] = []
    while len(points) < n_trials:
        n_done = max(0, len(points) - in_flight + 1)
        now = snapshot(space, observed(points[:n_done], loss), points[n_done:])
        points += parameters_of(generator.generate(1, now))
    return points


def log_ei(
    objective: GaussianProcess | CompositeProcess,
    constraints: Sequence[GaussianProcess],
    X_pending: Array,
    *,
    is_greedy: bool = False,
) -> LogNoisyExpectedImprovement:
    """Return the acquisition over what was observed of the objective, with seed 0."""
    kept = possibly_best(objective.X, [objective], constraints)
    return LogNoisyExpectedImprovement(
        objective,
        constraints,
        objective.X[kept],
        X_pending,
        seed=0,
        is_greedy=is_greedy,
    )


def untransformed(surrogate: Surrogate) -> SingleTaskGP:
    """Return its model of the transformed outcome, in that one's units."""
    model = copy.deepcopy(surrogate.model)
    del model.outcome_transform
    return model
