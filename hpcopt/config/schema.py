"""An experiment's config: its keys, their types and defaults, and what they mean.

``file.py`` reads it from YAML.
"""

from __future__ import annotations

import re

from pydantic import StrictStr

from hpcopt.config.notify import NotifySection
from hpcopt.config.parameters import ParameterSpec
from hpcopt.config.policies import Spec
from hpcopt.config.sections import (
    DriverSection,
    GenerationSection,
    JobSection,
    MetricSpec,
    ReportSection,
    RunSection,
)
from hpcopt.core.errors import ConfigError
from hpcopt.core.goals.goals import Goals, parse_goals
from hpcopt.core.space.search_space import SearchSpace
from hpcopt.core.types import JSONValue
from hpcopt.driver.limits import Limits
from hpcopt.experiment.file_latency import LOCAL_DISK, SHARED
from hpcopt.experiment.job_runner import RunnerKind

#: A name that is safe in a file name, a job name and a shell.
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*\Z")


class ExperimentConfig(Spec):
    """A whole config."""

    name: StrictStr
    """The experiment's name: letters, digits, ``.``, ``_`` and ``-``. By default the
    config file's own."""
    folder: StrictStr | None = None
    """The experiment's folder; ``experiments/<name>`` beside the config unless it is
    given."""
    parameters: tuple[ParameterSpec, ...]
    """The parameters, at least one."""
    parameter_constraints: tuple[StrictStr, ...] = ()
    """What must hold between parameters, such as ``x1 + x2 <= 1.5``, ``a + b + c == 1``
    or ``x1**2 + x2**2 <= 1``."""
    objective: StrictStr
    """What to maximise: a weighted sum of metrics, such as ``-loss``; several,
    separated by commas, such as ``-loss, speed``; or distances from targets, such as
    ``-abs(temperature - 350) - (a - b)**2``."""
    outcome_constraints: tuple[StrictStr, ...] = ()
    """What must hold for metrics, such as ``temperature <= 1200``, ``0.5*a + 0.5*b >=
    0.95`` or, relative to a baseline trial, ``qps >= 0.95 * baseline``."""
    metrics: tuple[MetricSpec, ...]
    """The numbers that are read from each trial's result."""
    job: JobSection
    """What a trial runs, and where."""
    run: RunSection
    """How far, how wide and how often."""
    generation: GenerationSection = GenerationSection()
    """How parameterizations are proposed."""
    driver: DriverSection = DriverSection()
    """How the driver runs as a job: ``hpcopt submit``."""
    report: ReportSection | None = None
    """The page that ``hpcopt report`` writes, kept fresh while the experiment runs; not
    unless it is given."""
    notify: NotifySection | None = None
    """Who is told of what; nobody unless it is given."""

    def check(self) -> None:
        """Check what types cannot express.

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
        goals = self.goals()
        self.limits("local")
        self.job.on.escalation()
        if self.job.pack is not None:
            self.job.pack.packing()
        self.generation.spec(goals)

    def search_space(self) -> SearchSpace:
        """Return the search space.

        Raises:
            ConfigError: A parameter, constraint or condition makes no sense.
        """
        return SearchSpace.from_json(
            [parameter.model_dump() for parameter in self.parameters],
            self.parameter_constraints,
        )

    def goals(self) -> Goals:
        """Return the objectives and the outcome constraints.

        Raises:
            ConfigError: It is malformed, or about other metrics than the config's.
        """
        goals = parse_goals(self.objective, self.outcome_constraints)
        names = [metric.name for metric in self.metrics]
        for part in (*goals.objectives, *goals.bounds):
            key = "objective" if part in goals.objectives else "outcome_constraints"
            for name in part.metric_names:
                if name not in names:
                    is_sum = set(name) & set("-/")
                    hint = "; with spaces it is arithmetic: a - b, a / 2"
                    raise ConfigError(
                        f"{key}: expected metrics among {names}, found {name!r}"
                        f"{hint if is_sum else ''}"
                    )
        return goals

    def settings(self) -> dict[str, JSONValue]:
        """Return what may change from run to run."""
        return {
            "run": self.run.model_dump(),
            "job": self.job.model_dump(mode="json"),
            "generation": self.generation.spec().settings(),
        }

    def limits(self, runner: RunnerKind) -> Limits:
        """Return the limits of a run.

        Raises:
            ConfigError: One is out of its range.
        """
        grace_s = self.job.result_grace_s
        latency = LOCAL_DISK if runner == "local" else SHARED
        return Limits(
            **self.run.model_dump(),
            policies=self.job.on.policies(),
            result_grace_s=latency.grace_s if grace_s is None else grace_s,
        )
