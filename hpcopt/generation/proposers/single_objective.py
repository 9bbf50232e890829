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
from hpcopt.generation.optim.categorical_neighbours import exchanges, untried
from hpcopt.generation.optim.constrained_optimum import expected_corners
from hpcopt.generation.optim.optimize import best_from, best_unused
from hpcopt.generation.proposers.schedule import (
    Region,
    Stall,
    is_exchange_turn,
    is_greedy_turn,
    is_long_turn,
)
from hpcopt.generation.snapshot import Snapshot

Array = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]

#: How many of the best points the search looks around.
_N_INCUMBENTS = 4

#: From how many of them the way to the corner of the constraints is looked for.
_N_CORNERS = 2

#: How far from the best point another value of a choice is tried, as a share of each
#: other coordinate's range.
_EXCHANGE_REACH = 0.1

#: The largest mean is often where a trial is already: closer to it than this share of
#: each range, in every coordinate, there is little to learn.
_NEWS = 1e-3


@dataclass(frozen=True)
class _Search:
    """The search for one parameterization."""

    models: SingleObjectiveModels
    space: SearchSpace
    X_waiting: Array
    """Points whose outcomes are not known, shape ``(p, d)``."""
    used: UsedPoints
    rng: np.random.Generator
    near: Stall | None
    """Where to stay close to."""
    is_any_feasible: bool
    """Whether any trial has satisfied the constraints."""

    def best(self, *, is_greedy: bool = False) -> TParameterization | None:
        """Return what promises most; ``None`` if there is nothing unused."""
        is_eligible = self.models.is_eligible(self.space)
        incumbents = self.models.incumbents(_N_INCUMBENTS, is_eligible)
        region = Region.whole(self.space.d)
        if self.near is not None:
            incumbents, region = self.near.best[None], self.near.region(self.space)
        acquisition = log_noisy_ei(
            self.models,
            self.X_waiting,
            int(self.rng.integers(2**31)),
            is_eligible,
            is_greedy=is_greedy,
        )
        return best_unused(
            acquisition,
            self.space,
            incumbents,
            self.used,
            self.rng,
            region,
            self._corners(incumbents[:_N_CORNERS], region),
        )

    def exchange(self, best: Array, X_tried: Array) -> TParameterization | None:
        """Return ``best`` with another value of a choice; ``None`` if all were tried.

        What is not discrete goes to where that promises most.
        """
        X = exchanges(self.space, best)
        starts = untried(self.space, X, X_tried, _EXCHANGE_REACH)
        if len(starts) == 0:
            return None
        acquisition = log_noisy_ei(
            self.models,
            self.X_waiting,
            int(self.rng.integers(2**31)),
            self.models.is_eligible(self.space),
        )
        share = np.where(self.space.is_discrete, 1.0, _EXCHANGE_REACH)
        region = Region.around(best, share)
        return best_from(acquisition, self.space, starts, self.used, region)

    def _corners(self, starts: Array, region: Region) -> Array | None:
        # Before, anything feasible is looked for, and not what is best of it.
        if not self.models.constraints or not self.is_any_feasible:
            return None
        return expected_corners(
            self.models.objective.process,
            self.models.constraint_processes,
            self.space.linear_constraints,
            starts,
            region,
            self.space.is_discrete,
        )

    def is_news(self, parameterization: TParameterization) -> bool:
        """Whether it is away from all points that are known or waited for."""
        X = np.concatenate([self.models.objective.process.X, self.X_waiting])
        distances = np.abs(X - self.space.encode([parameterization])).max(axis=1)
        return bool(distances.min() >= _NEWS)


def log_noisy_ei(
    models: SingleObjectiveModels,
    X_waiting: Array,
    seed: int,
    is_eligible: Mask,
    *,
    is_greedy: bool = False,
) -> LogNoisyExpectedImprovement:
    """Return the acquisition of what the models say of the observed points.

    Args:
        models: Those of one objective.
        X_waiting: Points whose outcomes are not known, shape ``(p, d)``.
        seed: Where the samples come from.
        is_eligible: Which of the objective's points may be the best, shape ``(n,)``.
        is_greedy: Whether the largest mean is best, known well or not.

    Raises:
        LinAlgError: A covariance matrix could not be factorised.
    """
    objective, constraints = models.objective.process, models.constraint_processes
    kept = possibly_best(objective.X, [objective], constraints, is_eligible)
    return LogNoisyExpectedImprovement(
        objective,
        constraints,
        objective.X[kept],
        X_waiting,
        seed=seed,
        is_greedy=is_greedy,
    )


class SingleObjectiveProposer:
    """Proposes what improves the objective most, by a schedule of proposals."""

    def __init__(self, snapshot: Snapshot, *, is_fitted: bool) -> None:
        self._snapshot = snapshot
        self._is_fitted = is_fitted
        self._models = SingleObjectiveModels.of(
            snapshot,
            Surrogate.fit if is_fitted else Surrogate.unfitted,
            has_long_constraints=is_long_turn(snapshot.n_trials),
        )

    @property
    def details(self) -> Mapping[str, JSONValue]:
        """The models' hyperparameters."""
        return self._models.details

    def propose(
        self, index: int, proposed: Sequence[TParameterization], used: UsedPoints
    ) -> TParameterization | None:
        """Return the next parameterization; ``None`` if nothing is left."""
        space = self._snapshot.space
        stall = Stall.of(self._snapshot) if self._is_fitted else None
        turn = stall.turn(index) if stall else "model"
        models = self._models
        if turn == "trend":
            models = models.with_long_objective(self._snapshot)
        elif self._is_fitted and models.constraints:
            models = models.with_likelier_objective(self._snapshot)
        if self._is_fitted:
            models = models.with_constraints(
                self._snapshot, are_long=is_long_turn(index)
            )
        search = _Search(
            models,
            space,
            space.encode(self._snapshot.waiting(proposed)),
            used,
            np.random.default_rng([self._snapshot.seed, index]),
            near=stall if turn == "near" else None,
            is_any_feasible=stall is not None,
        )
        if stall is not None and is_exchange_turn(index):
            found = search.exchange(stall.best, self._tried(search.X_waiting))
            if found is not None:
                return found
        # Where outcomes are constrained, the largest mean that is surely feasible is
        # far inside the feasible region, and of little interest.
        is_greedy = turn != "trend" and not models.constraints and is_greedy_turn(index)
        if is_greedy:
            found = search.best(is_greedy=True)
            if found is not None and search.is_news(found):
                return found
        return search.best()

    def _tried(self, X_waiting: Array) -> Array:
        """Return all points that have been tried, with whatever result."""
        snapshot = self._snapshot
        ended = [*(trial.parameters for trial in snapshot.completed), *snapshot.failed]
        return np.concatenate([snapshot.space.encode(ended), X_waiting])
