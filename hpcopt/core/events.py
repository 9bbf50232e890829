"""The events of an experiment: facts, in the order in which they became true.

An event is written to the journal before the effect that it announces, and an
``Experiment`` is nothing but the fold of its events. Events are never changed; a new
kind may be added, and a new field must have a default. Times are seconds since the
epoch.

Here are those about the experiment and its drivers; the union ``Event`` includes those
about its trials.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from hpcopt.core.trials.events import (
    AttemptAccounted,
    AttemptEnded,
    AttemptObserved,
    AttemptsStaged,
    AttemptsSubmitted,
    DataAttached,
    GeneratedTrial,
    ObservedMetric,
    StagedAttempt,
    SubmittedAttempt,
    TrialAbandoned,
    TrialAttached,
    TrialCompleted,
    TrialEarlyStopped,
    TrialEvent,
    TrialFailed,
    TrialsCancelled,
    TrialsGenerated,
    TrialsHandedOut,
    TrialsReopened,
)
from hpcopt.core.types import JSONValue

__all__ = [
    "AttemptAccounted",
    "AttemptEnded",
    "AttemptObserved",
    "AttemptsStaged",
    "AttemptsSubmitted",
    "DataAttached",
    "DriverBegun",
    "DriverEnded",
    "DriverNoted",
    "Event",
    "ExperimentBegun",
    "GeneratedTrial",
    "GoalsChanged",
    "ObservedMetric",
    "SettingsChanged",
    "SpaceChanged",
    "StagedAttempt",
    "SubmittedAttempt",
    "TrialAbandoned",
    "TrialAttached",
    "TrialCompleted",
    "TrialEarlyStopped",
    "TrialEvent",
    "TrialFailed",
    "TrialsCancelled",
    "TrialsGenerated",
    "TrialsHandedOut",
    "TrialsReopened",
]


@dataclass(frozen=True)
class ExperimentBegun:
    """The experiment was defined. Always the first event."""

    time: float
    version: str
    """The version of hpcopt that began the journal."""
    definition: Mapping[str, JSONValue]
    """What may never change: name, metrics, seed; the search space, which stays until
    ``SpaceChanged``; and the goals, which stay until ``GoalsChanged``."""
    settings: Mapping[str, JSONValue]
    """What may change from run to run: limits, resources, polling."""


@dataclass(frozen=True)
class SettingsChanged:
    """The experiment is continued with other settings."""

    time: float
    settings: Mapping[str, JSONValue]
    changes: tuple[str, ...]
    """One sentence for each change."""


@dataclass(frozen=True)
class SpaceChanged:
    """The experiment is continued in another search space."""

    time: float
    space: Mapping[str, JSONValue]
    """``parameters`` and ``parameter_constraints``, as in the definition."""
    changes: tuple[str, ...]
    """One sentence for each change."""


@dataclass(frozen=True)
class GoalsChanged:
    """The experiment is continued with other objectives or outcome constraints."""

    time: float
    goals: Mapping[str, JSONValue]
    """``objective`` and, if there are any, ``outcome_constraints``, as in the
    definition."""
    changes: tuple[str, ...]
    """One sentence for each change."""


@dataclass(frozen=True)
class DriverBegun:
    """A driver began to run the experiment."""

    time: float
    host: str
    pid: int
    version: str
    job_id: str = ""
    """The id of the Slurm job that it runs in; empty if in none."""


@dataclass(frozen=True)
class DriverEnded:
    """The driver ended in an orderly way."""

    time: float
    reason: str
    """One sentence."""
    calls: Mapping[str, int] = field(default_factory=dict)
    """How often this driver ran each command of the scheduler."""


@dataclass(frozen=True)
class DriverNoted:
    """The status of a running driver: written when it changes, and periodically."""

    time: float
    note: str
    """Why nothing is submitted or known, in one line; empty when all is well."""
    calls: Mapping[str, int] = field(default_factory=dict)
    """How often this driver has run each command of the scheduler so far."""


Event = (
    ExperimentBegun
    | SettingsChanged
    | SpaceChanged
    | GoalsChanged
    | DriverBegun
    | DriverEnded
    | DriverNoted
    | TrialEvent
)
