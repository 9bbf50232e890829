"""What a piece of work takes, in numbers that no other load of the machine changes."""

from __future__ import annotations

import sys
import tracemalloc
from collections.abc import Callable
from types import FrameType
from typing import NamedTuple


class Effort(NamedTuple):
    """How much was done."""

    n_calls: int
    """Of functions, be they of Python or built in."""
    n_bytes: int
    """The memory taken at most."""


def effort_of(work: Callable[[], object]) -> Effort:
    """Do the work, and return what it took."""
    n_calls = 0

    def count(frame: FrameType, event: str, _: object) -> None:
        nonlocal n_calls
        n_calls += event in ("call", "c_call")

    tracemalloc.start()
    sys.setprofile(count)
    try:
        work()
    finally:
        sys.setprofile(None)
        _, n_bytes = tracemalloc.get_traced_memory()
        tracemalloc.stop()
    return Effort(n_calls, n_bytes)


def assert_linear(work: Callable[[int], object], n: int) -> None:
    """Assert that ten times as much work takes about ten times the effort.

    Where each of ``n`` things is compared with all others, it is a hundred times.
    """
    work(n)  # what is done once, such as loading a library, is not to be counted
    little, much = effort_of(lambda: work(n)), effort_of(lambda: work(10 * n))
    assert much.n_calls <= 11 * little.n_calls
    assert much.n_bytes <= 20 * little.n_bytes
