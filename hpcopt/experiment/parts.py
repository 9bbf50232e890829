"""Builds the parts that a config asks for."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from hpcopt.config.file import LoadedConfig
from hpcopt.config.schema import ExperimentConfig
from hpcopt.core.errors import ConfigError
from hpcopt.core.space.search_space import SearchSpace
from hpcopt.experiment.folder import is_begun, read_experiment
from hpcopt.experiment.live_trials import runner_at_work
from hpcopt.host.clock import Clock
from hpcopt.host.durable import cannot_write, write_text_durably
from hpcopt.runners.script.job_script import RESERVED_NAMES, JobScripts
from hpcopt.runners.script.job_spec import JobSpec, SlurmValue
from hpcopt.runners.script.shipped import find_template

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hpcopt.generation.service.fallback_levels import FallbackService
    from hpcopt.metrics.reader import MetricsReader
    from hpcopt.runners.local.runner import LocalRunner
    from hpcopt.runners.slurm.driver_job import DriverJobSpec
    from hpcopt.runners.slurm.runner import SlurmRunner

RunnerKind = Literal["slurm", "local"]

#: How long the file of a foreign program must stay the same to count as whole.
_SETTLE_S = {"slurm": 1.0, "local": 0.5}


def runner_kind(loaded: LoadedConfig, override: RunnerKind | None) -> RunnerKind:
    """Return where trials run: as asked, as configured, or on Slurm if there is one.

    Where nothing else is asked for, live trials decide: they stay with their runner.

    Raises:
        RunnerError: There is a Slurm cluster that does not answer.
        StorageError: The experiment is begun, and its journal cannot be read.
    """
    asked = override or loaded.config.job.runner
    if asked != "auto":
        return asked
    if is_begun(loaded.folder):
        match runner_at_work(read_experiment(loaded.folder)):
            case "slurm" | "local" as at_work:
                return at_work
    from hpcopt.slurm.site import is_available

    return "slurm" if is_available() else "local"


def job_scripts(loaded: LoadedConfig) -> JobScripts:
    """Return what renders the config's jobs.

    Raises:
        ConfigError: The template does not exist, nothing says what to run, or a
            parameter has the name of something else.
    """
    job = loaded.config.job
    for parameter in loaded.config.search_space().parameters:
        if parameter.name in RESERVED_NAMES:
            raise ConfigError(
                f"{loaded.path}: parameter {parameter.name!r}: this name means "
                "something else in job templates; call the parameter otherwise"
            )
    template = find_template(job.template, loaded.config_folder)
    spec = JobSpec(
        template=template,
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
    return JobScripts(loaded.config.name, loaded.folder, spec)


def driver_job_spec(
    loaded: LoadedConfig, overrides: Mapping[str, SlurmValue]
) -> DriverJobSpec:
    """Return what the driver is like as a job.

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


def make_runner(
    loaded: LoadedConfig, kind: RunnerKind, clock: Clock
) -> SlurmRunner | LocalRunner:
    """Return the runner.

    Raises:
        ConfigError: The job section does not fit.
    """
    make = make_slurm_runner if kind == "slurm" else make_local_runner
    return make(loaded, clock)


def make_slurm_runner(loaded: LoadedConfig, clock: Clock) -> SlurmRunner:
    """Return a runner of Slurm jobs."""
    from hpcopt.runners.slurm.packing import PackingRunner
    from hpcopt.runners.slurm.runner import SlurmRunner

    scripts = job_scripts(loaded)
    # Trials may have been packed before the config was changed.
    is_packing = scripts.spec.pack is not None or scripts.pack_folder("").exists()
    make = PackingRunner if is_packing else SlurmRunner
    return make(scripts, clock=clock.now)


def make_local_runner(loaded: LoadedConfig, clock: Clock) -> LocalRunner:
    """Return a runner of processes of this machine."""
    from hpcopt.runners.local.runner import LocalRunner

    scripts = job_scripts(loaded)
    pack = scripts.spec.pack
    max_processes = None if pack is None else pack.at_once
    return LocalRunner(scripts, max_processes=max_processes, clock=clock.now)


def make_reader(
    config: ExperimentConfig, kind: RunnerKind, clock: Clock
) -> MetricsReader:
    """Return what reads the config's metrics."""
    from hpcopt.metrics.hdf5 import Hdf5Metric
    from hpcopt.metrics.reader import MetricsReader
    from hpcopt.runners.script.attempt_folder import ended_ns

    metrics = [Hdf5Metric(**metric.model_dump()) for metric in config.metrics]
    return MetricsReader(
        metrics, settle_s=_SETTLE_S[kind], clock=clock.now, ended_ns=ended_ns
    )


def make_generator(loaded: LoadedConfig, log: Path) -> FallbackService:
    """Return a generator at work in a process of its own."""
    from hpcopt.generation.service.fallback_levels import start_generator

    spec = loaded.config.generation.spec()
    folder = str(loaded.config_folder)
    return start_generator(log, dataclasses.replace(spec, folder=folder))


def check_space(space: SearchSpace) -> None:
    """Check that there is something to propose.

    Raises:
        ConfigError: The constraints contradict each other, or leave too little.
    """
    if space.is_constrained:
        from hpcopt.generation.design.feasible import check_feasible

        check_feasible(space)


def write_config(loaded: LoadedConfig, path: Path) -> None:
    """Keep a copy of the config beside the journal, for people.

    Raises:
        StorageError: It cannot be written.
    """
    try:
        write_text_durably(path, loaded.text)
    except OSError as exc:
        raise cannot_write(path, exc) from exc
