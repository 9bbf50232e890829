"""What a running driver tells its observers after each step."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass
class DriverProgress:
    """What the driver is doing at present, for display."""

    note: str = ""
    """Why nothing is submitted or known, in one line; empty when all is well."""
    is_generating: bool = False
    """Whether it waits for the generator."""
    next_poll_at: float = 0.0
    """When the scheduler is polled next, in seconds since the epoch."""
