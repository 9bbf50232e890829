"""What the tests of the Slurm layer share: scripts, fake commands, the real Slurm."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from hpcopt.core.trials.trial import Attempt
from hpcopt.runners.script.job_script import JobScripts
from hpcopt.runners.script.job_spec import SlurmValue
from hpcopt.runners.slurm.runner import SlurmRunner
from hpcopt.slurm.commands import SlurmCommands
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


class FakeTime:
    """A clock that stands still until it is told to go on."""

    def __init__(self, now: float = 1_800_000_000.0) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now

    def go_on(self, seconds: float) -> None:
        self.now += seconds


class FakeSlurm:
    """Shell scripts in place of Slurm's commands, and nothing else on the PATH.

    Each writes its arguments to a log and then does what it is told.
    """

    def __init__(self, folder: Path) -> None:
        self.bin = folder / "bin"
        self.bin.mkdir()
        self._log = folder / "argv.log"
        self._shell = shutil.which("bash")
        for command in ("sbatch", "squeue", "sacct", "scancel", "scontrol", "sinfo"):
            self.does(command, "exit 0")
        self.does(
            "scontrol", "echo 'MaxArraySize = 1001'; echo 'MessageTimeout = 10 sec'"
        )

    def does(self, command: str, body: str) -> None:
        """Make ``command`` do what the shell lines ``body`` say."""
        path = self.bin / command
        path.write_text(
            f"#!{self._shell}\n"
            f"printf '%s\\n' \"{command} $*\" >> '{self._log}'\n{body}\n"
        )
        path.chmod(0o755)

    def says(self, command: str, text: str, *, code: int = 0, err: str = "") -> None:
        """Make ``command`` print ``text`` and exit with ``code``."""
        (self.bin / f"{command}.out").write_text(text)
        (self.bin / f"{command}.err").write_text(err)
        # There is no cat on the PATH.
        self.does(
            command,
            f'printf %s "$(<{self.bin}/{command}.out)"; echo\n'
            f'printf %s "$(<{self.bin}/{command}.err)" >&2\nexit {code}',
        )

    def commands(
        self, timeouts_s: Mapping[str, float] | None = None, **environment: str
    ) -> SlurmCommands:
        return SlurmCommands(
            {"PATH": str(self.bin), **environment},
            {"sbatch": 20.0, "sacct": 20.0, **(timeouts_s or {})},
        )

    def calls(self, command: str = "") -> list[str]:
        """Return the lines of arguments of each call."""
        if not self._log.exists():
            return []
        lines = self._log.read_text().splitlines()
        return [line for line in lines if line.startswith(f"{command} ") or not command]


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
