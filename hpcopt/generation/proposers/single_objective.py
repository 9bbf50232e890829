"""Proposals for one objective, which may have constraints on other outcomes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from hpcopt.core.space.search_space import SearchSpace
from hpcopt.core.types import JSONValue, TParameterization
from hpcopt.generation.acquisition.log_ei import LogNoisyExpectedImprovement
from hpcopt.generation.design.initial import UsedPoints
from hpcopt.generation.models.outcome_models import (
    SingleObjectiveModels,
    possibly_best,
)
from hpcopt.generation.models.surrogate import Surrogate
from hpcopt.generation.optim.categorical_neighbours import (
    categorical_neighbours,
    untried,
)
from hpcopt.generation.optim.constrained_optimum import constrained_mean_optima
from hpcopt.generation.optim.far import optimize_far
from hpcopt.generation.optim.optimize import (
    SearchBox,
    optimize_acquisition,
    optimize_from,
)
from hpcopt.generation.proposers.schedule import (
    Incumbent,
    Proposal,
    has_learned_nothing,
    has_long_constraints,
    has_success_by_distance,
    is_categorical_turn,
    is_far_turn,
    is_greedy_turn,
    is_held_up_by_failures,
    margin_beside_failures,
)
from hpcopt.generation.snapshot import Snapshot

Array = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]

#: How many of the best points the search looks around.
_N_INCUMBENTS = 4

#: From how many of them the constrained optimum of the means is looked for.
_N_OPTIMA = 2

#: How far from the best point another value of a choice is tried, as a share of each
#: other coordinate's range.
_NEIGHBOUR_REACH = 0.1

#: The largest mean is often where a trial is already: closer to it than this share of
#: each range, in every coordinate, there is little to learn.
_LEAST_DISTANCE = 1e-3


@dataclass(frozen=True)
class _Search:
    """The search for one parameterization."""

    models: SingleObjectiveModels
    space: SearchSpace
    X_waiting: Array
    """Points whose outcomes are not known, shape ``(p, d)``."""
    used: UsedPoints
    rng: np.random.Generator
    near: Incumbent | None
    """Where to stay close to."""
    margin: float
    """What an improvement is to exceed, in units of the objective's process."""
    is_any_feasible: bool
    """Whether any trial has satisfied the constraints."""

    def best(self, *, is_greedy: bool = False) -> TParameterization | None:
        """Return the optimum of the acquisition; ``None`` if nothing is unused."""
        is_eligible = self.models.is_eligible(self.space)
        incumbents = self.models.incumbents(_N_INCUMBENTS, is_eligible)
        box = SearchBox.whole(self.space.d)
        if self.near is not None:
            incumbents, box = self.near.point[None], self.near.local_box(self.space)
        acquisition = log_noisy_ei(
            self.models,
            self.X_waiting,
            int(self.rng.integers(2**31)),
            is_eligible,
            is_greedy=is_greedy,
            margin=self.margin,
        )
        return optimize_acquisition(
            acquisition,
            self.space,
            incumbents,
            self.used,
            self.rng,
            box,
            self._optima_of_means(incumbents[:_N_OPTIMA], box),
        )

    def neighbour(self, x: Array, X_tried: Array) -> TParameterization | None:
        """Return a categorical neighbour of ``x``; ``None`` if all were tried.

        What is not discrete goes to where the acquisition is largest close by.
        """
        X = categorical_neighbours(self.space, x)
        starts = untried(self.space, X, X_tried, _NEIGHBOUR_REACH)
        if len(starts) == 0:
            return None
        acquisition = log_noisy_ei(
            self.models,
            self.X_waiting,
            int(self.rng.integers(2**31)),
            self.models.is_eligible(self.space),
        )
        share = np.where(self.space.is_discrete, 1.0, _NEIGHBOUR_REACH)
        box = SearchBox.around(x, share)
        return optimize_from(acquisition, self.space, starts, self.used, box)

    def far(self, X_tried: Array) -> TParameterization | None:
        """Return what promises most of what is far from all tried points."""
        acquisition = log_noisy_ei(
            self.models,
            self.X_waiting,
            int(self.rng.integers(2**31)),
            self.models.is_eligible(self.space),
            margin=self.margin,
        )
        return optimize_far(acquisition, self.space, X_tried, self.used, self.rng)

    def is_away(self, parameterization: TParameterization) -> bool:
        """Whether it is away from all points that are known or waited for."""
        X = np.concatenate([self.models.objective.process.X, self.X_waiting])
        distances = np.abs(X - self.space.encode([parameterization])).max(axis=1)
        return bool(distances.min() >= _LEAST_DISTANCE)

    def _optima_of_means(self, starts: Array, box: SearchBox) -> Array | None:
        # Before, anything feasible is looked for, and not what is best of it.
        if not self.models.constraints or not self.is_any_feasible:
            return None
        return constrained_mean_optima(
            self.models.objective.process,
            self.models.constraint_processes,
            self.space.linear_constraints,
            starts,
            box,
            self.space.is_discrete,
        )


class SingleObjectiveProposer:
    """Proposes what improves the objective most, by the schedule of proposals."""

    def __init__(self, snapshot: Snapshot, *, is_fitted: bool) -> None:
        self._snapshot = snapshot
        self._is_fitted = is_fitted
        self._is_held_up = is_held_up_by_failures(snapshot)
        self._models = SingleObjectiveModels.of(
            snapshot,
            Surrogate.fit if is_fitted else Surrogate.unfitted,
            has_long_constraints=has_long_constraints(snapshot.n_trials),
        )
        self._has_learned_nothing = is_fitted and has_learned_nothing(
            self._models, snapshot.space
        )

    @property
    def details(self) -> Mapping[str, JSONValue]:
        """The models' hyperparameters."""
        return self._models.details

    def propose(
        self, index: int, proposed: Sequence[TParameterization], used: UsedPoints
    ) -> TParameterization | None:
        """Return the next parameterization; ``None`` for one that fills the space."""
        if self._has_learned_nothing:
            return None
        space = self._snapshot.space
        incumbent = Incumbent.of(self._snapshot) if self._is_fitted else None
        n_waiting = len(self._snapshot.pending) + len(proposed)
        is_held_up, models = self._is_held_up, self._models
        proposal: Proposal = "usual"
        if incumbent is not None and not is_held_up:
            proposal = incumbent.proposal(index, n_waiting)
        if proposal == "long_lengthscales":
            models = models.with_long_objective(self._snapshot)
        elif self._is_fitted and models.constraints:
            models = models.with_likelier_objective(self._snapshot)
        if self._is_fitted:
            models = models.with_constraints(
                self._snapshot, are_long=has_long_constraints(index)
            )
            if has_success_by_distance(self._snapshot, index):
                models = models.with_success_by_distance(self._snapshot)
        search = _Search(
            models,
            space,
            space.encode(self._snapshot.waiting(proposed)),
            used,
            np.random.default_rng([self._snapshot.seed, index]),
            near=incumbent if proposal == "local" else None,
            margin=(
                margin_beside_failures(models.objective.process.y) if is_held_up else 0
            ),
            is_any_feasible=incumbent is not None,
        )
        if is_held_up and is_far_turn(index):
            found = search.far(self._tried(search.X_waiting))
            if found is not None:
                return found
        if incumbent is not None and is_categorical_turn(index):
            found = search.neighbour(incumbent.point, self._tried(search.X_waiting))
            if found is not None:
                return found
        # Where outcomes are constrained, the largest mean that is surely feasible is
        # far inside the feasible region, and of little interest.
        is_long = proposal == "long_lengthscales"
        is_greedy = is_greedy_turn(index, n_waiting) and not is_long
        if is_greedy and not models.constraints and not is_held_up:
            found = search.best(is_greedy=True)
            if found is not None and search.is_away(found):
                return found
        return search.best()

    def _tried(self, X_waiting: Array) -> Array:
        """Return all points that have been tried, with whatever result, ``(n, d)``."""
        snapshot = self._snapshot
        ended = [*(trial.parameters for trial in snapshot.completed), *snapshot.failed]
        return np.concatenate([snapshot.space.encode(ended), X_waiting])


def log_noisy_ei(
    models: SingleObjectiveModels,
    X_waiting: Array,
    seed: int,
    is_eligible: Mask,
    *,
    is_greedy: bool = False,
    margin: float = 0.0,
) -> LogNoisyExpectedImprovement:
    """Return the acquisition of what the models say of the observed points.

    Args:
        models: Those of one objective.
        X_waiting: Points whose outcomes are not known, shape ``(p, d)``.
        seed: Where the samples come from.
        is_eligible: Which of the objective's points may be the best, shape ``(n,)``.
        is_greedy: Whether the largest mean is best, known well or not.
        margin: What an improvement is to exceed, in units of the objective's process.

    Raises:
        LinAlgError: A covariance matrix could not be factorised.
    """
    objective, constraints = models.objective.process, models.constraint_processes
    # What has an outcome was a success, whatever the model of success says.
    has_success = models.success is not None
    of_outcomes = constraints[:-1] if has_success else constraints
    kept = possibly_best(objective.X, [objective], of_outcomes, is_eligible)
    return LogNoisyExpectedImprovement(
        objective,
        constraints,
        objective.X[kept],
        X_waiting,
        seed=seed,
        is_greedy=is_greedy,
        model=models.model,
        margin=margin,
        is_last_success=has_success,
    )
