"""The model of a single metric, in its own units, whatever the goals are."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from hpcopt.core.goals.goals import Goals
from hpcopt.core.goals.metric_sum import MetricSum
from hpcopt.generation.models.held_out import folds_of, held_out_moments
from hpcopt.generation.models.surrogate import N_CONDITIONED, Surrogate
from hpcopt.generation.models.training_data import TrainingData
from hpcopt.generation.snapshot import Snapshot

Array = npt.NDArray[np.float64]

#: The central 95 % of a Gaussian are within so many standard deviations.
Z_95 = 1.959963984540054


#: Standard errors of averages are those of so many samples: known to 6 %.
_N_SAMPLES = 128


@dataclass(frozen=True)
class HeldOut:
    """Outcomes, and what a model says of each of them without having seen it."""

    trials: tuple[int, ...]
    """The indices of the trials that they are of."""
    observed: Array
    """Shape ``(n,)``, as all of these have."""
    observed_sem: Array
    """The standard errors as they were reported; NaN where one was not."""
    predicted: Array
    predicted_sem: Array
    """That of the noiseless value."""
    is_within: npt.NDArray[np.bool_]
    """Whether an outcome is within the central 95 % of what the model expected, noise
    included."""


@dataclass(frozen=True)
class MetricModel:
    """A fitted model of one metric, in the metric's own units."""

    sign: float
    """1 where large values are good, else -1: the surrogate's outcome is the metric
    times this."""
    surrogate: Surrogate
    trials: tuple[int, ...]
    """The indices of the trials whose outcomes it knows, in its order."""

    @classmethod
    def fit(cls, snapshot: Snapshot, name: str) -> MetricModel:
        """Return the model of what is known of the metric ``name``.

        It is that of an objective that is this metric alone.

        Raises:
            LinAlgError: No covariance matrix could be factorised.
        """
        alone = single_metric(name, snapshot.goals)
        data = TrainingData.of_sum(snapshot, alone)
        known = [t.index for t in snapshot.completed if alone.is_known(t.outcome)]
        kept = data.subset_indices(N_CONDITIONED).tolist()
        trials = tuple(known[k] for k in kept)
        return cls(alone.weights[name], Surrogate.fit(data), trials)

    def predict(self, X: Array) -> tuple[Array, Array]:
        """Return the metric's mean and standard error at ``X``, noise left out.

        The points of the unit cube have the shape ``(b, d)``, the results ``(b,)``.
        """
        mean, variance = self.surrogate.predict(X)
        return self.sign * mean, np.sqrt(variance)

    def average(self, X: Array, seed: int = 0) -> tuple[float, float]:
        """Return the mean over ``X`` of the metric, and its standard error.

        What is known of many points together is more than what is known of each, so
        the error is that of joint posterior samples.

        Args:
            X: Points of the unit cube, shape ``(b, d)``.
            seed: That of the samples.

        Raises:
            LinAlgError: The points' covariance could not be factorised.
        """
        normal = np.random.default_rng(seed).standard_normal((_N_SAMPLES, len(X)))
        samples = self.surrogate.process.samples(X, normal)
        values, _ = self.surrogate.transform.inverse(samples)
        mean, _ = self.predict(X)
        return float(mean.mean()), float(values.mean(axis=1).std(ddof=1))

    def held_out(self, n_folds: int = -1, *, in_units: bool = True) -> HeldOut:
        """Return what the model says of each outcome without that outcome's fold.

        Hyperparameters and the outcomes' transform are held; what changes is what the
        model is conditioned on.

        Args:
            n_folds: How many folds; one for each outcome by default.
            in_units: Whether all is in the metric's units, rather than on the scale on
                which the model is Gaussian.
        """
        transform, data = self.surrogate.transform, self.surrogate.data
        folds = folds_of(len(data), n_folds)
        mean, variance = held_out_moments(self.surrogate.process, folds)
        observed, noise = data.y, data.variance
        spread = np.sqrt(variance + self.surrogate.process.noise)
        is_within = np.abs(transform(data.y) - mean) <= Z_95 * spread
        if in_units:
            mean, variance = transform.inverse_moments(mean, variance)
        else:
            observed = transform(observed)
            noise = None if noise is None else transform.variance(data.y, noise)
        return HeldOut(
            trials=self.trials,
            observed=self.sign * observed,
            observed_sem=np.sqrt(
                np.full(len(data), math.nan if noise is None else noise)
            ),
            predicted=self.sign * mean,
            predicted_sem=np.sqrt(variance),
            is_within=is_within,
        )


def single_metric(name: str, goals: Goals) -> MetricSum:
    """Return one metric, negative if the goals want small values of it."""
    for metric_sum in (*goals.objectives, *goals.bounds):
        if name in metric_sum.weights:
            sign = math.copysign(1.0, metric_sum.weights[name])
            return MetricSum(name, {name: sign})
    return MetricSum(name, {name: 1.0})
