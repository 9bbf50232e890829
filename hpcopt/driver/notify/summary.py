"""What a person is told: how the experiment stands, in the words of ``status``."""

from __future__ import annotations

import shlex
from collections import Counter
from collections.abc import Mapping
from pathlib import Path

from hpcopt.core.experiment import Experiment
from hpcopt.core.goals.displayed import DisplayedObjective, objective_value
from hpcopt.core.trials.trial import Trial, TrialStatus
from hpcopt.core.words import count, failures, number, one_line, visible
from hpcopt.driver.notify.command import Notification
from hpcopt.driver.notify.spec import Occasion

#: So many trials of a Pareto front, and so many parameters, are told.
_MOST_OF_FRONT, _MOST_PARAMETERS = 5, 20

#: The width of the names of facts, as ``status`` has them.
_WIDTH = 13


def message(
    occasion: Occasion,
    reason: str,
    experiment: Experiment,
    folder: Path,
    max_trials: int,
) -> Notification:
    """Return what is told.

    Args:
        occasion: Why anything is.
        reason: What happened, in one sentence.
        experiment: As it stands.
        folder: Its folder.
        max_trials: How many trials there shall be.
    """
    subject = f"{visible(experiment.name)}: {one_line(reason)}"
    best = _best(experiment)
    rows = [
        ("folder", [visible(str(folder))]),
        ("objective", [_goal(experiment)]),
        ("constraints", list(experiment.goals.constraint_expressions)),
        ("trials", [_trials(experiment, max_trials)]),
        ("best", _best_lines(experiment, best)),
        ("failures", [_failures(experiment)]),
        ("note", [one_line(experiment.driver_activity.note)]),
        ("next", _next(occasion, folder)),
    ]
    lines = [subject, ""]
    for name, values in rows:
        for k, value in enumerate(value for value in values if value):
            lines.append(f"{name if k == 0 else '':{_WIDTH}}{value}")
    facts = _facts(occasion, reason, experiment, best)
    environment = {
        "HPCOPT_SUBJECT": subject,
        "HPCOPT_FOLDER": str(folder),
        "HPCOPT_MAX_TRIALS": str(max_trials),
        **facts,
    }
    return Notification("\n".join(lines) + "\n", environment)


def _facts(
    occasion: Occasion, reason: str, experiment: Experiment, best: list[Trial]
) -> Mapping[str, str]:
    is_single = experiment.goals.is_single
    value = objective_value(best[0], experiment.objective) if best and is_single else ""
    return {
        "HPCOPT_EVENT": occasion.value,
        "HPCOPT_REASON": one_line(reason),
        "HPCOPT_EXPERIMENT": visible(experiment.name),
        "HPCOPT_N_TRIALS": str(experiment.n_trials),
        "HPCOPT_N_COMPLETED": str(experiment.count(TrialStatus.COMPLETED)),
        "HPCOPT_N_FAILED": str(experiment.count(TrialStatus.FAILED)),
        "HPCOPT_BEST_TRIAL": " ".join(str(trial.index) for trial in best),
        "HPCOPT_BEST": "" if value is None else str(value),
    }


def _best(experiment: Experiment) -> list[Trial]:
    """Return the best trial, or the Pareto front."""
    if experiment.goals.is_single:
        return experiment.best_trials()[:1]
    return experiment.pareto_trials()


def _goal(experiment: Experiment) -> str:
    read = [DisplayedObjective.of(one) for one in experiment.goals.objectives]
    return ", ".join(f"{goal.direction} {goal.label}" for goal in read)


def _trials(experiment: Experiment, max_trials: int) -> str:
    states = Counter(trial.status.name.lower() for trial in experiment.trials)
    parts = [f"{n} {state}" for state, n in states.items()]
    told = f"{experiment.n_trials} of {max_trials}"
    return f"{told}: {', '.join(parts)}" if parts else told


def _values(experiment: Experiment, trial: Trial) -> str:
    return ", ".join(
        f"{DisplayedObjective.of(one).label} = {number(objective_value(trial, one))}"
        for one in experiment.goals.objectives
    )


def _best_lines(experiment: Experiment, best: list[Trial]) -> list[str]:
    if not best:
        n = experiment.count(TrialStatus.COMPLETED)
        return ["none feasible so far" if n else "none so far"]
    if not experiment.goals.is_single:
        lines = [f"{count(len(best), 'trial')} on the Pareto front"]
        lines += [
            f"{_values(experiment, trial)}, trial {trial.index}"
            for trial in best[:_MOST_OF_FRONT]
        ]
        return [*lines, "..."] if len(best) > _MOST_OF_FRONT else lines
    [trial] = best
    items = list(trial.parameters.items())
    return [
        f"{_values(experiment, trial)}, trial {trial.index}",
        *(f"{visible(k)} = {number(v)}" for k, v in items[:_MOST_PARAMETERS]),
        *(["..."] if len(items) > _MOST_PARAMETERS else []),
    ]


def _failures(experiment: Experiment) -> str:
    causes = Counter(
        trial.cause.value
        for trial in experiment.trials
        if trial.status is TrialStatus.FAILED and trial.cause
    )
    return failures(causes)


def _next(occasion: Occasion, folder: Path) -> list[str]:
    """Return what may be done now."""
    where = shlex.quote(str(folder))
    look = f"hpcopt report {where}"
    if occasion is Occasion.PAUSE:
        return [
            f"hpcopt status {where} shows what it waits for",
            "hpcopt run CONFIG goes on where no driver runs any more",
        ]
    if occasion is Occasion.STALL:
        return [f"hpcopt status {where} shows what is live, and for how long"]
    return [look]
