"""The composition root: the one place where a driver is put together.

``hpcopt run``, the job that ``hpcopt submit`` leaves, ``hpcopt cancel`` where no driver
runs, and ``Client.run_trials`` all get their driver from here.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from typing import Protocol

from hpcopt.core.experiment import Experiment
from hpcopt.driver.control import StopControl
from hpcopt.driver.driver import Driver
from hpcopt.driver.notify.command import CommandRunner
from hpcopt.driver.notify.notifier import Notifier
from hpcopt.driver.notify.told import Told
from hpcopt.driver.polling import with_site_floor
from hpcopt.driver.progress import DriverProgress
from hpcopt.driver.requests import RequestFolder
from hpcopt.experiment import build
from hpcopt.experiment.folder import (
    CONFIG,
    GENERATOR_LOG,
    NOTIFIED,
    check_writable,
    make_folder,
    write_config,
)
from hpcopt.experiment.journal import open_journal
from hpcopt.experiment.spec import RunSpec
from hpcopt.generation.protocol import GeneratorService
from hpcopt.generation.service.idle import NoService
from hpcopt.host.clock import Clock, SystemClock

Observer = Callable[[Experiment, DriverProgress], None]


class Control(Protocol):
    """How people ask a driver to stop."""

    def reason(self) -> str | None:
        """Look, and return why to stop, if anybody asked for it."""

    def discard_old_request(self) -> None:
        """Remove a request that was meant for an earlier driver."""

    def handle_signals(self) -> AbstractContextManager[None]:
        """Take signals as requests within the block."""


def own_job_id() -> str:
    """Return the id of the job that this process is in; empty where it is in none."""
    return os.environ.get("SLURM_JOB_ID", "")


@contextmanager
def open_driver(
    spec: RunSpec,
    *,
    clock: Clock | None = None,
    control: Control | None = None,
    observe: Observer = lambda *_: None,
    is_out_of_time: Callable[[], str | None] = lambda: None,
    drain: bool = False,
) -> Iterator[Driver]:
    """Yield the driver of an experiment; begin or continue it.

    It stops in order at a signal, and at a request in the experiment's folder.

    Args:
        spec: What to run, and how.
        clock: Tells the time.
        control: How people ask for a stop; by default by signals and by the file that
            ``hpcopt stop`` writes.
        observe: Called after each of the driver's steps.
        is_out_of_time: Returns why to stop, when it is time to for another reason.
        drain: Whether to do no more than what people asked for: nothing is generated
            or submitted.

    Raises:
        ConfigError: What was asked for does not fit the experiment or this machine.
        LeaseHeldError: Another driver runs the experiment.
        RunnerError: This machine cannot run such jobs.
        StorageError: The folder or the journal cannot be written or read.
    """
    clock = clock or SystemClock()
    experiment = spec.experiment
    folder = experiment.folder
    control = control or StopControl(folder, clock.interrupt)
    limits = with_site_floor(spec.limits, os.environ)
    runner = build.make_runner(spec, clock)
    reader = build.make_reader(spec, clock)
    build.check_space(experiment.space)
    make_folder(folder)
    with ExitStack() as stack:
        journal = stack.enter_context(
            open_journal(folder, experiment.definition(), spec.settings(), clock)
        )
        # Not before: while the lease is waited for, a signal simply ends the process.
        stack.enter_context(control.handle_signals())
        control.discard_old_request()
        if spec.config_text is not None:
            write_config(spec.config_text, folder / CONFIG)
        stack.callback(runner.close)
        check_writable(folder / GENERATOR_LOG)
        generator: GeneratorService = (
            NoService() if drain else build.make_generator(spec, folder / GENERATOR_LOG)
        )
        stack.callback(generator.close)
        notifier = None if drain else _notifier(spec, clock)

        def observe_and_notify(seen: Experiment, progress: DriverProgress) -> None:
            observe(seen, progress)
            if notifier is not None:
                notifier.observe(seen)

        driver = Driver(
            journal,
            runner,
            reader,
            generator,
            limits,
            clock,
            is_stop_requested=lambda: control.reason() or is_out_of_time(),
            observe=observe_and_notify,
            requests=RequestFolder(folder),
            drain=drain,
            job_id=own_job_id(),
        )
        if notifier is not None:
            stack.callback(_tell_end, notifier, driver, control)
        yield driver


def _notifier(spec: RunSpec, clock: Clock) -> Notifier | None:
    """Return what tells a person, if one wants to be told."""
    asked = spec.notify
    if asked is None:
        return None
    folder = spec.experiment.folder
    return Notifier(
        asked,
        CommandRunner(asked.command, asked.folder),
        Told(folder / NOTIFIED),
        folder,
        spec.limits.max_trials,
        clock,
    )


def _tell_end(notifier: Notifier, driver: Driver, control: Control) -> None:
    """Tell how the run ended, unless a successor of the driver goes on at once."""
    stop = driver.ended
    if stop is None or (isinstance(control, StopControl) and control.shall_hand_over):
        notifier.close(driver.experiment)
        return
    notifier.ended(driver.experiment, stop.reason, is_complete=stop.is_complete)
