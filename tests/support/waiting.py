"""How the tests wait for other processes: for long, but never for ever."""

from __future__ import annotations

import time
from collections.abc import Callable

#: Far more than anything that is waited for takes, on a busy machine.
PATIENCE_S = 60.0


def wait_until(
    is_so: Callable[[], object], patience_s: float = PATIENCE_S, told: object = None
) -> None:
    """Return once ``is_so()`` is true; fail after ``patience_s`` seconds.

    The failure shows ``told``, or what it returns if it is callable. The pauses grow
    with the time waited, by a tenth of it: asking may start a program each time.
    """
    begun = time.monotonic()
    while not is_so():
        waited = time.monotonic() - begun
        if waited > patience_s:
            shown = told() if callable(told) else told
            raise AssertionError(f"waited {patience_s:g} s in vain: {shown}")
        time.sleep(min(0.01 + waited / 10, 0.3))
