"""Runs an attempt's script once, as its wrapper ``job.sh`` does, without a shell.

The two keep the same promises (decision 3 in ``docs/decisions``) with the same files. A
shell for each of a pack's trials would last longer than many of these do.
"""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from hpcopt.host.durable import write_text_durably
from hpcopt.host.process import Process
from hpcopt.runners.script.attempt_folder import AttemptFolder, Started

#: How long another job may take to write into the ``started`` that it has made.
_PATIENCE_S = 10.0

#: What bash says of a command that is not there, and of one that cannot be run.
_NOT_FOUND, _NOT_EXECUTABLE = 127, 126


def identity(job_id: str) -> str:
    """Return what ``started`` says of attempts that this process runs."""
    return Started.by(Process.this(), job_id).to_line()


@dataclass
class AttemptProcess:
    """An attempt that is being run."""

    folder: AttemptFolder
    identity: str
    process: subprocess.Popen[bytes] | None = None
    last_signal: str = ""
    _code: int | None = field(default=None, init=False)

    @classmethod
    def start(
        cls,
        folder: AttemptFolder,
        identity: str,
        environment: Mapping[str, str],
        cwd: Path | None,
    ) -> AttemptProcess | None:
        """Run the script, unless another job runs or ran the attempt.

        Args:
            folder: Where the script, the log and the marks are.
            identity: Who runs it: see ``identity``.
            environment: The environment of the script.
            cwd: Where it runs; ``None`` for where this process does.

        Raises:
            OSError: A file cannot be written.
        """
        with folder.log.open("ab", buffering=0) as log:
            owner = _claim(folder, identity)
            job_id = identity.split(maxsplit=1)[0]
            if owner is not None:
                log.write(
                    f"hpcopt: job {owner} runs or ran this attempt already; "
                    f"job {job_id} leaves\n".encode()
                )
                return None
            attempt = cls(folder, identity)
            try:
                attempt.process = subprocess.Popen(
                    [folder.script],
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=subprocess.STDOUT,
                    cwd=cwd,
                    env=environment,
                    process_group=0,
                )
            except OSError as exc:
                log.write(f"hpcopt: {folder.script}: {exc.strerror}\n".encode())
                is_missing = isinstance(exc, FileNotFoundError)
                attempt._code = _NOT_FOUND if is_missing else _NOT_EXECUTABLE
            return attempt

    def has_ended(self) -> bool:
        """Whether the script has ended; writes down how."""
        if self.process is not None:
            code = self.process.poll()
            if code is None:
                return False
            self._code = code if code >= 0 else 128 - code
        # A pack on a node that was cut off may go on while it runs anew elsewhere.
        if self.folder.started.read_text() == self.identity:
            words = [str(self._code), self.last_signal]
            self.folder.ended.write_text(" ".join(filter(None, words)) + "\n")
        return True

    @property
    def is_killed(self) -> bool:
        """Whether the script has ended by a signal."""
        return self.process is not None and (self.process.returncode or 0) < 0

    def send(self, number: int) -> None:
        """Pass a signal on to the script."""
        self.last_signal = signal.Signals(number).name.removeprefix("SIG")
        if self.process is not None:
            self.process.send_signal(number)

    def kill(self) -> None:
        """End the script, and what it has started, at once."""
        self.last_signal = "KILL"
        if self.process is not None and self.process.returncode is None:
            os.killpg(self.process.pid, signal.SIGKILL)  # it leads its process group


def _claim(folder: AttemptFolder, identity: str) -> str | None:
    """Make the attempt ours; return the job whose it is if it is another's."""
    try:
        with folder.started.open("x") as file:
            file.write(identity)
    except FileExistsError:
        pass
    else:
        return None
    deadline = time.monotonic() + _PATIENCE_S
    while not (words := folder.started.read_text().split()):
        if time.monotonic() > deadline:
            return "unknown"
        time.sleep(1.0)
    if words[0] != identity.split(maxsplit=1)[0]:
        return words[0]
    # Slurm runs this job again.
    folder.ended.unlink(missing_ok=True)
    write_text_durably(folder.started, identity)
    return None
