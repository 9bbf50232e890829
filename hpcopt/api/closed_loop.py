"""Runs the trials that a script has set up."""

from __future__ import annotations

import logging
from contextlib import ExitStack

from hpcopt.api.interrupts import orderly_interrupt
from hpcopt.api.progress import EndedTrialsLog
from hpcopt.api.runners import JobRunnerConfig
from hpcopt.api.setup import Setup
from hpcopt.driver.driver import Driver
from hpcopt.driver.limits import Limits
from hpcopt.driver.requests import RequestFolder
from hpcopt.experiment.folder import GENERATOR_LOG, make_folder
from hpcopt.experiment.journal import open_journal
from hpcopt.experiment.parts import check_space
from hpcopt.generation.service.fallback_levels import start_generator
from hpcopt.host.clock import SystemClock
from hpcopt.metrics.reader import MetricsReader
from hpcopt.runners.custom import OwnRunner
from hpcopt.runners.protocol import AttemptRunner
from hpcopt.runners.script.attempt_folder import ended_ns

logger = logging.getLogger(__name__)


def run_trials(setup: Setup, limits: Limits, settle_s: float) -> None:
    """Run trials until there are as many as ``limits`` says, or nothing is left to try.

    Args:
        setup: What to run.
        limits: How far and how wide to go.
        settle_s: How long the file of a foreign program must stay as it is to count
            as whole.

    Raises:
        ConfigError: The folder cannot be used, or holds an experiment with another
            definition.
        KeyboardInterrupt: Ctrl-C was pressed; the journal is in order, and trials that
            run go on running.
        HpcoptError: As ``Driver.run``.
    """
    clock = SystemClock()
    folder = setup.problem.folder
    check_space(setup.problem.space)
    make_folder(folder)
    with ExitStack() as stack:
        is_stop_requested = stack.enter_context(orderly_interrupt(clock.interrupt))
        journal = stack.enter_context(
            open_journal(folder, setup.definition(), setup.settings(limits), clock)
        )
        experiment = journal.experiment
        runner = _attempt_runner(setup, clock)
        stack.callback(runner.close)
        generator = start_generator(folder / GENERATOR_LOG, setup.generation.spec)
        stack.callback(generator.close)
        logger.info(
            "experiment %s in %s has %d of %d trials",
            experiment.name,
            folder,
            experiment.n_trials,
            limits.max_trials,
        )
        stop = Driver(
            journal,
            runner,
            MetricsReader(
                setup.metrics, settle_s=settle_s, clock=clock.now, ended_ns=ended_ns
            ),
            generator,
            limits,
            clock,
            is_stop_requested=is_stop_requested,
            observe=EndedTrialsLog(experiment, limits.max_trials),
            requests=RequestFolder(folder),
        ).run()
        logger.info("experiment %s: %s", experiment.name, stop.reason)


def _attempt_runner(setup: Setup, clock: SystemClock) -> AttemptRunner:
    problem, runner = setup.problem, setup.runner
    if isinstance(runner, JobRunnerConfig):
        return runner.build(problem.safe_name, problem.folder, clock.now)
    if isinstance(runner, AttemptRunner):
        return runner
    return OwnRunner(runner, problem.safe_name)
