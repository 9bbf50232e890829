"""The composition root: builds the driver of an experiment from its parts."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager

from hpcopt.config.file import LoadedConfig
from hpcopt.core.experiment import Experiment
from hpcopt.driver.driver import Driver, DriverProgress
from hpcopt.driver.polling import with_site_floor
from hpcopt.driver.requests import RequestFolder
from hpcopt.experiment import parts
from hpcopt.experiment.folder import CONFIG, GENERATOR_LOG, check_writable, make_folder
from hpcopt.experiment.journal import open_journal
from hpcopt.experiment.parts import RunnerKind
from hpcopt.generation.protocol import GeneratorService
from hpcopt.generation.service.idle import NoService
from hpcopt.host.clock import Clock, SystemClock

Observer = Callable[[Experiment, DriverProgress], None]
StopRequest = Callable[[], str | None]


def own_job_id() -> str:
    """Return the id of the job that this process is in; empty where it is in none."""
    return os.environ.get("SLURM_JOB_ID", "")


@contextmanager
def open_driver(
    loaded: LoadedConfig,
    *,
    runner: RunnerKind | None = None,
    clock: Clock | None = None,
    observe: Observer = lambda *_: None,
    is_stop_requested: StopRequest = lambda: None,
    drain: bool = False,
) -> Iterator[Driver]:
    """Yield a driver for the experiment of a config; begin or continue it.

    Args:
        loaded: The config.
        runner: Where trials run; by default what the config says.
        clock: Tells the time.
        observe: Called after each of the driver's steps.
        is_stop_requested: Returns why to stop, when somebody asked for it.
        drain: Whether to do no more than what people asked for: nothing is generated
            or submitted.

    Raises:
        ConfigError: The config does not fit the experiment or this machine.
        LeaseHeldError: Another driver runs the experiment.
        StorageError: The folder or the journal cannot be written or read.
    """
    clock = clock or SystemClock()
    folder = loaded.folder
    kind = parts.runner_kind(loaded, runner)
    settings = {**loaded.config.settings(), "runner": kind}
    limits = with_site_floor(loaded.config.limits(kind), os.environ)
    attempt_runner = parts.make_runner(loaded, kind, clock)
    reader = parts.make_reader(loaded.config, kind, clock)
    definition = loaded.config.definition()
    parts.check_space(loaded.config.search_space())
    make_folder(folder)
    with ExitStack() as stack:
        journal = stack.enter_context(open_journal(folder, definition, settings, clock))
        parts.write_config(loaded, folder / CONFIG)
        stack.callback(attempt_runner.close)
        check_writable(folder / GENERATOR_LOG)
        generator: GeneratorService = (
            NoService()
            if drain
            else parts.make_generator(loaded, folder / GENERATOR_LOG)
        )
        stack.callback(generator.close)
        yield Driver(
            journal,
            attempt_runner,
            reader,
            generator,
            limits,
            clock,
            is_stop_requested=is_stop_requested,
            observe=observe,
            requests=RequestFolder(folder),
            drain=drain,
            job_id=own_job_id(),
        )
