"""The surrogate: a Gaussian process of an outcome over the unit cube."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from hpcopt.core.goals.objective import MetricSum
from hpcopt.core.types import JSONValue
from hpcopt.generation.models.gaussian_process import GaussianProcess
from hpcopt.generation.models.map_fit import (
    MIN_NOISE,
    Hyperparameters,
    fit_hyperparameters,
    prior_hyperparameters,
)
from hpcopt.generation.models.outcome_transforms import OutcomeTransform, SlackTransform
from hpcopt.generation.models.priors import Priors
from hpcopt.generation.models.standardize import LinearTransform
from hpcopt.generation.snapshot import Snapshot

Array = npt.NDArray[np.float64]

Transform = OutcomeTransform | SlackTransform | LinearTransform

#: Of more outcomes than these, a part is taken: the time of a fit grows with the cube
#: of their number, and that of a suggestion too.
_N_FITTED, N_KNOWN = 300, 1000

#: Larger outcomes and standard errors say no more than these, whose squares are finite.
_LARGEST, _LARGEST_SEM = 1e150, 1e100

_Choose = Callable[[Array, Array, Array | None, Priors], Hyperparameters]


@dataclass(frozen=True)
class TrainingData:
    """What the completed trials say of one outcome."""

    X: Array
    """Points of the unit cube, shape ``(n, d)``."""
    y: Array
    """The outcome's values, shape ``(n,)``; larger is better."""
    variance: Array | None
    """The variance of each value's noise; ``None`` unless all are known."""
    priors: Priors
    """What is believed of the model beforehand."""
    other_priors: tuple[Priors, ...] = ()
    """What may be believed instead; a fit goes by what foretells the outcomes best."""
    has_sign: bool = False
    """Whether it is a constraint's slack: what is below 0 is not feasible."""
    is_linear: bool = False
    """Whether differences count as they are: it is one of several objectives."""
    target: float | None = None
    """What it is to be close to, in place of being large."""

    @classmethod
    def of(cls, snapshot: Snapshot) -> TrainingData:
        """Return the data of the only objective.

        Raises:
            ValueError: There are several objectives.
        """
        return cls.of_sum(snapshot, snapshot.objective)

    @classmethod
    def of_objectives(cls, snapshot: Snapshot) -> list[TrainingData]:
        """Return the data of each of several objectives."""
        return [
            replace(cls.of_sum(snapshot, objective), is_linear=True)
            for objective in snapshot.goals.objectives
        ]

    @classmethod
    def of_constraints(cls, snapshot: Snapshot) -> list[TrainingData]:
        """Return the slacks of each constraint of which something is known."""
        slacks = [
            cls.of_sum(snapshot, constraint, bound=constraint.bound)
            for constraint in snapshot.goals.constraints
            if not constraint.is_relative
        ]
        return [data for data in slacks if len(data)]

    @classmethod
    def of_sum(
        cls, snapshot: Snapshot, metric_sum: MetricSum, bound: float | None = None
    ) -> TrainingData:
        """Return what the trials that have all its metrics say of ``metric_sum``.

        Args:
            snapshot: Where the trials are from.
            metric_sum: The outcome.
            bound: What a feasible outcome reaches: its slack is returned.
        """
        trials = [t for t in snapshot.completed if metric_sum.is_known(t.outcome)]
        sems = [metric_sum.sem(trial.outcome) for trial in trials]
        known = [min(sem, _LARGEST_SEM) ** 2 for sem in sems if sem is not None]
        values = np.array([metric_sum.value(trial.outcome) for trial in trials])
        y = np.clip(values, -_LARGEST, _LARGEST)
        return cls(
            X=snapshot.space.encode(trial.parameters for trial in trials),
            y=y if bound is None else y - bound,
            variance=np.array(known) if len(known) == len(trials) else None,
            priors=Priors.of_short_scales(snapshot.space.is_one_hot),
            has_sign=bound is not None,
        )

    def __len__(self) -> int:
        return len(self.y)

    def essential(self, n: int) -> TrainingData:
        """Return ``n`` of the outcomes: half of them the best, the others at random.

        Those nearest to 0 are the best slacks: they show where the boundary is.
        """
        if len(self) <= n:
            return self
        kept = self.essential_indices(n)
        variance = None if self.variance is None else self.variance[kept]
        return replace(self, X=self.X[kept], y=self.y[kept], variance=variance)

    def essential_indices(self, n: int) -> npt.NDArray[np.intp]:
        """Return which outcomes are the ``n`` essential ones, in their order."""
        if len(self) <= n:
            return np.arange(len(self))
        aim = 0.0 if self.has_sign else self.target
        merit = self.y if aim is None else -np.abs(self.y - aim)
        by_merit = np.argsort(-merit, kind="stable")
        rest = np.random.default_rng(len(self)).permutation(by_merit[n // 2 :])
        return np.sort(np.concatenate([by_merit[: n // 2], rest[: n - n // 2]]))


@dataclass(frozen=True)
class Surrogate:
    """A fitted model of the transformed outcome, and the way back."""

    process: GaussianProcess
    transform: Transform
    details: Mapping[str, JSONValue]
    """Its hyperparameters, for a person to look at."""

    @classmethod
    def fit(cls, data: TrainingData) -> Surrogate:
        """Return the model of largest posterior density.

        Where there is more than one prior, it is the one of those models that says most
        of each outcome when told of the others alone.

        Raises:
            LinAlgError: No covariance matrix could be factorised.
        """
        best = cls._with(data, fit_hyperparameters)
        for priors in data.other_priors:
            other = cls._with(replace(data, priors=priors), fit_hyperparameters)
            if other.process.log_foresight > best.process.log_foresight:
                best = other
        return best

    @classmethod
    def unfitted(cls, data: TrainingData) -> Surrogate:
        """Return a model that holds to the priors and takes all outcomes as noisy."""
        return cls._with(data, prior_hyperparameters)

    @classmethod
    def _with(cls, data: TrainingData, choose: _Choose) -> Surrogate:
        data = data.essential(N_KNOWN)
        transform = _transform(data)
        part = data.essential(_N_FITTED)
        chosen = choose(
            part.X, transform(part.y), _known_noise(part, transform), part.priors
        )
        t = transform(data.y)
        noise = _known_noise(data, transform)
        if noise is None or chosen.noise is not None:
            noise = np.full_like(t, chosen.noise)
        return cls(
            process=GaussianProcess.of(data.X, t, noise, chosen),
            transform=transform,
            details={
                "lengthscales": chosen.lengthscales.tolist(),
                "outputscale": chosen.outputscale,
                "noise": chosen.noise,
                **transform.details,
            },
        )

    def scaled(self, value: float) -> float:
        """Return an outcome in the units of ``process``."""
        if isinstance(self.transform, LinearTransform):
            return self.transform.scaled(value)
        return float(self.transform(np.array([value]))[0])

    @property
    def unit(self) -> float:
        """What 1 in ``process`` is of the outcome, where its transform is linear.

        Raises:
            ValueError: It is not.
        """
        if not isinstance(self.transform, LinearTransform):
            raise ValueError("expected a linear transform of the outcomes")
        return self.transform.std

    def predict(self, X: Array) -> tuple[Array, Array]:
        """Return the outcome's mean and variance at the points ``X``."""
        return self.transform.inverse_moments(*self.process.moments(X))


def _known_noise(data: TrainingData, transform: Transform) -> Array | None:
    """Return the variance of each transformed outcome; ``None`` if it is not known."""
    if data.variance is None:
        return None
    return np.maximum(transform.variance(data.y, data.variance), MIN_NOISE)


def _transform(data: TrainingData) -> Transform:
    if data.has_sign:
        return SlackTransform.fit(data.y)
    if data.is_linear or data.target is not None:
        return LinearTransform.fit(data.y, data.target)
    return OutcomeTransform.fit(data.y)
