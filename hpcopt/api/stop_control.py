"""How the driver inside a script is asked to stop: by Ctrl-C, and by a file."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

from hpcopt.driver.control import StopFile


class ScriptControl:
    """Ctrl-C, and requests in the experiment's folder.

    A script is its user's own: no other signal is taken from it, and no handler.
    """

    def __init__(self, folder: Path, wake: Callable[[], None]) -> None:
        """Watch over the driver of an experiment.

        Args:
            folder: The experiment's folder, which need not exist yet.
            wake: Ends the driver's wait, so that it sees Ctrl-C at once; called from a
                signal handler.
        """
        self._file = StopFile(folder)
        self._wake = wake
        self._is_interrupted = False

    def reason(self) -> str | None:
        """Look, and return why to stop, if anybody asked for it."""
        if by := self._file.requested_by():
            return f"asked to stop by {by}"
        return "interrupted" if self._is_interrupted else None

    def discard_old_request(self) -> None:
        """Remove a request that was meant for an earlier driver."""
        self._file.discard_old()

    @contextmanager
    def handle_signals(self) -> Iterator[None]:
        """Take the first Ctrl-C as a request within the block; the second one is not.

        ``KeyboardInterrupt`` is raised at the end of the block, or where the program
        stands at the second Ctrl-C. A handler of the user's own stays in place, and
        other threads than the main one are never interrupted.
        """
        is_ours = (
            threading.current_thread() is threading.main_thread()
            and signal.getsignal(signal.SIGINT) is signal.default_int_handler
        )
        if not is_ours:
            yield
            return
        signal.signal(signal.SIGINT, self._interrupt)
        try:
            yield
        finally:
            signal.signal(signal.SIGINT, signal.default_int_handler)
        if self._is_interrupted:
            raise KeyboardInterrupt

    def _interrupt(self, _signum: int, _frame: FrameType | None) -> None:
        self._is_interrupted = True
        signal.signal(signal.SIGINT, signal.default_int_handler)
        self._wake()
