"""Trials as JSON objects, and back: what is as in a new trial is left out."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, TypeVar

from hpcopt.core.trials.adjustment import NO_ADJUSTMENT, Adjustment
from hpcopt.core.trials.origin import Origin
from hpcopt.core.trials.trial import (
    Attempt,
    Cause,
    Observation,
    Phase,
    ReportedData,
    Trial,
    TrialStatus,
)
from hpcopt.core.types import JSONValue

T = TypeVar("T")

#: What a field is that is left out. ``index``, ``trial_index`` and ``number`` follow
#: from where a record is.
_NEW_TRIAL = vars(Trial(index=0, parameters={}))
_NEW_ATTEMPT = vars(Attempt(trial_index=0, number=0, name=""))
_NEW_OBSERVATION = vars(Observation(mean=0.0))

_STATUSES = {status.value: status for status in TrialStatus}
_CAUSES = {cause.value: cause for cause in Cause}
_PHASES = {phase.value: phase for phase in Phase}

#: Stands for the only report of a trial, where it told the outcome and ended the trial.
_AT_ITS_END = 1

#: The fields of all that is written.
FIELDS_OF_TRIALS = {
    kind.__name__: list(kind.__dataclass_fields__)
    for kind in (Trial, Attempt, Observation, ReportedData, Origin, Adjustment)
}


class Origins:
    """The origins of trials, each once: thousands of trials share theirs."""

    def __init__(self, trials: Iterable[Trial]) -> None:
        origins = dict.fromkeys(trial.origin for trial in trials if trial.origin)
        self._numbers = {origin: k for k, origin in enumerate(origins)}

    def number(self, origin: Origin) -> int:
        """Return the number that stands for ``origin``."""
        return self._numbers[origin]

    def to_json(self) -> list[JSONValue]:
        """Return the origins by their numbers."""
        return [origin.to_json() for origin in self._numbers]


def trial_to_json(trial: Trial, origins: Origins) -> dict[str, Any]:
    """Return the trial as a JSON object, its origin by the number in ``origins``."""
    fields = _changed(trial, _NEW_TRIAL)
    fields.pop("index", None)
    if trial.origin is not None:
        fields["origin"] = origins.number(trial.origin)
    if trial.attempts:
        fields["attempts"] = list(map(_attempt_to_json, trial.attempts))
    if trial.outcome:
        fields["outcome"] = _outcome_to_json(trial.outcome)
    if trial.reports:
        fields["reports"] = (
            _AT_ITS_END
            if trial.reports == (ReportedData(trial.ended_at or 0.0, trial.outcome),)
            else [[r.time, _outcome_to_json(r.outcome)] for r in trial.reports]
        )
    return fields


def trial_from_json(
    fields: dict[str, Any], index: int, origins: Sequence[Origin]
) -> Trial:
    """Return the trial that ``trial_to_json`` wrote.

    Args:
        fields: The JSON object, which is changed.
        index: The trial's.
        origins: The origins by their numbers.
    """
    fields["index"] = index
    if "status" in fields:
        fields["status"] = _STATUSES[fields["status"]]
    if "origin" in fields:
        fields["origin"] = origins[fields["origin"]]
    if "attempts" in fields:
        attempts = enumerate(fields["attempts"])
        fields["attempts"] = tuple(
            [_attempt_from_json(a, index, k) for k, a in attempts]
        )
    if "outcome" in fields:
        fields["outcome"] = _outcome_from_json(fields["outcome"])
    if "reports" in fields:
        fields["reports"] = _reports_from_json(fields)
    if "cause" in fields:
        fields["cause"] = _CAUSES[fields["cause"]]
    if "outside" in fields:
        fields["outside"] = tuple(fields["outside"])
    return _with(Trial, _NEW_TRIAL, fields)


def _attempt_to_json(attempt: Attempt) -> dict[str, Any]:
    fields = _changed(attempt, _NEW_ATTEMPT)
    fields.pop("trial_index", None)
    fields.pop("number", None)
    if attempt.adjustment == NO_ADJUSTMENT:
        fields.pop("adjustment", None)
    else:
        fields["adjustment"] = attempt.adjustment.to_json()
    return fields


def _attempt_from_json(fields: dict[str, Any], index: int, number: int) -> Attempt:
    fields["trial_index"] = index
    fields["number"] = number
    if "phase" in fields:
        fields["phase"] = _PHASES[fields["phase"]]
    if "cause" in fields:
        fields["cause"] = _CAUSES[fields["cause"]]
    if "adjustment" in fields:
        fields["adjustment"] = Adjustment.from_json(fields["adjustment"])
    return _with(Attempt, _NEW_ATTEMPT, fields)


def _outcome_to_json(outcome: Mapping[str, Observation]) -> dict[str, Any]:
    return {
        name: _changed(observation, _NEW_OBSERVATION)
        for name, observation in outcome.items()
    }


def _outcome_from_json(outcome: dict[str, Any]) -> dict[str, Observation]:
    return {
        name: _with(Observation, _NEW_OBSERVATION, fields)
        for name, fields in outcome.items()
    }


def _reports_from_json(fields: dict[str, Any]) -> tuple[ReportedData, ...]:
    reports = fields["reports"]
    if reports == _AT_ITS_END:
        return (ReportedData(fields["ended_at"], fields["outcome"]),)
    return tuple([ReportedData(time, _outcome_from_json(o)) for time, o in reports])


def _changed(record: object, new: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields of ``record`` that are not as in a new one.

    A number counts as another where its type is: ``0`` is not ``0.0``, nor is ``-0.0``.
    """
    return {
        name: value
        for name, value in vars(record).items()
        if value is not (usual := new[name])
        and (
            value != usual or type(value) is not type(usual) or value.__class__ is float
        )
    }


def _with(kind: type[T], new: Mapping[str, Any], fields: Mapping[str, Any]) -> T:
    """Return a new record with ``fields`` changed."""
    record = object.__new__(kind)
    record.__dict__.update(new)
    record.__dict__.update(fields)
    return record
