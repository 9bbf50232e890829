"""Builds the parts of a driver from what was asked for."""

from __future__ import annotations

from pathlib import Path

from hpcopt.core.space.search_space import SearchSpace
from hpcopt.experiment.job_runner import JobRunnerConfig
from hpcopt.experiment.spec import RunSpec, file_latency
from hpcopt.generation.service.fallback_levels import FallbackService, start_generator
from hpcopt.host.clock import Clock
from hpcopt.metrics.reader import MetricsReader
from hpcopt.runners.custom import OwnRunner
from hpcopt.runners.protocol import AttemptRunner
from hpcopt.runners.script.attempt_folder import ended_ns


def make_runner(spec: RunSpec, clock: Clock) -> AttemptRunner:
    """Return what starts and watches attempts.

    Raises:
        RunnerError: This machine cannot run such jobs.
    """
    runner, experiment = spec.runner, spec.experiment
    if isinstance(runner, JobRunnerConfig):
        return runner.build(experiment.safe_name, experiment.folder, clock.now)
    if isinstance(runner, AttemptRunner):
        return runner
    return OwnRunner(runner, experiment.safe_name, clock=clock.now)


def make_reader(spec: RunSpec, clock: Clock) -> MetricsReader:
    """Return what reads the outcome of attempts that succeeded."""
    return MetricsReader(
        spec.experiment.metrics,
        settle_s=file_latency(spec.runner).settle_s,
        clock=clock.now,
        ended_ns=ended_ns,
    )


def make_generator(spec: RunSpec, log: Path) -> FallbackService:
    """Return a generator at work in a process of its own, which writes to ``log``."""
    return start_generator(log, spec.experiment.generation)


def check_space(space: SearchSpace) -> None:
    """Check that there is something to propose.

    Raises:
        ConfigError: The constraints contradict each other, or leave too little.
    """
    if space.is_constrained:
        from hpcopt.generation.design.feasible import check_feasible

        check_feasible(space)
