"""Crashed runs that are told as numbers: which they are, and what to do with them.

Scripts often give a crashed run a huge loss. Taken as an outcome, it is what the spread
of all outcomes consists of, and the model is one of where runs crash; so such trials
are taken for what they are. Loads no numerics but numpy.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from hpcopt.core.goals.objective import Objective
from hpcopt.core.trials.trial import Observation
from hpcopt.generation.snapshot import ObservedTrial, Snapshot

Array = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]

#: How many trials have the worst value, at least, and how many a better one.
_LEAST_EQUAL, _LEAST_OTHERS = 3, 4

#: Values closer than this, relative to them, are the same number.
_SAME = 1e-9

#: A gap between the outcomes is looked for among so many of the first trials, twice,
#: four times as many, and so on. At least so many are better, and at least such a
#: share is worse.
_FIRST, _LEAST_BETTER, _LEAST_SHARE = 20, 8, 0.2

#: What is beyond a gap is at least so many times as far from the best.
_LEAST_GAP = 20.0

#: Of the better trials, so many come before half of the worse.
_EARLY = 3

#: The differences of larger outcomes are not finite.
_LARGEST = 1e300

#: How many of such trials a sentence names.
_N_NAMED = 5


def without_penalties(snapshot: Snapshot) -> tuple[Snapshot, str]:
    """Return the snapshot with trials that look like crashes as failed, and say so.

    They look so if, in each objective, their outcomes are among those that are far
    worse than all others for no reason that a function would have: equal ones, or a
    share of the trials beyond a gap.

    Returns:
        The snapshot and an empty text, if there are none.
    """
    penalties = _penalties(snapshot)
    if not penalties:
        return snapshot, ""
    indices = {trial.index for trial in penalties}
    kept = tuple(trial for trial in snapshot.completed if trial.index not in indices)
    failed = *snapshot.failed, *(trial.parameters for trial in penalties)
    return replace(snapshot, completed=kept, failed=failed), _sentence(
        snapshot, penalties
    )


def look_like_crashes(y: Array) -> Mask:
    """Return which outcomes are far worse than all others, as penalties are.

    Args:
        y: Outcomes in the order of their trials, shape ``(n,)``; larger is better.

    Returns:
        Which they are, shape ``(n,)``; one script may have several penalties.
    """
    is_bad = np.zeros(len(y), dtype=bool)
    while True:
        others = np.flatnonzero(~is_bad)
        worst = _are_equal_and_worst(y[others]) | _are_beyond_a_gap(y[others])
        if not worst.any():
            return is_bad
        is_bad[others[worst]] = True


def _penalties(snapshot: Snapshot) -> list[ObservedTrial]:
    objectives = snapshot.goals.objectives
    trials = [
        trial
        for trial in snapshot.completed
        if all(objective.is_known(trial.outcome) for objective in objectives)
    ]
    is_bad = np.ones(len(trials), dtype=bool)
    for objective in objectives:
        if is_bad.any():
            y = np.array([objective.value(trial.outcome) for trial in trials])
            is_bad &= look_like_crashes(np.clip(y, -_LARGEST, _LARGEST))
    return [trial for trial, bad in zip(trials, is_bad, strict=True) if bad]


def _are_equal_and_worst(y: Array) -> Mask:
    """Return which of ``y`` have one value that is worse than the others' by far.

    By more than the interquartile range of these, and the value is not 0. Outcomes
    that are measured or computed are seldom equal, and never by that much the worst.
    """
    nothing = np.zeros(len(y), dtype=bool)
    if len(y) < _LEAST_EQUAL + _LEAST_OTHERS:
        return nothing
    worst = float(y.min())
    is_worst = y - worst <= _SAME * abs(worst)
    others = y[~is_worst]
    if worst == 0 or is_worst.sum() < _LEAST_EQUAL or len(others) < _LEAST_OTHERS:
        return nothing
    lower, upper = np.quantile(others, [0.25, 0.75])
    spread = upper - lower or np.ptp(others)
    # Where there are but two values, either may be an outcome.
    return is_worst if 0 < spread < others.min() - worst else nothing


def _are_beyond_a_gap(y: Array) -> Mask:
    """Return which of ``y`` are beyond a gap that a function would not leave.

    What an early part of the trials says stays said, whatever a search finds later.
    """
    n = _FIRST
    while n <= len(y):
        least = _end_of_gap(y[:n])
        if least is not None:
            return y < least
        n *= 2
    return np.zeros(len(y), dtype=bool)


def _end_of_gap(y: Array) -> float | None:
    """Return what is between the outcomes and the penalties among ``y``, if anything.

    Distances from the best outcome are compared by their ratios. Where outcomes have
    heavy tails, such as those of an exponential function, there is a gap between any
    two neighbours; one is of penalties if it is wider than all that is beyond it, and
    than what three quarters of those before it take up. And a search finds better ones
    after the worse; where runs crash, some of the better are among the first.
    """
    order = np.argsort(-y, kind="stable")
    distances = y[order[0]] - y[order]
    n_worse = max(_LEAST_EQUAL, math.ceil(_LEAST_SHARE * len(y)))
    for n in range(_LEAST_BETTER, len(y) - n_worse + 1):
        last, first = float(distances[n - 1]), float(distances[n])
        quarter = float(np.quantile(distances[:n], 0.25))
        if quarter <= 0 or first < _LEAST_GAP * last:
            continue
        gap = first / last
        is_widest = gap >= max(last / quarter, float(distances[-1]) / first)
        third = np.sort(order[:n])[_EARLY - 1]
        if is_widest and third < np.median(order[n:]):
            return float(y[order[0]]) - math.sqrt(first) * math.sqrt(last)
    return None


def _sentence(snapshot: Snapshot, penalties: list[ObservedTrial]) -> str:
    outcomes = [trial.outcome for trial in penalties]
    what = " and ".join(_told(o, outcomes) for o in snapshot.goals.objectives)
    named = ", ".join(str(trial.index) for trial in penalties[:_N_NAMED])
    more = len(penalties) - _N_NAMED
    and_more = f" and {more} more" if more > 0 else ""
    return (
        f"trials {named}{and_more} all have {what}, far worse than all others, and "
        "are taken as failed: mark a crash with mark_trial_failed or a non-zero exit "
        "code, without a number"
    )


def _told(objective: Objective, outcomes: Sequence[Mapping[str, Observation]]) -> str:
    """Return what the outcomes of the penalties are, for a person to read."""
    name = objective.metric
    values = sorted(
        objective.value(outcome) if name is None else outcome[name].mean
        for outcome in outcomes
    )
    least, most = (f"{value:g}" for value in (values[0], values[-1]))
    if least == most:
        return f"an objective of {least}" if name is None else f"{name} = {least}"
    what = "an objective" if name is None else name
    return f"{what} from {least} to {most}"
