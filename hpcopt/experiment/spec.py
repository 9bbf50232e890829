"""What a person asked for: the same whether a config or a script says it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from hpcopt.core.errors import ConfigError
from hpcopt.core.goals.goals import Goals
from hpcopt.core.space.search_space import SearchSpace
from hpcopt.core.types import JSONValue
from hpcopt.driver.limits import Limits
from hpcopt.driver.notify.spec import NotifySpec
from hpcopt.experiment.file_latency import LOCAL_DISK, SHARED, FileLatency
from hpcopt.experiment.job_runner import JobRunnerConfig
from hpcopt.generation.spec import GeneratorSpec
from hpcopt.metrics.hdf5 import Hdf5Metric
from hpcopt.metrics.protocol import IMetric
from hpcopt.runners.local.runner import LocalRunner
from hpcopt.runners.protocol import AttemptRunner, IRunner

#: Whatever starts a trial: hpcopt's own runners, or one that a user wrote.
AnyRunner = IRunner | AttemptRunner | JobRunnerConfig


@dataclass(frozen=True)
class ExperimentSpec:
    """What is optimised, and how parameterizations are proposed.

    It is all that is needed to ask for trials and to tell their outcomes.
    """

    name: str
    folder: Path
    """Absolute; it may not exist yet."""
    space: SearchSpace
    goals: Goals
    seed: int
    """The seed of all that is random in generation."""
    generation: GeneratorSpec
    settings: Mapping[str, JSONValue]
    """What may change from run to run, as the journal keeps it for people."""
    metrics: tuple[IMetric, ...] = ()
    """What reads results; none where somebody tells the outcomes."""

    @property
    def safe_name(self) -> str:
        """The name with ``_`` for what is unusual in the name of a file or a job."""
        return safe_name(self.name)

    def definition(self) -> dict[str, JSONValue]:
        """Return what it is: the search space and the goals may change later."""
        metrics: list[JSONValue] = [_metric_to_json(metric) for metric in self.metrics]
        return {
            "name": self.name,
            **self.space.definition(),
            **self.goals.to_json(),
            **({"metrics": metrics} if metrics else {}),
            "seed": self.seed,
        }


@dataclass(frozen=True)
class RunSpec:
    """An experiment, and how its trials are run: all that a driver is made from."""

    experiment: ExperimentSpec
    runner: AnyRunner
    limits: Limits
    config_text: str | None = None
    """The config, of which a copy is kept in the experiment's folder, if there is
    one."""
    notify: NotifySpec | None = None
    """Who is told of what, if anybody is."""

    def settings(self) -> dict[str, JSONValue]:
        """Return what may change from run to run, with the name of the runner."""
        return {**self.experiment.settings, "runner": _name_of(self.runner)}


def _name_of(runner: AnyRunner) -> str:
    return runner.kind if isinstance(runner, JobRunnerConfig) else type(runner).__name__


def file_latency(runner: AnyRunner) -> FileLatency:
    """Return how late the files of the runner's trials are seen here."""
    if isinstance(runner, JobRunnerConfig):
        is_local = runner.kind == "local"
    else:
        is_local = isinstance(runner, LocalRunner)
    return LOCAL_DISK if is_local else SHARED


def safe_name(name: str) -> str:
    """Return ``name`` with ``_`` for what is unusual in the name of a file or a job.

    Raises:
        ConfigError: It has neither letters nor digits.
    """
    safe = re.sub(r"[^A-Za-z0-9._-]+", "_", name).lstrip(".-")
    if not safe.strip("_"):
        raise ConfigError(f"name: expected letters or digits, found {name!r}")
    return safe


def _metric_to_json(metric: IMetric) -> dict[str, JSONValue]:
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
