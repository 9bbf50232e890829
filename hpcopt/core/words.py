"""Numbers, durations and times as a person reads them."""

from __future__ import annotations

import re
import time
from collections.abc import Mapping

from hpcopt.core.types import TParameterValue

#: Why trials fail, in a person's words.
CAUSES = {
    "trial": "program failed",
    "result": "no valid result",
    "time": "time limit",
    "memory": "memory limit",
    "infrastructure": "infrastructure",
    "user": "cancelled",
}

#: What a terminal would obey: control characters, those that turn the direction of
#: writing, and halves of characters.
_CONTROL = re.compile(
    "[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff]"
)


def visible(text: str) -> str:
    """Return ``text`` with what a terminal would obey as it is written in Python."""
    if text.isprintable():
        return text
    return _CONTROL.sub(lambda match: ascii(match[0])[1:-1], text)


def number(value: TParameterValue | None) -> str:
    """Return a value with at most six significant digits."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    return f"{value:.6g}" if isinstance(value, float) else visible(str(value))


def count(n: int, noun: str) -> str:
    """Return a count with its noun: ``1 trial``, ``2 trials``."""
    return f"{n} {noun}" if n == 1 else f"{n} {noun}s"


def failures(counts: Mapping[str, int]) -> str:
    """Return how many trials failed by which cause: ``2 program failed, 1 time limit``.

    Args:
        counts: By the cause, one of ``CAUSES``.
    """
    return ", ".join(f"{n} {CAUSES[cause]}" for cause, n in counts.items())


def duration(seconds: float | None) -> str:
    """Return a duration in its two largest units."""
    if seconds is None:
        return ""
    if seconds < 9.95:
        return f"{max(0.0, seconds):.1f} s"
    if (whole := round(seconds)) < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02d} s"
    if (minutes := round(seconds / 60)) < 1440:
        return f"{minutes // 60} h {minutes % 60:02d} min"
    hours = round(seconds / 3600)
    return f"{hours // 24} d {hours % 24:02d} h"


def moment(seconds: float | None) -> str:
    """Return a time since the epoch as the local date and time."""
    if seconds is None:
        return ""
    return time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(seconds))


def one_line(text: str) -> str:
    """Return ``text`` on one line, with nothing that a terminal would obey."""
    return visible(" ".join(text.split()))
