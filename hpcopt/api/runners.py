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

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from hpcopt.runners.local.runner import LocalRunner
from hpcopt.runners.protocol import AttemptRunner
from hpcopt.runners.script.job_script import JobScripts
from hpcopt.runners.script.job_spec import JobSpec, SlurmValue
from hpcopt.runners.script.shipped import find_template

__all__ = ["JobRunnerConfig", "local_runner", "slurm_runner"]


@dataclass(frozen=True)
class JobRunnerConfig:
    """What a trial runs and where, before the client says which experiment it is."""

    kind: Literal["slurm", "local"]
    spec: JobSpec
    max_processes: int | None = None
    """How many trials may run at once on this machine."""

    def build(
        self, name: str, folder: Path, clock: Callable[[], float]
    ) -> AttemptRunner:
        """Return the runner of one experiment.

        Args:
            name: The experiment's name, fit for the name of a job.
            folder: The experiment's folder.
            clock: Returns the seconds since the epoch.

        Raises:
            RunnerError: This machine cannot run such jobs.
        """
        scripts = JobScripts(name, folder, self.spec)
        if self.kind == "local":
            return LocalRunner(scripts, max_processes=self.max_processes, clock=clock)
        from hpcopt.runners.slurm.runner import SlurmRunner
        from hpcopt.slurm.commands import SlurmCommands

        return SlurmRunner(scripts, SlurmCommands(), clock=clock)


def slurm_runner(
    command: Sequence[str] | None = None,
    *,
    function: str | None = None,
    slurm: Mapping[str, SlurmValue] | None = None,
    template: str = "command.sbatch",
    directory: str = ".",
    setup: Sequence[str] = (),
    environment: Mapping[str, str] | None = None,
) -> JobRunnerConfig:
    """Return a runner that submits each trial as a job to Slurm.

    Args:
        command: The words of the program's command line.
        function: ``module:function``, called with the parameters instead of a command.
        slurm: Options of sbatch by their long names.
        template: The sbatch script: a file, or one that hpcopt brings along.
        directory: Where the program runs. It, ``template`` and the module are relative
            to the current directory.
        setup: Shell lines that go before the command.
        environment: Variables of the job's environment.

    Raises:
        ConfigError: An argument makes no sense.
    """
    spec = _spec(command, function, slurm, template, directory, setup, environment)
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
