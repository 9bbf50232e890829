"""What the tests of the Slurm layer share: scripts, and the real Slurm."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from hpcopt.core.trials.trial import Attempt
from hpcopt.runners.script.job_script import JobScripts
from hpcopt.runners.script.job_spec import SlurmValue
from hpcopt.runners.slurm.runner import SlurmRunner
from hpcopt.slurm.commands import SlurmCommands
from hpcopt.slurm.tables import SEPARATOR
from hpcopt.testing.fake_slurm import FakeSlurm
from tests.support.job_specs import job_spec

TEMPLATE = """\
#!/bin/bash
#SBATCH --comment=from-the-template
cd {{ directory }}
echo "ran $HPCOPT_TRIAL_INDEX"
echo "$HPCOPT_TRIAL_INDEX" >> runs
if [[ {{ hold }} == yes ]]; then
    while [[ ! -e release ]]; do sleep 0.05; done
fi
exit {{ code }}
"""


def scripts(folder: Path, template: str = TEMPLATE, **slurm: SlurmValue) -> JobScripts:
    """Return the scripts of an experiment in ``folder``."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "t.sbatch").write_text(template)
    spec = job_spec(
        folder / "t.sbatch", folder, command=None, directory=".", slurm=slurm
    )
    return JobScripts(folder.parent.name[-40:], folder / "experiment", spec)


def lines(slurm: FakeSlurm, command: str = "") -> list[str]:
    """Return each call of a command, or of any, as a line."""
    return [" ".join(words) for words in slurm.calls(command)]


def accounting_line(
    *cells: str, allocated: str = "cpu=4,mem=60M,node=1", max_rss: str = ""
) -> str:
    """Return a line of sacct, of a job on four CPUs.

    Args:
        cells: From the id to the working directory.
        allocated: What it was given.
        max_rss: The most memory that it had resident.
    """
    times = ("1800000001", "1800000010", "1800000017")
    return SEPARATOR.join([*cells, *times, "4", "1", allocated, max_rss]) + "\n"


class RealSlurm:
    """The one-host Slurm, and trials on it."""

    def __init__(self, folder: Path, conf: Path) -> None:
        self.folder = folder
        self.conf = conf
        self.environment = {**os.environ, "SLURM_CONF": str(conf)}

    def runner(self, template: str = TEMPLATE, **slurm: SlurmValue) -> SlurmRunner:
        slurm = {"time": "00:05:00", "mem": "20M", **slurm}
        commands = SlurmCommands(self.environment)
        return SlurmRunner(scripts(self.folder, template, **slurm), commands)

    def release(self) -> None:
        (self.folder / "release").touch()

    def runs(self) -> list[str]:
        """Return the indices of the trials that ran, as often as they did."""
        log = self.folder / "runs"
        return log.read_text().split() if log.exists() else []

    def run(self, *command: str) -> str:
        return subprocess.run(
            command, env=self.environment, check=True, capture_output=True, text=True
        ).stdout

    def job_ids(self, attempts: Sequence[Attempt]) -> list[str]:
        return [str((attempt.metadata or {})["job_id"]) for attempt in attempts]

    @contextmanager
    def frozen_controller(self) -> Iterator[None]:
        """Stop slurmctld for a while, as a busy one seems to be."""
        config = self.run("scontrol", "show", "config")
        file = next(
            line.split("=")[1].strip()
            for line in config.splitlines()
            if line.startswith("SlurmctldPidFile")
        )
        pid = int(Path(file).read_text())
        os.kill(pid, signal.SIGSTOP)
        try:
            yield
        finally:
            os.kill(pid, signal.SIGCONT)

    @contextmanager
    def failed_node(self, node: str) -> Iterator[None]:
        """Have a node be down for a while."""
        update = ("scontrol", "update", f"nodename={node}")
        self.run(*update, "state=down", "reason=test")
        try:
            yield
        finally:
            # It may have returned to service already, which makes this an error.
            subprocess.run(
                [*update, "state=resume"], env=self.environment, capture_output=True
            )

    @contextmanager
    def submit_limit(self, n: int) -> Iterator[None]:
        """Let this user have ``n`` jobs at a time in the queue."""
        user = self.run("id", "-un").strip()
        change = ("sacctmgr", "-i", "modify", "user", user, "set")
        self.run(*change, f"maxsubmitjobs={n}")
        try:
            yield
        finally:
            self.run(*change, "maxsubmitjobs=-1")

    def cancel_all(self) -> None:
        listing = self.run("squeue", "--me", "-h", "-o", "%A %Z")
        mine = [
            line.split()[0] for line in listing.splitlines() if str(self.folder) in line
        ]
        if mine:
            self.run("scancel", *mine)
