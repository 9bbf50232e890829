"""The surrogate of a composite objective: of one whose metrics have targets."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from hpcopt.core.goals.metric_sum import MetricSum
from hpcopt.core.goals.objective import Objective
from hpcopt.core.types import JSONValue
from hpcopt.generation.models.composite_process import CompositeProcess, DistanceTerm
from hpcopt.generation.models.standardize import Standardize
from hpcopt.generation.models.surrogate import N_CONDITIONED, Surrogate
from hpcopt.generation.models.training_data import TrainingData
from hpcopt.generation.snapshot import Snapshot

Array = npt.NDArray[np.float64]

_MakeSurrogate = Callable[[TrainingData], Surrogate]


@dataclass(frozen=True)
class CompositeSurrogate:
    """A surrogate of each sum of metrics in an objective with targets."""

    process: CompositeProcess
    """Of the objective in units of ``scale``."""
    scale: float
    location: float
    """The objective's value where that of ``process`` is 0."""
    details: Mapping[str, JSONValue]
    """Their hyperparameters, for a person to look at."""
    surrogates: tuple[Surrogate, ...]
    """Those of ``process``, in its order."""

    @classmethod
    def of(
        cls, snapshot: Snapshot, objective: Objective, surrogate: _MakeSurrogate
    ) -> CompositeSurrogate:
        """Return a ``surrogate`` of each sum.

        Raises:
            LinAlgError: No covariance matrix could be factorised.
        """
        snapshot = _with_subset(snapshot, objective)
        # One diverged outcome must not make all others look as good as the best.
        values = TrainingData.of_sum(snapshot, objective).y
        scale = Standardize.fit(values, target=0.0).std
        terms: list[DistanceTerm] = []
        surrogates: list[Surrogate] = []
        details: list[JSONValue] = []
        for distance in objective.distances:
            data = _data(snapshot, distance.of)
            model = surrogate(replace(data, target=distance.target))
            unit = math.prod([model.unit] * distance.power) / scale
            terms.append(
                DistanceTerm(
                    model.process,
                    model.scaled(distance.target),
                    distance.weight * unit,
                    distance.power,
                )
            )
            details.append(model.details)
            surrogates.append(model)
        linear, slope, location = None, 1.0, 0.0
        if objective.weights:
            data = _data(snapshot, MetricSum(objective.expression, objective.weights))
            model = surrogate(replace(data, is_linear=True))
            linear, slope = model.process, model.unit / scale
            location = -model.unit * model.scaled(0.0)
            details.append(model.details)
            surrogates.insert(0, model)
        X = terms[0].process.X
        process = CompositeProcess(X, tuple(terms), linear, slope)
        return cls(process, scale, location, {"models": details}, tuple(surrogates))

    def predict(self, X: Array) -> tuple[Array, Array]:
        """Return the objective's mean and variance at ``X``, shape ``(b,)`` each."""
        mean, variance = self.process.moments(X)
        return self.location + self.scale * mean, self.scale * self.scale * variance


def _data(snapshot: Snapshot, metric_sum: MetricSum) -> TrainingData:
    """Return the data of a sum whose lengthscales may be long.

    What is measured often is a plain trend. Its distance from a target never is.
    """
    return TrainingData.of_sum(snapshot, metric_sum).with_long_alternative()


def _with_subset(snapshot: Snapshot, objective: Objective) -> Snapshot:
    """Return the snapshot with those trials that all of the surrogates see."""
    known = [t for t in snapshot.completed if objective.is_known(t.outcome)]
    kept = TrainingData.of_sum(snapshot, objective).subset_indices(N_CONDITIONED)
    return replace(snapshot, completed=tuple(known[k] for k in kept))
