"""What a script has configured, put together and checked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from hpcopt.api.generation_options import GenerationOptions
from hpcopt.api.problem import Problem
from hpcopt.api.runners import JobRunnerConfig
from hpcopt.core.errors import ConfigError
from hpcopt.core.goals.goals import Goals
from hpcopt.core.types import JSONValue
from hpcopt.driver.limits import Limits
from hpcopt.metrics.hdf5 import Hdf5Metric
from hpcopt.metrics.protocol import IMetric
from hpcopt.runners.local.runner import LocalRunner
from hpcopt.runners.protocol import AttemptRunner, IRunner

#: Whatever starts a trial.
AnyRunner = IRunner | AttemptRunner | JobRunnerConfig


@dataclass(frozen=True)
class Question:
    """What is searched for, and how: enough to ask for trials.

    Raises:
        ConfigError: The parts do not fit together.
    """

    problem: Problem
    goals: Goals
    generation: GenerationOptions
    random_seed: int | None

    def __post_init__(self) -> None:
        seeds = {self.random_seed, self.generation.seed} - {None}
        if len(seeds) > 1:
            raise ConfigError(
                "initialization_random_seed: expected the client's random_seed "
                f"{self.random_seed}, for there is one seed for all, found "
                f"{self.generation.seed}"
            )

    @property
    def seed(self) -> int:
        """The one seed of all that is random in generation."""
        seeds = [self.random_seed, self.generation.seed]
        return next((seed for seed in seeds if seed is not None), 0)

    def definition(self) -> dict[str, JSONValue]:
        """Return what it is: of this, the search space alone may change later."""
        return {
            "name": self.problem.name,
            **self.problem.space.definition(),
            **self.goals.to_json(),
            "seed": self.seed,
        }

    def settings(self) -> dict[str, JSONValue]:
        """Return what may change from run to run."""
        return {"generation": self.generation.to_json(), "about": self.problem.about}


@dataclass(frozen=True)
class Setup:
    """Everything that is needed to run trials.

    Raises:
        ConfigError: The parts do not fit together.
    """

    question: Question
    runner: AnyRunner
    metrics: Sequence[IMetric]

    def __post_init__(self) -> None:
        goals = self.question.goals
        names = [metric.name for metric in self.metrics]
        for part in (*goals.objectives, *goals.bounds):
            missing = [name for name in part.metric_names if name not in names]
            kind = "objective" if part in goals.objectives else "constraint"
            if missing:
                raise ConfigError(
                    f"{kind} {part.expression!r}: expected configure_metrics to be "
                    f"given a metric for each name, found none for {missing}"
                )

    @property
    def problem(self) -> Problem:
        """What is searched, and where it is kept."""
        return self.question.problem

    @property
    def generation(self) -> GenerationOptions:
        """How parameterizations are proposed."""
        return self.question.generation

    @property
    def is_local(self) -> bool:
        """Whether the files of trials are on this machine's own disk."""
        if isinstance(self.runner, JobRunnerConfig):
            return self.runner.kind == "local"
        return isinstance(self.runner, LocalRunner)

    def definition(self) -> dict[str, JSONValue]:
        """Return what may never change once the experiment is begun."""
        return {
            **self.question.definition(),
            "metrics": [_metric_to_json(metric) for metric in self.metrics],
        }

    def settings(self, limits: Limits) -> dict[str, JSONValue]:
        """Return what may change from run to run."""
        return {
            **self.question.settings(),
            "run": {
                "max_trials": limits.max_trials,
                "parallelism": limits.parallelism,
                "max_queued_jobs": limits.max_queued_jobs,
                "tolerated_trial_failure_rate": limits.tolerated_trial_failure_rate,
                "initial_seconds_between_polls": limits.initial_seconds_between_polls,
            },
            "runner": _runner_to_json(self.runner),
        }


def _metric_to_json(metric: IMetric) -> Mapping[str, JSONValue]:
    if not isinstance(metric, Hdf5Metric):
        return {"name": metric.name}
    return {
        "name": metric.name,
        "file": metric.file,
        "dataset": metric.dataset,
        "reduce": metric.reduce,
        "sem": metric.sem,
        "step": metric.step,
    }


def _runner_to_json(runner: AnyRunner) -> str:
    return runner.kind if isinstance(runner, JobRunnerConfig) else type(runner).__name__
