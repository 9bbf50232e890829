"""A generator in a process of its own: the driver never waits, and stays small."""

from __future__ import annotations

import json
import os
import select
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import IO

from hpcopt.core.errors import GenerationError
from hpcopt.generation.protocol import FallbackLevel, Generation
from hpcopt.generation.service.server import read_answer, write_request
from hpcopt.generation.snapshot import Snapshot
from hpcopt.generation.spec import GeneratorSpec

#: How many bytes of the end of a dead process's stderr are shown.
_TAIL = 2000

#: How long a process that answers no more may take to end.
_GRACE_S = 5.0

_READ_SIZE = 1 << 16

#: What limits the threads of numpy and torch from the start. The generator limits them
#: while it is at work, in whatever process; but this one does nothing else, and a BLAS
#: that is loaded for one thread makes none and keeps no memory for them.
_THREAD_VARIABLES = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")


class ProcessService:
    """A generator in a process of its own, which is started at once.

    It is in a session of its own, so that Ctrl-C in the terminal leaves it alone, and
    ends with its driver, however that ends. A process that died is replaced at the next
    request: nothing is lost, for a generator keeps nothing.
    """

    is_concurrent = True

    def __init__(self, log: Path, spec: GeneratorSpec | None = None) -> None:
        """Start the process; what it says on stderr is appended to ``log``."""
        self._log = log
        spec = spec or GeneratorSpec()
        # -P: a torch.py in the current folder is none of our business; -u: what a
        # generator of a user prints is in the log at once.
        program = ["-P", "-u", "-m", "hpcopt.generation.service.server"]
        self._command = [sys.executable, *program, json.dumps(spec.to_json())]
        self._environment = os.environ | dict.fromkeys(
            _THREAD_VARIABLES, str(spec.threads)
        )
        self._unsent = b""
        self._received = b""
        self._is_busy = False
        self._process = self._start()

    @property
    def is_busy(self) -> bool:
        """Whether an answer is due."""
        return self._is_busy

    def request(
        self, n: int, snapshot: Snapshot, level: FallbackLevel = FallbackLevel.FULL
    ) -> None:
        """Send the request, as far as that is possible without waiting.

        Raises:
            RuntimeError: Another request is being worked on.
        """
        if self._is_busy:
            raise RuntimeError("a request is being worked on; collect its answer first")
        if self._process.poll() is not None:
            self._end()
            self._process = self._start()
        self._unsent = write_request(n, snapshot, level)
        self._received = b""
        self._is_busy = True
        self._exchange(0.0)

    def collect(self, timeout_s: float) -> Generation | None:
        """Return the answer if it comes in time; else ``None``.

        Raises:
            GenerationError: The generator said so, or its process died.
            ConfigError: A user's own generator cannot be found or made.
        """
        deadline = time.monotonic() + timeout_s
        while self._is_busy:
            is_open = self._exchange(max(0.0, deadline - time.monotonic()))
            if self._received.endswith(b"\n"):
                self._is_busy = False
                return read_answer(self._received)
            if not is_open:
                self._is_busy = False
                raise GenerationError(self._why_it_ended())
            if time.monotonic() >= deadline:
                break
        return None

    def abort(self) -> None:
        """End the request and the process; the next request starts another one."""
        self._is_busy = False
        self._end()

    def close(self) -> None:
        """End the process, whatever it is doing."""
        self._is_busy = False
        self._end()

    def _start(self) -> subprocess.Popen[bytes]:
        with self._log.open("ab") as log:
            self._log_start = log.tell()
            process = subprocess.Popen(
                self._command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                env=self._environment,
                start_new_session=True,
                bufsize=0,
            )
        os.set_blocking(_fd(process.stdin), False)
        return process

    def _end(self) -> None:
        self._process.kill()
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                pipe.close()

    def _exchange(self, timeout_s: float) -> bool:
        """Write and read once, when that is possible; return whether more can come."""
        requests, answers = _fd(self._process.stdin), _fd(self._process.stdout)
        writing = [requests] if self._unsent else []
        readable, writable, _ = select.select([answers], writing, [], timeout_s)
        if writable:
            try:
                self._unsent = self._unsent[os.write(requests, self._unsent) :]
            except BrokenPipeError:
                return False
        if not readable:
            return True
        received = os.read(answers, _READ_SIZE)
        self._received += received
        return bool(received)

    def _why_it_ended(self) -> str:
        try:
            code = self._process.wait(_GRACE_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            code = self._process.wait()
        with self._log.open("rb") as log:
            log.seek(self._log_start)
            tail = log.read()[-_TAIL:].decode(errors="replace").strip()
        ended = f"ended with exit code {code} instead"
        if code == -signal.SIGKILL:
            ended = "was killed, perhaps for want of memory"
        elif code < 0:
            ended = f"was ended by {signal.Signals(-code).name}"
        return (
            f"expected an answer of the generator's process, which {ended}; "
            f"the end of {self._log}:\n{tail or '(empty)'}"
        )


def _fd(pipe: IO[bytes] | None) -> int:
    if pipe is None:
        raise ValueError("the process was started without this pipe")
    return pipe.fileno()
