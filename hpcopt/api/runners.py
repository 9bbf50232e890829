"""The runners that hpcopt brings along: jobs on Slurm, or processes on this machine.

::

    client.configure_runner(
        slurm_runner(
            command=["python", "simulate.py", "--x1", "{{ x1 }}"],
            slurm={"partition": "main", "time": "00:30:00"},
        )
    )
    client.configure_metrics([Hdf5Metric("loss", dataset="/loss")])

The words of ``command``, ``directory`` and the values of ``environment`` and ``slurm``
may hold Jinja expressions, such as ``{{ x1 }}`` or ``{{ trial.folder }}``.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from pathlib import Path

from hpcopt.experiment.job_runner import JobRunnerConfig
from hpcopt.runners.script.job_spec import JobSpec, Packing, SlurmValue
from hpcopt.runners.script.shipped import find_template

__all__ = ["JobRunnerConfig", "local_runner", "slurm_runner"]


def slurm_runner(
    command: Sequence[str] | None = None,
    *,
    function: str | None = None,
    slurm: Mapping[str, SlurmValue] | None = None,
    template: str = "command.sbatch",
    directory: str = ".",
    setup: Sequence[str] = (),
    environment: Mapping[str, str] | None = None,
    trials_per_job: int = 1,
    at_once: int = 1,
) -> JobRunnerConfig:
    """Return a runner that submits trials as jobs to Slurm.

    Args:
        command: The words of the program's command line.
        function: ``module:function``, called with the parameters instead of a command.
        slurm: Options of sbatch by their long names.
        template: The sbatch script: a file, or one that hpcopt brings along.
        directory: Where the program runs. It, ``template`` and the module are relative
            to the current directory.
        setup: Shell lines that go before the command.
        environment: Variables of the job's environment.
        trials_per_job: How many trials share a job, for many short ones.
        at_once: How many of these run at a time.

    Raises:
        ConfigError: An argument makes no sense.
    """
    pack = Packing(trials_per_job, at_once)
    spec = _spec(command, function, slurm, template, directory, setup, environment)
    if trials_per_job > 1:
        spec = dataclasses.replace(spec, pack=pack)
    return JobRunnerConfig("slurm", spec)


def local_runner(
    command: Sequence[str] | None = None,
    *,
    function: str | None = None,
    time_limit: str | None = None,
    max_processes: int | None = None,
    template: str = "command.sbatch",
    directory: str = ".",
    setup: Sequence[str] = (),
    environment: Mapping[str, str] | None = None,
) -> JobRunnerConfig:
    """Return a runner that runs each trial as a process on this machine.

    Args:
        command: As for ``slurm_runner``, like what follows if not said otherwise.
        function: ``module:function``, called with the parameters instead of a command.
        time_limit: When a trial is ended, as Slurm writes it: ``"00:30:00"``.
        max_processes: How many trials may run at once; the others wait.
        template: The script.
        directory: Where the program runs.
        setup: Shell lines that go before the command.
        environment: Variables of the trial's environment.

    Raises:
        ConfigError: An argument makes no sense.
    """
    options = {"time": time_limit}
    spec = _spec(command, function, options, template, directory, setup, environment)
    return JobRunnerConfig("local", spec, max_processes)


def _spec(
    command: Sequence[str] | None,
    function: str | None,
    slurm: Mapping[str, SlurmValue] | None,
    template: str,
    directory: str,
    setup: Sequence[str],
    environment: Mapping[str, str] | None,
) -> JobSpec:
    here = Path.cwd()
    return JobSpec(
        template=find_template(template, here),
        command=None if command is None else tuple(command),
        function=function,
        directory=directory,
        setup=tuple(setup),
        environment=environment or {},
        slurm=slurm or {},
        config_folder=here,
    )
