"""The models of one objective and of the constraints on other outcomes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from hpcopt.core.space.search_space import SearchSpace
from hpcopt.core.types import JSONValue
from hpcopt.generation.acquisition.log_ei import LogNoisyExpectedImprovement
from hpcopt.generation.models.composite_objective import TargetSurrogate, model_of
from hpcopt.generation.models.failure_model import success_data
from hpcopt.generation.models.gaussian_process import GaussianProcess
from hpcopt.generation.models.priors import Priors
from hpcopt.generation.models.surrogate import Surrogate, TrainingData
from hpcopt.generation.snapshot import Snapshot

Array = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]

#: How much likelier, as a logarithm, the outcomes are under long lengthscales where
#: they leave no doubt of a trend. Less is no reason: the shorter ones explore more.
_BEYOND_DOUBT = 10.0


@dataclass(frozen=True)
class Models:
    """What is known of the objective and of each constraint."""

    objective: Surrogate | TargetSurrogate
    constraints: tuple[Surrogate, ...]
    success: Surrogate | None
    """Where trials give a result at all; ``None`` while none has failed."""
    are_constraints_long: bool = False
    """Whether the constraints' models look for trends across the space."""

    @classmethod
    def of(
        cls,
        snapshot: Snapshot,
        surrogate: Callable[[TrainingData], Surrogate],
        *,
        are_constraints_long: bool = False,
    ) -> Models:
        """Return a ``surrogate`` of each.

        Raises:
            LinAlgError: No covariance matrix could be factorised.
        """
        data = success_data(snapshot)
        return cls(
            model_of(snapshot.objective, snapshot, surrogate),
            tuple(
                map(surrogate, _constraints(snapshot, are_long=are_constraints_long))
            ),
            None if data is None else surrogate(data),
            are_constraints_long,
        )

    def with_trend(self, snapshot: Snapshot) -> Models:
        """Return them with a model of the objective that looks for a trend.

        Raises:
            LinAlgError: No covariance matrix could be factorised.
        """
        trend = model_of(
            snapshot.objective, snapshot, lambda data: Surrogate.fit(_long(data))
        )
        return replace(self, objective=trend)

    def with_evident_trend(self, snapshot: Snapshot) -> Models:
        """Return them with a model that looks for a trend where there surely is one.

        Constraints put the best point into a corner. How the objective changes along
        them is little beside how it changes otherwise, and decides.

        Raises:
            LinAlgError: No covariance matrix could be factorised.
        """
        found = self.with_trend(snapshot)
        gain = found.objective.process.log_likelihood
        gain -= self.objective.process.log_likelihood
        return found if gain > _BEYOND_DOUBT else self

    def with_constraints(self, snapshot: Snapshot, *, are_long: bool) -> Models:
        """Return them with models of the constraints that look for trends, or do not.

        Raises:
            LinAlgError: No covariance matrix could be factorised.
        """
        if are_long == self.are_constraints_long:
            return self
        constraints = map(Surrogate.fit, _constraints(snapshot, are_long=are_long))
        return replace(
            self, constraints=tuple(constraints), are_constraints_long=are_long
        )

    @property
    def details(self) -> Mapping[str, JSONValue]:
        """The models' hyperparameters."""
        details: dict[str, JSONValue] = dict(self.objective.details)
        if self.constraints:
            details["constraints"] = [model.details for model in self.constraints]
        if self.success is not None:
            details["success"] = self.success.details
        return details

    @property
    def constraint_processes(self) -> list[GaussianProcess]:
        """What must not be below 0: the slacks, and success."""
        models = (*self.constraints, self.success)
        return [model.process for model in models if model is not None]

    def acquisition(
        self,
        X_pending: Array,
        seed: int,
        is_eligible: Mask,
        *,
        is_greedy: bool = False,
    ) -> LogNoisyExpectedImprovement:
        """Return what a point promises; greedily, whether much is known of it or not.

        Only observed points that are eligible are there to be improved on.

        Raises:
            LinAlgError: A covariance matrix could not be factorised.
        """
        return LogNoisyExpectedImprovement(
            self.objective.process,
            self.constraint_processes,
            X_pending,
            seed=seed,
            is_greedy=is_greedy,
            is_eligible=is_eligible,
        )

    def eligible(self, space: SearchSpace) -> Mask:
        """Return which observed points the space still has; all, if it has none."""
        is_inside = space.is_inside(self.objective.process.X)
        return is_inside if is_inside.any() else ~is_inside

    def incumbents(self, n: int, is_eligible: Mask) -> Array:
        """Return the ``n`` eligible points of largest mean, feasible ones first."""
        X = self.objective.process.X
        violation = np.zeros(len(X))
        for model in self.constraints:
            violation += np.maximum(-model.process.mean(X), 0)
        order = np.lexsort((-self.objective.process.mean(X), violation))
        return X[order[is_eligible[order]][:n]]


def _constraints(snapshot: Snapshot, *, are_long: bool) -> list[TrainingData]:
    slacks = TrainingData.of_constraints(snapshot)
    return [_long(data) for data in slacks] if are_long else slacks


def _long(data: TrainingData) -> TrainingData:
    long = Priors.of_long_scales(data.X.shape[1])
    return replace(data, priors=long, other_priors=())
