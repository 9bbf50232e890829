"""Events as JSON objects, and back."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, get_args

from hpcopt.core.errors import StorageError
from hpcopt.core.events import (
    AttemptsStaged,
    AttemptsSubmitted,
    Event,
    GeneratedTrial,
    ObservedMetric,
    StagedAttempt,
    SubmittedAttempt,
)
from hpcopt.core.frozen import made
from hpcopt.core.trials.trial import Cause, Phase
from hpcopt.core.types import JSONValue


def event_to_json(event: Event) -> dict[str, JSONValue]:
    """Return the event as a JSON object, its kind under ``"event"``."""
    return {"event": type(event).__name__, **dataclasses.asdict(event)}


def event_from_json(fields: dict[str, Any]) -> Event:
    """Return the event that ``event_to_json`` wrote.

    Args:
        fields: The JSON object, which is used up.

    Raises:
        StorageError: The kind is unknown or a field is missing or unknown, as in a
            journal that a newer version wrote.
    """
    name = fields.pop("event", None)
    form = _EVENTS.get(str(name))
    if form is None:
        raise StorageError(
            f"expected a known kind of event, found {name!r}; "
            "was the journal written by a newer hpcopt?"
        )
    try:
        event: Event = form.read(fields)
    except (AttributeError, TypeError, ValueError) as exc:
        raise StorageError(f"event {name}: {exc}") from exc
    return event


@dataclass(frozen=True)
class _Form:
    """How a dataclass is written as a JSON object."""

    kind: type[Any]
    names: frozenset[str]
    """Its fields."""
    readers: tuple[tuple[str, Callable[[Any], Any]], ...] = ()
    """The fields that are not what JSON has for them, and how they are read."""

    @classmethod
    def of(
        cls, kind: type[Any], readers: Mapping[str, Callable[[Any], Any]] | None = None
    ) -> _Form:
        """Return how ``kind`` is written, given how fields of some names are read."""
        names = frozenset(field.name for field in dataclasses.fields(kind))
        own = [(name, read) for name, read in (readers or {}).items() if name in names]
        return cls(kind, names, tuple(own))

    def read(self, fields: dict[str, Any]) -> Any:
        """Return the dataclass with ``fields``, in which readers replace values.

        Raises:
            AttributeError, TypeError, ValueError: They are not those of this class.
        """
        for name, read in self.readers:
            if name in fields:
                fields[name] = read(fields[name])
        if fields.keys() == self.names:
            return made(self.kind, fields)
        return self.kind(**fields)  # gives fields that are left out their defaults


def _each(kind: type[Any]) -> Callable[[Any], Any]:
    """Return how dataclasses one after another are read."""
    read = _Form.of(kind).read
    return lambda items: tuple([read(item) for item in items])


def _by_name(kind: type[Any]) -> Callable[[Any], Any]:
    """Return how dataclasses by name are read."""
    read = _Form.of(kind).read
    return lambda items: {name: read(item) for name, item in items.items()}


#: How the fields of these names are read, which are not what JSON has for them.
_READERS: Mapping[str, Callable[[Any], Any]] = {
    "cause": cache(Cause),
    "phase": cache(Phase),
    "changes": tuple,
    "trial_indices": tuple,
    "trials": _each(GeneratedTrial),
    "outcome": _by_name(ObservedMetric),
}

_EVENTS: Mapping[str, _Form] = {
    **{kind.__name__: _Form.of(kind, _READERS) for kind in get_args(Event)},
    "AttemptsStaged": _Form.of(AttemptsStaged, {"attempts": _each(StagedAttempt)}),
    "AttemptsSubmitted": _Form.of(
        AttemptsSubmitted, {"attempts": _each(SubmittedAttempt)}
    ),
}
