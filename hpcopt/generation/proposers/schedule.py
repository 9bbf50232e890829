"""The schedule of proposals: what takes turns with expected improvement. Pure numpy.

Every third trial is greedy: it goes where the model's mean is largest. Where there are
unordered choices, every fourth is a categorical neighbour of the best point. And
expected improvement believes its model: where no trial has been better for a while the
model is wrong, or the best point is found. Then every fourth trial comes from a local
search close to the best point, ever closer, as in a pattern search; and every fourth
from a model with long lengthscales, which takes what they cannot explain for noise.

Where many trials are in flight, most know nothing of each other's outcomes: what is
near the best point is proposed less often then, and what had been proposed before the
best point was known is no sign of stagnation.

Where many of the latest trials failed and none was notably better, half of them go far
from all others, and the rest has to improve notably, by a model of success that knows
how far the wall of failures is. Where the model has learned
nothing from outcomes that are noise, none is its.
"""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from hpcopt.core.space.search_space import SearchSpace
from hpcopt.generation.models.outcome_models import OutcomeModels
from hpcopt.generation.models.surrogate import Surrogate
from hpcopt.generation.optim.optimize import SearchBox
from hpcopt.generation.snapshot import Snapshot

Array = npt.NDArray[np.float64]

#: How many trials that are no better than an earlier one are a stagnation.
_PATIENCE = 6

#: How far from the best point is close to it, as a share of each coordinate's range, at
#: first; and what is left of that for each further trial that is no better.
_REACH, _SHRINKAGE = 0.2, math.sqrt(0.5)
_LEAST_REACH = 1e-3

#: How many of the latest trials say whether failures hold up the search, and from
#: which share of them, and of all trials, that failed they do. Where fewer of all
#: failed, it is a corner that fails, and the model of success knows it.
_LATEST, _MANY_FAILED = 6, 0.3

#: What counts as a gain then, as a share of the outcomes' interquartile range, and what
#: expected improvement is to exceed the best by, as a share of that on its own scale.
_NOTABLE, _MARGIN = 0.05, 0.1

#: Of fewer outcomes nothing is said, and from more something is learned.
_LEAST_FOR_NOISE, _MOST_OF_NOISE = 4, 300

#: A noise that a fit took for more than this, as a share of the outcomes' variance,
#: is most of what there is.
_MUCH_NOISE = 0.5

#: By how much, as a logarithm, a model foretells the outcomes better than a constant
#: does, if it has learned something.
_LEARNED = 1.0

#: An outcome stands out if it is so many standard deviations of the noise from the
#: median; where the noise is not known, as the quartiles tell them.
_OUTSTANDING, _QUARTILES = 4.0, 1.349

Proposal = Literal["usual", "local", "long_lengthscales"]

#: Which of four trials in a row are not as usual in a stagnation.
_IN_STAGNATION: dict[int, Proposal] = {1: "local", 3: "long_lengthscales"}

_GREEDY_PERIOD = 3

#: Up to so many trials in flight all of this is counted by trials.
_FEW_IN_FLIGHT = 8

#: What is near the best point is half as often for each further so many, up to
#: this many times.
_MAX_DOUBLINGS = 3

#: Which of four trials in a row has another value of a choice.
_CATEGORICAL_TURN = 1

#: By how many standard deviations a trial takes constraints to be easier than their
#: models say, if it is one of so many: at first, and after so many trials a dimension.
_OPTIMISM = 2.0
_OPTIMISTIC_PERIODS = 2, 4
_EARLY = 5


def is_greedy_turn(index: int, n_waiting: int = 0) -> bool:
    """Whether trial ``index`` goes where the model's mean is largest.

    Args:
        index: The trial.
        n_waiting: How many others have been proposed whose outcomes are not known.
    """
    return index % (_GREEDY_PERIOD * _rarity(n_waiting)) == 0


def is_categorical_turn(index: int) -> bool:
    """Whether trial ``index`` is a categorical neighbour of the best point."""
    return index % 4 == _CATEGORICAL_TURN


def has_long_constraints(index: int) -> bool:
    """Whether trial ``index`` models constraints with long lengthscales.

    Some are trends across the space, others go up and down within it. Neither prior is
    right for all of them, and to choose by their likelihood was worse than to
    alternate.
    """
    return index % 2 == 1


def constraint_optimism(index: int, d: int) -> float:
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


def is_far_turn(index: int) -> bool:
    """Whether trial ``index`` goes far from all others where failures hold it up."""
    return index % 4 < 2


def has_success_by_distance(snapshot: Snapshot, index: int) -> bool:
    """Whether trial ``index`` models success by the distance from where trials fail.

    So it does where failures hold up the search and it does not go far: there the
    process of +1 and -1 doubts what is far from any success, and what is beside a wall
    as much as what is behind it.
    """
    return not is_far_turn(index) and is_held_up_by_failures(snapshot)


def margin_beside_failures(y: Array) -> float:
    """Return what an improvement is to exceed where failures hold up the search.

    Args:
        y: Outcomes on the scale of their model, shape ``(n,)``.
    """
    return _MARGIN * _interquartile_range(y)


def is_held_up_by_failures(snapshot: Snapshot) -> bool:
    """Return whether many of the latest trials failed and none was notably better.

    Where the best outcomes are beside a wall of failures, expected improvement goes on
    asking for what is ever closer to the wall: each such point is as likely to fail as
    not, and what it may gain becomes small.
    """
    first = snapshot.n_trials - len(snapshot.pending) - _LATEST
    n_completed = sum(trial.index >= first for trial in snapshot.completed)
    n_ended = len(snapshot.completed) + len(snapshot.failed)
    shares = len(snapshot.failed) / max(n_ended, 1), 1 - n_completed / _LATEST
    if min(shares) < _MANY_FAILED:
        return False
    goals, value = snapshot.goals, snapshot.objective.value
    feasible = [
        trial
        for trial in snapshot.completed
        if snapshot.objective.is_known(trial.outcome)
        and goals.is_feasible(trial.outcome)
    ]
    before = [value(trial.outcome) for trial in feasible if trial.index < first]
    after = [value(trial.outcome) for trial in feasible if trial.index >= first]
    if not before:
        return False
    gain = max(after, default=-math.inf) - max(before)
    return gain < _NOTABLE * _interquartile_range(np.array(before + after))


def has_learned_nothing(models: OutcomeModels, space: SearchSpace) -> bool:
    """Return whether the models of all outcomes say no more than that they are noise.

    Where there are constraints or failures, these say something; and a space of
    discrete parameters alone is no larger at its edges.
    """
    if models.constraint_processes or space.is_discrete.all():
        return False
    return all(is_all_noise(surrogate) for surrogate in models.surrogates)


def is_all_noise(surrogate: Surrogate) -> bool:
    """Return whether a model says no more of the outcomes than that they are noise.

    So it is if a constant foretells each outcome from the others nearly as well, by
    the leave-one-out log density, and none stands out. Where the noise is inferred, it
    has to be most of the outcomes' variance too: a function that goes up and down
    between points which are far apart is also hard to foretell. Such a model knows
    nothing but where its own variance is largest, which is on the edges of the space.
    """
    process, data = surrogate.process, surrogate.data
    inferred = process.hyperparameters.noise
    if not _LEAST_FOR_NOISE <= len(data) <= _MOST_OF_NOISE:
        return False
    if inferred is not None and inferred < _MUCH_NOISE:
        return False
    # On the model's scale what stands out may be closer to the others.
    scale = np.sqrt(
        (_interquartile_range(data.y) / _QUARTILES) ** 2
        if data.variance is None
        else data.variance
    )
    if (np.abs(data.y - np.median(data.y)) > _OUTSTANDING * scale).any():
        return False
    noise = process.noise if inferred is None else None
    gain = process.loo_log_density - _constant_loo_log_density(process.y, noise)
    # The best of several models foretells noise better than one does.
    return gain < _LEARNED * (1 + len(data.alternative_priors))


def _constant_loo_log_density(y: Array, noise: Array | None) -> float:
    """Return the log density of each outcome, given the mean of the others; summed.

    Args:
        y: The outcomes, shape ``(n,)``.
        noise: The variance of each one's noise, shape ``(n,)``; where it is not known,
            the variance of the others is taken.
    """
    n = len(y)
    weights = np.ones(n) if noise is None else 1 / noise
    rest = weights.sum() - weights
    residual = y - (weights @ y - weights * y) / rest
    if noise is None:
        others = np.broadcast_to(y, (n, n))[~np.eye(n, dtype=bool)].reshape(n, n - 1)
        noise = others.var(axis=1, ddof=1)
        rest = (n - 1) / noise
    variance = noise + 1 / rest
    log_densities = residual**2 / variance + np.log(2 * math.pi * variance)
    return -0.5 * float(log_densities.sum())


def _interquartile_range(y: Array) -> float:
    lower, upper = np.quantile(y, [0.25, 0.75])
    return float(upper - lower)


@dataclass(frozen=True)
class Incumbent:
    """The best trial so far, and how many outcomes came after it."""

    point: Array
    """Shape ``(d,)``."""
    n_since: int
    """How many of the outcomes since then are no better: all of them, or, where many
    are in flight, those that could be better, in units of a share of a round."""

    @classmethod
    def of(cls, snapshot: Snapshot) -> Incumbent | None:
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
        n_in_flight = max(snapshot.n_in_flight, _FEW_IN_FLIGHT)
        n_unaware = n_in_flight - _FEW_IN_FLIGHT
        n_aware = max(len(trials) - 1 - best - n_unaware, 0)
        return cls(point, n_aware * _FEW_IN_FLIGHT // n_in_flight)

    def proposal(self, index: int, n_waiting: int = 0) -> Proposal:
        """Return what trial ``index`` comes from, with so many others in flight."""
        if self.n_since < _PATIENCE:
            return "usual"
        found = _IN_STAGNATION.get(index % 4, "usual")
        if found == "local" and index // 4 % _rarity(n_waiting):
            return "usual"
        return found

    def local_box(self, space: SearchSpace) -> SearchBox:
        """Return what is close to the best point: any value of a discrete parameter."""
        reach = max(_REACH * _SHRINKAGE ** (self.n_since - _PATIENCE), _LEAST_REACH)
        return SearchBox.around(self.point, np.where(space.is_discrete, 1.0, reach))


def _rarity(n_waiting: int) -> int:
    """Return how many times rarer near the best point is than with few in flight.

    A power of 2, so that the turns of a batch are among those of its first trials.
    """
    doublings: int = min(n_waiting // _FEW_IN_FLIGHT, _MAX_DOUBLINGS)
    return 1 << doublings
