"""How good the best of the first n trials is: the utility of an experiment."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from hpcopt.core.experiment import Experiment
from hpcopt.core.goals.goals import Goals
from hpcopt.core.goals.objective import Objective
from hpcopt.core.goals.pareto import (
    hypervolume,
    infer_reference_point,
    is_nondominated,
)
from hpcopt.core.trials.trial import Trial, TrialStatus

Array = npt.NDArray[np.float64]

_WITH_OUTCOME = (TrialStatus.COMPLETED, TrialStatus.EARLY_STOPPED)


@dataclass(frozen=True)
class Utility:
    """The utility after each trial with an outcome, by index."""

    label: str
    """What it is of, for an axis: ``hartmann6``, ``hypervolume``."""
    trials: Sequence[Trial]
    """The ``n`` completed and early-stopped trials with all metrics."""
    is_feasible: npt.NDArray[np.bool_]
    """Which satisfy the outcome constraints, shape ``(n,)``."""
    best: Array
    """The utility after each of them, shape ``(n,)``; NaN before there is any."""
    values: Array | None
    """The objective of each as a person reads it, ``(n,)``; ``None`` for several."""

    @property
    def is_improvement(self) -> npt.NDArray[np.bool_]:
        """After which trials the utility is another one, shape ``(n,)``."""
        before = np.concatenate([[np.nan], self.best[:-1]])
        changed: npt.NDArray[np.bool_] = np.isfinite(self.best) & (self.best != before)
        return changed


def utility_of(experiment: Experiment) -> Utility:
    """Return the utility of what was observed, which may be of no trial at all."""
    goals = experiment.absolute_goals
    trials = [
        trial
        for trial in experiment.trials
        if trial.status in _WITH_OUTCOME and is_finite(goals, trial)
    ]
    is_feasible = np.array([goals.is_feasible(t.outcome) for t in trials], dtype=bool)
    Y = np.array([goals.values(trial.outcome) for trial in trials], dtype=np.float64)
    if not goals.is_single:
        Y = Y.reshape(len(trials), len(goals.objectives))
        best = _hypervolumes(Y, is_feasible, goals)
        return Utility("hypervolume", trials, is_feasible, best, None)
    scale = reading_scale(goals.objective)
    feasible = np.where(is_feasible, Y[:, 0] if len(Y) else [], -np.inf)
    best = np.maximum.accumulate(feasible)
    best = np.where(np.isfinite(best), best * scale, np.nan)
    label = reading_label(goals.objective)
    values = Y[:, 0] * scale if len(Y) else np.zeros(0)
    return Utility(label, trials, is_feasible, best, values)


def is_finite(goals: Goals, trial: Trial) -> bool:
    """Whether every metric of the goals has a finite value."""
    return goals.is_known(trial.outcome) and all(
        np.isfinite(trial.outcome[name].mean) for name in goals.metric_names
    )


def reading_label(objective: Objective) -> str:
    """Return the objective as a person reads it, without the sign of minimising."""
    if objective.metric is not None:
        return objective.metric
    return objective.negated if objective.is_minimised else objective.expression


def reading_scale(objective: Objective) -> float:
    """Return what takes the objective's value to what a person reads."""
    if objective.metric is not None:
        return 1.0 / objective.weights[objective.metric]
    return -1.0 if objective.is_minimised else 1.0


def _hypervolumes(Y: Array, is_feasible: npt.NDArray[np.bool_], goals: Goals) -> Array:
    """Return the hypervolume of the front after each trial, shape ``(n,)``.

    It lies above the thresholds; where an objective has none, above a point that lies
    a little below the front of all trials, so that the volumes are comparable.

    Args:
        Y: The values of ``m`` objectives of ``n`` trials, shape ``(n, m)``.
        is_feasible: Which count, shape ``(n,)``.
        goals: Whose thresholds.
    """
    found = np.full(len(Y), np.nan)
    if not is_feasible.any():
        return found
    spread = np.ptp(Y[is_feasible], axis=0)
    scale = np.where(spread > 0, spread, 1.0)
    thresholds = [
        None if threshold is None else threshold / scale[k]
        for k, threshold in enumerate(goals.threshold_values)
    ]
    Y_scaled = Y / scale
    feasible = Y_scaled[is_feasible]
    reference = infer_reference_point(feasible[is_nondominated(feasible)], thresholds)
    front = np.zeros((0, Y.shape[1]))
    volume = 0.0
    for n in np.flatnonzero(is_feasible):
        y = Y_scaled[n]
        if not (front >= y).all(axis=1).any():
            front = np.vstack([front[~(front <= y).all(axis=1)], y])
            volume = hypervolume(front, reference)
        found[n] = volume
    known = np.flatnonzero(is_feasible)
    latest = np.searchsorted(known, np.arange(len(Y)), side="right") - 1
    found = np.where(latest >= 0, found[known[np.maximum(latest, 0)]], np.nan)
    volumes: Array = found * scale.prod()
    return volumes
