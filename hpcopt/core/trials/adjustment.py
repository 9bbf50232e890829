"""What a repeated attempt is given otherwise than the trial's first one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from hpcopt.core.types import JSONValue


@dataclass(frozen=True)
class Adjustment:
    """What an attempt is given otherwise than a trial's first one.

    It is written down when the attempt is staged, so that whoever goes on after a crash
    submits the same.
    """

    memory: float = 1.0
    """How many times the memory of the first attempt."""
    time: float = 1.0
    """How many times the time limit of the first attempt."""
    avoid: tuple[str, ...] = ()
    """Nodes that it shall not run on, the latest to fail first."""

    def to_json(self) -> dict[str, JSONValue]:
        """Return what is different from a first attempt."""
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
        """Return the adjustment of which ``to_json`` made ``record``."""
        memory, time = record.get("memory", 1.0), record.get("time", 1.0)
        avoid = record.get("avoid", ())
        if not (isinstance(memory, (int, float)) and isinstance(time, (int, float))):
            raise ValueError(f"adjustment: expected factors, found {dict(record)}")
        if not isinstance(avoid, (list, tuple)):
            raise ValueError(f"adjustment: expected a list of nodes, found {avoid!r}")
        return cls(float(memory), float(time), tuple(str(node) for node in avoid))


NO_ADJUSTMENT = Adjustment()
