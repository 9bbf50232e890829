"""The events about trials, of which a ``TrialTable`` is the fold."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from hpcopt.core.trials.trial import Cause, Observation, Phase
from hpcopt.core.types import JSONValue, TParameterValue

#: One metric's value.
ObservedMetric = Observation


@dataclass(frozen=True)
class GeneratedTrial:
    """One trial of a generation."""

    index: int
    parameters: Mapping[str, TParameterValue]
    method: str


@dataclass(frozen=True)
class TrialsGenerated:
    """The generator proposed trials."""

    time: float
    trials: tuple[GeneratedTrial, ...]
    position: int = 0
    """How many events of the journal the generator had seen."""
    seconds: float = 0.0
    """How long the generation took."""
    details: Mapping[str, JSONValue] = field(default_factory=dict)
    """What the generator keeps or reports: hyperparameters, fallbacks."""
    n_requested: int = 0
    """How many trials the generator was asked for at once; 0 for as many as these."""
    offset: int = 0
    """The position of the first of these trials in the generator's answer."""
    rung: str = "full"
    """The fallback level: how much of the method was used, where more had failed."""
    environment: Mapping[str, str] = field(default_factory=dict)
    """The versions and settings that the suggestions depend on; empty where they are
    those of the generation before."""
    fixed_parameters: Mapping[str, TParameterValue] = field(default_factory=dict)
    """The values that the script fixed for all of these trials."""


@dataclass(frozen=True)
class StagedAttempt:
    """One attempt of a submission that is about to be made."""

    trial_index: int
    number: int
    name: str
    task: int | None = None
    digest: str = ""
    """SHA-256 of what will run, in hexadecimal."""
    adjustment: Mapping[str, JSONValue] = field(default_factory=dict)
    """How it differs from a first attempt: ``Adjustment.to_json``."""


@dataclass(frozen=True)
class AttemptsStaged:
    """These attempts are about to be submitted together, under one name."""

    time: float
    attempts: tuple[StagedAttempt, ...]


@dataclass(frozen=True)
class SubmittedAttempt:
    """One attempt that the runner has accepted."""

    trial_index: int
    number: int
    metadata: Mapping[str, JSONValue]


@dataclass(frozen=True)
class AttemptsSubmitted:
    """The runner has accepted these attempts."""

    time: float
    attempts: tuple[SubmittedAttempt, ...]
    adopted: bool = False
    """Whether they were found already submitted, after a crash or a time-out."""


@dataclass(frozen=True)
class AttemptObserved:
    """A live attempt was seen in another phase."""

    time: float
    trial_index: int
    number: int
    phase: Phase
    reason: str = ""
    facts: Mapping[str, JSONValue] = field(default_factory=dict)


@dataclass(frozen=True)
class AttemptEnded:
    """An attempt ended."""

    time: float
    trial_index: int
    number: int
    cause: Cause
    reason: str = ""
    facts: Mapping[str, JSONValue] = field(default_factory=dict)


@dataclass(frozen=True)
class AttemptAccounted:
    """An accounting told, after an attempt's end, what the attempt cost."""

    time: float
    trial_index: int
    number: int
    accounting: Mapping[str, JSONValue]
    """What becomes ``accounting`` of the attempt's facts: see ``cost``."""


@dataclass(frozen=True)
class TrialCompleted:
    """The trial's result was read."""

    time: float
    trial_index: int
    outcome: Mapping[str, ObservedMetric]


@dataclass(frozen=True)
class TrialFailed:
    """The trial failed and will not be retried."""

    time: float
    trial_index: int
    cause: Cause
    reason: str


@dataclass(frozen=True)
class TrialAbandoned:
    """The trial was given up; it counts neither as completed nor as failed."""

    time: float
    trial_index: int
    reason: str


@dataclass(frozen=True)
class TrialsHandedOut:
    """These candidates were handed to a script, which evaluates them itself."""

    time: float
    trial_indices: tuple[int, ...]


@dataclass(frozen=True)
class TrialAttached:
    """A script added parameters of its own choice, which it evaluates itself."""

    time: float
    index: int
    parameters: Mapping[str, TParameterValue]
    arm_name: str = ""
    """Its name; empty for ``<index>_0``."""
    is_baseline: bool = False
    """Whether relative constraints refer to this trial from now on."""
    outside: tuple[str, ...] = ()
    """Why it lies outside the search space, a sentence a reason; empty if inside."""


@dataclass(frozen=True)
class DataAttached:
    """More metrics of a trial, or newer values of known ones, were attached."""

    time: float
    trial_index: int
    outcome: Mapping[str, ObservedMetric]
    superseded: tuple[str, ...] = ()
    """The metrics of which a later step was known already: these values are a part of
    the trial's curve, and not what counts."""


@dataclass(frozen=True)
class TrialEarlyStopped:
    """The trial was stopped early; what is known of it is its outcome."""

    time: float
    trial_index: int
    reason: str = ""


@dataclass(frozen=True)
class TrialsCancelled:
    """A person cancelled these trials: each is abandoned once its attempt has ended.

    Where none was live any more, the event only records that the request was handled,
    so that it is not handled twice.
    """

    time: float
    trial_indices: tuple[int, ...]
    by: str
    """Who asked for it."""
    request: str = ""
    """The name of the request that this answers."""
    is_all: bool = False
    """Whether all trials were meant, and the driver shall stop, too."""


@dataclass(frozen=True)
class TrialsReopened:
    """A person asked to run these trials, failed or abandoned, again.

    Where there were none, the event only records that the request was handled.
    """

    time: float
    trial_indices: tuple[int, ...]
    by: str
    """Who asked for it."""
    request: str = ""
    """The name of the request that this answers."""


TrialEvent = (
    TrialsGenerated
    | AttemptsStaged
    | AttemptsSubmitted
    | AttemptObserved
    | AttemptEnded
    | AttemptAccounted
    | TrialCompleted
    | TrialFailed
    | TrialAbandoned
    | TrialsHandedOut
    | TrialAttached
    | DataAttached
    | TrialEarlyStopped
    | TrialsCancelled
    | TrialsReopened
)
