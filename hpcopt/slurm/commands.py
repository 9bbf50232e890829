"""Runs Slurm's commands, in a clean environment, with time-outs, and counted.

Nothing else in hpcopt starts one of them.
"""

from __future__ import annotations

import os
import signal
import subprocess
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from hpcopt.core.errors import PollError

#: Seconds after which a command is killed. sbatch itself retries for 120 s when the
#: controller is busy, and to kill it before makes a slow success an unknown one; sacct
#: needs 45 s to say that its database hangs.
TIMEOUTS_S: Mapping[str, float] = {"sbatch": 150.0, "sacct": 90.0}
_OTHER_TIMEOUT_S = 30.0

#: A driver that runs inside a job must not hand that job's variables down, and a
#: user's defaults must not change what is asked or how it is answered.
_SCRUBBED = (
    "SLURM",
    "SBATCH_",
    "SQUEUE_",
    "SACCT_",
    "SCANCEL_",
    "SINFO_",
    "SCONTROL_",
    "SALLOC_",
    "SRUN_",
    "SSTAT_",
    "PMI_",
    "PMIX_",
)
#: How to find the controller, and how to prove who one is.
_KEPT = frozenset({"SLURM_CONF", "SLURM_CONF_SERVER", "SLURM_JWT", "SLURM_SACK_SOCKET"})

#: What makes answers readable by a program: no translation, times as seconds since the
#: epoch (no time zone, no change of clocks), array tasks never cut off with "...".
_QUERY_ENVIRONMENT = {
    "LC_ALL": "C",
    "SLURM_TIME_FORMAT": "%s",
    "SLURM_BITSTR_LEN": "0",
}


@dataclass(frozen=True)
class Answer:
    """What came of one command."""

    command: str
    code: int | None
    """The exit code; ``None`` when the command was killed after its time-out."""
    out: str = ""
    err: str = ""

    @property
    def failure(self) -> str:
        """One line that says how the command failed, in its own words if it has any."""
        if self.code is None:
            return f"{self.command} did not answer in time"
        words = [line.strip() for line in self.err.splitlines() if line.strip()]
        return f"{self.command} exited {self.code}: {'; '.join(words) or 'no message'}"


class SlurmCommands:
    """Runs Slurm's commands in a clean environment, with time-outs, and counts them."""

    def __init__(
        self,
        environment: Mapping[str, str] | None = None,
        timeouts_s: Mapping[str, float] = TIMEOUTS_S,
    ) -> None:
        """Take the environment to clean, this process's own by default."""
        clean = scrubbed(os.environ if environment is None else environment)
        # sbatch hands its environment down to the job: nothing may be added to it.
        self._submission_environment = clean
        self._query_environment = clean | _QUERY_ENVIRONMENT
        self._timeouts_s = timeouts_s
        self.calls: Counter[str] = Counter()
        """How often each command was run."""

    def query(self, command: str, arguments: Sequence[str]) -> str:
        """Return what a command that changes no job says on standard output.

        Raises:
            PollError: It failed, did not answer in time, or is not there.
        """
        answer = self.run(command, arguments)
        if answer.code != 0:
            raise PollError(answer.failure)
        return answer.out

    def run(self, command: str, arguments: Sequence[str]) -> Answer:
        """Run a command and return what it says.

        Raises:
            PollError: There is no such command, or it cannot be started now.
        """
        try:
            return self._run(
                command,
                arguments,
                self._query_environment,
                subprocess.PIPE,
                subprocess.PIPE,
            )
        except OSError as exc:
            raise PollError(f"{command} cannot be run: {exc.strerror}") from exc

    def sbatch(self, arguments: Sequence[str], output: int) -> Answer:
        """Run sbatch with both its streams going to the file descriptor ``output``.

        A file takes the answer down even when this process is killed meanwhile.

        Raises:
            OSError: sbatch could not be started.
        """
        return self._run(
            "sbatch", arguments, self._submission_environment, output, output
        )

    def dry_run(self, arguments: Sequence[str]) -> Answer:
        """Return what sbatch would say.

        Raises:
            PollError: There is no sbatch, or it cannot be started now.
        """
        try:
            return self._run(
                "sbatch",
                ["--test-only", *arguments],
                self._submission_environment,
                subprocess.PIPE,
                subprocess.PIPE,
            )
        except OSError as exc:
            raise PollError(f"sbatch cannot be run: {exc.strerror}") from exc

    def _run(
        self,
        command: str,
        arguments: Sequence[str],
        environment: Mapping[str, str],
        stdout: int,
        stderr: int,
    ) -> Answer:
        self.calls[command] += 1
        # In a session of its own, so that an interrupt from the keyboard, or the end
        # of this process, does not cut off an sbatch that has been sent already.
        with subprocess.Popen(
            [command, *arguments],
            stdin=subprocess.DEVNULL,
            stdout=stdout,
            stderr=stderr,
            env=environment,
            start_new_session=True,
            encoding="utf-8",
            errors="replace",
        ) as process:
            timeout_s = self._timeouts_s.get(command, _OTHER_TIMEOUT_S)
            try:
                out, err = process.communicate(timeout=timeout_s)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                process.communicate()
                return Answer(command, None)
            return Answer(command, process.returncode, out or "", err or "")


def scrubbed(environment: Mapping[str, str]) -> dict[str, str]:
    """Return the environment without what Slurm and its jobs put into it."""
    return {
        name: value
        for name, value in environment.items()
        if name in _KEPT or not name.startswith(_SCRUBBED)
    }


def is_running(script: Path) -> bool:
    """Whether an sbatch for ``script`` is still running on this machine.

    It may have been started by a driver that has died since.
    """
    needle = os.fsencode(script)
    for process in Path("/proc").iterdir():
        if not process.name.isdecimal():
            continue
        try:
            words = (process / "cmdline").read_bytes().split(b"\0")
        except OSError:
            continue  # it ended while we looked, or is somebody else's
        names = {word.rpartition(b"/")[2] for word in words}
        if needle in words and b"sbatch" in names:
            return True
    return False
