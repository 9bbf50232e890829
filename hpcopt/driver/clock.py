"""The one door to the time of day, so that tests need not wait for it."""

from __future__ import annotations

import threading
import time
from typing import Protocol


class Clock(Protocol):
    """Tells the time and waits."""

    def now(self) -> float:
        """Return the seconds since the epoch."""

    def wait(self, seconds: float) -> None:
        """Return after ``seconds``, or earlier when interrupted."""

    def interrupt(self) -> None:
        """End the present wait, or the next one if none is under way."""


class SystemClock:
    """The machine's clock."""

    def __init__(self) -> None:
        self._interrupted = threading.Event()

    def now(self) -> float:
        """Return the seconds since the epoch."""
        return time.time()

    def wait(self, seconds: float) -> None:
        """Return after ``seconds``, or earlier when interrupted."""
        self._interrupted.wait(max(0.0, seconds))
        self._interrupted.clear()

    def interrupt(self) -> None:
        """End the present wait, or the next one; safe in a signal handler."""
        self._interrupted.set()
