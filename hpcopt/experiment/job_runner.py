"""Trials that are jobs, on Slurm or on this machine: what they run, and where."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from hpcopt.runners.script.job_script import JobScripts
from hpcopt.runners.script.job_spec import JobSpec

if TYPE_CHECKING:
    from hpcopt.runners.local.runner import LocalRunner
    from hpcopt.runners.slurm.runner import SlurmRunner

RunnerKind = Literal["slurm", "local"]


@dataclass(frozen=True)
class JobRunnerConfig:
    """What trials run and where, for an experiment that is still to be named."""

    kind: RunnerKind
    spec: JobSpec
    max_processes: int | None = None
    """How many trials may run at once on this machine."""

    def scripts(self, name: str, folder: Path) -> JobScripts:
        """Return what renders the jobs of one experiment.

        Args:
            name: The experiment's name, fit for the name of a job.
            folder: The experiment's folder.
        """
        return JobScripts(name, folder, self.spec)

    def build(
        self, name: str, folder: Path, clock: Callable[[], float]
    ) -> SlurmRunner | LocalRunner:
        """Return the runner of one experiment.

        Args:
            name: The experiment's name, fit for the name of a job.
            folder: The experiment's folder.
            clock: Returns the seconds since the epoch.

        Raises:
            RunnerError: This machine cannot run such jobs.
        """
        if self.kind == "local":
            return self.build_local(name, folder, clock)
        return self.build_slurm(name, folder, clock)

    def build_local(
        self, name: str, folder: Path, clock: Callable[[], float]
    ) -> LocalRunner:
        """Return a runner of processes of this machine."""
        from hpcopt.runners.local.runner import LocalRunner

        return LocalRunner(
            self.scripts(name, folder), max_processes=self.max_processes, clock=clock
        )

    def build_slurm(
        self, name: str, folder: Path, clock: Callable[[], float]
    ) -> SlurmRunner:
        """Return a runner of Slurm jobs.

        Raises:
            RunnerError: This machine cannot submit jobs.
        """
        from hpcopt.runners.slurm.runner import SlurmRunner

        return SlurmRunner(self.scripts(name, folder), clock=clock)
