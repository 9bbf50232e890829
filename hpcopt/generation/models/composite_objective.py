"""The model of a sum of metrics, with targets or without."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from hpcopt.core.goals.objective import MetricSum, Objective
from hpcopt.core.types import JSONValue
from hpcopt.generation.models.composite_process import Target, TargetProcess
from hpcopt.generation.models.priors import Priors
from hpcopt.generation.models.standardize import LinearTransform
from hpcopt.generation.models.surrogate import N_KNOWN, Surrogate, TrainingData
from hpcopt.generation.snapshot import Snapshot

Array = npt.NDArray[np.float64]

_MakeSurrogate = Callable[[TrainingData], Surrogate]


@dataclass(frozen=True)
class TargetSurrogate:
    """A model of each sum of metrics in an objective with targets."""

    process: TargetProcess
    """Of the objective in units of ``scale``."""
    scale: float
    location: float
    """The objective's value where that of ``process`` is 0."""
    details: Mapping[str, JSONValue]
    """Their hyperparameters, for a person to look at."""

    @classmethod
    def of(
        cls, snapshot: Snapshot, objective: Objective, surrogate: _MakeSurrogate
    ) -> TargetSurrogate:
        """Return a ``surrogate`` of each sum.

        Raises:
            LinAlgError: No covariance matrix could be factorised.
        """
        snapshot = _essential(snapshot, objective)
        # One diverged outcome must not make all others look as good as the best.
        values = TrainingData.of_sum(snapshot, objective).y
        scale = LinearTransform.fit(values, target=0.0).std
        targets: list[Target] = []
        details: list[JSONValue] = []
        for distance in objective.distances:
            data = _data(snapshot, distance.of)
            model = surrogate(replace(data, target=distance.target))
            unit = math.prod([model.unit] * distance.power) / scale
            targets.append(
                Target(
                    model.process,
                    model.scaled(distance.target),
                    distance.weight * unit,
                    distance.power,
                )
            )
            details.append(model.details)
        linear, slope, location = None, 1.0, 0.0
        if objective.weights:
            data = _data(snapshot, MetricSum(objective.expression, objective.weights))
            model = surrogate(replace(data, is_linear=True))
            linear, slope = model.process, model.unit / scale
            location = -model.unit * model.scaled(0.0)
            details.append(model.details)
        X = targets[0].process.X
        process = TargetProcess(X, tuple(targets), linear, slope)
        return cls(process, scale, location, {"models": details})

    def predict(self, X: Array) -> tuple[Array, Array]:
        """Return the objective's mean and variance at the points ``X``."""
        mean, variance = self.process.moments(X)
        return self.location + self.scale * mean, self.scale * self.scale * variance


def model_of(
    metric_sum: MetricSum, snapshot: Snapshot, surrogate: _MakeSurrogate
) -> Surrogate | TargetSurrogate:
    """Return a model of a sum of metrics, or of the sums in it that have targets.

    Raises:
        LinAlgError: No covariance matrix could be factorised.
    """
    if isinstance(metric_sum, Objective) and metric_sum.distances:
        return TargetSurrogate.of(snapshot, metric_sum, surrogate)
    return surrogate(TrainingData.of_sum(snapshot, metric_sum))


def _data(snapshot: Snapshot, metric_sum: MetricSum) -> TrainingData:
    """Return the data of what may well be a plain trend, as what is measured often is.

    Its distance from a target is none.
    """
    data = TrainingData.of_sum(snapshot, metric_sum)
    trend = Priors.of_long_scales(data.X.shape[1])
    return replace(data, other_priors=(trend,))


def _essential(snapshot: Snapshot, objective: Objective) -> Snapshot:
    """Return the snapshot with those trials that all of the models see."""
    known = [t for t in snapshot.completed if objective.is_known(t.outcome)]
    kept = TrainingData.of_sum(snapshot, objective).essential_indices(N_KNOWN)
    return replace(snapshot, completed=tuple(known[k] for k in kept))
