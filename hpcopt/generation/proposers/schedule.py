"""What is tried in turn beside expected improvement. Pure numpy.

Every third trial is greedy: it goes where the model expects most. Where there are
unordered choices, every fourth has another value of one of them at the best point. And
expected improvement believes its model: where no trial has been better for a while the
model is wrong, or the best point is found. Then every fourth trial comes from close to
the best point, ever closer, as in a pattern search; and every fourth from a model that
takes what it cannot explain for noise and looks for a trend across the whole space.
"""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from hpcopt.core.space.search_space import SearchSpace
from hpcopt.generation.snapshot import Snapshot

Array = npt.NDArray[np.float64]

#: How many trials that are no better than an earlier one are a stall.
_PATIENCE = 6

#: How far from the best point is close to it, as a share of each coordinate's range, at
#: first; and what is left of that for each further trial that is no better.
_REACH, _SHRINKAGE = 0.2, math.sqrt(0.5)
_LEAST_REACH = 1e-3

#: Which of four trials in a row comes from where.
_TURNS: dict[int, Literal["near", "trend"]] = {1: "near", 3: "trend"}

_GREEDY_PERIOD = 3

#: Which of four trials in a row has another value of a choice.
_EXCHANGE_TURN = 1

#: By how many standard deviations a trial takes constraints to be easier than their
#: models say, if it is one of so many: at first, and after so many trials a dimension.
_OPTIMISM = 2.0
_OPTIMISTIC_PERIODS = 2, 4
_EARLY = 5


def is_greedy_turn(index: int) -> bool:
    """Whether trial ``index`` goes where the model expects most."""
    return index % _GREEDY_PERIOD == 0


def is_exchange_turn(index: int) -> bool:
    """Whether trial ``index`` has another value of a choice at the best point."""
    return index % 4 == _EXCHANGE_TURN


def is_long_turn(index: int) -> bool:
    """Whether trial ``index`` takes constraints for trends across the space.

    Some are, others go up and down within it. Neither belief is right for all of them,
    and to choose by their likelihood was worse than to alternate.
    """
    return index % 2 == 1


def optimism(index: int, d: int) -> float:
    """Return by how many standard deviations trial ``index`` is optimistic.

    That a region is feasible is worth more than the one point which shows it: all that
    is found there later. Expected improvement counts the point alone, and goes on
    refining what is known. The more trials are still to come, the more it is worth: so
    most of the optimism is early.

    Args:
        index: The trial.
        d: How many dimensions the space has.
    """
    early, late = _OPTIMISTIC_PERIODS
    period = early if index < _EARLY * d else late
    return _OPTIMISM if index % period == 0 else 0.0


@dataclass(frozen=True)
class Region:
    """A box of the unit cube that the search keeps to."""

    lower: Array
    """Shape ``(d,)``."""
    upper: Array
    center: Array
    share: Array
    """How far from the centre it reaches, as a share of each coordinate's range."""

    @classmethod
    def whole(cls, d: int) -> Region:
        """Return the unit cube."""
        return cls.around(np.zeros(d), np.ones(d))

    @classmethod
    def around(cls, center: Array, share: Array) -> Region:
        """Return what is no further than ``share`` from ``center``, per coordinate."""
        lower = np.maximum(center - share, 0.0)
        return cls(lower, np.minimum(center + share, 1.0), center, share)

    def spread(self, X: Array) -> Array:
        """Return points of the unit cube, spread over the region instead."""
        return self.lower + (self.upper - self.lower) * X

    def shrunk(self, X: Array) -> Array:
        """Return points of the unit cube, moved towards the centre.

        They stay feasible where the centre is and constraints are linear.
        """
        return self.center + self.share * (X - self.center)


@dataclass(frozen=True)
class Stall:
    """The best trial so far, and how many came after it."""

    best: Array
    """The best trial's point, shape ``(d,)``."""
    n_since: int

    @classmethod
    def of(cls, snapshot: Snapshot) -> Stall | None:
        """Return it; ``None`` before the first feasible outcome."""
        goals = snapshot.goals
        trials = [t for t in snapshot.completed if goals.objective.is_known(t.outcome)]
        feasible = [k for k, t in enumerate(trials) if goals.is_feasible(t.outcome)]
        points = [trials[k].parameters for k in feasible]
        inside = snapshot.space.contains(points).tolist()
        feasible = list(itertools.compress(feasible, inside))
        if not feasible:
            return None
        best = max(feasible, key=lambda k: goals.objective.value(trials[k].outcome))
        [point] = snapshot.space.encode([trials[best].parameters])
        return cls(point, len(trials) - 1 - best)

    def turn(self, index: int) -> Literal["model", "near", "trend"]:
        """Return what trial ``index`` comes from."""
        if self.n_since < _PATIENCE:
            return "model"
        return _TURNS.get(index % 4, "model")

    def region(self, space: SearchSpace) -> Region:
        """Return what is close to the best point: any value of a discrete parameter."""
        reach = max(_REACH * _SHRINKAGE ** (self.n_since - _PATIENCE), _LEAST_REACH)
        return Region.around(self.best, np.where(space.is_discrete, 1.0, reach))
