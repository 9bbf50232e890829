"""Search by trust regions, for more than a dozen parameters. Pure numpy.

A box around the best point of an episode, which grows after successes, shrinks after
failures and, when it has become tiny, ends the episode: the next one begins with an
initial design of its own. Eriksson et al., "Scalable Global Optimization via Local
Bayesian Optimization" (2019); with constraints on outcomes, Eriksson and Poloczek,
"Scalable Constrained Bayesian Optimization" (2021). Other than there, the state is a
function of the outcomes in the order of their trials, so that nothing has to be kept,
and within the box expected improvement chooses.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
from typing_extensions import override

from hpcopt.core.types import TParameterization
from hpcopt.generation.design.initial import UsedPoints, default_n_initial
from hpcopt.generation.optim.optimize import best_unused
from hpcopt.generation.proposers.schedule import Region
from hpcopt.generation.proposers.single_objective import (
    SingleObjectiveProposer,
    log_noisy_ei,
)
from hpcopt.generation.snapshot import ObservedTrial, Snapshot

Array = npt.NDArray[np.float64]

#: The box's side, as a share of the cube's, before its shape is that of the
#: lengthscales.
_FIRST_LENGTH, _LONGEST, _SHORTEST = 0.8, 1.6, 0.5**7

#: Outcomes are judged by so many at a time: one success makes a success of them all.
_ROUND = 4

#: So many successful rounds in a row double the side; failed ones halve it, a number
#: that grows with the dimension.
_N_SUCCESSES = 3
_LEAST_FAILURES = 4

#: What is better by less than this, relative to the best, is no success.
_LEAST_GAIN = 1e-3

#: The model sees so many of the episode's trials: those nearest to the best one.
_N_NEAREST = 500


@dataclass(frozen=True)
class Episode:
    """The present trust region."""

    first: int
    """The index of its first trial."""
    length: float
    best: ObservedTrial | None
    """Its best trial, or the one that violates the constraints least."""

    @classmethod
    def of(cls, snapshot: Snapshot) -> Episode:
        """Return the episode that the outcomes of ``snapshot`` have led to."""
        judge = _Judge(snapshot)
        patience = max(_LEAST_FAILURES, math.ceil(snapshot.space.d / _ROUND))
        n_initial = default_n_initial(snapshot.space.d)
        episode = cls(0, _FIRST_LENGTH, None)
        n_good = n_bad = n_seen = 0
        is_success = False
        for trial in judge.known():
            if trial.index < episode.first:
                continue  # it was proposed before the episode began
            is_better = judge.is_better(trial, episode.best)
            if episode.best is None or is_better:
                is_success |= judge.is_success(trial, episode.best)
                episode = replace(episode, best=trial)
            n_seen += 1
            if n_seen <= n_initial:
                is_success = False
            elif (n_seen - n_initial) % _ROUND == 0:
                n_good, n_bad = (n_good + 1, 0) if is_success else (0, n_bad + 1)
                is_success = False
            length = episode.length
            if n_good == _N_SUCCESSES:
                length, n_good = min(2 * length, _LONGEST), 0
            elif n_bad == patience:
                length, n_bad = length / 2, 0
            episode = replace(episode, length=length)
            if length < _SHORTEST:
                episode = cls(trial.index + 1, _FIRST_LENGTH, None)
                n_good = n_bad = n_seen = 0
        return episode

    def nearest(self, snapshot: Snapshot) -> Snapshot:
        """Return what the model of the episode shall see; all, while it is new."""
        if self.best is None:
            return snapshot
        trials = [t for t in snapshot.completed if t.index >= self.first]
        if len(trials) > _N_NEAREST:
            X = snapshot.space.encode(trial.parameters for trial in trials)
            [center] = snapshot.space.encode([self.best.parameters])
            distances = np.square(X - center).sum(axis=1)
            kept = np.sort(np.argsort(distances, kind="stable")[:_N_NEAREST])
            trials = [trials[k] for k in kept]
        return replace(snapshot, completed=tuple(trials))


class _Judge:
    """Compares trials, feasible or not."""

    def __init__(self, snapshot: Snapshot) -> None:
        self._goals = snapshot.goals
        self._space = snapshot.space
        self._completed = snapshot.completed

    def known(self) -> list[ObservedTrial]:
        """Return the trials that can be compared, and that the space has, by index."""
        sums = [self._goals.objective, *self._goals.constraints]
        known = [
            trial
            for trial in self._completed
            if all(each.is_known(trial.outcome) for each in sums)
        ]
        X = self._space.encode(trial.parameters for trial in known)
        inside = [known[k] for k in np.flatnonzero(self._space.is_inside(X))]
        return sorted(inside, key=lambda trial: trial.index)

    def is_better(self, trial: ObservedTrial, best: ObservedTrial | None) -> bool:
        """Whether ``trial`` goes before ``best``."""
        return best is None or self._key(trial) > self._key(best)

    def is_success(self, trial: ObservedTrial, best: ObservedTrial | None) -> bool:
        """Whether ``trial`` is better than ``best`` by more than a trifle."""
        if best is None:
            return False
        new, old = self._key(trial), self._key(best)
        if new[0] > old[0]:
            return True
        return new[1] > old[1] + _LEAST_GAIN * abs(old[1])

    def _key(self, trial: ObservedTrial) -> tuple[float, float]:
        """Return the violation of the constraints, and the value, both negated."""
        slacks = self._goals.slack(trial.outcome)
        violation = math.fsum(min(slack, 0.0) for slack in slacks)
        if violation < 0:
            return violation, violation
        return 0.0, self._goals.objective.value(trial.outcome)


class TrustRegionProposer(SingleObjectiveProposer):
    """Proposes within the trust region of the present episode."""

    def __init__(self, snapshot: Snapshot, *, is_fitted: bool) -> None:
        self._episode = Episode.of(snapshot)
        super().__init__(self._episode.nearest(snapshot), is_fitted=is_fitted)

    @override
    def propose(
        self, index: int, proposed: Sequence[TParameterization], used: UsedPoints
    ) -> TParameterization | None:
        """Return the next parameterization; ``None`` for one of the initial design."""
        n_initial = default_n_initial(self._snapshot.space.d)
        if self._episode.best is None or index - self._episode.first < n_initial:
            return None
        space = self._snapshot.space
        waiting = self._snapshot.waiting(proposed)
        rng = np.random.default_rng([self._snapshot.seed, index])
        is_eligible = self._models.is_eligible(space)
        acquisition = log_noisy_ei(
            self._models,
            space.encode(waiting),
            int(rng.integers(2**31)),
            is_eligible,
        )
        center = self._models.incumbents(1, is_eligible)
        return best_unused(
            acquisition, space, center, used, rng, self._region(center[0])
        )

    def _region(self, center: Array) -> Region:
        """Return the box around ``center``, long where the outcome changes slowly."""
        lengthscales = self._models.objective.process.lengthscales
        shape = lengthscales / np.exp(np.log(lengthscales).mean())
        half = np.where(
            self._snapshot.space.is_discrete, 1.0, self._episode.length * shape / 2
        )
        return Region.around(center, np.minimum(half, 1.0))
