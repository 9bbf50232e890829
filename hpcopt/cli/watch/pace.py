"""How often to look: less and less often while nothing happens."""

from __future__ import annotations

#: The shortest and the longest time between two looks, in seconds.
_LEAST_S = 2.0
_MOST_S = 30.0

#: By what each look at nothing new lengthens it.
_FACTOR = 1.3

#: The share of the time that looking may take, on a node that others work on, too.
_SHARE = 0.05


class Pace:
    """The time until the next look, which grows while nothing happens."""

    def __init__(self) -> None:
        self.seconds = _LEAST_S
        """Until the next look."""

    def looked(self, *, is_new: bool, took_s: float) -> None:
        """Take note of a look: whether anything was new, and how long it took."""
        least = max(_LEAST_S, took_s / _SHARE)
        grown = min(_MOST_S, self.seconds * _FACTOR)
        self.seconds = least if is_new else max(least, grown)

    def quicken(self) -> None:
        """Look often again: somebody has pressed a key."""
        self.seconds = _LEAST_S
