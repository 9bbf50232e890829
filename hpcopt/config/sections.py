"""The sections of a config: metrics, job, run, generation and driver.

The text under a key is its entry in the config reference.
"""

from __future__ import annotations

import re
from typing import Annotated, Literal

from pydantic import Field, StrictInt, StrictStr, model_validator

from hpcopt.config.parameters import Scalar
from hpcopt.config.policies import Number, OnSection, Spec
from hpcopt.core.errors import ConfigError
from hpcopt.core.goals.goals import Goals
from hpcopt.generation.spec import GeneratorSpec
from hpcopt.generation.steps import checked_steps
from hpcopt.runners.script.job_spec import Packing


class MetricSpec(Spec):
    """Where in the trial's HDF5 file a metric is found."""

    name: StrictStr
    """The metric's name, as the objective and the outcome constraints use it."""
    file: StrictStr = "result.h5"
    """The file, relative to the attempt's folder (``{{ trial.folder }}`` in
    templates)."""
    dataset: StrictStr
    """Where the value is: a dataset, such as ``/loss``, or an attribute, such as
    ``/run@loss``."""
    reduce: Literal["last", "first", "min", "max", "mean"] | StrictInt | None = None
    """How several values become one; a whole number is an index, and counts from the
    end where it is negative. Without it, more than one value is an error."""
    sem: StrictStr | None = None
    """Where the standard error is: one number, or as many as there are values. The one
    beside the chosen value is taken; with ``mean``, the mean of them."""
    step: StrictStr | None = None
    """Where the progression is, such as an epoch: whole numbers, taken like ``sem``;
    with ``mean``, the last one."""


class PackSection(Spec):
    """Many short trials in one job."""

    trials_per_job: StrictInt
    """How many trials share a job. Make ``run.parallelism`` this or a multiple of
    it."""
    at_once: StrictInt = 1
    """How many of them run at a time; on the local runner, how many processes."""

    def packing(self) -> Packing:
        """Return how trials are packed.

        Raises:
            ConfigError: A number is too small.
        """
        try:
            return Packing(self.trials_per_job, self.at_once)
        except ConfigError as exc:
            raise ConfigError(f"job.pack.{exc}") from exc


class JobSection(Spec):
    """What a trial runs, and where."""

    runner: Literal["auto", "slurm", "local"] = "auto"
    """Where trials run. ``auto`` takes Slurm where ``sbatch`` is found, and else this
    machine."""
    template: StrictStr = "command.sbatch"
    """The job script: one of ``job_templates/``, or a path to your own."""
    command: tuple[StrictStr, ...] | None = None
    """The words of the command that the template runs. They may hold expressions, such
    as ``{{ x1 }}``."""
    function: StrictStr | None = None
    """A Python function instead of a command, as ``module:function``. The module is
    looked for in the config's folder first."""
    directory: StrictStr = "{{ config.folder }}"
    """Where the program runs."""
    setup: tuple[StrictStr, ...] = ()
    """Shell lines before the command, verbatim, such as ``module load gcc``."""
    environment: dict[StrictStr, StrictStr] = Field(default_factory=dict)
    """Environment variables of the job. Values may hold expressions."""
    slurm: dict[StrictStr, Scalar | None] = Field(default_factory=dict)
    """Options of sbatch by their long names, such as ``cpus_per_task: 4``; ``true`` is
    a flag, ``false`` or ``null`` leaves one out. Values may hold expressions, such as
    ``nodes: "{{ n_nodes }}"``. They win over the template's ``#SBATCH`` lines."""
    pack: PackSection | None = None
    """Many short trials in one job."""
    on: OnSection = OnSection()
    """What follows when an attempt fails, by its cause."""
    result_grace_s: Annotated[float, Field(ge=0)] | None = None
    """How many seconds a missing result may still appear after a trial has succeeded;
    60 on Slurm and 2 on this machine unless it is given."""

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
    """How many trials there shall be in all, over all restarts."""
    parallelism: StrictInt = 1
    """How many trials may be live (submitted and not ended) at once."""
    max_queued_jobs: StrictInt | None = None
    """How many of their jobs may wait in the queue; no limit unless it is given."""
    count: Literal["own", "user"] = "own"
    """Whose waiting jobs that limit counts: ``own``, this experiment's, or ``user``,
    all of this user's."""
    tolerated_trial_failure_rate: Number = 0.5
    """The run stops when a larger share of the ended trials has failed. Failures of the
    infrastructure do not count."""
    max_identical_failures: StrictInt | None = 4
    """The run stops when so many trials in a row failed within ten seconds and alike,
    and none has succeeded in it; ``null`` to go on."""
    initial_seconds_between_polls: Number = 1
    """The wait before Slurm is asked again after a change; it grows while nothing
    happens."""
    min_seconds_between_polls: Number = 0
    """The least wait, whatever happens. A site may set its own floor by the environment
    variable ``HPCOPT_MIN_SECONDS_BETWEEN_POLLS``."""


Options = dict[StrictStr, Scalar | tuple[Scalar, ...] | None]


class UntilSection(Spec):
    """When a step ends: once all that is given holds."""

    trials: StrictInt | None = None
    """The experiment has so many trials, counted from its first."""
    completed: StrictInt | None = None
    """It has so many outcomes, counted from its first."""
    no_better_for: StrictInt | None = None
    """So many outcomes in a row, counted from the step's first, are no better than an
    earlier one."""


class StepSection(Spec):
    """How the trials of one step are proposed."""

    method: StrictStr = "auto"
    """As ``generation.method``."""
    model: StrictStr = "auto"
    """As ``generation.model``."""
    model_options: Options = Field(default={})
    """As ``generation.model_options``."""
    acquisition: StrictStr = "auto"
    """As ``generation.acquisition``."""
    acquisition_options: Options = Field(default={})
    """As ``generation.acquisition_options``."""
    until: UntilSection | None = None
    """When the next step begins; for each step but the last."""


class GenerationSection(Spec):
    """How parameterizations are proposed."""

    method: StrictStr = "auto"
    """``auto``, ``bo``, ``trust_region``, ``subspace`` or ``sobol``. ``auto`` is ``bo``
    up to 12 continuous coordinates, ``trust_region`` for more, ``subspace`` for more
    than 50."""
    model: StrictStr = "auto"
    """What is fitted to the outcomes: one of the [models](#models-and-acquisitions), or
    a function of your own as ``module:function``. With the methods ``auto`` and
    ``bo``."""
    model_options: Options = Field(default={})
    """The model's options; of a function of your own, its keyword arguments."""
    acquisition: StrictStr = "auto"
    """What is maximised to find the next trial: one of the
    [acquisitions](#models-and-acquisitions), or a function of your own as
    ``module:function``. With the methods ``auto`` and ``bo``."""
    acquisition_options: Options = Field(default={})
    """The acquisition's options; of a function of your own, its keyword arguments."""
    steps: tuple[StepSection, ...] = ()
    """Several methods, models or acquisitions, one after the other, in place of one for
    all trials; see [below](#steps)."""
    device: StrictStr = "auto"
    """Where models and acquisitions that are named, or your own, are computed: ``cpu``,
    ``cuda``, one of several as ``cuda:1``, or ``auto``, a GPU where there is one and
    it pays. Without names it makes no difference."""
    seed: Annotated[int, Field(strict=True, ge=0)] = 0
    """The seed of everything random."""
    generator: StrictStr | None = None
    """A generator of your own instead of a method, as ``module:Class``. The module is
    looked for in the config's folder first."""
    options: Options = Field(default={})
    """The keyword arguments of that class."""
    timeout_s: Number = 600
    """How many seconds one suggestion may take; a tenth more for each further one."""
    threads: StrictInt = 1
    """How many threads the models and the search take. More than one seldom helps, and
    takes many times as long where other programs use the processors; other numbers give
    other last digits."""

    def spec(self, goals: Goals | None = None) -> GeneratorSpec:
        """Return which generator it means.

        Args:
            goals: What it is to be defined for, where that is known.

        Raises:
            ConfigError: There is no such name, or something makes no sense.
        """
        written = self.model_dump(mode="json", exclude={"seed"})
        try:
            steps = checked_steps(written["steps"])
            spec = GeneratorSpec(**{**written, "steps": steps})
            if goals is not None:
                spec.check_goals(goals)
        except ConfigError as exc:
            raise ConfigError(f"generation.{exc}") from exc
        return spec


class DriverSection(Spec):
    """How the driver runs as a job; see ``hpcopt submit``."""

    template: StrictStr = "driver.sbatch"
    """The job script of the driver: one of ``job_templates/``, or a path to your
    own."""
    setup: tuple[StrictStr, ...] = ()
    """Shell lines before the driver is started, verbatim."""
    slurm: dict[StrictStr, Scalar | None] = Field(default_factory=dict)
    """Options of sbatch for the driver's job, such as ``time: "1-00:00:00"``."""
    handover_s: Annotated[int, Field(strict=True, ge=10)] | None = None
    """How many seconds before the end of its time the driver submits its successor; a
    tenth of its time unless it is given, at least 30 and at most 300."""


#: A duration: a number of seconds, or of what the letter says.
_DURATION = re.compile(r"([0-9]+(?:\.[0-9]+)?)([smhd]?)\Z")

_SECONDS = {"": 1.0, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}

#: A page takes seconds of a processor.
_LEAST_S = 10.0


class ReportSection(Spec):
    """The page that ``hpcopt report`` writes, kept fresh while the experiment runs."""

    every: StrictStr | StrictInt
    """How often ``report.html`` in the experiment's folder is written anew, such as
    ``5m``, ``90s`` or ``1h``; a number is seconds, at least 10. A process of low
    priority does it, beside the driver."""

    @model_validator(mode="after")
    def _is_duration(self) -> ReportSection:
        found = _DURATION.match(str(self.every))
        if found is None or self.every_s < _LEAST_S:
            raise ValueError(
                f"every: expected a time of at least 10 s, such as 5m, found "
                f"{self.every!r}"
            )
        return self

    @property
    def every_s(self) -> float:
        """``every`` in seconds."""
        found = _DURATION.match(str(self.every))
        assert found is not None
        return float(found[1]) * _SECONDS[found[2]]
