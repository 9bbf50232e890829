"""A generator service for a driver that drains: that proposes nothing any more."""

from __future__ import annotations

from hpcopt.generation.protocol import Generation
from hpcopt.generation.snapshot import Snapshot


class NoService:
    """Generates nothing, and starts no process."""

    is_busy = False
    is_concurrent = False

    def request(self, n: int, snapshot: Snapshot) -> None:
        """Refuse.

        Raises:
            RuntimeError: Always; a driver that drains must not ask.
        """
        raise RuntimeError(f"{n} trials were asked of a driver that drains")

    def collect(self, timeout_s: float) -> Generation | None:
        """Return nothing."""
        return None

    def close(self) -> None:
        """Hold nothing."""
