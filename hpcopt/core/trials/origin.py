"""How a trial's parameters were chosen."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from hpcopt.core.types import JSONValue

#: The key of a generation's details under which its origins are.
USED = "used"

#: And the key of what was set aside or weighed.
SAID = "said"


@dataclass(frozen=True)
class Origin:
    """By what a trial's parameters were chosen, and why by that."""

    method: str
    """``center`` and ``sobol`` for the initial design, ``repeat`` for a setting that is
    run again to see whether outcomes have noise; else the method's name."""
    why: str
    """Why that one, in a few words."""
    step: int | None = None
    """The number of the generation step, from 0, if there are several."""
    model: str = ""
    """The model's name, if there is one."""
    acquisition: str = ""
    """The acquisition's name, if there is one."""
    said: tuple[str, ...] = ()
    """What was set aside or weighed, a sentence each."""

    @property
    def names(self) -> str:
        """The method, the model and the acquisition in one line."""
        step = "" if self.step is None else f"steps[{self.step}]: "
        parts = [self.method, self.model, self.acquisition]
        return step + ", ".join(filter(None, parts))

    def to_json(self) -> dict[str, JSONValue]:
        """Return the origin as a JSON object, without what is empty."""
        record: dict[str, JSONValue] = {"method": self.method, "why": self.why}
        if self.step is not None:
            record["step"] = self.step
        if self.model:
            record["model"] = self.model
        if self.acquisition:
            record["acquisition"] = self.acquisition
        if self.said:
            record[SAID] = list(self.said)
        return record

    @classmethod
    def from_json(cls, record: Mapping[str, Any]) -> Origin:
        """Return the origin that ``to_json`` wrote, perhaps of a later version."""
        return cls(
            method=record["method"],
            why=record["why"],
            step=record.get("step"),
            model=record.get("model", ""),
            acquisition=record.get("acquisition", ""),
            said=tuple(record.get(SAID, ())),
        )


def used(origins: Sequence[Origin]) -> list[JSONValue]:
    """Return what a generation's details tell of the origins of its suggestions.

    An entry is also about the suggestions after it, up to the next one.

    Args:
        origins: One for each suggestion.
    """
    found: list[JSONValue] = []
    before = None
    for offset, origin in enumerate(origins):
        if origin != before:
            found.append({"offset": offset, **origin.to_json()})
        before = origin
    return found


def origin_at(details: Mapping[str, Any], offset: int) -> Origin | None:
    """Return the origin of one of a generation's suggestions.

    Args:
        details: The generation's.
        offset: The suggestion's position in the generator's answer.

    Returns:
        ``None`` if it is not told, as by versions before 0.2.
    """
    found = None
    for record in details.get(USED, ()):
        if record["offset"] <= offset:
            found = record
    return None if found is None else Origin.from_json(found)
