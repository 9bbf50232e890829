"""An experiment's config: its keys, their types and defaults, and what they mean.

``config_file.py`` reads it from YAML.
"""

from __future__ import annotations

import re
from typing import Annotated, Literal

from pydantic import (
    Field,
    StrictBool,
    StrictFloat,
    StrictInt,
    StrictStr,
    model_validator,
)

from hpcopt.config.parameters import ParameterSpec
from hpcopt.config.policies import Number, OnSection, Spec
from hpcopt.core.errors import ConfigError
from hpcopt.core.goals.goals import Goals, parse_goals
from hpcopt.core.space.search_space import SearchSpace
from hpcopt.core.types import JSONValue
from hpcopt.driver.limits import Limits
from hpcopt.generation.methods import GeneratorSpec
from hpcopt.runners.script.job_spec import Packing

#: A name that is safe in a file name, a job name and a shell.
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*\Z")

#: How long a missing result may still appear: NFS may hide a file for a minute.
_RESULT_GRACE_S = {"slurm": 60.0, "local": 2.0}

Scalar = StrictBool | StrictInt | StrictFloat | StrictStr


class MetricSpec(Spec):
    """Where in the trial's HDF5 file a metric is found."""

    name: StrictStr
    file: StrictStr = "result.h5"
    dataset: StrictStr
    reduce: Literal["last", "first", "min", "max", "mean"] | StrictInt | None = None
    sem: StrictStr | None = None
    step: StrictStr | None = None


class PackSection(Spec):
    """Many short trials in one job."""

    trials_per_job: StrictInt
    at_once: StrictInt = 1

    def packing(self) -> Packing:
        """Return how trials are packed.

        Raises:
            ConfigError: A number is too small.
        """
        return Packing(self.trials_per_job, self.at_once)


class JobSection(Spec):
    """What a trial runs, and where."""

    runner: Literal["auto", "slurm", "local"] = "auto"
    template: StrictStr = "command.sbatch"
    command: tuple[StrictStr, ...] | None = None
    function: StrictStr | None = None
    directory: StrictStr = "{{ config.folder }}"
    setup: tuple[StrictStr, ...] = ()
    environment: dict[StrictStr, StrictStr] = Field(default_factory=dict)
    slurm: dict[StrictStr, Scalar | None] = Field(default_factory=dict)
    pack: PackSection | None = None
    on: OnSection = OnSection()
    result_grace_s: Annotated[float, Field(ge=0)] | None = None

    @model_validator(mode="after")
    def _one_program(self) -> JobSection:
        if self.command is not None and self.function is not None:
            raise ValueError("expected either command or function, found both")
        if self.command is not None and not self.command:
            raise ValueError("command: expected at least one word, found none")
        if self.function is not None and not re.fullmatch(
            r"[\w.]+:[\w.]+", self.function
        ):
            raise ValueError(
                f"function: expected module:function, found {self.function!r}"
            )
        return self


class RunSection(Spec):
    """How far, how wide and how often."""

    max_trials: StrictInt
    parallelism: StrictInt = 1
    max_queued_jobs: StrictInt | None = None
    count: Literal["own", "user"] = "own"
    tolerated_trial_failure_rate: Number = 0.5
    max_identical_failures: StrictInt | None = 4
    initial_seconds_between_polls: Number = 1
    min_seconds_between_polls: Number = 0


class GenerationSection(Spec):
    """How parameterizations are proposed."""

    method: StrictStr = "auto"
    seed: Annotated[int, Field(strict=True, ge=0)] = 0
    generator: StrictStr | None = None
    options: dict[StrictStr, Scalar | tuple[Scalar, ...] | None] = Field(default={})
    timeout_s: Number = 600

    def spec(self) -> GeneratorSpec:
        """Return which generator it means.

        Raises:
            ConfigError: There is no such method, or something makes no sense.
        """
        try:
            return GeneratorSpec(
                method=self.method,
                generator=self.generator,
                options=self.model_dump(mode="json")["options"],
                timeout_s=self.timeout_s,
            )
        except ConfigError as exc:
            raise ConfigError(f"generation.{exc}") from exc


class DriverSection(Spec):
    """How the driver runs as a job; see ``hpcopt submit``."""

    template: StrictStr = "driver.sbatch"
    setup: tuple[StrictStr, ...] = ()
    slurm: dict[StrictStr, Scalar | None] = Field(default_factory=dict)
    handover_s: Annotated[int, Field(strict=True, ge=10)] | None = None


class ExperimentConfig(Spec):
    """A whole config."""

    name: StrictStr
    folder: StrictStr | None = None
    parameters: tuple[ParameterSpec, ...]
    parameter_constraints: tuple[StrictStr, ...] = ()
    objective: StrictStr
    outcome_constraints: tuple[StrictStr, ...] = ()
    metrics: tuple[MetricSpec, ...]
    job: JobSection
    run: RunSection
    generation: GenerationSection = GenerationSection()
    driver: DriverSection = DriverSection()

    def check(self) -> None:
        """Check what the types cannot say.

        Raises:
            ConfigError: The first thing that does not fit.
        """
        if not _NAME.match(self.name):
            raise ConfigError(
                f"name: expected letters, digits, '.', '_' and '-', found {self.name!r}"
            )
        self.search_space()
        names = [metric.name for metric in self.metrics]
        for name in names:
            if names.count(name) > 1:
                raise ConfigError(
                    f"metrics: expected distinct names, found {name!r} twice"
                )
        self.goals()
        self.limits("local")
        self.job.on.growth()
        if self.job.pack is not None:
            self.job.pack.packing()
        self.generation.spec()

    def search_space(self) -> SearchSpace:
        """Return the search space.

        Raises:
            ConfigError: A parameter, constraint or condition makes no sense.
        """
        return SearchSpace(
            tuple(spec.parameter() for spec in self.parameters),
            self.parameter_constraints,
            tuple(c for spec in self.parameters for c in spec.conditions()),
        )

    def goals(self) -> Goals:
        """Return what is to be reached.

        Raises:
            ConfigError: It is malformed, or about other metrics than the config's.
        """
        goals = parse_goals(self.objective, self.outcome_constraints)
        names = [metric.name for metric in self.metrics]
        for part in (*goals.objectives, *goals.bounds):
            key = "objective" if part in goals.objectives else "outcome_constraints"
            for name in part.metric_names:
                if name not in names:
                    raise ConfigError(
                        f"{key}: expected metrics among {names}, found {name!r}"
                    )
        return goals

    def definition(self) -> dict[str, JSONValue]:
        """Return what it is: of this, the search space alone may change later."""
        return {
            "name": self.name,
            **self.search_space().definition(),
            **self.goals().to_json(),
            "metrics": [metric.model_dump() for metric in self.metrics],
            "seed": self.generation.seed,
        }

    def settings(self) -> dict[str, JSONValue]:
        """Return what may change from run to run."""
        return {
            "run": self.run.model_dump(),
            "job": self.job.model_dump(mode="json"),
            "generation": self.generation.spec().settings(),
        }

    def limits(self, runner: Literal["slurm", "local"]) -> Limits:
        """Return the limits of a run.

        Raises:
            ConfigError: One is out of its range.
        """
        grace_s = self.job.result_grace_s
        return Limits(
            **self.run.model_dump(),
            policies=self.job.on.policies(),
            result_grace_s=_RESULT_GRACE_S[runner] if grace_s is None else grace_s,
        )
