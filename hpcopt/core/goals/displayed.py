"""How objectives are displayed: of ``-loss``, which is maximised, as ``loss``."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from hpcopt.core.goals.objective import Objective
from hpcopt.core.trials.trial import Trial


@dataclass(frozen=True)
class DisplayedObjective:
    """How an objective is displayed."""

    label: str
    """``loss`` for ``-loss``, ``abs(a - 1)`` for ``-abs(a - 1)``."""
    direction: str
    """``minimise`` or ``maximise``."""
    sign: int
    """1 or -1, by which the objective's value is multiplied for display."""

    @classmethod
    def of(cls, objective: Objective) -> DisplayedObjective:
        """Return how ``objective`` is displayed."""
        is_plain = list(objective.weights.values()) == [-1.0]
        if objective.is_minimised and (is_plain or objective.distances):
            return cls(objective.negated, "minimise", -1)
        return cls(objective.expression.strip(), "maximise", 1)


def objective_value(trial: Trial, objective: Objective) -> float | None:
    """Return the objective as displayed; ``None`` if the trial's outcome lacks it."""
    return objective_values([trial], objective)[0]


def objective_values(
    trials: Iterable[Trial], objective: Objective
) -> list[float | None]:
    """Return the ``objective_value`` of each trial."""
    sign = DisplayedObjective.of(objective).sign
    needed = set(objective.metric_names)
    return [
        sign * objective.value(outcome) if needed <= outcome.keys() else None
        for outcome in (trial.outcome for trial in trials)
    ]
