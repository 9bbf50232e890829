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
from hpcopt.core.frozen import construct
from hpcopt.core.trials.trial import Cause, Phase
from hpcopt.core.types import JSONValue


def event_to_json(event: Event) -> dict[str, JSONValue]:
    """Return the event as a JSON object, its kind under ``"event"``."""
    return {"event": type(event).__name__, **dataclasses.asdict(event)}


def event_from_json(fields: dict[str, Any]) -> Event:
    """Return the event that ``event_to_json`` wrote.

    Args:
        fields: The JSON object, which is changed.

    Raises:
        StorageError: The kind is unknown or a field is missing or unknown, as in a
            journal that a newer version wrote.
    """
    name = fields.pop("event", None)
    schema = _EVENTS.get(str(name))
    if schema is None:
        raise StorageError(
            f"expected a known kind of event, found {name!r}; "
            "was the journal written by a newer hpcopt?"
        )
    try:
        event: Event = schema.read(fields)
    except (AttributeError, TypeError, ValueError) as exc:
        raise StorageError(f"event {name}: {exc}") from exc
    return event


@dataclass(frozen=True)
class _Schema:
    """How one dataclass is read from a JSON object."""

    kind: type[Any]
    names: frozenset[str]
    """The names of its fields."""
    readers: tuple[tuple[str, Callable[[Any], Any]], ...] = ()
    """The fields whose values are not plain JSON values, and how they are read."""

    @classmethod
    def of(
        cls, kind: type[Any], readers: Mapping[str, Callable[[Any], Any]] | None = None
    ) -> _Schema:
        """Return the schema of ``kind``, given how fields of some names are read."""
        names = frozenset(field.name for field in dataclasses.fields(kind))
        own = [(name, read) for name, read in (readers or {}).items() if name in names]
        return cls(kind, names, tuple(own))

    def read(self, fields: dict[str, Any]) -> Any:
        """Return an instance with ``fields``, in which values are replaced in place.

        Raises:
            AttributeError, TypeError, ValueError: They are not those of this class.
        """
        for name, read in self.readers:
            if name in fields:
                fields[name] = read(fields[name])
        if fields.keys() == self.names:
            return construct(self.kind, fields)
        return self.kind(**fields)  # gives fields that are left out their defaults


def _tuple_of(kind: type[Any]) -> Callable[[Any], Any]:
    """Return a reader of an array of objects."""
    read = _Schema.of(kind).read
    return lambda items: tuple([read(item) for item in items])


def _mapping_of(kind: type[Any]) -> Callable[[Any], Any]:
    """Return a reader of an object of objects."""
    read = _Schema.of(kind).read
    return lambda items: {name: read(item) for name, item in items.items()}


#: How fields whose values are not plain JSON values are read, by the field's name.
_READERS: Mapping[str, Callable[[Any], Any]] = {
    "cause": cache(Cause),
    "phase": cache(Phase),
    "changes": tuple,
    "outside": tuple,
    "superseded": tuple,
    "trial_indices": tuple,
    "trials": _tuple_of(GeneratedTrial),
    "outcome": _mapping_of(ObservedMetric),
}

_EVENTS: Mapping[str, _Schema] = {
    **{kind.__name__: _Schema.of(kind, _READERS) for kind in get_args(Event)},
    "AttemptsStaged": _Schema.of(
        AttemptsStaged, {"attempts": _tuple_of(StagedAttempt)}
    ),
    "AttemptsSubmitted": _Schema.of(
        AttemptsSubmitted, {"attempts": _tuple_of(SubmittedAttempt)}
    ),
}
