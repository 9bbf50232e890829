"""Bayesian optimisation in a random subspace that grows, for hundreds of parameters.

Each coordinate of the cube, the input dimension, is in the bin of one coordinate of the
subspace, the target dimension, and follows it up or down: where few parameters matter,
each of them is likely to have a bin for itself, and the rest is a small problem. That
is the count-sketch embedding of HeSBO (Nayebi et al., "A Framework for Bayesian
Optimization in Embedded Subspaces", 2019). From time to time each bin is split in two,
so that what was seen stays inside, as in BAxUS (Papenmeier et al., "Increasing the
Scope as You Learn: Adaptive Bayesian Optimization in Nested Subspaces", 2022).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from hpcopt.core.space.ranges import RangeParameter
from hpcopt.core.space.search_space import SearchSpace
from hpcopt.core.types import JSONValue, TParameterization
from hpcopt.generation.design.initial import InitialDesign, UsedPoints
from hpcopt.generation.methods import MAX_D_OF_BO
from hpcopt.generation.proposers.single_objective import SingleObjectiveProposer
from hpcopt.generation.proposers.trust_region import TrustRegionProposer
from hpcopt.generation.snapshot import Snapshot

Array = npt.NDArray[np.float64]

#: The target dimension at first, and how many trials there are when bins are split.
_FIRST_TARGET_D, _FIRST_SPLIT = 12, 30

#: A point is in the subspace if no coordinate is farther from what it follows.
_TOLERANCE = 1e-6

#: How many proposals of the subspace may already be used in the space.
_N_TRIES = 3


@dataclass(frozen=True)
class SparseEmbedding:
    """A subspace of the unit cube along sums and differences of its axes."""

    bins: npt.NDArray[np.int64]
    """The target coordinate that each input coordinate follows, shape ``(d,)``."""
    signs: Array
    """Whether it goes the same way, 1, or the opposite way, -1; shape ``(d,)``."""

    @classmethod
    def of(cls, d: int, n_trials: int, seed: int) -> SparseEmbedding:
        """Return the one of the cube of ``d`` dimensions after ``n_trials``."""
        rng = np.random.default_rng([seed, d])
        ranks = rng.permutation(d)
        signs = rng.choice([-1.0, 1.0], size=d)
        target_d = _FIRST_TARGET_D
        while n_trials >= _FIRST_SPLIT * target_d // _FIRST_TARGET_D:
            target_d *= 2
        # A coordinate's bin among 2k is twice that among k, or one more.
        return cls(ranks * min(target_d, d) // d, signs)

    @property
    def target_d(self) -> int:
        """The subspace's dimension."""
        return int(self.bins.max()) + 1

    @property
    def space(self) -> SearchSpace:
        """The unit cube of the subspace."""
        return SearchSpace(
            tuple(RangeParameter(f"z{k}", 0.0, 1.0) for k in range(self.target_d))
        )

    def embed(self, Z: Array) -> Array:
        """Return points of the subspace, ``(n, target_d)``, in the cube: ``(n, d)``."""
        X: Array = 0.5 + self.signs * (Z[:, self.bins] - 0.5)
        return X

    def project(self, X: Array, is_free: npt.NDArray[np.bool_]) -> tuple[Array, Array]:
        """Return points of the subspace, and how far from it ``X`` are.

        Args:
            X: Points of the cube, shape ``(n, d)``.
            is_free: Which coordinates were not rounded, shape ``(d,)``.

        Returns:
            Shapes ``(n, target_d)`` and ``(n,)``.
        """
        centered = self.signs * (X - 0.5)
        weight = np.where(is_free, 1.0, 1e-6)
        of_each = np.zeros((self.target_d, X.shape[1]))
        of_each[self.bins, np.arange(X.shape[1])] = weight
        of_each /= of_each.sum(axis=1, keepdims=True)
        Z = 0.5 + centered @ of_each.T
        distances = np.where(is_free, np.abs(self.embed(Z) - X), 0.0)
        return Z, distances.max(axis=1, initial=0.0)


class SubspaceProposer:
    """Proposes what one of the other methods proposes in the subspace."""

    def __init__(self, snapshot: Snapshot, *, is_fitted: bool) -> None:
        self._outer = snapshot
        self._embedding = SparseEmbedding.of(
            snapshot.space.d, snapshot.n_trials, snapshot.seed
        )
        self._inner = self._projected(snapshot)
        self._design = InitialDesign(self._inner.space, snapshot.seed)
        self._proposer: SingleObjectiveProposer | None = None
        if len(self._inner.completed) > 1:
            is_large = self._embedding.target_d > MAX_D_OF_BO
            make = TrustRegionProposer if is_large else SingleObjectiveProposer
            self._proposer = make(self._inner, is_fitted=is_fitted)
        self._n_initial = self._embedding.target_d // 2 + 1

    @property
    def details(self) -> Mapping[str, JSONValue]:
        """The dimension, and the models' hyperparameters in the subspace."""
        of_models = {} if self._proposer is None else self._proposer.details
        return {"subspace": self._embedding.target_d, **of_models}

    def propose(
        self, index: int, proposed: Sequence[TParameterization], used: UsedPoints
    ) -> TParameterization | None:
        """Return the next parameterization; ``None`` if there is none."""
        space = self._inner.space
        known = [trial.parameters for trial in self._inner.completed]
        inner = space.decode(self._inside(proposed))
        inner_used = UsedPoints(space, [*known, *self._inner.pending, *inner])
        for _ in range(_N_TRIES):
            z = self._next(index, len(known), inner, inner_used)
            if z is None:
                return None
            X = self._outer.space.snap(self._embedding.embed(space.encode([z])))
            if used.unused(X)[0]:
                [parameters] = self._outer.space.decode(X)
                return parameters
            inner_used.add(z)
        return None

    def _next(
        self,
        index: int,
        n_known: int,
        inner: Sequence[TParameterization],
        used: UsedPoints,
    ) -> TParameterization | None:
        n_inside = n_known + len(self._inner.pending) + len(inner)
        if self._proposer is not None and n_inside >= self._n_initial:
            return self._proposer.propose(index, inner, used)
        suggestion = self._design.suggestion(n_inside, used)
        return None if suggestion is None else suggestion.parameters

    def _projected(self, snapshot: Snapshot) -> Snapshot:
        """Return the experiment as it looks in the subspace."""
        space = self._embedding.space
        completed = [
            replace(trial, parameters=parameters)
            for trial in snapshot.completed
            for parameters in space.decode(self._inside([trial.parameters]))
        ]
        return replace(
            snapshot,
            space=space,
            completed=tuple(completed),
            pending=tuple(space.decode(self._inside(snapshot.pending))),
            failed=tuple(space.decode(self._inside(snapshot.failed))),
        )

    def _inside(self, parameterizations: Sequence[TParameterization]) -> Array:
        """Return those of the points that are in the subspace, in its coordinates."""
        space = self._outer.space
        X = space.encode(parameterizations)
        Z, distances = self._embedding.project(X, ~space.is_discrete)
        inside: Array = np.clip(Z[distances <= _TOLERANCE], 0.0, 1.0)
        return inside
