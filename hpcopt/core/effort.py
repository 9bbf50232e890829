"""What the drivers of an experiment have done so far, and what the present one says."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, replace


@dataclass(frozen=True)
class Effort:
    """The fold of what drivers say of themselves; a driver that was killed counts."""

    note: str = ""
    """Why the present driver submits nothing, or knows nothing, in one line."""
    begun_at: float | None = None
    """When the present driver began; ``None`` if there is none."""
    past_calls: Mapping[str, int] = field(default_factory=dict)
    past_s: float = 0.0
    present_calls: Mapping[str, int] = field(default_factory=dict)

    @property
    def calls(self) -> Counter[str]:
        """How often each command of the scheduler was run, as far as it is known."""
        return Counter(self.past_calls) + Counter(self.present_calls)

    def seconds(self, until: float) -> float:
        """Return how long drivers have been at work.

        Args:
            until: When the present one was last heard of.
        """
        if self.begun_at is None:
            return self.past_s
        return self.past_s + max(0.0, until - self.begun_at)

    def begun(self, time: float, last_heard_at: float) -> Effort:
        """Return the effort with a driver at work, after one that may have been killed.

        Args:
            time: When it begins.
            last_heard_at: When the one before it was last heard of.
        """
        past = self.laid_down(last_heard_at, self.present_calls)
        return replace(past, begun_at=time)

    def noted(self, note: str, calls: Mapping[str, int]) -> Effort:
        """Return the effort with what the present driver says."""
        return replace(self, note=note, present_calls=calls)

    def laid_down(self, time: float, calls: Mapping[str, int]) -> Effort:
        """Return the effort without the present driver, after all of its calls."""
        return Effort(
            past_calls=Counter(self.past_calls) + Counter(calls),
            past_s=self.seconds(time),
        )
