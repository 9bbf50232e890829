"""The machine's clock."""

from __future__ import annotations

import signal
import time

from hpcopt.host.clock import SystemClock


def test_an_interrupt_ends_the_next_wait_and_only_that_one() -> None:
    clock = SystemClock()
    clock.interrupt()
    clock.wait(3600)
    before = time.monotonic()
    clock.wait(0.01)
    assert time.monotonic() - before >= 0.01


def test_an_interrupt_from_a_signal_handler_ends_the_wait() -> None:
    clock = SystemClock()
    before = signal.signal(signal.SIGALRM, lambda *_: clock.interrupt())
    try:
        signal.setitimer(signal.ITIMER_REAL, 0.05)
        clock.wait(3600)
    finally:
        signal.signal(signal.SIGALRM, before)
