"""Ctrl-C while trials run: the first one is a request, the second one is not."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType


@contextmanager
def orderly_interrupt(wake: Callable[[], None]) -> Iterator[Callable[[], str | None]]:
    """Yield a function that says why to stop, once Ctrl-C was pressed.

    ``KeyboardInterrupt`` is raised at the end of the block, or where the program stands
    at the second Ctrl-C. A handler of the user's own stays in place, and other threads
    than the main one are never interrupted.

    Args:
        wake: Ends the wait that is under way.
    """
    is_ours = (
        threading.current_thread() is threading.main_thread()
        and signal.getsignal(signal.SIGINT) is signal.default_int_handler
    )
    if not is_ours:
        yield lambda: None
        return
    is_interrupted = False

    def interrupt(_signum: int, _frame: FrameType | None) -> None:
        nonlocal is_interrupted
        is_interrupted = True
        signal.signal(signal.SIGINT, signal.default_int_handler)
        wake()

    signal.signal(signal.SIGINT, interrupt)
    try:
        yield lambda: "interrupted" if is_interrupted else None
    finally:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    if is_interrupted:
        raise KeyboardInterrupt
