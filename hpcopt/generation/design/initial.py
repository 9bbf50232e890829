"""The initial design: the centre, then a scrambled Sobol sequence. Loads no torch."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import numpy.typing as npt
from scipy.stats import qmc

from hpcopt.core.space.search_space import SearchSpace
from hpcopt.core.types import TParameterization
from hpcopt.generation.design.center import center_point
from hpcopt.generation.design.feasible import feasible_region
from hpcopt.generation.protocol import Suggestion
from hpcopt.generation.snapshot import Snapshot

Array = npt.NDArray[np.float64]

#: Points of the cube closer than this in every coordinate are the same point.
_DIGITS = 9

#: Random points tried before the points that are left are listed one by one.
_N_TRIES = 100

#: The points of larger spaces are not listed.
MAX_LISTED = 20_000

#: Sobol points are drawn in blocks, from which infeasible ones are left out. Where
#: that is more than this share of them, feasible ones are drawn otherwise.
_BLOCK, _MAX_INFEASIBLE = 512, 0.9

#: In more dimensions than ``_MANY`` no number of initial trials fills the space.
_MOST_INITIAL, _MANY = 12, 50

#: A model of fewer outcomes says nothing.
MIN_COMPLETED = 2


class UsedPoints:
    """The parameterizations that must not be proposed again."""

    def __init__(
        self, space: SearchSpace, parameterizations: Iterable[TParameterization]
    ) -> None:
        self._space = space
        self._parameterizations = list(parameterizations)
        self._keys = set(_keys(space.encode(self._parameterizations)))
        self._left: set[bytes] | None = None

    def __contains__(self, parameterization: TParameterization) -> bool:
        return not self.unused(self._space.encode([parameterization]))[0]

    def unused(self, X: Array) -> npt.NDArray[np.bool_]:
        """Return which of the points ``X`` are not used, shape ``(n,)``.

        Args:
            X: Points as ``SearchSpace.snap`` returns them, shape ``(n, d)``.
        """
        return np.array([key not in self._keys for key in _keys(X)], dtype=bool)

    def add(self, parameterization: TParameterization) -> None:
        """Count ``parameterization`` as used from now on."""
        [key] = _keys(self._space.encode([parameterization]))
        self._parameterizations.append(parameterization)
        self._keys.add(key)
        if self._left is not None:
            self._left.discard(key)

    def within(self, space: SearchSpace) -> UsedPoints:
        """Return the same parameterizations by their points in another space."""
        is_same = space is self._space
        return self if is_same else UsedPoints(space, self._parameterizations)

    @property
    def is_everything(self) -> bool:
        """Whether the space has no other point left."""
        space = self._space
        if space.n_points is None or space.n_points > MAX_LISTED:
            return False
        is_plain = not space.is_constrained and not space.conditions
        if is_plain and len(self._keys) < space.n_points:
            return False
        if self._left is None:
            self._left = set(_keys(space.all_points)) - self._keys
        return not self._left


class InitialDesign:
    """The points that are proposed before a model is asked, one for each trial."""

    def __init__(self, space: SearchSpace, seed: int) -> None:
        self._space = space
        self._seed = seed
        self._feasible = np.zeros((0, space.d))
        self._n_blocks = 0

    def suggestion(self, index: int, used: UsedPoints) -> Suggestion | None:
        """Return the suggestion for trial ``index``; ``None`` if none is found.

        It depends on the seed and the index alone, unless it is used already: then it
        is another one, drawn at random.

        Raises:
            ConfigError: No point could be found that satisfies the constraints.
        """
        point = self._space.snap(self._point(index)[None])
        method = "center" if index == 0 else "sobol"
        if not used.unused(point)[0]:
            unused = self._random_unused(index, used)
            if unused is None:
                return None
            point, method = unused, "sobol"
        [parameters] = self._space.decode(point)
        return Suggestion(parameters, method)

    def _point(self, index: int) -> Array:
        space = self._space
        if index == 0:
            return center_point(space)
        if not space.is_constrained:
            return _sobol(space.d, self._seed, index - 1, 1).ravel()
        while len(self._feasible) < index:  # the sequence starts with trial 1
            block = self._block(self._n_blocks)
            self._feasible = np.concatenate([self._feasible, block])
            self._n_blocks += 1
        point: Array = self._feasible[index - 1]
        return point

    def _block(self, k: int) -> Array:
        """Return the feasible points of the ``k``-th block of the sequence."""
        points = _sobol(self._space.d, self._seed, k * _BLOCK, _BLOCK)
        feasible: Array = points[feasible_region(self._space).accepts(points)]
        if len(feasible) >= (1 - _MAX_INFEASIBLE) * _BLOCK:
            return feasible
        return feasible_region(self._space).sample(
            _BLOCK // 4, np.random.default_rng([self._seed, k])
        )

    def _random_unused(self, index: int, used: UsedPoints) -> Array | None:
        """Return an unused point, shape ``(1, d)``."""
        space, rng = self._space, np.random.default_rng([self._seed, index])
        if space.is_constrained:
            X = feasible_region(self._space).sample(_N_TRIES, rng)
        else:
            X = space.snap(rng.random((_N_TRIES, space.d)))
        X = X[used.unused(X)]
        if len(X):
            return X[:1]
        if space.n_points is None or space.n_points > MAX_LISTED:
            return None
        X = space.all_points
        X = X[used.unused(X)]
        return X[rng.integers(len(X), size=1)] if len(X) else None


def default_n_initial(d: int) -> int:
    """Return how many initial trials a space of ``d`` dimensions gets.

    Measured with 40 trials, 3 in flight: 4 are as good as 7 and better than 10 in 2
    to 6 dimensions, 7 are better than 4 and than 13 in 12.
    """
    return 2 if d > _MANY else min(max(4, 1 + d // 2), _MOST_INITIAL)


def _sobol(d: int, seed: int, skip: int, n: int) -> Array:
    """Return ``n`` points of the sequence after ``skip`` others, shape ``(n, d)``."""
    if d == 0:
        return np.zeros((n, 0))
    engine = qmc.Sobol(d, scramble=True, seed=np.random.default_rng(seed))
    if skip:
        engine.fast_forward(skip)
    points: Array = engine.random(n)
    return points


def _keys(X: Array) -> list[bytes]:
    """Return what tells points apart; adding 0 makes -0 the same as 0."""
    return [row.tobytes() for row in np.round(X, _DIGITS) + 0.0]


def why_no_model(snapshot: Snapshot, n_trials: int, n_initial: int) -> str:
    """Return why a model cannot be asked yet; empty if it can.

    Args:
        snapshot: What is known.
        n_trials: How many trials there are, failed ones not counted.
        n_initial: How many come before the model.
    """
    if not snapshot.goals.is_absolute:
        return "a constraint waits for the baseline's outcome"
    if n_trials < n_initial:
        return f"the first {n_initial} trials fill the space"
    n_completed = min(
        sum(objective.is_known(trial.outcome) for trial in snapshot.completed)
        for objective in snapshot.goals.objectives
    )
    if n_completed < MIN_COMPLETED:
        return f"fewer than {MIN_COMPLETED} outcomes are known"
    return "all outcomes are equal so far" if snapshot.is_flat else ""
