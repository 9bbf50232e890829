"""Requests to stop: signals, and a file in the experiment's folder."""

from __future__ import annotations

import getpass
import logging
import signal
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

from hpcopt.core.errors import StorageError
from hpcopt.host.durable import write_text_durably

logger = logging.getLogger(__name__)

#: The file, in the experiment's folder, that asks its driver to stop.
STOP_REQUEST = "stop"

#: A closed terminal (HUP) is a request too: the journal is closed in order.
_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)

#: The signal that a driver job is sent a while before its time limit.
_TIME_IS_NEARLY_OVER = signal.SIGUSR1


class StopFile:
    """The file by which a driver is asked to stop, from whatever host.

    A file that is there when this is made was meant for an earlier driver. It is to be
    made before the driver takes the lease, by which people know whom they ask.
    """

    def __init__(self, folder: Path) -> None:
        """Look into the folder of an experiment, which need not exist yet."""
        self._path = folder / STOP_REQUEST
        self._old = _version(self._path)
        self._by = ""

    def requested_by(self) -> str:
        """Return who asked for a stop; empty if nobody did. The file is removed."""
        self._by = self._by or self._take()
        return self._by

    def discard_old(self) -> None:
        """Remove a request that was meant for an earlier driver.

        To be called by the driver that holds the lease, before it begins.
        """
        if self._old is None or _version(self._path) != self._old:
            return
        if by := self._take():
            logger.info("an old request to stop, by %s, was discarded", by)

    def _take(self) -> str:
        try:
            text = self._path.read_text(encoding="utf-8", errors="replace")
            self._path.unlink()
        except FileNotFoundError:
            return ""
        except OSError as exc:
            # Seen and not to be removed, or not to be read: a request all the same.
            logger.warning("%s: cannot take the request to stop: %s", self._path, exc)
            return "an unreadable request"
        return " ".join(text.split()) or "somebody"


def _version(path: Path) -> tuple[int, int] | None:
    """Return what tells a file from one that is written in its place later."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_ino, found.st_mtime_ns


class StopControl:
    """Requests to stop: by signal, by file, or by a job's time limit.

    One signal asks the driver to stop and to leave its trials running, a second one to
    cancel these too. A driver that is itself a job is sent signals by the cluster, more
    than one perhaps: there a second one means nothing.
    """

    def __init__(
        self,
        folder: Path,
        wake: Callable[[], None] = lambda: None,
        *,
        is_job: bool = False,
    ) -> None:
        """Watch over the driver of an experiment.

        Args:
            folder: The experiment's folder, which need not exist yet.
            wake: Ends the driver's wait, so that it notices a signal immediately;
                called from a signal handler.
            is_job: Whether the driver is a job.
        """
        self._file = StopFile(folder)
        self._wake = wake
        self._is_job = is_job
        self._is_time_nearly_over = False
        self._signals: list[signal.Signals] = []
        self._requested_by = ""

    @property
    def signal(self) -> signal.Signals | None:
        """The first signal that arrived."""
        return self._signals[0] if self._signals else None

    @property
    def shall_cancel(self) -> bool:
        """Whether a second signal asked for the live trials to be cancelled."""
        return len(self._signals) > 1 and not self._is_job

    @property
    def shall_hand_over(self) -> bool:
        """Whether the driver stops only because of its job's time limit."""
        return self._is_time_nearly_over and not self._requested_by

    def reason(self) -> str | None:
        """Return why to stop; ``None`` if there is no request."""
        self._requested_by = self._file.requested_by()
        if self._requested_by:
            return f"asked to stop by {self._requested_by}"
        if self._is_time_nearly_over:
            return "the time of its job is nearly over"
        if self._signals:
            return f"stopped by {self._signals[0].name}"
        return None

    def discard_old_request(self) -> None:
        """Remove a request that was meant for an earlier driver."""
        self._file.discard_old()

    @contextmanager
    def handle_signals(self) -> Iterator[None]:
        """Take signals as requests within the block.

        Only in the main thread, where Python handles signals; a signal that is ignored
        (nohup) stays ignored.
        """
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        before = {
            number: handler
            for number in (*_SIGNALS, *([_TIME_IS_NEARLY_OVER] if self._is_job else []))
            if (handler := signal.getsignal(number)) is not signal.SIG_IGN
        }
        for number in before:
            signal.signal(number, self._handle)
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def _handle(self, number: int, _frame: FrameType | None) -> None:
        if number == _TIME_IS_NEARLY_OVER:
            # A person who cancels the job wants no successor; the signals that follow
            # at the time limit change nothing.
            self._is_time_nearly_over = not self._signals
        else:
            self._signals.append(signal.Signals(number))
        self._wake()


def request_stop(folder: Path) -> Path:
    """Ask the driver of the experiment in ``folder`` to stop; return the request file.

    Raises:
        StorageError: The file cannot be written.
    """
    path = folder / STOP_REQUEST
    text = f"{getpass.getuser()} on {socket.gethostname()}\n"
    try:
        write_text_durably(path, text)
    except OSError as exc:
        raise StorageError(
            f"{path}: the request to stop cannot be written: {exc.strerror}"
        ) from exc
    return path
