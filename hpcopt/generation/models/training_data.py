"""What the completed trials say of one outcome: the data that a model is fitted to."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from hpcopt.core.goals.metric_sum import MetricSum
from hpcopt.generation.models.map_fit import MIN_NOISE
from hpcopt.generation.models.outcome_transforms import (
    Bilog,
    FittedTransform,
    YeoJohnson,
)
from hpcopt.generation.models.priors import Priors
from hpcopt.generation.models.standardize import Standardize
from hpcopt.generation.snapshot import Snapshot

Array = npt.NDArray[np.float64]

#: Larger outcomes and standard errors say no more than these, whose squares are finite.
_LARGEST, _LARGEST_SEM = 1e150, 1e100


@dataclass(frozen=True)
class TrainingData:
    """What the completed trials say of one outcome."""

    X: Array
    """Points of the unit cube, shape ``(n, d)``."""
    y: Array
    """The outcome's values, shape ``(n,)``; larger is better."""
    variance: Array | None
    """The variance of each value's noise, ``(n,)``; ``None`` unless all are known."""
    priors: Priors
    """Those of the model's hyperparameters."""
    alternative_priors: tuple[Priors, ...] = ()
    """Others; a fit chooses among all by the leave-one-out log density."""
    is_slack: bool = False
    """Whether it is a constraint's slack: what is below 0 is not feasible."""
    is_linear: bool = False
    """Whether differences count as they are: the outcome is standardised only."""
    target: float | None = None
    """What it is to be close to, in place of being large; it is linear then."""
    name: str = ""
    """The outcome, as a person writes it."""

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
            bound: What a feasible outcome reaches: the slack is returned, which is
                the outcome less this.
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
            priors=Priors.short_lengthscales(snapshot.space.is_one_hot),
            is_slack=bound is not None,
            name=metric_sum.expression,
        )

    def __len__(self) -> int:
        return len(self.y)

    def with_long_lengthscales(self) -> TrainingData:
        """Return the data of an outcome that is a trend across the space."""
        long = Priors.long_lengthscales(self.X.shape[1])
        return replace(self, priors=long, alternative_priors=())

    def with_long_alternative(self) -> TrainingData:
        """Return the data of an outcome that may be such a trend."""
        long = Priors.long_lengthscales(self.X.shape[1])
        return replace(self, alternative_priors=(long,))

    def subset(self, n: int) -> TrainingData:
        """Return ``n`` of the outcomes: half of them the best, the others at random.

        Those nearest to 0 are the best slacks: they show where the boundary is.
        """
        if len(self) <= n:
            return self
        kept = self.subset_indices(n)
        variance = None if self.variance is None else self.variance[kept]
        return replace(self, X=self.X[kept], y=self.y[kept], variance=variance)

    def subset_indices(self, n: int) -> npt.NDArray[np.intp]:
        """Return which outcomes ``subset`` takes, in their order; shape ``(n,)``."""
        if len(self) <= n:
            return np.arange(len(self))
        aim = 0.0 if self.is_slack else self.target
        merit = self.y if aim is None else -np.abs(self.y - aim)
        by_merit = np.argsort(-merit, kind="stable")
        rest = np.random.default_rng(len(self)).permutation(by_merit[n // 2 :])
        return np.sort(np.concatenate([by_merit[: n // 2], rest[: n - n // 2]]))

    def fitted_transform(self) -> FittedTransform:
        """Return a transform that is fitted to the outcomes."""
        if self.is_slack:
            return Bilog.fit(self.y)
        if self.is_linear or self.target is not None:
            return Standardize.fit(self.y, self.target)
        return YeoJohnson.fit(self.y)

    def known_noise(self, transform: FittedTransform) -> Array | None:
        """Return the variance of each transformed outcome; ``None`` if not known."""
        if self.variance is None:
            return None
        return np.maximum(transform.variance(self.y, self.variance), MIN_NOISE)
