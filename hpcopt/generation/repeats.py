"""Settings that are run again: what they tell of noise, and which one to run again.

Once each setting of a small space has been run, nothing else can be proposed. Where
outcomes have noise, which setting is the best is not known then; whether they have may
be told by standard errors, and is told by one setting that is run again.
"""

from __future__ import annotations

import itertools
import math
from collections import defaultdict
from collections.abc import Iterable, Sequence

from hpcopt.core.types import TParameterization
from hpcopt.generation.protocol import USED_UP
from hpcopt.generation.snapshot import ObservedTrial, Snapshot

#: The method of a trial that tells whether outcomes have noise, and why it is run.
REPEAT = "repeat"
WHY_REPEAT = "all settings have been run, and nothing tells whether outcomes have noise"

#: Outcomes that differ by no more of their size are the same but for rounding.
_ROUNDING = 1e-9


def has_noise(snapshot: Snapshot) -> bool | None:
    """Return whether outcomes have noise; ``None`` if nothing tells it.

    A standard error of an objective that is above 0 tells that they have, and so does a
    setting whose outcomes differ. Standard errors of 0 throughout tell that they have
    not, and so does a setting that was run again with the same outcome.
    """
    sems = [
        objective.sem(trial.outcome)
        for objective in snapshot.goals.objectives
        for trial in snapshot.completed
        if objective.is_known(trial.outcome)
    ]
    if any(sem is not None and sem > 0 for sem in sems):
        return True
    repeated = _repeated(snapshot)
    if any(_differ(snapshot, *pair) for pair in repeated):
        return True
    is_told = bool(sems) and None not in sems
    return False if is_told or repeated else None


def best_to_repeat(
    snapshot: Snapshot, proposed: Sequence[TParameterization]
) -> TParameterization | None:
    """Return the setting whose next outcome tells whether there is noise.

    It is the best of those that have an outcome and never failed: it satisfies the
    constraints, or violates them least; of several objectives, no other is better in
    the first one, and none as good in all of them.

    Args:
        snapshot: What is known.
        proposed: What was proposed from it.

    Returns:
        ``None`` if one is being run again, or if there are no two to choose from.
    """
    goals = snapshot.goals
    if not goals.is_absolute or _is_repeat_awaited(snapshot, proposed):
        return None
    never = _settings(snapshot.without_outcome)
    sums = [*goals.objectives, *goals.constraints]
    trials = [
        trial
        for trial in snapshot.completed
        if _setting(trial.parameters) not in never
        and all(one.is_known(trial.outcome) for one in sums)
    ]
    inside = snapshot.space.contains([trial.parameters for trial in trials]).tolist()
    trials = list(itertools.compress(trials, inside))

    def rank(trial: ObservedTrial) -> tuple[float, ...]:
        violation = math.fsum(min(s, 0.0) for s in goals.slack(trial.outcome))
        return violation, *goals.values(trial.outcome)

    if len(_settings(trial.parameters for trial in trials)) < 2:
        return None
    return max(trials, key=rank).parameters


def why_no_more(snapshot: Snapshot, proposed: Sequence[TParameterization]) -> str:
    """Return why nothing can be proposed, where every setting has been.

    Args:
        snapshot: What is known.
        proposed: What was proposed from it.
    """
    if _is_repeat_awaited(snapshot, proposed):
        return f"{USED_UP}, and the outcome of one that is run again is awaited"
    if _repeated(snapshot) and has_noise(snapshot) is False:
        return f"{USED_UP}, and one that was run again had the same outcome"
    return USED_UP


def _is_repeat_awaited(
    snapshot: Snapshot, proposed: Sequence[TParameterization]
) -> bool:
    """Return whether a setting that has an outcome is being run again."""
    known = _settings(trial.parameters for trial in snapshot.completed)
    return not known.isdisjoint(_settings([*snapshot.pending, *proposed]))


def _repeated(snapshot: Snapshot) -> list[tuple[ObservedTrial, ObservedTrial]]:
    """Return all pairs of a run of a setting and the next one of it.

    Both have the same metrics, at the same step: a trial that was stopped early says
    nothing of one that was not.
    """
    names = snapshot.goals.metric_names
    runs: dict[object, list[ObservedTrial]] = defaultdict(list)
    for trial in snapshot.completed:
        known = [(n, trial.outcome[n].step) for n in names if n in trial.outcome]
        runs[_setting(trial.parameters), tuple(known)].append(trial)
    return [pair for same in runs.values() for pair in itertools.pairwise(same)]


def _differ(snapshot: Snapshot, one: ObservedTrial, other: ObservedTrial) -> bool:
    """Return whether an outcome that the goals are about differs between two trials."""
    for each in (*snapshot.goals.objectives, *snapshot.goals.constraints):
        if each.is_known(one.outcome) and each.is_known(other.outcome):
            a, b = each.value(one.outcome), each.value(other.outcome)
            if not math.isclose(a, b, rel_tol=_ROUNDING):
                return True
    return False


def _settings(points: Iterable[TParameterization]) -> set[object]:
    return {_setting(point) for point in points}


def _setting(point: TParameterization) -> object:
    return frozenset(point.items())
