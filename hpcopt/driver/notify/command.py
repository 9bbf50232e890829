"""Runs a person's command beside the driver: one at a time, and never for long."""

from __future__ import annotations

import logging
import os
import shlex
import signal
import subprocess
import tempfile
import time
from collections import deque
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import IO

logger = logging.getLogger(__name__)

#: A command is killed after so many seconds.
TIMEOUT_S = 60.0

#: A command that was killed ends within so many seconds, or it is not waited for: it
#: may be another user's by now, as by sudo, or in a file system that hangs.
_DIES_WITHIN_S = 1.0

#: So many messages wait at most; of more, the oldest are dropped.
_MOST_WAITING = 10

#: So much of what a command says is kept in the driver's log.
_MOST_SAID = 2000


@dataclass(frozen=True)
class Notification:
    """What a command is told."""

    text: str
    """On its standard input."""
    environment: Mapping[str, str]
    """Beside the driver's own environment."""


@dataclass
class _Running:
    """A command at work."""

    process: subprocess.Popen[bytes]
    said: IO[bytes]
    """A file without a name, of what it says."""
    ends_at: float
    """When it is killed, by the monotonic clock."""


class CommandRunner:
    """Runs one command for each message, one after the other, without waiting for it.

    It leads a session of its own, so that Ctrl-C does not reach it. What it says goes
    to the log. That it fails is a warning once, until it succeeds again.
    """

    def __init__(
        self,
        command: Sequence[str],
        folder: Path | None = None,
        *,
        timeout_s: float = TIMEOUT_S,
    ) -> None:
        """Run nothing yet.

        Args:
            command: The program and its arguments.
            folder: Where it is run; the driver's own folder by default.
            timeout_s: After so many seconds it is killed.
        """
        self._command = list(command)
        self._folder = folder
        self._timeout_s = timeout_s
        self._waiting: deque[Notification] = deque(maxlen=_MOST_WAITING)
        self._running: _Running | None = None
        self._undead: list[subprocess.Popen[bytes]] = []
        """Commands that were killed and have not ended."""
        self._is_failing = False

    def send(self, message: Notification) -> None:
        """Run the command with a message as soon as no other one is running."""
        self._waiting.append(message)
        self.poll()

    def poll(self) -> None:
        """Note that the command has ended, kill it if it is late, start the next."""
        self._undead = [process for process in self._undead if process.poll() is None]
        if self._running is not None:
            code = self._running.process.poll()
            if code is None and time.monotonic() < self._running.ends_at:
                return
            self._end(self._running, code)
        while self._waiting and self._running is None:
            self._running = self._start(self._waiting.popleft())

    def close(self) -> None:
        """Wait until all messages are delivered, or have had their time together."""
        ends_at = time.monotonic() + self._timeout_s
        while self._running is not None:
            running = self._running
            running.ends_at = min(running.ends_at, ends_at)
            try:
                running.process.wait(max(0.0, running.ends_at - time.monotonic()))
            except subprocess.TimeoutExpired:
                self._waiting.clear()
            self.poll()

    def _start(self, message: Notification) -> _Running | None:
        """Start the command; ``None`` if it cannot be."""
        try:
            # Files: a pipe would have to be served while the driver goes on.
            with tempfile.TemporaryFile() as told, ExitStack() as stack:
                told.write(message.text.encode())
                told.seek(0)
                said = stack.enter_context(tempfile.TemporaryFile())
                process = subprocess.Popen(
                    self._command,
                    stdin=told,
                    stdout=said,
                    stderr=subprocess.STDOUT,
                    env={**os.environ, **message.environment},
                    cwd=self._folder,
                    start_new_session=True,
                )
                stack.pop_all()  # it is closed when the command has ended
        except (OSError, ValueError) as exc:  # a NUL in a word is a ValueError
            self._fail(f"it cannot be run: {getattr(exc, 'strerror', None) or exc}")
            return None
        return _Running(process, said, time.monotonic() + self._timeout_s)

    def _end(self, running: _Running, code: int | None) -> None:
        """Reap the command, with all that it has started if it is late."""
        if code is None:
            self._kill(running.process)
        self._running = None
        with running.said as file:
            file.seek(0)
            said = file.read(_MOST_SAID).decode(errors="replace").strip()
        if said:
            logger.info(
                "notify: %s: %s", self._command[0], " / ".join(said.split("\n"))
            )
        if code is None:
            self._fail(f"it was killed after {self._timeout_s:g} s")
        elif code:
            last = said.rpartition("\n")[2]
            self._fail(f"exit code {code}{f': {last}' if last else ''}")
        else:
            self._is_failing = False

    def _kill(self, process: subprocess.Popen[bytes]) -> None:
        try:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait(_DIES_WITHIN_S)
        except (PermissionError, subprocess.TimeoutExpired):
            self._undead.append(process)

    def _fail(self, why: str) -> None:
        level = logging.INFO if self._is_failing else logging.WARNING
        self._is_failing = True
        told = "nobody was told"
        logger.log(level, "notify: %s: %s; %s", shlex.join(self._command), why, told)
