"""Proposals of the model, and what is done where the model fails."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence

import numpy as np
import torch
from botorch.exceptions.errors import OptimizationGradientError
from linear_operator.utils.errors import NanError, NotPSDError

from hpcopt.core.types import JSONValue, TParameterization
from hpcopt.generation.acquisition import LogNoisyExpectedImprovement
from hpcopt.generation.candidates import best_unused
from hpcopt.generation.design import UsedPoints
from hpcopt.generation.protocol import Snapshot
from hpcopt.generation.surrogate import Surrogate, TrainingData

logger = logging.getLogger(__name__)

#: How many of the best points the search looks around.
_N_INCUMBENTS = 4

#: What numerics raise. ``OptimizationGradientError``: the acquisition has NaNs.
_NUMERICAL_ERRORS = (
    np.linalg.LinAlgError,
    torch.linalg.LinAlgError,  # type: ignore[attr-defined]
    NotPSDError,
    NanError,
    OptimizationGradientError,
)


class Proposer:
    """Proposes one parameterization after the other from one snapshot.

    Where the fitted model fails, an unfitted one is asked, then nobody. Each such step
    is one sentence of ``fallbacks``.
    """

    def __init__(self, snapshot: Snapshot) -> None:
        self.fallbacks: list[str] = []
        self._snapshot = snapshot
        self._data = TrainingData.of(snapshot)
        try:
            self._surrogate = Surrogate.fit(self._data)
        except _NUMERICAL_ERRORS as exc:
            self._fall_back("the fit failed; a model with fixed hyperparameters", exc)
            self._surrogate = Surrogate.unfitted(self._data)
            self._is_fitted = False
        else:
            self._is_fitted = True

    @property
    def details(self) -> Mapping[str, JSONValue]:
        """The model's hyperparameters."""
        return self._surrogate.details

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
        self._surrogate = Surrogate.unfitted(self._data)
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
        acquisition = LogNoisyExpectedImprovement(
            self._surrogate.model,
            torch.from_numpy(space.encode(waiting)),
            seed=int(rng.integers(2**31)),
        )
        incumbents = self._surrogate.best_observed(_N_INCUMBENTS)
        return best_unused(acquisition, space, incumbents, used, rng)

    def _fall_back(self, what: str, exc: Exception) -> None:
        sentence = f"{what} is used instead ({type(exc).__name__}: {exc})"
        self.fallbacks.append(sentence)
        logger.warning("%s", sentence)
