"""What an experiment has reached: the values of its trials and the best of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from hpcopt.core.experiment import Experiment
from hpcopt.core.goals.displayed import DisplayedObjective, objective_value
from hpcopt.core.goals.goals import Goals
from hpcopt.core.trials.trial import Trial, TrialStatus


@dataclass(frozen=True)
class Reached:
    """The value of one trial that ended, as it is displayed."""

    trial: int
    value: float
    """Of the first objective."""
    second: float | None
    """Of the second objective, if there is one."""
    is_of_interest: bool
    """Whether it is known to be feasible, and to reach every threshold."""


@dataclass(frozen=True)
class Progress:
    """Everything that is reached, in the order in which the trials ended."""

    reached: tuple[Reached, ...] = ()
    front: tuple[int, ...] = ()
    """The best trial; of several objectives, the Pareto-optimal ones, by index."""
    is_minimised: tuple[bool, ...] = ()
    """Whether less is better, as displayed, of each objective."""
    label: str = ""
    """The first objective as it is displayed."""
    second_label: str = ""
    """The second one, if there is one."""

    @property
    def best_so_far(self) -> list[float | None]:
        """The best value of interest at each trial's end; ``None`` before the first."""
        best: float | None = None
        course = []
        for one in self.reached:
            if one.is_of_interest and (
                best is None or self._is_better(one.value, best)
            ):
                best = one.value
            course.append(best)
        return course

    def _is_better(self, value: float, other: float) -> bool:
        return value < other if self.is_minimised[0] else value > other


NO_PROGRESS = Progress()


def progress_of(experiment: Experiment) -> Progress:
    """Return what the experiment has reached."""
    goals = experiment.absolute_goals
    of_interest = experiment.trials_of_interest()
    good = {trial.index for trial in of_interest}
    completed = [
        trial
        for trial in experiment.trials
        if trial.status is TrialStatus.COMPLETED
        and all(one.is_known(trial.outcome) for one in goals.objectives[:2])
    ]
    completed.sort(key=lambda trial: trial.ended_at or trial.created_at)
    shown = [DisplayedObjective.of(objective) for objective in goals.objectives]
    return Progress(
        tuple(
            _reached(trial, goals, is_good=trial.index in good) for trial in completed
        ),
        tuple(sorted(_front(of_interest, goals))),
        tuple(one.direction == "minimise" for one in shown),
        shown[0].label,
        shown[1].label if shown[1:] else "",
    )


def _reached(trial: Trial, goals: Goals, *, is_good: bool) -> Reached:
    values = [objective_value(trial, one) for one in goals.objectives[:2]]
    first = 0.0 if values[0] is None else values[0]
    return Reached(trial.index, first, values[1] if values[1:] else None, is_good)


def _front(trials: Sequence[Trial], goals: Goals) -> list[int]:
    """Return which trials no other dominates; of one objective, the first best one.

    Its cost is that of sorting, times the length of the front for three and more.
    """
    values = sorted(
        ((goals.values(trial.outcome), -trial.index) for trial in trials), reverse=True
    )
    if goals.is_single:
        return [-index for _, index in values[:1]]
    front: list[tuple[tuple[float, ...], int]] = []
    for value, index in values:
        if not any(other != value and _is_as_good(other, value) for other, _ in front):
            front.append((value, -index))
    return [index for _, index in front]


def _is_as_good(one: Sequence[float], other: Sequence[float]) -> bool:
    return all(a >= b for a, b in zip(one, other, strict=True))
