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

#: The file that asks the driver of the folder that it is in to stop.
STOP_REQUEST = "stop"

#: A lost terminal (HUP) is a request too: the journal is closed in order then.
_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)

#: What a job is sent a while before its time is over, as it has asked for.
_TIME_IS_NEARLY_OVER = signal.SIGUSR1


class StopControl:
    """What a driver is asked to do by people, as far as it is about stopping.

    One signal asks it to stop and to leave its trials alone, a second one to cancel
    these too. A driver that is itself a job is sent signals by the cluster, more than
    one perhaps: there a second one means nothing, and one is about its time.
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
            wake: Ends the driver's wait, so that it sees a signal at once; called
                from a signal handler.
            is_job: Whether the driver is a job.
        """
        self._file = folder / STOP_REQUEST
        self._wake = wake
        self._is_job = is_job
        self._is_time_nearly_over = False
        self._signals: list[signal.Signals] = []
        self._request = ""

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
        """Whether the driver shall stop for no other reason than its job's time."""
        return self._is_time_nearly_over and not self._request

    @property
    def is_stop_requested(self) -> bool:
        """Whether somebody has asked for a stop, as far as was looked."""
        return bool(self._signals or self._request)

    def reason(self) -> str | None:
        """Look, and return why to stop, if anybody asked for it.

        A request file is removed: it is honoured by whoever sees it.
        """
        if not self._request:
            self._request = self._take_request()
        if self._request:
            return f"asked to stop by {self._request}"
        if self._is_time_nearly_over:
            return "the time of its job is nearly over"
        if self._signals:
            return f"stopped by {self._signals[0].name}"
        return None

    def discard_old_request(self) -> None:
        """Remove a request that was meant for an earlier driver.

        To be called by the driver that holds the lease, before it begins.
        """
        if request := self._take_request():
            logger.info("an old request to stop, by %s, was discarded", request)

    def _take_request(self) -> str:
        try:
            text = self._file.read_text(encoding="utf-8", errors="replace")
            self._file.unlink()
        except FileNotFoundError:
            return ""
        except OSError as exc:
            # Seen and not to be removed, or not to be read: a request all the same.
            logger.warning("%s: cannot take the request to stop: %s", self._file, exc)
            return "an unreadable request"
        return " ".join(text.split()) or "somebody"

    @contextmanager
    def handle_signals(self) -> Iterator[None]:
        """Take signals as requests within the block.

        Only in the main thread, as Python has it; a signal that is ignored (nohup)
        stays ignored.
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
            # Whoever cancels the job wants no successor; what the cluster sends when
            # the time is over changes nothing.
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
