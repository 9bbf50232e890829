"""The clock, as a protocol that tests replace by a fake one."""

from __future__ import annotations

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


#: An interrupt is noticed so late. A lock that would wake the waiter immediately must
#: not be taken in a signal handler: the waiter may hold it.
_SLICE_S = 0.1


class SystemClock:
    """The system's clock."""

    def __init__(self) -> None:
        self._is_interrupted = False

    def now(self) -> float:
        """Return the seconds since the epoch."""
        return time.time()

    def wait(self, seconds: float) -> None:
        """Return after ``seconds``, or earlier when interrupted."""
        until = time.monotonic() + seconds
        while not self._is_interrupted and (left := until - time.monotonic()) > 0:
            time.sleep(min(left, _SLICE_S))
        self._is_interrupted = False

    def interrupt(self) -> None:
        """End the present wait, or the next one; safe in a signal handler."""
        self._is_interrupted = True
