"""Proposals of the model, and what is done where the model fails."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from hpcopt.core.types import JSONValue, TParameterization
from hpcopt.generation.acquisition import LogNoisyExpectedImprovement
from hpcopt.generation.candidates import best_unused
from hpcopt.generation.design import UsedPoints
from hpcopt.generation.protocol import Snapshot
from hpcopt.generation.surrogate import Surrogate, TrainingData

logger = logging.getLogger(__name__)

Array = npt.NDArray[np.float64]

#: How many of the best points the search looks around.
_N_INCUMBENTS = 4

#: What numerics raise.
_NUMERICAL_ERRORS = (np.linalg.LinAlgError, FloatingPointError)


@dataclass(frozen=True)
class _Models:
    """What is known of the objective and of each constraint."""

    objective: Surrogate
    constraints: tuple[Surrogate, ...]

    @classmethod
    def of(
        cls, snapshot: Snapshot, surrogate: Callable[[TrainingData], Surrogate]
    ) -> _Models:
        """Return a ``surrogate`` of each.

        Raises:
            LinAlgError: No covariance matrix could be factorised.
        """
        return cls(
            surrogate(TrainingData.of(snapshot)),
            tuple(map(surrogate, TrainingData.of_constraints(snapshot))),
        )

    @property
    def details(self) -> Mapping[str, JSONValue]:
        """The models' hyperparameters."""
        if not self.constraints:
            return self.objective.details
        constraints: list[JSONValue] = [model.details for model in self.constraints]
        return {**self.objective.details, "constraints": constraints}

    def acquisition(self, X_pending: Array, seed: int) -> LogNoisyExpectedImprovement:
        """Return what a point promises.

        Raises:
            LinAlgError: A covariance matrix could not be factorised.
        """
        return LogNoisyExpectedImprovement(
            self.objective.process,
            [model.process for model in self.constraints],
            X_pending,
            seed=seed,
        )

    def incumbents(self, n: int) -> Array:
        """Return the ``n`` observed points of largest mean, feasible ones first."""
        X = self.objective.process.X
        violation = np.zeros(len(X))
        for model in self.constraints:
            violation += np.maximum(-model.process.mean(X), 0)
        order = np.lexsort((-self.objective.process.mean(X), violation))
        return X[order[:n]]


class Proposer:
    """Proposes one parameterization after the other from one snapshot.

    Where the fitted model fails, an unfitted one is asked, then nobody. Each such step
    is one sentence of ``fallbacks``.
    """

    def __init__(self, snapshot: Snapshot, *, is_fitted: bool = True) -> None:
        self.fallbacks: list[str] = []
        self._snapshot = snapshot
        if not is_fitted:
            self._models = _Models.of(snapshot, Surrogate.unfitted)
            self._is_fitted = False
            return
        try:
            self._models = _Models.of(snapshot, Surrogate.fit)
        except _NUMERICAL_ERRORS as exc:
            self._fall_back("the fit failed; a model with fixed hyperparameters", exc)
            self._models = _Models.of(snapshot, Surrogate.unfitted)
            self._is_fitted = False
        else:
            self._is_fitted = True

    @property
    def details(self) -> Mapping[str, JSONValue]:
        """The models' hyperparameters."""
        return self._models.details

    def propose(
        self, index: int, proposed: Sequence[TParameterization], used: UsedPoints
    ) -> TParameterization | None:
        """Return the next parameterization; ``None`` if the model has none.

        Args:
            index: The trial that it is for.
            proposed: What was proposed from this snapshot before.
            used: What must not be proposed.
        """
        try:
            return self._best(index, proposed, used)
        except _NUMERICAL_ERRORS as exc:
            if not self._is_fitted:
                self._fall_back(f"trial {index}: the search failed; a Sobol point", exc)
                return None
            self._fall_back(
                f"trial {index}: the search failed; a model with fixed hyperparameters",
                exc,
            )
        self._models = _Models.of(self._snapshot, Surrogate.unfitted)
        self._is_fitted = False
        return self.propose(index, proposed, used)

    def _best(
        self, index: int, proposed: Sequence[TParameterization], used: UsedPoints
    ) -> TParameterization | None:
        space = self._snapshot.space
        # A failed point is as good as pending: what it would have told is unknown,
        # and a point beside it promises little beyond it.
        waiting = [*self._snapshot.pending, *self._snapshot.failed, *proposed]
        rng = np.random.default_rng([self._snapshot.seed, index])
        acquisition = self._models.acquisition(
            space.encode(waiting), int(rng.integers(2**31))
        )
        incumbents = self._models.incumbents(_N_INCUMBENTS)
        return best_unused(acquisition, space, incumbents, used, rng)

    def _fall_back(self, what: str, exc: Exception) -> None:
        sentence = f"{what} is used instead ({type(exc).__name__}: {exc})"
        self.fallbacks.append(sentence)
        logger.warning("%s", sentence)
