"""The models of all outcomes of an experiment, and what they say of observed points.

Each objective and each constraint has a surrogate of its own, independent of the
others, and so has success where trials have failed. Which observed points are feasible,
and which of them may be the best, is said here, for one objective and for several.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import numpy.typing as npt
from botorch.models.model_list_gp_regression import ModelListGP
from scipy.special import ndtr
from typing_extensions import override

from hpcopt.core.goals.metric_sum import MetricSum
from hpcopt.core.goals.objective import Objective
from hpcopt.core.space.search_space import SearchSpace
from hpcopt.core.types import JSONValue
from hpcopt.generation.models.composite_objective import CompositeSurrogate
from hpcopt.generation.models.composite_process import CompositeProcess
from hpcopt.generation.models.failure_model import success_data
from hpcopt.generation.models.gaussian_process import GaussianProcess
from hpcopt.generation.models.surrogate import Surrogate
from hpcopt.generation.models.training_data import TrainingData
from hpcopt.generation.snapshot import Snapshot

Array = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]
MakeSurrogate = Callable[[TrainingData], Surrogate]
AnySurrogate = Surrogate | CompositeSurrogate

#: How much likelier, as a logarithm, the outcomes are under long lengthscales where
#: they leave no doubt of a trend. Less is no reason: the shorter ones explore more.
_BEYOND_DOUBT = 10.0

#: An observed point is not the best one if another's outcome is better by this many
#: standard deviations of both, in every objective.
_N_SIGMA = 3.0

#: An observed point that satisfies the constraints with less is not feasible.
_LEAST_PROBABILITY = 0.025

#: Where noise leaves more observed points that may be the best one, or on the front,
#: those of largest mean, or nearest to the front, stand for all.
_MAX_BASELINE, _MAX_BASELINE_OF_FRONT = 32, 64


@dataclass(frozen=True)
class OutcomeModels:
    """The surrogates of the constraints on outcomes, and of success."""

    constraints: tuple[Surrogate, ...]
    """Of the constraints' slacks: what must not be below 0."""
    success: Surrogate | None
    """Where trials give a result at all; ``None`` while none has failed."""

    @cached_property
    def model(self) -> ModelListGP:
        """The models of all outcomes: objectives, constraints, success."""
        return ModelListGP(*(surrogate.model for surrogate in self.surrogates))

    @property
    def surrogates(self) -> tuple[Surrogate, ...]:
        """All surrogates, in the same order."""
        return (*self.constraints, *([] if self.success is None else [self.success]))

    @property
    def constraint_processes(self) -> list[GaussianProcess]:
        """What must not be below 0: the slacks, and success, which is the last."""
        models = (*self.constraints, self.success)
        return [model.process for model in models if model is not None]


@dataclass(frozen=True)
class SingleObjectiveModels(OutcomeModels):
    """Those, and the surrogate of the only objective."""

    objective: AnySurrogate
    has_long_constraints: bool
    """Whether the constraints' surrogates have long lengthscales."""

    @classmethod
    def of(
        cls,
        snapshot: Snapshot,
        surrogate: MakeSurrogate,
        *,
        has_long_constraints: bool = False,
    ) -> SingleObjectiveModels:
        """Return a ``surrogate`` of each outcome.

        Raises:
            LinAlgError: No covariance matrix could be factorised.
        """
        return cls(
            objective=objective_surrogate(snapshot.objective, snapshot, surrogate),
            constraints=_constraints(
                snapshot, surrogate, are_long=has_long_constraints
            ),
            success=_success(snapshot, surrogate),
            has_long_constraints=has_long_constraints,
        )

    def with_long_objective(self, snapshot: Snapshot) -> SingleObjectiveModels:
        """Return them with long lengthscales of the objective.

        Raises:
            LinAlgError: No covariance matrix could be factorised.
        """
        long = objective_surrogate(
            snapshot.objective,
            snapshot,
            lambda data: Surrogate.fit(data.with_long_lengthscales()),
        )
        return replace(self, objective=long)

    def with_likelier_objective(self, snapshot: Snapshot) -> SingleObjectiveModels:
        """Return them with long lengthscales of the objective where these are likelier.

        Much likelier, that is. Constraints put the best point where several of them
        meet; how the objective changes along them is little beside how it changes
        otherwise, and decides.

        Raises:
            LinAlgError: No covariance matrix could be factorised.
        """
        found = self.with_long_objective(snapshot)
        gain = found.objective.process.log_likelihood
        gain -= self.objective.process.log_likelihood
        return found if gain > _BEYOND_DOUBT else self

    def with_constraints(
        self, snapshot: Snapshot, *, are_long: bool
    ) -> SingleObjectiveModels:
        """Return them with long lengthscales of the constraints, or with short ones.

        Raises:
            LinAlgError: No covariance matrix could be factorised.
        """
        if are_long == self.has_long_constraints:
            return self
        constraints = _constraints(snapshot, Surrogate.fit, are_long=are_long)
        return replace(self, constraints=constraints, has_long_constraints=are_long)

    def with_success_by_distance(self, snapshot: Snapshot) -> SingleObjectiveModels:
        """Return them with success as a signed distance from where trials fail.

        Raises:
            LinAlgError: No covariance matrix could be factorised.
        """
        if self.success is None:
            return self
        data = success_data(snapshot, by_distance=True)
        return replace(self, success=Surrogate.fit(data))

    @property
    @override
    def surrogates(self) -> tuple[Surrogate, ...]:
        """All surrogates: a composite objective has several."""
        return (*self.objective.surrogates, *super().surrogates)

    @property
    def details(self) -> Mapping[str, JSONValue]:
        """The hyperparameters, for a person to look at."""
        details: dict[str, JSONValue] = dict(self.objective.details)
        if self.constraints:
            details["constraints"] = [model.details for model in self.constraints]
        if self.success is not None:
            details["success"] = self.success.details
        return details

    def is_eligible(self, space: SearchSpace) -> Mask:
        """Return which of the objective's points the space still has, shape ``(n,)``.

        All, if it has none of them.
        """
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


@dataclass(frozen=True)
class MultiObjectiveModels(OutcomeModels):
    """Those, and the surrogates of the objectives."""

    objectives: tuple[Surrogate, ...]

    @classmethod
    def of(cls, snapshot: Snapshot, surrogate: MakeSurrogate) -> MultiObjectiveModels:
        """Return a ``surrogate`` of each outcome.

        Each may have long lengthscales: one of several objectives is often a trend.

        Raises:
            LinAlgError: No covariance matrix could be factorised.
        """
        objectives, constraints = (
            tuple(surrogate(data.with_long_alternative()) for data in outcomes)
            for outcomes in (
                TrainingData.of_objectives(snapshot),
                TrainingData.of_constraints(snapshot),
            )
        )
        return cls(
            objectives=objectives,
            constraints=constraints,
            success=_success(snapshot, surrogate),
        )

    @property
    @override
    def surrogates(self) -> tuple[Surrogate, ...]:
        """All surrogates."""
        return (*self.objectives, *super().surrogates)

    @property
    def details(self) -> Mapping[str, JSONValue]:
        """The hyperparameters, for a person to look at."""
        details: dict[str, JSONValue] = {
            "objectives": [model.details for model in self.objectives],
            "constraints": [model.details for model in self.constraints],
        }
        if self.success is not None:
            details["success"] = self.success.details
        return details


def objective_surrogate(
    metric_sum: MetricSum, snapshot: Snapshot, surrogate: MakeSurrogate
) -> AnySurrogate:
    """Return a surrogate of a sum of metrics, composite where some have targets.

    Raises:
        LinAlgError: No covariance matrix could be factorised.
    """
    if isinstance(metric_sum, Objective) and metric_sum.distances:
        return CompositeSurrogate.of(snapshot, metric_sum, surrogate)
    return surrogate(TrainingData.of_sum(snapshot, metric_sum))


def possibly_best(
    X: Array,
    objectives: Sequence[GaussianProcess | CompositeProcess],
    constraints: Sequence[GaussianProcess],
    is_eligible: Mask | None = None,
) -> npt.NDArray[np.intp]:
    """Return which of the points ``X`` may well be the best, or on the Pareto front.

    A point is left out where it is hardly feasible, or where one that is likely to be
    feasible is surely better. BoTorch prunes a baseline by the same end, from samples.

    Args:
        X: Points of which something is known, shape ``(n, d)``.
        objectives: The models of what is maximised.
        constraints: Models of what must not be below 0.
        is_eligible: Which of the points may be the best at all, shape ``(n,)``; all by
            default.

    Returns:
        Their indices: for one objective the best first, else in the points' order.
    """
    moments = [process.moments(X) for process in objectives]
    mean = np.column_stack([mean for mean, _ in moments])
    reach = _N_SIGMA * np.sqrt(np.column_stack([variance for _, variance in moments]))
    probability = np.ones(len(X))
    for process in constraints:
        slack, variance = process.moments(X)
        probability *= ndtr(slack / np.sqrt(variance))
    if is_eligible is not None:
        probability *= is_eligible
    likely = probability > 0.5
    ahead = mean[likely, None] - reach[likely, None] - (mean + reach)
    is_behind = (ahead > 0).all(axis=-1).any(axis=0)
    kept = np.flatnonzero(~is_behind & (probability > _LEAST_PROBABILITY))
    if len(objectives) == 1:
        ranked = kept[np.argsort(-mean[kept, 0], kind="stable")]
        return ranked[:_MAX_BASELINE]
    if len(kept) > _MAX_BASELINE_OF_FRONT:
        distance = (mean[kept, None] - mean[kept]).min(axis=-1).max(axis=0)
        nearest = np.argsort(distance, kind="stable")
        kept = kept[nearest[:_MAX_BASELINE_OF_FRONT]]
    return kept


def _constraints(
    snapshot: Snapshot, surrogate: MakeSurrogate, *, are_long: bool
) -> tuple[Surrogate, ...]:
    slacks = TrainingData.of_constraints(snapshot)
    if are_long:
        slacks = [data.with_long_lengthscales() for data in slacks]
    return tuple(surrogate(data) for data in slacks)


def _success(snapshot: Snapshot, surrogate: MakeSurrogate) -> Surrogate | None:
    if not snapshot.failed or not snapshot.completed:
        return None
    return surrogate(success_data(snapshot))
