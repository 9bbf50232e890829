"""What is done where numerics fail: a plainer model, then none."""

from __future__ import annotations

import logging
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from typing import Generic, Protocol, TypeVar

import numpy as np

from hpcopt.core.types import JSONValue, TParameterization
from hpcopt.generation.design.initial import UsedPoints
from hpcopt.generation.models.surrogate import Surrogate, TrainingData
from hpcopt.generation.snapshot import Snapshot

logger = logging.getLogger(__name__)

MakeSurrogate = Callable[[TrainingData], Surrogate]

#: What numerics raise.
_NUMERICAL_ERRORS = (np.linalg.LinAlgError, FloatingPointError)


class HasDetails(Protocol):
    """Models that a person may look at."""

    @property
    def details(self) -> Mapping[str, JSONValue]:
        """The models' hyperparameters."""


M = TypeVar("M", bound=HasDetails)


class FallbackProposer(ABC, Generic[M]):
    """Proposes one parameterization after the other from one snapshot.

    Where the fitted model fails, an unfitted one is asked, then nobody. Each such step
    is one sentence of ``fallbacks``.
    """

    def __init__(self, snapshot: Snapshot, *, is_fitted: bool = True) -> None:
        self.fallbacks: list[str] = []
        self._snapshot = snapshot
        self._is_fitted = is_fitted
        if not is_fitted:
            self._models = self._make_models(Surrogate.unfitted)
            return
        try:
            self._models = self._make_models(Surrogate.fit)
        except _NUMERICAL_ERRORS as exc:
            self._fall_back("the fit failed; a model with fixed hyperparameters", exc)
            self._models = self._make_models(Surrogate.unfitted)
            self._is_fitted = False

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
        self._models = self._make_models(Surrogate.unfitted)
        self._is_fitted = False
        return self.propose(index, proposed, used)

    @abstractmethod
    def _make_models(self, surrogate: MakeSurrogate) -> M:
        """Return the models of what is known.

        Raises:
            LinAlgError: No covariance matrix could be factorised.
        """

    @abstractmethod
    def _best(
        self, index: int, proposed: Sequence[TParameterization], used: UsedPoints
    ) -> TParameterization | None:
        """Return what the models promise most of; ``None`` if nothing is left.

        Raises:
            LinAlgError: A covariance matrix could not be factorised.
            FloatingPointError: What is promised is not a number somewhere.
        """

    def _waiting(
        self, proposed: Sequence[TParameterization]
    ) -> list[TParameterization]:
        """Return the points whose outcomes are not known.

        An abandoned point is as good as pending: what it would have told is unknown,
        and a point beside it promises little beyond it.
        """
        return [*self._snapshot.pending, *self._snapshot.abandoned, *proposed]

    def _fall_back(self, what: str, exc: Exception) -> None:
        sentence = f"{what} is used instead ({type(exc).__name__}: {exc})"
        self.fallbacks.append(sentence)
        logger.warning("%s", sentence)
