"""Trust-region Bayesian optimisation, for more than a dozen parameters. Pure numpy.

TuRBO (Eriksson et al., "Scalable Global Optimization via Local Bayesian Optimization",
2019) keeps to a box around the best point, which grows after successes, shrinks after
failures and, when it has become tiny, is given up for a restart, with an initial design
of its own. With constraints on outcomes it is SCBO (Eriksson and Poloczek, "Scalable
Constrained Bayesian Optimization", 2021). Other than there, the state is a function of
the outcomes in the order of their trials, so that nothing has to be kept, and within
the box expected improvement chooses.
"""

from __future__ import annotations

import math
import statistics
from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
from typing_extensions import override

from hpcopt.core.types import TParameterization
from hpcopt.generation.design.initial import UsedPoints, default_n_initial
from hpcopt.generation.optim.optimize import SearchBox, optimize_acquisition
from hpcopt.generation.proposers.single_objective import (
    SingleObjectiveProposer,
    log_noisy_ei,
)
from hpcopt.generation.snapshot import ObservedTrial, Snapshot

Array = npt.NDArray[np.float64]

#: The box's side, as a share of the cube's, before its shape is that of the
#: lengthscales.
_LENGTH_INIT, _LENGTH_MAX, _LENGTH_MIN = 0.8, 1.6, 0.5**7

#: Outcomes are counted by so many at a time: one success makes a success of them all.
_BATCH_SIZE = 4

#: So many successful batches in a row double the side; failed ones halve it, a number
#: that grows with the dimension.
_SUCCESS_TOLERANCE = 3
_MIN_FAILURE_TOLERANCE = 4

#: What is better by less than this is no success: as a share of how far the best is
#: from the median of the latest outcomes, whatever the outcomes' unit and zero are.
_LEAST_GAIN = 1e-3
_N_LATEST = 20

#: The model sees so many of the trials since the restart: those nearest to the best.
_N_NEAREST = 500


@dataclass(frozen=True)
class TrustRegionState:
    """The trust region that the outcomes have led to."""

    first_index: int
    """The index of the first trial since the latest restart."""
    length: float
    """The box's side, as a share of the cube's."""
    best: ObservedTrial | None
    """The best trial since then, or the one that violates the constraints least."""

    @classmethod
    def of(cls, snapshot: Snapshot) -> TrustRegionState:
        """Return the state after the outcomes of ``snapshot``."""
        order = _TrialOrder(snapshot)
        failure_tolerance = max(
            _MIN_FAILURE_TOLERANCE, math.ceil(snapshot.space.d / _BATCH_SIZE)
        )
        n_initial = default_n_initial(snapshot.space.d)
        state = cls(0, _LENGTH_INIT, None)
        success_counter = failure_counter = n_seen = 0
        is_success = False
        latest: deque[ObservedTrial] = deque(maxlen=_N_LATEST)
        for trial in order.known():
            if trial.index < state.first_index:
                continue  # it was proposed before the restart
            is_better = order.is_better(trial, state.best)
            if state.best is None or is_better:
                is_success |= order.is_success(trial, state.best, latest)
                state = replace(state, best=trial)
            latest.append(trial)
            n_seen += 1
            if n_seen <= n_initial:
                is_success = False
            elif (n_seen - n_initial) % _BATCH_SIZE == 0:
                success_counter = success_counter + 1 if is_success else 0
                failure_counter = 0 if is_success else failure_counter + 1
                is_success = False
            length = state.length
            if success_counter == _SUCCESS_TOLERANCE:
                length, success_counter = min(2 * length, _LENGTH_MAX), 0
            elif failure_counter == failure_tolerance:
                length, failure_counter = length / 2, 0
            state = replace(state, length=length)
            if length < _LENGTH_MIN:
                state = cls(trial.index + 1, _LENGTH_INIT, None)
                success_counter = failure_counter = n_seen = 0
                latest.clear()
        return state

    def nearest(self, snapshot: Snapshot) -> Snapshot:
        """Return what the model shall see; all, right after a restart."""
        if self.best is None:
            return snapshot
        trials = [t for t in snapshot.completed if t.index >= self.first_index]
        if len(trials) > _N_NEAREST:
            X = snapshot.space.encode(trial.parameters for trial in trials)
            [center] = snapshot.space.encode([self.best.parameters])
            distances = np.square(X - center).sum(axis=1)
            kept = np.sort(np.argsort(distances, kind="stable")[:_N_NEAREST])
            trials = [trials[k] for k in kept]
        return replace(snapshot, completed=tuple(trials))


class _TrialOrder:
    """The order of trials: feasible ones by value, others by their violation."""

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

    def is_success(
        self,
        trial: ObservedTrial,
        best: ObservedTrial | None,
        latest: Iterable[ObservedTrial],
    ) -> bool:
        """Whether ``trial`` is better than ``best`` by more than a trifle.

        Args:
            trial: The one in question.
            best: The best one before it.
            latest: Those before it that say how much outcomes differ at present.
        """
        if best is None:
            return False
        new, old = self._key(trial), self._key(best)
        if new[0] > old[0]:
            return True
        if old[0] < 0:  # a violation is a distance from 0
            return new[1] > old[1] + _LEAST_GAIN * abs(old[1])
        values = [key[1] for key in map(self._key, latest) if key[0] == 0]
        spread = old[1] - statistics.median(values) if values else 0.0
        return new[1] - old[1] > _LEAST_GAIN * spread

    def _key(self, trial: ObservedTrial) -> tuple[float, float]:
        """Return the violation of the constraints, and the value, both negated."""
        slacks = self._goals.slack(trial.outcome)
        violation = math.fsum(min(slack, 0.0) for slack in slacks)
        if violation < 0:
            return violation, violation
        return 0.0, self._goals.objective.value(trial.outcome)


class TrustRegionProposer(SingleObjectiveProposer):
    """Proposes within the trust region."""

    def __init__(self, snapshot: Snapshot, *, is_fitted: bool) -> None:
        self._state = TrustRegionState.of(snapshot)
        super().__init__(self._state.nearest(snapshot), is_fitted=is_fitted)

    @override
    def propose(
        self, index: int, proposed: Sequence[TParameterization], used: UsedPoints
    ) -> TParameterization | None:
        """Return the next parameterization; ``None`` for one of the initial design."""
        space = self._snapshot.space
        n_initial = default_n_initial(space.d)
        if self._state.best is None or index - self._state.first_index < n_initial:
            return None
        rng = np.random.default_rng([self._snapshot.seed, index])
        is_eligible = self._models.is_eligible(space)
        acquisition = log_noisy_ei(
            self._models,
            space.encode(self._snapshot.waiting(proposed)),
            int(rng.integers(2**31)),
            is_eligible,
        )
        center = self._models.incumbents(1, is_eligible)
        return optimize_acquisition(
            acquisition, space, center, used, rng, self._box(center[0])
        )

    def _box(self, center: Array) -> SearchBox:
        """Return the box around ``center``, long where the outcome changes slowly."""
        lengthscales = self._models.objective.process.lengthscales
        shape = lengthscales / np.exp(np.log(lengthscales).mean())
        half = np.where(
            self._snapshot.space.is_discrete, 1.0, self._state.length * shape / 2
        )
        return SearchBox.around(center, np.minimum(half, 1.0))
