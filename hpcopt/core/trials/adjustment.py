"""How a retried attempt differs from the trial's first one: resources and nodes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from hpcopt.core.types import JSONValue


@dataclass(frozen=True)
class Adjustment:
    """The resources and excluded nodes of an attempt, relative to the first one.

    It is recorded when the attempt is staged, so that a driver that continues after a
    crash submits the same.
    """

    memory: float = 1.0
    """The factor on the memory of the first attempt."""
    time: float = 1.0
    """The factor on the time limit of the first attempt."""
    avoid: tuple[str, ...] = ()
    """Nodes to exclude, the one that failed last first."""

    def to_json(self) -> dict[str, JSONValue]:
        """Return what differs from a first attempt as a JSON object."""
        changed: dict[str, JSONValue] = {}
        if self.memory != 1.0:
            changed["memory"] = self.memory
        if self.time != 1.0:
            changed["time"] = self.time
        if self.avoid:
            changed["avoid"] = list(self.avoid)
        return changed

    @classmethod
    def from_json(cls, record: Mapping[str, JSONValue]) -> Adjustment:
        """Return the adjustment that ``to_json`` wrote.

        Raises:
            ValueError: A value has the wrong type.
        """
        memory, time = record.get("memory", 1.0), record.get("time", 1.0)
        avoid = record.get("avoid", ())
        if not (isinstance(memory, (int, float)) and isinstance(time, (int, float))):
            raise ValueError(f"adjustment: expected factors, found {dict(record)}")
        if not isinstance(avoid, (list, tuple)):
            raise ValueError(f"adjustment: expected a list of nodes, found {avoid!r}")
        return cls(float(memory), float(time), tuple(str(node) for node in avoid))


NO_ADJUSTMENT = Adjustment()
