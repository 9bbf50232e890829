"""An experiment as JSON, and back: what its events have made of it.

The experiment itself is the fold of its events; this is for keeping what was folded.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from hpcopt.core.driver_activity import DriverActivity
from hpcopt.core.event_codec import event_from_json, event_to_json
from hpcopt.core.experiment import Experiment
from hpcopt.core.trials.lazy_trials import LazyTrials
from hpcopt.core.trials.table import TrialTable
from hpcopt.core.trials.trial import TrialStatus
from hpcopt.core.trials.trial_codec import FIELDS_OF_TRIALS, TrialCodec

_Writes = Callable[[Any], Any]
_Reads = Callable[[Any], Any]


def _as_it_is(value: Any) -> Any:
    return value


def _optional(function: Callable[[Any], Any]) -> Callable[[Any], Any]:
    return lambda value: None if value is None else function(value)


def _each(function: Callable[[Any], Any]) -> Callable[[Any], Any]:
    return lambda values: [function(value) for value in values]


def _each_named(function: Callable[[Any], Any]) -> Callable[[Any], Any]:
    return lambda values: {name: function(value) for name, value in values.items()}


_PLAIN = (_as_it_is, _as_it_is)
_EVENT = (event_to_json, event_from_json)
_OPTIONAL_EVENT = (_optional(event_to_json), _optional(event_from_json))

#: How each attribute of an experiment is written and read, but its trials' table.
_ATTRIBUTES: Mapping[str, tuple[_Writes, _Reads]] = {
    "begun": _EVENT,
    "settings": _PLAIN,
    "_space_changed": _OPTIONAL_EVENT,
    "_goals_changed": _OPTIONAL_EVENT,
    "n_events": _PLAIN,
    "last_event_time": _PLAIN,
    "drivers": (_each(event_to_json), _each(event_from_json)),
    "ended": _OPTIONAL_EVENT,
    "driver_activity": (
        lambda activity: dict(vars(activity)),
        lambda fields: DriverActivity(**fields),
    ),
    "generation_details": _PLAIN,
    "generation_seconds": _PLAIN,
    "requests": (_each_named(event_to_json), _each_named(event_from_json)),
    "cancelled_by": _PLAIN,
    "environment": _PLAIN,
    "fallbacks": (_as_it_is, _each(tuple)),
}

#: And each attribute of the table, but the trials.
_TABLE_ATTRIBUTES: Mapping[str, tuple[_Writes, _Reads]] = {
    "n_results": _PLAIN,
    "baseline": _PLAIN,
    "_open": (list, dict.fromkeys),
    "_manual": (list, dict.fromkeys),
    "_counts": (
        lambda counts: [[int(status), n] for status, n in counts.items()],
        lambda pairs: Counter({TrialStatus(value): n for value, n in pairs}),
    ),
}

#: Attributes that follow from others, and are found again when they are asked for.
_DERIVED = frozenset({"space", "_goals", "_origin"})

#: What there is to write. What was written of something else is not to be read.
FIELDS: Mapping[str, Sequence[str]] = {
    **FIELDS_OF_TRIALS,
    "DriverActivity": list(DriverActivity.__dataclass_fields__),
    "Experiment": list(_ATTRIBUTES),
    "TrialTable": list(_TABLE_ATTRIBUTES),
}


def experiment_to_json(experiment: Experiment) -> tuple[dict[str, Any], list[Any]]:
    """Return an experiment as JSON: all but the trials, and each trial.

    Raises:
        KeyError: It has an attribute that this module does not know.
    """
    attributes = dict(vars(experiment))
    table = dict(vars(attributes.pop("_table")))
    del table["_trials"]
    codec = TrialCodec()
    trials = [codec.encode(trial) for trial in experiment.trials]
    record = {
        **_written(_ATTRIBUTES, attributes),
        "table": _written(_TABLE_ATTRIBUTES, table),
        "codec": codec.to_json(),
    }
    return record, trials


def experiment_from_json(
    record: Mapping[str, Any], trials: Sequence[bytes]
) -> Experiment:
    """Return the experiment that ``experiment_to_json`` wrote.

    Args:
        record: All but the trials.
        trials: Each trial's JSON, which is decoded when that trial is asked for.
    """
    table = object.__new__(TrialTable)
    vars(table).update(
        _read(_TABLE_ATTRIBUTES, record["table"]),
        _trials=LazyTrials(trials, TrialCodec.from_json(record["codec"])),
        _origin=None,
    )
    experiment = object.__new__(Experiment)
    vars(experiment).update(_read(_ATTRIBUTES, record), _table=table, _goals=None)
    return experiment


def _written(
    coders: Mapping[str, tuple[_Writes, _Reads]], attributes: Mapping[str, Any]
) -> dict[str, Any]:
    return {
        name: coders[name][0](value)
        for name, value in attributes.items()
        if name not in _DERIVED
    }


def _read(
    coders: Mapping[str, tuple[_Writes, _Reads]], record: Mapping[str, Any]
) -> dict[str, Any]:
    return {name: read(record[name]) for name, (_, read) in coders.items()}
