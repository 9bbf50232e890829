"""Predictions: posterior means and variances at parameterizations."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from hpcopt.core.errors import GenerationError
from hpcopt.core.goals.goals import Goals
from hpcopt.core.goals.metric_sum import MetricSum
from hpcopt.core.types import TParameterization
from hpcopt.generation.models.fitted_model import FittedModel
from hpcopt.generation.models.outcome_models import objective_surrogate
from hpcopt.generation.models.surrogate import Surrogate
from hpcopt.generation.proposers.schedule import has_long_constraints
from hpcopt.generation.snapshot import Snapshot
from hpcopt.generation.strategy import MIN_COMPLETED
from hpcopt.host.threads import limited_threads


def predict(
    snapshot: Snapshot,
    points: Sequence[TParameterization],
    metric_sum: MetricSum | None = None,
    threads: int = 1,
) -> list[tuple[float, float]]:
    """Return mean and variance of a sum of metrics at each of ``points``.

    Args:
        snapshot: What is known.
        points: Parameterizations of the snapshot's space.
        metric_sum: What is predicted, preferably so that larger is better; the only
            objective by default. The variance is that of the noiseless value, both
            are in the sum's own units.
        threads: How many threads numerics take meanwhile.

    Raises:
        GenerationError: There is too little to learn from, or no model could be fitted.
    """
    wanted = metric_sum or snapshot.objective
    n_known = sum(wanted.is_known(trial.outcome) for trial in snapshot.completed)
    if n_known < MIN_COMPLETED:
        raise GenerationError(
            f"expected at least {MIN_COMPLETED} completed trials to predict from, "
            f"found {n_known}"
        )
    try:
        with limited_threads(threads):
            surrogate = objective_surrogate(wanted, snapshot, Surrogate.fit)
            mean, variance = surrogate.predict(snapshot.space.encode(points))
    except np.linalg.LinAlgError as exc:
        raise GenerationError(
            f"no model could be fitted to {n_known} completed trials: {exc}"
        ) from exc
    return list(zip(mean.tolist(), variance.tolist(), strict=True))


def fitted_model(snapshot: Snapshot, threads: int = 1) -> FittedModel:
    """Return the models of all outcomes, as the next trial's suggestion asks them.

    Args:
        snapshot: What is known.
        threads: How many threads numerics take meanwhile.

    Raises:
        GenerationError: There is too little to learn from, or no model could be fitted.
    """
    n_known = min(
        sum(objective.is_known(trial.outcome) for trial in snapshot.completed)
        for objective in snapshot.goals.objectives
    )
    if n_known < MIN_COMPLETED:
        raise GenerationError(
            f"expected at least {MIN_COMPLETED} completed trials to learn from, "
            f"found {n_known}"
        )
    try:
        with limited_threads(threads):
            return FittedModel.of(
                snapshot, has_long_constraints=has_long_constraints(snapshot.n_trials)
            )
    except np.linalg.LinAlgError as exc:
        raise GenerationError(
            f"no model could be fitted to {n_known} completed trials: {exc}"
        ) from exc


def predict_metrics(
    snapshot: Snapshot, points: Sequence[TParameterization], threads: int = 1
) -> list[dict[str, tuple[float, float]]]:
    """Return each metric's mean and standard error at each of ``points``.

    Metrics of too few trials are left out, unless that is all of them.

    Args:
        snapshot: What is known.
        points: Parameterizations of the snapshot's space.
        threads: How many threads numerics take meanwhile.

    Raises:
        GenerationError: There is too little to learn from, or no model could be fitted.
    """
    names = dict.fromkeys(snapshot.goals.metric_names)
    names.update(dict.fromkeys(n for t in snapshot.completed for n in t.outcome))
    found: list[dict[str, tuple[float, float]]] = [{} for _ in points]
    for name in names:
        sign = _sign(name, snapshot.goals)
        alone = MetricSum(name, {name: sign})
        n_known = sum(alone.is_known(trial.outcome) for trial in snapshot.completed)
        if n_known < MIN_COMPLETED and len(snapshot.completed) >= MIN_COMPLETED:
            continue
        predictions = predict(snapshot, points, alone, threads)
        for outcome, (mean, variance) in zip(found, predictions, strict=True):
            outcome[name] = sign * mean, math.sqrt(variance)
    return found


def _sign(name: str, goals: Goals) -> float:
    """Return 1 where large values of a metric are good, else -1."""
    for metric_sum in (*goals.objectives, *goals.bounds):
        if name in metric_sum.weights:
            return math.copysign(1.0, metric_sum.weights[name])
    return 1.0
