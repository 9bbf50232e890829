"""Fitted models and their predictions, with errors for people."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

import numpy as np
import numpy.typing as npt

from hpcopt.core.errors import GenerationError
from hpcopt.core.goals.metric_sum import MetricSum
from hpcopt.core.goals.outcome_constraint import OutcomeConstraint
from hpcopt.core.types import TParameterization
from hpcopt.generation.catalogue import is_own_fit
from hpcopt.generation.design.initial import MIN_COMPLETED
from hpcopt.generation.models.asked import (
    AskedConstraint,
    AskedMetric,
    AskedObjective,
)
from hpcopt.generation.models.constraint_model import ConstraintModel
from hpcopt.generation.models.fitted_model import FittedModel
from hpcopt.generation.models.metric_model import MetricModel, single_metric
from hpcopt.generation.models.outcome_models import objective_surrogate
from hpcopt.generation.models.surrogate import Surrogate
from hpcopt.generation.penalties import without_penalties
from hpcopt.generation.proposers.schedule import (
    has_long_constraints,
    has_success_by_distance,
)
from hpcopt.generation.snapshot import Snapshot
from hpcopt.generation.spec import GeneratorSpec
from hpcopt.generation.steps import GenerationStep, step_at
from hpcopt.host.threads import limited_threads

Array = npt.NDArray[np.float64]

_Model = TypeVar("_Model")


def predict(
    snapshot: Snapshot,
    points: Sequence[TParameterization],
    metric_sum: MetricSum | None = None,
    threads: int = 1,
    spec: GeneratorSpec | None = None,
) -> list[tuple[float, float]]:
    """Return mean and variance of a sum of metrics at each of ``points``.

    Args:
        snapshot: What is known.
        points: Parameterizations of the snapshot's space.
        metric_sum: What is predicted, preferably so that larger is better; the only
            objective by default. The variance is that of the noiseless value, both
            are in the sum's own units.
        threads: How many threads numerics take meanwhile.
        spec: What generates, whose model is asked; by default the method ``bo``.

    Raises:
        GenerationError: There is too little to learn from, or no model could be fitted.
        ConfigError: A model is a user's function, which is not found.
    """
    snapshot = _as_modelled(snapshot)
    metric_sum = metric_sum or snapshot.objective
    model = objective_model(snapshot, metric_sum, threads, spec)
    with limited_threads(threads):
        mean, variance = model.predict(snapshot.space.encode(points))
    return list(zip(mean.tolist(), variance.tolist(), strict=True))


def objective_model(
    snapshot: Snapshot,
    metric_sum: MetricSum,
    threads: int = 1,
    spec: GeneratorSpec | None = None,
) -> AskedObjective:
    """Return the model of a sum of metrics, larger being better, as of an objective.

    Args:
        snapshot: What is known.
        metric_sum: The sum.
        threads: How many threads numerics take meanwhile.
        spec: What generates, whose model is asked; by default the method ``bo``.

    Raises:
        GenerationError: There is too little to learn from, or no model could be fitted.
        ConfigError: A model is a user's function, which is not found.
    """
    step, folder = _next_step(snapshot, spec)

    def fit() -> AskedObjective:
        if is_own_fit(step.model, step.model_options):
            return objective_surrogate(metric_sum, snapshot, Surrogate.fit)
        from hpcopt.generation.named.asked import NamedObjective

        return NamedObjective.fit(snapshot, metric_sum, step, folder)

    return _fitted(
        fit,
        n_known(snapshot, metric_sum),
        threads,
    )


def metric_model(
    snapshot: Snapshot,
    name: str,
    threads: int = 1,
    spec: GeneratorSpec | None = None,
) -> AskedMetric:
    """Return the model of one metric.

    Args:
        snapshot: What is known.
        name: The metric.
        threads: How many threads numerics take meanwhile.
        spec: What generates, whose model is asked; by default the method ``bo``.

    Raises:
        GenerationError: There is too little to learn from, or no model could be fitted.
        ConfigError: A model is a user's function, which is not found.
    """
    step, folder = _next_step(snapshot, spec)

    def fit() -> AskedMetric:
        if is_own_fit(step.model, step.model_options):
            return MetricModel.fit(snapshot, name)
        from hpcopt.generation.named.asked import NamedMetric

        return NamedMetric.fit(snapshot, name, step, folder)

    return _fitted(
        fit,
        n_known(snapshot, single_metric(name, snapshot.goals)),
        threads,
    )


def constraint_model(
    snapshot: Snapshot,
    constraint: OutcomeConstraint,
    threads: int = 1,
    spec: GeneratorSpec | None = None,
) -> AskedConstraint:
    """Return the model of how likely an absolute constraint holds.

    Args:
        snapshot: What is known.
        constraint: The constraint.
        threads: How many threads numerics take meanwhile.
        spec: What generates, whose model is asked; by default the method ``bo``.

    Raises:
        GenerationError: There is too little to learn from, or no model could be fitted.
        ConfigError: A model is a user's function, which is not found.
    """
    step, folder = _next_step(snapshot, spec)

    def fit() -> AskedConstraint:
        if is_own_fit(step.model, step.model_options):
            return ConstraintModel.fit(snapshot, constraint)
        from hpcopt.generation.named.asked import NamedConstraint

        return NamedConstraint.fit(snapshot, constraint, step, folder)

    return _fitted(
        fit,
        n_known(snapshot, constraint),
        threads,
    )


def fitted_model(
    snapshot: Snapshot, threads: int = 1, spec: GeneratorSpec | None = None
) -> FittedModel:
    """Return the models of all outcomes, as the next trial's suggestion asks them.

    Args:
        snapshot: What is known.
        threads: How many threads numerics take meanwhile.
        spec: What generates; by default the method ``bo``.

    Raises:
        GenerationError: There is too little to learn from, or no model could be fitted.
        ConfigError: A model is a user's function, which is not found.
    """
    snapshot = _as_modelled(snapshot)
    step, folder = _next_step(snapshot, spec)

    def fit() -> FittedModel:
        if not is_own_fit(step.model, step.model_options):
            from hpcopt.generation.named.fitted import named_fitted_model

            return named_fitted_model(snapshot, step, folder)
        index = snapshot.n_trials
        return FittedModel.of(
            snapshot,
            has_long_constraints=has_long_constraints(index),
            has_success_by_distance=snapshot.goals.is_single
            and has_success_by_distance(snapshot, index),
        )

    return _fitted(
        fit,
        min(n_known(snapshot, objective) for objective in snapshot.goals.objectives),
        threads,
        purpose="learn",
    )


def metric_names(snapshot: Snapshot) -> list[str]:
    """Return every metric of the goals, and then those that trials have besides."""
    names = dict.fromkeys(snapshot.goals.metric_names)
    names.update(dict.fromkeys(n for t in snapshot.completed for n in t.outcome))
    return list(names)


def n_known(snapshot: Snapshot, metric_sum: MetricSum) -> int:
    """Return how many outcomes have all metrics of a sum."""
    return sum(metric_sum.is_known(trial.outcome) for trial in snapshot.completed)


def predict_metrics(
    snapshot: Snapshot,
    points: Sequence[TParameterization],
    threads: int = 1,
    spec: GeneratorSpec | None = None,
) -> list[dict[str, tuple[float, float]]]:
    """Return each metric's mean and standard error at each of ``points``.

    Metrics of too few trials are left out, unless that is all of them.

    Args:
        snapshot: What is known.
        points: Parameterizations of the snapshot's space.
        threads: How many threads numerics take meanwhile.
        spec: What generates, whose model is asked; by default the method ``bo``.

    Raises:
        GenerationError: There is too little to learn from, or no model could be fitted.
        ConfigError: A model is a user's function, which is not found.
    """
    snapshot = _as_modelled(snapshot)
    X = snapshot.space.encode(points)
    found: list[dict[str, tuple[float, float]]] = [{} for _ in points]
    for name in metric_names(snapshot):
        alone = single_metric(name, snapshot.goals)
        is_little = n_known(snapshot, alone) < MIN_COMPLETED
        if is_little and len(snapshot.completed) >= MIN_COMPLETED:
            continue
        model = metric_model(snapshot, name, threads, spec)
        with limited_threads(threads):
            moments = model.predict(X)
        for outcome, mean, sem in zip(
            found, *map(np.ndarray.tolist, moments), strict=True
        ):
            outcome[name] = mean, sem
    return found


def _next_step(
    snapshot: Snapshot, spec: GeneratorSpec | None
) -> tuple[GenerationStep, str | None]:
    """Return the next trial's step, and where a user's own module is."""
    spec = spec or GeneratorSpec()
    return spec.all_steps[step_at(spec.all_steps, snapshot, 0)], spec.folder


def _as_modelled(snapshot: Snapshot) -> Snapshot:
    """Return the snapshot as a proposer's models see it."""
    return without_penalties(snapshot)[0].narrowed()


def _fitted(
    fit: Callable[[], _Model], n_known: int, threads: int, purpose: str = "predict"
) -> _Model:
    """Return what ``fit`` makes of the outcomes that are known.

    Raises:
        GenerationError: They are too few, or no model could be fitted.
    """
    if n_known < MIN_COMPLETED:
        raise GenerationError(
            f"expected at least {MIN_COMPLETED} completed trials to {purpose} from, "
            f"found {n_known}"
        )
    try:
        with limited_threads(threads):
            return fit()
    except np.linalg.LinAlgError as exc:
        raise GenerationError(
            f"no model could be fitted to {n_known} completed trials: {exc}"
        ) from exc
