"""Starts the wrappers of local trials, as many at a time as are allowed."""

from __future__ import annotations

import logging
import os
import secrets
import signal
from pathlib import Path

from hpcopt.core.errors import RunnerError
from hpcopt.runners.local.session_processes import Machine, is_alive, machine_of
from hpcopt.runners.script.attempt_folder import AttemptFolder

logger = logging.getLogger(__name__)

_BASH = "/bin/bash"

#: Signals whose handling a trial must not inherit: the driver may ignore some.
_DEFAULT_SIGNALS = (
    signal.SIGHUP,
    signal.SIGINT,
    signal.SIGTERM,
    signal.SIGUSR1,
    signal.SIGUSR2,
    signal.SIGPIPE,
    signal.SIGXFSZ,
)

#: The trial's index and the attempt's number.
_Key = tuple[int, int]


class LocalProcesses:
    """The attempts that wait to be started on this machine, and those that were."""

    def __init__(self, experiment_folder: Path, max_processes: int | None) -> None:
        if not os.access(_BASH, os.X_OK) or not Path("/proc/self/stat").exists():
            raise RunnerError(f"expected a Linux with {_BASH}, found none")
        self._experiment_folder = experiment_folder
        self._max_processes = max_processes
        self._waiting: dict[_Key, AttemptFolder] = {}
        """Attempts to be started, in the order in which they were submitted."""
        self._children: dict[_Key, int] = {}
        """The pids of the processes that this one started and has not reaped."""
        self._exit_codes: dict[_Key, int] = {}
        """The exit codes of those that it has reaped."""
        self._occupying: dict[_Key, AttemptFolder] | None = None
        """Attempts that count against the maximum; ``None`` until folders were read."""

    def add(self, key: _Key, folder: AttemptFolder) -> None:
        """Let an attempt wait to be started, unless it does or was started here."""
        if key not in self._children and key not in self._exit_codes:
            self._waiting.setdefault(key, folder)

    def remove(self, key: _Key) -> None:
        """Do not start the attempt."""
        self._waiting.pop(key, None)

    def has(self, key: _Key) -> bool:
        """Return whether the attempt waits or was started by this process."""
        return key in self._waiting or key in self._children or key in self._exit_codes

    def exit_code(self, key: _Key) -> int | None:
        """Return the exit code of the attempt's wrapper, as far as it is known."""
        return self._exit_codes.get(key)

    def start(self) -> None:
        """Start waiting attempts, the first ones first, while there are places."""
        self.reap()
        for key, folder in list(self._waiting.items()):
            if not self._has_place():
                return
            try:
                self._children[key] = _spawn(folder)
            except OSError as exc:
                logger.warning("cannot start %s now: %s", folder.job, exc)
                return
            del self._waiting[key]
            if self._occupying is not None:
                self._occupying[key] = folder

    def reap(self) -> None:
        """Take note of the processes that have ended."""
        for key, pid in list(self._children.items()):
            try:
                ended_pid, status = os.waitpid(pid, os.WNOHANG)
            except ChildProcessError:
                # Something else in this process has reaped it; the code is lost.
                ended_pid, status = pid, 0
            if ended_pid:
                del self._children[key]
                self._exit_codes[key] = os.waitstatus_to_exitcode(status)

    def _has_place(self) -> bool:
        if self._max_processes is None:
            return True
        if self._occupying is None:
            self._occupying = self._find_running()
        self._occupying = {
            key: folder
            for key, folder in self._occupying.items()
            if key in self._children or _is_running(folder)
        }
        return len(self._occupying) < self._max_processes

    def _find_running(self) -> dict[_Key, AttemptFolder]:
        """Return the attempts that run now, started by whichever driver."""
        running = {}
        for path in self._experiment_folder.glob("trials/*/attempt-*/started"):
            trial, number = path.parts[-3], path.parts[-2].removeprefix("attempt-")
            folder = AttemptFolder(path.parent)
            if _is_running(folder):
                running[int(trial), int(number)] = folder
        return running


def _is_running(folder: AttemptFolder) -> bool:
    started = folder.read_started()
    return (
        started is not None
        and machine_of(started) is Machine.HERE
        and is_alive(started)
    )


def _spawn(folder: AttemptFolder) -> int:
    """Start the attempt's wrapper as a session of its own, and return its pid."""
    log_flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND
    return os.posix_spawn(
        _BASH,
        [_BASH, str(folder.job)],
        {**os.environ, "HPCOPT_JOB_ID": f"local-{secrets.token_hex(8)}"},
        file_actions=[
            (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
            (os.POSIX_SPAWN_OPEN, 1, str(folder.log), log_flags, 0o644),
            (os.POSIX_SPAWN_DUP2, 1, 2),
        ],
        setsid=True,
        setsigmask=(),
        setsigdef=_DEFAULT_SIGNALS,
    )
