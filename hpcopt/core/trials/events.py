"""The facts of an experiment's trials: a ``TrialTable`` is the fold of these events."""

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
    """What the generator wants to remember or tell: hyperparameters, fallbacks."""
    n_requested: int = 0
    """How many trials the generator was asked for at once; 0 for as many as these."""
    offset: int = 0
    """The place of the first of these trials in the generator's answer."""
    rung: str = "full"
    """How much of the method was used, where more had failed."""
    environment: Mapping[str, str] = field(default_factory=dict)
    """The versions and the like that the suggestions depend on, where that has
    changed since it was told last."""
    fixed_parameters: Mapping[str, TParameterValue] = field(default_factory=dict)
    """The values that somebody wanted all of these trials to have."""


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
    """What it is given otherwise than a first attempt: ``Adjustment.to_json``."""


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
class TrialCompleted:
    """The trial's result was read."""

    time: float
    trial_index: int
    outcome: Mapping[str, ObservedMetric]


@dataclass(frozen=True)
class TrialFailed:
    """The trial failed and will not be tried again."""

    time: float
    trial_index: int
    cause: Cause
    reason: str


@dataclass(frozen=True)
class TrialAbandoned:
    """The trial was given up without being judged."""

    time: float
    trial_index: int
    reason: str


@dataclass(frozen=True)
class TrialsHandedOut:
    """These candidates were given to a script, which evaluates them and tells."""

    time: float
    trial_indices: tuple[int, ...]


@dataclass(frozen=True)
class TrialAttached:
    """A script evaluates parameters that it has chosen itself."""

    time: float
    index: int
    parameters: Mapping[str, TParameterValue]
    arm_name: str = ""
    """Its name; empty for the one that its index gives."""
    is_baseline: bool = False
    """Whether relative constraints are about this trial from now on."""


@dataclass(frozen=True)
class DataAttached:
    """More became known of a trial: new metrics, or newer values of known ones."""

    time: float
    trial_index: int
    outcome: Mapping[str, ObservedMetric]


@dataclass(frozen=True)
class TrialEarlyStopped:
    """The trial was ended before its time, and what is known of it counts."""

    time: float
    trial_index: int
    reason: str = ""


@dataclass(frozen=True)
class TrialsCancelled:
    """A person wants these trials ended: each is given up once its attempt has ended.

    Where none was live any more, or none was meant, it only tells that the request was
    seen, which must not be honoured twice.
    """

    time: float
    trial_indices: tuple[int, ...]
    by: str
    """Who asked for it."""
    request: str = ""
    """The name of the request that this answers."""
    is_all: bool = False
    """Whether the driver shall stop, too."""


@dataclass(frozen=True)
class TrialsReopened:
    """A person wants these trials, failed or abandoned, to be run again.

    Where there were none, it only tells that the request was seen.
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
