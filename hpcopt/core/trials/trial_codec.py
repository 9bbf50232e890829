"""Trials as short JSON arrays, and back: of thousands, each character takes time.

A mapping is written as its values and the number of its *shape*, which is the names of
its fields in their order: thousands of mappings share a few. Of a trial and of an
attempt only the fields are written that are not as in a new one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
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

T = TypeVar("T")

#: What a field is that is left out. ``index``, ``trial_index`` and ``number`` follow
#: from where a record is.
_NEW_TRIAL = vars(Trial(index=0, parameters={}))
_NEW_ATTEMPT = vars(Attempt(trial_index=0, number=0, name=""))

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


class TrialCodec:
    """Writes and reads trials, of which many share origins and shapes."""

    def __init__(
        self, origins: Sequence[Origin] = (), shapes: Sequence[Sequence[str]] = ()
    ) -> None:
        """Begin with what earlier trials had.

        Args:
            origins: The origins by their numbers.
            shapes: The names of fields by the number of their shape.
        """
        self._origins = list(origins)
        self._shapes = [tuple(shape) for shape in shapes]
        self._origin_numbers = {origin: k for k, origin in enumerate(self._origins)}
        self._shape_numbers = {shape: k for k, shape in enumerate(self._shapes)}

    @classmethod
    def from_json(cls, record: Mapping[str, Any]) -> TrialCodec:
        """Return the codec that ``to_json`` wrote."""
        return cls(list(map(Origin.from_json, record["origins"])), record["shapes"])

    def to_json(self) -> dict[str, Any]:
        """Return what trials that were written share, as a JSON object."""
        origins = [origin.to_json() for origin in self._origins]
        return {"origins": origins, "shapes": self._shapes}

    # Writing

    def encode(self, trial: Trial) -> list[Any]:
        """Return the trial as a JSON array."""
        fields = _changed(trial, _NEW_TRIAL)
        fields.pop("index", None)
        fields["parameters"] = self._pack(trial.parameters)
        if trial.origin is not None:
            fields["origin"] = _number(
                trial.origin, self._origins, self._origin_numbers
            )
        if trial.attempts:
            fields["attempts"] = list(map(self._encode_attempt, trial.attempts))
        if trial.outcome:
            fields["outcome"] = self._encode_outcome(trial.outcome)
        if trial.reports:
            at_its_end = (ReportedData(trial.ended_at or 0.0, trial.outcome),)
            fields["reports"] = (
                _AT_ITS_END
                if trial.reports == at_its_end
                else [[r.time, self._encode_outcome(r.outcome)] for r in trial.reports]
            )
        return self._pack(fields)

    def _encode_attempt(self, attempt: Attempt) -> list[Any]:
        fields = _changed(attempt, _NEW_ATTEMPT)
        for name in ("trial_index", "number", "adjustment"):
            fields.pop(name, None)
        if attempt.adjustment != NO_ADJUSTMENT:
            fields["adjustment"] = attempt.adjustment.to_json()
        if attempt.metadata is not None:
            fields["metadata"] = self._pack(attempt.metadata)
        if attempt.facts:
            fields["facts"] = self._pack(attempt.facts)
        return self._pack(fields)

    def _encode_outcome(self, outcome: Mapping[str, Observation]) -> list[Any]:
        return self._pack(
            {name: [o.mean, o.sem, o.step] for name, o in outcome.items()}
        )

    def _pack(self, fields: Mapping[str, Any]) -> list[Any]:
        shape = _number(tuple(fields), self._shapes, self._shape_numbers)
        return [*fields.values(), shape]

    # Reading

    def decode(self, packed: list[Any], index: int) -> Trial:
        """Return the trial that ``encode`` wrote.

        Args:
            packed: The JSON array, which is changed.
            index: The trial's.
        """
        fields = self._unpack(packed)
        fields["index"] = index
        fields["parameters"] = self._unpack(fields["parameters"])
        if "status" in fields:
            fields["status"] = _STATUSES[fields["status"]]
        if "origin" in fields:
            fields["origin"] = self._origins[fields["origin"]]
        if "attempts" in fields:
            fields["attempts"] = tuple(
                [
                    self._decode_attempt(attempt, index, number)
                    for number, attempt in enumerate(fields["attempts"])
                ]
            )
        if "outcome" in fields:
            fields["outcome"] = self._decode_outcome(fields["outcome"])
        if "reports" in fields:
            fields["reports"] = self._decode_reports(fields)
        if "cause" in fields:
            fields["cause"] = _CAUSES[fields["cause"]]
        if "outside" in fields:
            fields["outside"] = tuple(fields["outside"])
        return _record(Trial, _NEW_TRIAL | fields)

    def _decode_attempt(self, packed: list[Any], index: int, number: int) -> Attempt:
        fields = self._unpack(packed)
        fields["trial_index"] = index
        fields["number"] = number
        if "phase" in fields:
            fields["phase"] = _PHASES[fields["phase"]]
        if "cause" in fields:
            fields["cause"] = _CAUSES[fields["cause"]]
        if "metadata" in fields:
            fields["metadata"] = self._unpack(fields["metadata"])
        if "facts" in fields:
            fields["facts"] = self._unpack(fields["facts"])
        if "adjustment" in fields:
            fields["adjustment"] = Adjustment.from_json(fields["adjustment"])
        return _record(Attempt, _NEW_ATTEMPT | fields)

    def _decode_outcome(self, packed: list[Any]) -> dict[str, Observation]:
        names = self._shapes[packed.pop()]
        return {
            name: _record(Observation, {"mean": mean, "sem": sem, "step": step})
            for name, (mean, sem, step) in zip(names, packed)  # noqa: B905
        }

    def _decode_reports(self, fields: dict[str, Any]) -> tuple[ReportedData, ...]:
        reports = fields["reports"]
        if reports == _AT_ITS_END:
            ending = {"time": fields["ended_at"], "outcome": fields["outcome"]}
            return (_record(ReportedData, ending),)
        return tuple(
            [ReportedData(time, self._decode_outcome(found)) for time, found in reports]
        )

    def _unpack(self, packed: list[Any]) -> dict[str, Any]:
        # To say whether it is strict doubles the time.
        return dict(zip(self._shapes[packed.pop()], packed))  # noqa: B905


def _number(item: T, items: list[T], numbers: dict[T, int]) -> int:
    """Return the number of ``item``, which is added if it is new."""
    number = numbers.get(item)
    if number is None:
        number = numbers[item] = len(items)
        items.append(item)
    return number


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


def _record(kind: type[T], fields: dict[str, Any]) -> T:
    """Return a frozen record of all its fields, which it takes as they are."""
    record = object.__new__(kind)
    object.__setattr__(record, "__dict__", fields)
    return record
