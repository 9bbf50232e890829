"""Which outcomes were better than all before them. No numerics."""

from __future__ import annotations

import bisect
import math
from collections.abc import Sequence

from hpcopt.core.goals.goals import Goals
from hpcopt.generation.snapshot import ObservedTrial, Snapshot


class Gains:
    """Which of the outcomes that are known was better than all before it, by trial."""

    def __init__(self, snapshot: Snapshot) -> None:
        goals = snapshot.goals
        sums = [*goals.objectives, *goals.constraints]
        trials = sorted(
            (
                trial
                for trial in snapshot.completed
                if goals.is_absolute
                and all(one.is_known(trial.outcome) for one in sums)
            ),
            key=lambda trial: trial.index,
        )
        self._indices = [trial.index for trial in trials]
        self.is_better = _gains(goals, trials)
        """Whether each is better than all before it; of several objectives, whether no
        earlier one is as good in each of them."""

    def __len__(self) -> int:
        return len(self._indices)

    def n_before(self, index: int) -> int:
        """Return how many of them are of trials before ``index``."""
        return bisect.bisect_left(self._indices, index)


def _gains(goals: Goals, trials: Sequence[ObservedTrial]) -> list[bool]:
    is_better: list[bool] = []
    best: list[tuple[float, ...]] = []
    for trial in trials:
        # What violates constraints less goes before what violates them more.
        violation = math.fsum(min(s, 0.0) for s in goals.slack(trial.outcome))
        values = goals.values(trial.outcome) if violation == 0 else ()
        key = (violation, *values)
        is_gain = not any(_is_as_good(other, key) for other in best)
        is_better.append(is_gain)
        if is_gain:
            best = [other for other in best if not _is_as_good(key, other)] + [key]
    return is_better


def _is_as_good(one: tuple[float, ...], other: tuple[float, ...]) -> bool:
    if one[0] != other[0]:
        return one[0] > other[0]
    return all(a >= b for a, b in zip(one[1:], other[1:], strict=True))
