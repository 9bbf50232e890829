"""The specs of a config: what the rest of hpcopt runs it by."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import TYPE_CHECKING

from hpcopt.config.file import LoadedConfig
from hpcopt.core.errors import ConfigError
from hpcopt.driver.notify.spec import NotifySpec
from hpcopt.experiment.job_runner import JobRunnerConfig, RunnerKind
from hpcopt.experiment.spec import ExperimentSpec, RunSpec
from hpcopt.metrics.hdf5 import Hdf5Metric
from hpcopt.runners.script.job_script import RESERVED_NAMES
from hpcopt.runners.script.job_spec import JobSpec, SlurmValue
from hpcopt.runners.script.shipped import find_template

if TYPE_CHECKING:
    from hpcopt.runners.slurm.driver_job import DriverJobSpec


def run_spec(loaded: LoadedConfig, kind: RunnerKind) -> RunSpec:
    """Return the experiment of a config, and how its trials are run.

    Raises:
        ConfigError: As ``experiment_spec`` and ``job_runner``.
    """
    return RunSpec(
        experiment=experiment_spec(loaded),
        runner=job_runner(loaded, kind),
        limits=loaded.config.limits(kind),
        config_text=loaded.text,
        notify=notify_spec(loaded),
    )


def notify_spec(loaded: LoadedConfig) -> NotifySpec | None:
    """Return who is told of what, if anybody is."""
    section = loaded.config.notify
    return None if section is None else section.spec(loaded.config_folder)


def experiment_spec(loaded: LoadedConfig) -> ExperimentSpec:
    """Return the experiment of a config.

    Raises:
        ConfigError: A metric makes no sense.
    """
    config = loaded.config
    generation = dataclasses.replace(
        config.generation.spec(), folder=str(loaded.config_folder)
    )
    return ExperimentSpec(
        name=config.name,
        folder=loaded.folder,
        space=config.search_space(),
        goals=config.goals(),
        seed=config.generation.seed,
        generation=generation,
        settings=config.settings(),
        metrics=tuple(Hdf5Metric(**metric.model_dump()) for metric in config.metrics),
    )


def job_runner(loaded: LoadedConfig, kind: RunnerKind) -> JobRunnerConfig:
    """Return what a trial of a config runs, and where.

    Raises:
        ConfigError: The template does not exist, nothing says what to run, or a
            parameter has the name of something else.
    """
    job = loaded.config.job
    for parameter in loaded.config.parameters:
        if parameter.name in RESERVED_NAMES:
            raise ConfigError(
                f"{loaded.path}: parameter {parameter.name!r}: this name means "
                "something else in job templates; call the parameter otherwise"
            )
    spec = JobSpec(
        template=find_template(job.template, loaded.config_folder),
        command=job.command,
        function=job.function,
        directory=job.directory,
        setup=job.setup,
        environment=job.environment,
        slurm=job.slurm,
        config_folder=loaded.config_folder,
        escalation=job.on.escalation(),
        pack=None if job.pack is None else job.pack.packing(),
    )
    return JobRunnerConfig(kind, spec, None if spec.pack is None else spec.pack.at_once)


def driver_job_spec(
    loaded: LoadedConfig, overrides: Mapping[str, SlurmValue]
) -> DriverJobSpec:
    """Return what the driver is like as a job.

    Args:
        loaded: The config.
        overrides: Options of sbatch that go before those of the config.

    Raises:
        ConfigError: The template does not exist.
    """
    from hpcopt.runners.slurm.driver_job import DriverJobSpec

    driver = loaded.config.driver
    return DriverJobSpec(
        template=find_template(
            driver.template, loaded.config_folder, "driver.template"
        ),
        setup=driver.setup,
        slurm=driver.slurm,
        overrides=overrides,
        handover_s=driver.handover_s,
        config=loaded.path,
    )
