"""A trial, its attempts, and the states of both."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum, StrEnum

from typing_extensions import override

from hpcopt.core.frozen import changed
from hpcopt.core.trials.adjustment import NO_ADJUSTMENT, Adjustment
from hpcopt.core.trials.origin import Origin
from hpcopt.core.types import JSONValue, TParameterization, TParameterValue


class TrialStatus(int, Enum):
    """The status of a trial; members and values are those of Ax.

    ::

        CANDIDATE ──> STAGED ──> RUNNING ──> COMPLETED
            │            │          ├──────> FAILED
            │            │          └──────> EARLY_STOPPED
            └────────────┴───────────┴─────> ABANDONED

    A person may reopen what failed or was abandoned: it is a ``CANDIDATE`` again.
    ``CANDIDATE`` is generated and not yet handed to the runner, ``STAGED`` is handed
    to the runner and waiting (a pending Slurm job), ``RUNNING`` computes.
    """

    CANDIDATE = 0
    STAGED = 1
    FAILED = 2
    COMPLETED = 3
    RUNNING = 4
    ABANDONED = 5
    DISPATCHED = 6  # Ax's, deprecated there: nothing here ever has it
    EARLY_STOPPED = 7
    STALE = 8

    __hash__ = int.__hash__  # as it is equal to its value; and the enum's is slow

    @property
    def is_terminal(self) -> bool:
        """Whether the trial has ended."""
        return self in _TERMINAL

    @property
    def is_live(self) -> bool:
        """Whether the trial is with the runner and has not ended."""
        return self in (TrialStatus.STAGED, TrialStatus.RUNNING)

    @property
    def is_deployed(self) -> bool:
        """Whether the trial is with the runner and has not ended; Ax's ``is_live``."""
        return self.is_live

    @property
    def expecting_data(self) -> bool:
        """Whether the trial has data, or may yet: it runs, or ended with a result."""
        return self in (
            TrialStatus.RUNNING,
            TrialStatus.COMPLETED,
            TrialStatus.EARLY_STOPPED,
        )

    @property
    def is_failed(self) -> bool:
        """Whether the trial failed."""
        return self is TrialStatus.FAILED

    @property
    def is_abandoned(self) -> bool:
        """Whether the trial was given up."""
        return self is TrialStatus.ABANDONED

    @property
    def is_candidate(self) -> bool:
        """Whether the trial waits to be handed to the runner."""
        return self is TrialStatus.CANDIDATE

    @property
    def is_completed(self) -> bool:
        """Whether the trial's result was read."""
        return self is TrialStatus.COMPLETED

    @property
    def is_running(self) -> bool:
        """Whether the trial computes."""
        return self is TrialStatus.RUNNING

    @property
    def is_early_stopped(self) -> bool:
        """Whether the trial was stopped before its end."""
        return self is TrialStatus.EARLY_STOPPED

    @property
    def is_stale(self) -> bool:
        """Whether the trial was never begun and is no longer wanted."""
        return self is TrialStatus.STALE

    @property
    def may_be_reopened(self) -> bool:
        """Whether a person may have the trial run again."""
        return self in (TrialStatus.FAILED, TrialStatus.ABANDONED)

    @override
    def __str__(self) -> str:
        return self.name

    @override
    def __format__(self, spec: str) -> str:
        return format(self.name, spec)


_TERMINAL = frozenset(
    {
        TrialStatus.FAILED,
        TrialStatus.COMPLETED,
        TrialStatus.ABANDONED,
        TrialStatus.EARLY_STOPPED,
        TrialStatus.STALE,
    }
)


class Cause(StrEnum):
    """Why an attempt ended; it decides whether the trial is retried."""

    SUCCESS = "success"
    """The attempt's program ended with exit code 0; its result is read next."""
    TRIAL = "trial"
    """The trial's own program failed: a non-zero exit code or a signal."""
    RESULT = "result"
    """The program succeeded and left no valid result."""
    TIME = "time"
    """The time limit was reached."""
    MEMORY = "memory"
    """The memory limit was reached."""
    INFRASTRUCTURE = "infrastructure"
    """The node or the scheduler failed; the parameterization is not to blame."""
    USER = "user"
    """A person cancelled it."""


class Phase(StrEnum):
    """The state of an attempt, as its runner knows it."""

    WAITING = "waiting"
    """Submitted and not started (a pending Slurm job)."""
    RUNNING = "running"
    ENDED = "ended"
    UNKNOWN = "unknown"
    """The runner cannot tell at present; the attempt stays in its former phase."""


#: The key, in the facts of a waiting attempt, that says that it can never start.
STUCK = "is_stuck"

#: The key that says that a person holds it in the queue.
HELD = "is_held"

#: The key that says that its start failed and will not be tried again.
UNSTARTABLE = "is_unstartable"

#: The key, in the facts of an attempt's end, that tells that its disk was full.
DISK_FULL = "no_room"


class _Phased:
    """Something with a phase and facts, which say how an attempt waits."""

    phase: Phase
    facts: Mapping[str, JSONValue]

    @property
    def is_stuck(self) -> bool:
        """Whether it waits for something that waiting does not bring about."""
        return self._waits_as(STUCK)

    @property
    def is_held(self) -> bool:
        """Whether a person holds it in the queue."""
        return self._waits_as(HELD)

    @property
    def is_unstartable(self) -> bool:
        """Whether its start failed, so that it only waits to be cancelled."""
        return self._waits_as(UNSTARTABLE)

    def _waits_as(self, kind: str) -> bool:
        return self.phase is Phase.WAITING and self.facts.get(kind) is True


@dataclass(frozen=True)
class AttemptState(_Phased):
    """A runner's answer about one attempt."""

    phase: Phase
    cause: Cause | None = None
    """Why it ended; present exactly when ``phase`` is ``ENDED``."""
    reason: str = ""
    """One sentence for a person: why it waits, or why it ended."""
    facts: Mapping[str, JSONValue] = field(default_factory=dict)
    """What else is known, such as the node, the exit code, the elapsed seconds."""

    def __post_init__(self) -> None:
        if (self.phase is Phase.ENDED) != (self.cause is not None):
            raise ValueError(f"{self.phase=} does not go with {self.cause=}")


@dataclass(frozen=True)
class Attempt(_Phased):
    """One submission of a trial."""

    trial_index: int
    number: int
    """Counts from 0 within the trial."""
    name: str
    """The name under which it is submitted, unique for all time (with ``task``)."""
    task: int | None = None
    """The array task that it is, where the submission is a job array."""
    phase: Phase = Phase.WAITING
    metadata: Mapping[str, JSONValue] | None = None
    """What the runner returned at submission; ``None`` while that is not known."""
    adjustment: Adjustment = NO_ADJUSTMENT
    """Its resources and excluded nodes, relative to the trial's first attempt."""
    staged_at: float = 0.0
    """Seconds since the epoch, as all times."""
    submitted_at: float | None = None
    started_at: float | None = None
    """When it was first seen running."""
    ended_at: float | None = None
    cause: Cause | None = None
    reason: str = ""
    facts: Mapping[str, JSONValue] = field(default_factory=dict)

    @property
    def is_live(self) -> bool:
        """Whether it is staged or submitted and has not ended."""
        return self.phase is not Phase.ENDED

    @property
    def key(self) -> tuple[int, int]:
        """The trial's index and the attempt's number."""
        return self.trial_index, self.number

    @property
    def disk_was_full(self) -> bool:
        """Whether it failed because its disk was full."""
        return self.facts.get(DISK_FULL) is True

    @property
    def run_s(self) -> float | None:
        """How long it ran, in seconds; ``None`` if that is not known.

        As its runner reports it, or else to the precision of the polls.
        """
        elapsed = self.facts.get("elapsed_s")
        if isinstance(elapsed, (int, float)):
            return float(elapsed)
        # Short ones are never seen running.
        begin = self.started_at or self.submitted_at
        if self.ended_at is None or begin is None:
            return None
        return max(0.0, self.ended_at - begin)


@dataclass(frozen=True)
class Observation:
    """One metric's value for one trial."""

    mean: float
    sem: float | None = None
    """Standard error of the mean; ``None`` when it is not known."""
    step: float = 0
    """The progression that it was read at, such as an epoch; 0 where there is none."""

    def is_superseded_by(self, known: Observation | None) -> bool:
        """Whether ``known``, which was told before, counts: it is of a later step.

        A value without a step is that of the whole trial, and counts.
        """
        return known is not None and 0 < self.step < known.step


@dataclass(frozen=True)
class ReportedData:
    """Observations of a trial that were reported together."""

    time: float
    """When, in seconds since the epoch."""
    outcome: Mapping[str, Observation]


@dataclass(frozen=True)
class Trial:
    """One parameterization, its attempts and its outcome."""

    index: int
    parameters: TParameterization
    status: TrialStatus = TrialStatus.CANDIDATE
    generation_method: str = ""
    """How it was proposed: ``center``, ``sobol``, ``bo``, ``manual``."""
    origin: Origin | None = None
    """By what it was proposed, and why by that, if that is known."""
    attempts: tuple[Attempt, ...] = ()
    outcome: Mapping[str, Observation] = field(default_factory=dict)
    """Metric name to observation; metrics that are not known yet are missing."""
    reports: tuple[ReportedData, ...] = ()
    """Everything that was reported of it, in order: where a metric was reported at
    several steps, its ``outcome`` is the latest of them."""
    is_manual: bool = False
    """Whether a script evaluates it itself, and no runner."""
    name: str = ""
    """The name that a script gave it."""
    outside: tuple[str, ...] = ()
    """Why it lay outside the search space when it was attached, if it did."""
    cause: Cause | None = None
    reason: str = ""
    """Why the trial failed or was abandoned, in one sentence."""
    created_at: float = 0.0
    ended_at: float | None = None
    n_old_attempts: int = 0
    """How many attempts it had when it was last reopened, to be run again."""
    cancelled_by: str = ""
    """Who asked to cancel it; empty if nobody did, or once it has ended."""

    @property
    def attempt(self) -> Attempt | None:
        """The latest attempt; ``None`` if there was none since it was reopened."""
        return self.attempts[-1] if len(self.attempts) > self.n_old_attempts else None

    @property
    def new_attempts(self) -> tuple[Attempt, ...]:
        """The attempts since it was generated or last reopened."""
        return self.attempts[self.n_old_attempts :]

    @property
    def arm_name(self) -> str:
        """Ax's name for the trial's one parameterization."""
        return self.name or f"{self.index}_0"

    def with_attempt(self, attempt: Attempt, **changes: object) -> Trial:
        """Return the trial with ``attempt`` in its place, or appended if it is new."""
        attempts = (*self.attempts[: attempt.number], attempt)
        return changed(self, attempts=attempts, **changes)


def python_value(value: object) -> TParameterValue:
    """Return a numpy scalar as the plain Python value that JSON can hold."""
    item = getattr(value, "item", None)
    plain = item() if callable(item) else value
    if not isinstance(plain, (bool, int, float, str)):
        raise TypeError(f"expected a number, a string or a boolean, found {value!r}")
    return plain
