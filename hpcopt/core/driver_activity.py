"""How long an experiment's drivers have run, and how often they asked the scheduler."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, replace


@dataclass(frozen=True)
class DriverActivity:
    """Run time and scheduler calls of all drivers, and the present driver's note.

    It is the fold of what drivers write down of themselves: of a driver that was
    killed, what it had written until then.
    """

    note: str = ""
    """Why the present driver submits nothing, or knows nothing, in one line."""
    begun_at: float | None = None
    """When the present driver began, in seconds since the epoch; ``None`` if there is
    none."""
    past_calls: Mapping[str, int] = field(default_factory=dict)
    """The calls of all earlier drivers, by command."""
    past_s: float = 0.0
    """How long earlier drivers ran, in seconds."""
    present_calls: Mapping[str, int] = field(default_factory=dict)
    """The calls of the present driver, by command, as far as it has told."""

    @property
    def calls(self) -> Counter[str]:
        """How often each command of the scheduler was run, as far as it is known."""
        return Counter(self.past_calls) + Counter(self.present_calls)

    def seconds(self, until: float) -> float:
        """Return how long drivers have run in all, in seconds.

        Args:
            until: When the present one was last heard of, in seconds since the epoch.
        """
        if self.begun_at is None:
            return self.past_s
        return self.past_s + max(0.0, until - self.begun_at)

    def begun(self, time: float, last_heard_at: float) -> DriverActivity:
        """Return the activity once a driver begins, perhaps after one that was killed.

        Args:
            time: When it begins.
            last_heard_at: When the one before it was last heard of.
        """
        past = self.ended(last_heard_at, self.present_calls)
        return replace(past, begun_at=time)

    def noted(self, note: str, calls: Mapping[str, int]) -> DriverActivity:
        """Return the activity with the present driver's note and calls so far."""
        return replace(self, note=note, present_calls=calls)

    def ended(self, time: float, calls: Mapping[str, int]) -> DriverActivity:
        """Return the activity once the present driver has ended.

        Args:
            time: When it ended.
            calls: All of its calls, by command.
        """
        return DriverActivity(
            past_calls=Counter(self.past_calls) + Counter(calls),
            past_s=self.seconds(time),
        )
