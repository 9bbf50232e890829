"""Crashed runs that are told as a number: which they are, and what to do with them.

Scripts often give a crashed run a huge loss. Taken as an outcome, it is what the spread
of all outcomes consists of, and the model is one of where runs crash; so such trials
are taken for what they are. Loads no numerics but numpy.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from hpcopt.generation.snapshot import ObservedTrial, Snapshot

#: How many trials have the worst value, at least, and how many a better one.
_LEAST_EQUAL, _LEAST_OTHERS = 3, 4

#: Values closer than this, relative to them, are the same number.
_SAME = 1e-9

#: How many of such trials a sentence names.
_N_NAMED = 5


def without_penalties(snapshot: Snapshot) -> tuple[Snapshot, str]:
    """Return the snapshot with trials that look like crashes as failed, and say so.

    They look so if several have exactly the same value, other than 0, that is worse
    than all others by more than the interquartile range of these. Outcomes that are
    measured or computed are seldom equal, and never by that much the worst.

    Returns:
        The snapshot and an empty text, if there are none or several objectives.
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


def _penalties(snapshot: Snapshot) -> list[ObservedTrial]:
    if not snapshot.goals.is_single:
        return []
    objective = snapshot.objective
    trials = [t for t in snapshot.completed if objective.is_known(t.outcome)]
    if len(trials) < _LEAST_EQUAL + _LEAST_OTHERS:
        return []
    y = np.array([objective.value(trial.outcome) for trial in trials])
    worst = float(y.min())
    is_worst = y - worst <= _SAME * abs(worst)
    others = y[~is_worst]
    if worst == 0 or is_worst.sum() < _LEAST_EQUAL or len(others) < _LEAST_OTHERS:
        return []
    lower, upper = np.quantile(others, [0.25, 0.75])
    if others.min() - worst <= upper - lower:
        return []
    return [trial for trial, bad in zip(trials, is_worst, strict=True) if bad]


def _sentence(snapshot: Snapshot, penalties: list[ObservedTrial]) -> str:
    objective, outcome = snapshot.objective, penalties[0].outcome
    metric = objective.metric
    what = (
        f"{metric} = {outcome[metric].mean:g}"
        if metric is not None
        else f"an objective of {objective.value(outcome):g}"
    )
    named = ", ".join(str(trial.index) for trial in penalties[:_N_NAMED])
    more = len(penalties) - _N_NAMED
    and_more = f" and {more} more" if more > 0 else ""
    return (
        f"trials {named}{and_more} all have {what}, far worse than all others, and "
        "are taken as failed: mark a crash with mark_trial_failed or a non-zero exit "
        "code, without a number"
    )
