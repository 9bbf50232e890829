"""The facts about an experiment and its trials as JSON, which every verb prints.

An objective's value is the one that a person reads: of ``-loss`` it is the loss.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable

from hpcopt.cli.views.text import CAUSES, count, number, one_line
from hpcopt.core.experiment import Experiment
from hpcopt.core.goals.displayed import DisplayedObjective, objective_value
from hpcopt.core.goals.goals import Goals
from hpcopt.core.trials.cost import cost_of, queue_s, run_s
from hpcopt.core.trials.trial import Attempt, Trial, TrialStatus
from hpcopt.core.types import JSONValue

Facts = dict[str, JSONValue]

_STATES = {status: status.name.lower() for status in TrialStatus}

#: Scheduler calls a minute are not given before drivers have run so long: a driver that
#: begins makes many calls in little time.
_SECONDS_OF_A_RATE = 60.0


def goal_sentence(goals: Goals) -> str:
    """Return the objectives in words, as in ``minimise loss, maximise speed``."""
    read = [DisplayedObjective.of(objective) for objective in goals.objectives]
    return ", ".join(f"{goal.direction} {goal.label}" for goal in read)


def objectives_text(trial: Trial, goals: Goals) -> str:
    """Return a trial's objectives, as in ``loss = 0.5``; empty if one is unknown."""
    parts = []
    for objective in goals.objectives:
        value = objective_value(trial, objective)
        if value is None:
            return ""
        parts.append(f"{DisplayedObjective.of(objective).label} = {number(value)}")
    return ", ".join(parts)


def state(trial: Trial) -> str:
    """Return the trial's state in lower case, as in ``completed``."""
    return _STATES[trial.status]


def why(trial: Trial) -> str:
    """Return in one line why the trial ended as it did, or why it waits."""
    if trial.cancelled_by:
        return f"being cancelled by {trial.cancelled_by}"
    if not trial.status.is_terminal:
        return one_line(trial.attempt.reason) if trial.attempt else ""
    return one_line(trial.reason) or (CAUSES[trial.cause] if trial.cause else "")


def best_trials(experiment: Experiment, n: int) -> list[Trial]:
    """Return the best feasible trials, the best one first.

    Of several objectives, those on the Pareto front, by the first objective.
    """
    if experiment.goals.is_single:
        return experiment.best_trials()[:n]
    first = experiment.goals.objectives[0]
    front = experiment.pareto_trials()
    return sorted(front, key=lambda trial: -first.value(trial.outcome))[:n]


def why_no_best(experiment: Experiment) -> str:
    """Say in one line why no trial is the best."""
    n_completed = len(experiment.completed_trials())
    if not n_completed:
        return "no trial is completed so far"
    bounds = ", ".join(experiment.goals.constraint_expressions)
    if not bounds:
        n, of = count(n_completed, "completed trial"), experiment.goals.expression
        return f"none of {n} has a value of {of!r}"
    return f"none of {n_completed} completed trials satisfies {bounds}"


def job_id(attempt: Attempt | None) -> str | None:
    """Return the job's id; ``None`` where the runner has none."""
    found = (attempt.metadata or {}).get("job_id") if attempt else None
    return None if found is None else str(found)


def attempt_facts(attempt: Attempt) -> Facts:
    """Return everything about an attempt."""
    return {
        "attempt": attempt.number,
        "name": attempt.name,
        "phase": attempt.phase.value,
        "cause": attempt.cause.value if attempt.cause else None,
        "reason": attempt.reason or None,
        "job_id": job_id(attempt),
        "queue_s": queue_s(attempt),
        "run_s": run_s(attempt),
        "staged_at": attempt.staged_at,
        "submitted_at": attempt.submitted_at,
        "started_at": attempt.started_at,
        "ended_at": attempt.ended_at,
        "adjustment": attempt.adjustment.to_json(),
        "metadata": None if attempt.metadata is None else dict(attempt.metadata),
        "facts": dict(attempt.facts),
        "cost": _cost_facts(attempt),
    }


def _cost_facts(attempt: Attempt) -> Facts:
    """Return what an attempt cost, as far as that is known."""
    cost = cost_of(attempt)
    return {
        "is_accounted": cost.is_accounted,
        "core_hours": cost.core_hours,
        "gpu_hours": cost.gpu_hours,
        "cpus": cost.cpus,
        "nodes": cost.nodes,
        "gpus": cost.gpus,
        "max_rss_bytes": cost.max_rss_bytes,
    }


def trial_facts(trial: Trial, goals: Goals) -> Facts:
    """Return the facts about a trial; the keys are the same for every trial."""
    attempt = trial.attempt
    return {
        "trial": trial.index,
        "state": state(trial),
        "objective": objective_value(trial, goals.objectives[0])
        if goals.is_single
        else None,
        "objectives": {
            DisplayedObjective.of(objective).label: objective_value(trial, objective)
            for objective in goals.objectives
        },
        "targets": {
            distance.of.expression: {
                "target": distance.target,
                "value": distance.of.value(trial.outcome),
            }
            for objective in goals.objectives
            for distance in objective.distances
            if distance.of.is_known(trial.outcome)
        },
        "is_feasible": goals.is_feasible(trial.outcome) if trial.outcome else None,
        "parameters": dict(trial.parameters),
        "metrics": {
            name: {"mean": o.mean, "sem": o.sem, "step": o.step}
            for name, o in trial.outcome.items()
        },
        "method": trial.generation_method,
        "origin": None if trial.origin is None else trial.origin.to_json(),
        "outside": list(trial.outside),
        "attempts": len(trial.attempts),
        "job_id": job_id(attempt),
        "queue_s": queue_s(attempt) if attempt else None,
        "run_s": run_s(attempt) if attempt else None,
        "cause": trial.cause.value if trial.cause else None,
        "reason": trial.reason or (attempt.reason if attempt else "") or None,
        "created_at": trial.created_at,
        "ended_at": trial.ended_at,
    }


def states(experiment: Experiment) -> dict[str, int]:
    """Return how many trials there are in each state that occurs."""
    counts = {status.name.lower(): experiment.count(status) for status in TrialStatus}
    return {name: n for name, n in counts.items() if n}


def experiment_facts(experiment: Experiment, now: float) -> Facts:
    """Return the facts about the experiment, from its journal alone."""
    trials = experiment.trials
    ended = [a for t in trials for a in t.attempts if not a.is_live]
    goals = experiment.absolute_goals
    read = [DisplayedObjective.of(objective) for objective in goals.objectives]
    best = best_trials(experiment, 1 if goals.is_single else experiment.n_trials)
    failures = Counter(
        trial.cause.value
        for trial in trials
        if trial.cause is not None and trial.status is TrialStatus.FAILED
    )
    run = experiment.settings.get("run")
    return {
        "name": experiment.name,
        "objective": goals.expression,
        "outcome_constraints": list(experiment.goals.constraint_expressions),
        "goal": goal_sentence(goals),
        "label": ", ".join(goal.label for goal in read),
        "direction": read[0].direction if goals.is_single else None,
        "max_trials": run.get("max_trials") if isinstance(run, dict) else None,
        "runner": experiment.settings.get("runner"),
        "n_trials": experiment.n_trials,
        "states": states(experiment),
        "best": trial_facts(best[0], goals) if best and goals.is_single else None,
        "n_on_front": None if goals.is_single else len(best),
        "live": [
            _live_facts(experiment.trial(a.trial_index), a, now)
            for a in live_attempts(experiment)
        ],
        "failures": dict(failures),
        "retries": sum(max(0, len(trial.attempts) - 1) for trial in trials),
        "run_s": _statistics(run_s(attempt) for attempt in ended),
        "queue_s": _statistics(queue_s(attempt) for attempt in ended),
        "generation_s": _statistics(experiment.generation_seconds),
        "seconds_per_suggestion": _per_suggestion(experiment),
        "fallbacks": [
            {"trial": index, "what": what} for index, what in experiment.fallbacks
        ],
        "note": experiment.driver_activity.note or None,
        "generator": _generator(experiment),
        "generator_note": experiment.generation_details.get("note"),
        "scheduler_calls": dict(experiment.driver_activity.calls),
        "scheduler_calls_per_minute": _calls_per_minute(experiment),
        "begun_at": experiment.begun.time,
        "last_event_at": experiment.last_event_time,
    }


def live_attempts(experiment: Experiment) -> list[Attempt]:
    """Return the attempts that are staged or submitted and have not ended."""
    return [
        trial.attempt
        for trial in experiment.open_trials()
        if trial.attempt is not None and trial.attempt.is_live
    ]


def _live_facts(trial: Trial, attempt: Attempt, now: float) -> Facts:
    since = attempt.started_at or attempt.submitted_at or attempt.staged_at
    is_submitted = attempt.metadata is not None
    return {
        "trial": attempt.trial_index,
        "attempt": attempt.number,
        "phase": attempt.phase.value if is_submitted else "staged",
        "job_id": job_id(attempt),
        "for_s": max(0.0, now - since),
        "reason": why(trial) or None,
    }


def _generator(experiment: Experiment) -> Facts | None:
    """Return how the latest of the trials was proposed of which that is known."""
    origins = (trial.origin for trial in reversed(experiment.trials))
    latest = next(filter(None, origins), None)
    return None if latest is None else latest.to_json()


def _calls_per_minute(experiment: Experiment) -> float | None:
    seconds = experiment.driver_activity.seconds(experiment.last_event_time)
    n_calls = experiment.driver_activity.calls.total()
    return 60 * n_calls / seconds if n_calls and seconds >= _SECONDS_OF_A_RATE else None


def _per_suggestion(experiment: Experiment) -> float | None:
    if not experiment.n_trials:
        return None
    return sum(experiment.generation_seconds) / experiment.n_trials


def _statistics(values: Iterable[float | None]) -> Facts | None:
    known = [value for value in values if value is not None]
    if not known:
        return None
    n, middle = len(known), sorted(known)[(len(known) - 1) // 2 : len(known) // 2 + 1]
    return {
        "n": n,
        "mean": math.fsum(known) / n,
        "median": math.fsum(middle) / len(middle),
    }
