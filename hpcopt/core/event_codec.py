"""Events as JSON objects, and back."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any, get_args, get_type_hints

from hpcopt.core.errors import StorageError
from hpcopt.core.events import (
    Event,
    GeneratedTrial,
    ObservedMetric,
    StagedAttempt,
    SubmittedAttempt,
)
from hpcopt.core.trial import Cause, Phase
from hpcopt.core.types import JSONValue

_KINDS: Mapping[str, type[Any]] = {kind.__name__: kind for kind in get_args(Event)}

#: The fields that hold other dataclasses, one after another or by name.
_ITEM_FIELDS: Mapping[str, tuple[tuple[str, type[Any]], ...]] = {
    **dict.fromkeys(_KINDS, ()),
    "TrialsGenerated": (("trials", GeneratedTrial),),
    "AttemptsStaged": (("attempts", StagedAttempt),),
    "AttemptsSubmitted": (("attempts", SubmittedAttempt),),
    "TrialCompleted": (("outcome", ObservedMetric),),
    "DataAttached": (("outcome", ObservedMetric),),
}

#: The fields that hold several texts or numbers.
_TUPLES = frozenset({"changes", "trial_indices"})


def event_to_json(event: Event) -> dict[str, JSONValue]:
    """Return the event as a JSON object, its kind under ``"event"``."""
    return {"event": type(event).__name__, **dataclasses.asdict(event)}


def event_from_json(record: Mapping[str, Any]) -> Event:
    """Return the event that ``event_to_json`` wrote.

    Raises:
        StorageError: The kind is unknown or a field is missing or unknown, as in a
            journal that a newer version wrote.
    """
    fields = dict(record)
    name = fields.pop("event", None)
    kind = _KINDS.get(str(name))
    if kind is None:
        raise StorageError(
            f"expected a known kind of event, found {name!r}; "
            "was the journal written by a newer hpcopt?"
        )
    try:
        for key, enum in _ENUM_FIELDS[kind.__name__]:
            if key in fields:
                fields[key] = enum(fields[key])
        for key, item in _ITEM_FIELDS[kind.__name__]:
            if key in fields:
                fields[key] = _items(item, fields[key])
        for key in _TUPLES & fields.keys():
            fields[key] = tuple(fields[key])
        event: Event = kind(**fields)
    except (TypeError, ValueError) as exc:
        raise StorageError(f"event {name}: {exc}") from exc
    return event


def _items(item: type[Any], value: Any) -> Any:
    if isinstance(value, Mapping):
        return {name: item(**fields) for name, fields in value.items()}
    return tuple(item(**fields) for fields in value)


def _enum_fields(kind: type[Any]) -> tuple[tuple[str, type[Cause | Phase]], ...]:
    return tuple(
        (key, hint)
        for key, hint in get_type_hints(kind).items()
        if hint in (Cause, Phase)
    )


_ENUM_FIELDS = {name: _enum_fields(kind) for name, kind in _KINDS.items()}
