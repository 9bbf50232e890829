"""Proposals of the model, and what is done where the model fails."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from hpcopt.core.space import SearchSpace
from hpcopt.core.types import JSONValue, TParameterization
from hpcopt.generation.candidates import best_unused
from hpcopt.generation.design import UsedPoints
from hpcopt.generation.hedge import Region, Stall, is_greedy_turn
from hpcopt.generation.models import Models
from hpcopt.generation.protocol import Snapshot
from hpcopt.generation.surrogate import Surrogate

logger = logging.getLogger(__name__)

Array = npt.NDArray[np.float64]

#: How many of the best points the search looks around.
_N_INCUMBENTS = 4

#: The largest mean is often where a trial is already: closer to it than this share of
#: each range, in every coordinate, there is little to learn.
_NEWS = 1e-3

#: What numerics raise.
_NUMERICAL_ERRORS = (np.linalg.LinAlgError, FloatingPointError)


@dataclass(frozen=True)
class _Search:
    """The search for one parameterization."""

    models: Models
    space: SearchSpace
    X_waiting: Array
    """Points whose outcomes are not known, shape ``(p, d)``."""
    used: UsedPoints
    rng: np.random.Generator
    near: Stall | None
    """Where to stay close to."""

    def best(self, *, is_greedy: bool = False) -> TParameterization | None:
        """Return what promises most; ``None`` if there is nothing unused."""
        incumbents = self.models.incumbents(_N_INCUMBENTS)
        region = Region.whole(self.space.d)
        if self.near is not None:
            incumbents, region = self.near.best[None], self.near.region(self.space)
        acquisition = self.models.acquisition(
            self.X_waiting, int(self.rng.integers(2**31)), is_greedy=is_greedy
        )
        return best_unused(
            acquisition, self.space, incumbents, self.used, self.rng, region
        )

    def is_news(self, parameterization: TParameterization) -> bool:
        """Whether it is away from all points that are known or waited for."""
        X = np.concatenate([self.models.objective.process.X, self.X_waiting])
        distances = np.abs(X - self.space.encode([parameterization])).max(axis=1)
        return bool(distances.min() >= _NEWS)


class Proposer:
    """Proposes one parameterization after the other from one snapshot.

    Where the fitted model fails, an unfitted one is asked, then nobody. Each such step
    is one sentence of ``fallbacks``.
    """

    def __init__(self, snapshot: Snapshot, *, is_fitted: bool = True) -> None:
        self.fallbacks: list[str] = []
        self._snapshot = snapshot
        if not is_fitted:
            self._models = Models.of(snapshot, Surrogate.unfitted)
            self._is_fitted = False
            return
        try:
            self._models = Models.of(snapshot, Surrogate.fit)
        except _NUMERICAL_ERRORS as exc:
            self._fall_back("the fit failed; a model with fixed hyperparameters", exc)
            self._models = Models.of(snapshot, Surrogate.unfitted)
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
        self._models = Models.of(self._snapshot, Surrogate.unfitted)
        self._is_fitted = False
        return self.propose(index, proposed, used)

    def _best(
        self, index: int, proposed: Sequence[TParameterization], used: UsedPoints
    ) -> TParameterization | None:
        space = self._snapshot.space
        # A failed point is as good as pending: what it would have told is unknown,
        # and a point beside it promises little beyond it.
        waiting = [*self._snapshot.pending, *self._snapshot.failed, *proposed]
        stall = Stall.of(self._snapshot) if self._is_fitted else None
        turn = stall.turn(index) if stall else "model"
        models = self._models
        if turn == "trend":
            models = models.with_trend(self._snapshot)
        search = _Search(
            models,
            space,
            space.encode(waiting),
            used,
            np.random.default_rng([self._snapshot.seed, index]),
            near=stall if turn == "near" else None,
        )
        # Where outcomes are constrained, the largest mean that is surely feasible is
        # far inside the feasible region, and of little interest.
        is_greedy = turn != "trend" and not models.constraints and is_greedy_turn(index)
        if is_greedy:
            found = search.best(is_greedy=True)
            if found is not None and search.is_news(found):
                return found
        return search.best()

    def _fall_back(self, what: str, exc: Exception) -> None:
        sentence = f"{what} is used instead ({type(exc).__name__}: {exc})"
        self.fallbacks.append(sentence)
        logger.warning("%s", sentence)
