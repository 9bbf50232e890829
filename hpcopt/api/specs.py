"""The specs of what a script has configured: what the rest of hpcopt runs it by."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path

from hpcopt.api.generation_options import GenerationOptions
from hpcopt.api.problem import Problem
from hpcopt.core.errors import ConfigError
from hpcopt.core.goals.goals import Goals
from hpcopt.driver.limits import Limits
from hpcopt.driver.notify.spec import NotifySpec, occasions
from hpcopt.experiment.spec import AnyRunner, ExperimentSpec, RunSpec
from hpcopt.metrics.protocol import IMetric


def experiment_spec(
    problem: Problem,
    goals: Goals,
    generation: GenerationOptions,
    random_seed: int | None,
) -> ExperimentSpec:
    """Return what is needed to ask for trials and to tell their outcomes.

    Args:
        problem: What is searched, and where it is kept.
        goals: What is to be reached.
        generation: How parameterizations are proposed.
        random_seed: The client's seed, if it has one.

    Raises:
        ConfigError: The client's seed and that of the generation differ, or an
            acquisition is not defined for the goals.
    """
    generation.spec.check_goals(goals)
    seeds = [seed for seed in (random_seed, generation.seed) if seed is not None]
    if len(set(seeds)) > 1:
        raise ConfigError(
            f"initialization_random_seed: expected the client's random_seed "
            f"{random_seed}, for there is one seed for all, found {generation.seed}"
        )
    return ExperimentSpec(
        name=problem.name,
        folder=problem.folder,
        space=problem.space,
        goals=goals,
        seed=seeds[0] if seeds else 0,
        generation=generation.spec,
        settings={
            "generation": generation.to_json(),
            **({"about": problem.about} if problem.about else {}),
        },
    )


def run_spec(
    experiment: ExperimentSpec,
    runner: AnyRunner,
    metrics: Sequence[IMetric],
    limits: Limits,
) -> RunSpec:
    """Return what is needed to run trials.

    Raises:
        ConfigError: A metric that a goal needs is missing.
    """
    _check_metrics(experiment.goals, metrics)
    run = {
        "max_trials": limits.max_trials,
        "parallelism": limits.parallelism,
        "max_queued_jobs": limits.max_queued_jobs,
        "tolerated_trial_failure_rate": limits.tolerated_trial_failure_rate,
        "initial_seconds_between_polls": limits.initial_seconds_between_polls,
    }
    measured = dataclasses.replace(
        experiment,
        metrics=tuple(metrics),
        settings={**experiment.settings, "run": run},
    )
    return RunSpec(measured, runner, limits)


def notify_spec(command: Sequence[str], on: Sequence[str]) -> NotifySpec:
    """Return who is told of what.

    Raises:
        ConfigError: Something makes no sense.
    """
    words = [command, on]
    for name, found in zip(("notify", "notify_on"), words, strict=True):
        if isinstance(found, str) or not all(isinstance(one, str) for one in found):
            raise ConfigError(f"{name}: expected a list of words, found {found!r}")
    try:
        return NotifySpec(tuple(command), occasions(tuple(on)), folder=Path.cwd())
    except ConfigError as exc:
        raise ConfigError(f"notify: {exc}") from exc


def _check_metrics(goals: Goals, metrics: Sequence[IMetric]) -> None:
    names = [metric.name for metric in metrics]
    for part in (*goals.objectives, *goals.bounds):
        missing = [name for name in part.metric_names if name not in names]
        kind = "objective" if part in goals.objectives else "constraint"
        if missing:
            raise ConfigError(
                f"{kind} {part.expression!r}: expected configure_metrics to be "
                f"given a metric for each name, found none for {missing}"
            )
