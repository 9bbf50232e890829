"""What a generator answers, and what one is. Loads no numerics."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Protocol

from hpcopt.core import events as ev
from hpcopt.core.types import JSONValue, TParameterization
from hpcopt.generation.snapshot import Snapshot


class FallbackLevel(StrEnum):
    """How much of a method is used: less where more has failed."""

    FULL = "full"
    """All of it."""
    UNFITTED = "unfitted"
    """A model with fixed hyperparameters: nothing is fitted."""
    DESIGN = "design"
    """The initial design: no model at all."""


#: Why there may be nothing to propose.
USED_UP = "every point of the search space has been tried"


@dataclass(frozen=True)
class Suggestion:
    """One proposed parameterization."""

    parameters: TParameterization
    method: str
    """``center``, ``sobol``, ``bo``, ``repeat`` for a setting that is run again to see
    whether outcomes have noise, or ``own`` for a user's own generator."""


@dataclass(frozen=True)
class Generation:
    """What a generator answers to one request."""

    suggestions: tuple[Suggestion, ...]
    position: int
    """The position of the snapshot that it was made from, in events of the journal."""
    seconds: float
    """How long it took."""
    details: Mapping[str, JSONValue] = field(default_factory=dict)
    """What to remember or to tell: hyperparameters, fallbacks taken."""
    level: FallbackLevel = FallbackLevel.FULL
    why_none: str = USED_UP
    """What it means if there are fewer suggestions than were asked for."""
    environment: Mapping[str, str] = field(default_factory=dict)
    """What it depends on besides the snapshot, if that is not what the snapshot says:
    versions, threads, the processor."""

    def recording(
        self, environment: Mapping[str, str], known: Mapping[str, str]
    ) -> Generation:
        """Return it with the ``environment``, unless that is ``known`` already."""
        if environment == known:
            return self
        return replace(self, environment=environment)

    def event(
        self, time: float, first_index: int, n_requested: int, at: slice
    ) -> ev.TrialsGenerated:
        """Return the event that makes trials of some of the suggestions.

        Args:
            time: When, in seconds since the epoch.
            first_index: The index of the first of these trials.
            n_requested: How many suggestions were asked for.
            at: Which of the suggestions.
        """
        return ev.TrialsGenerated(
            time=time,
            trials=tuple(
                ev.GeneratedTrial(first_index + k, dict(s.parameters), s.method)
                for k, s in enumerate(self.suggestions[at])
            ),
            position=self.position,
            seconds=self.seconds,
            details=dict(self.details),
            n_requested=n_requested,
            offset=at.start,
            rung=self.level.value,
            environment=dict(self.environment),
        )


class Generator(Protocol):
    """Proposes parameterizations. Keeps nothing between calls."""

    def generate(
        self, n: int, snapshot: Snapshot, level: FallbackLevel = FallbackLevel.FULL
    ) -> Generation:
        """Return ``n`` parameterizations to run next, or fewer if there are no others.

        The same snapshot gives the same answer. Pending parameterizations count as
        such; none of those proposed equals another one, pending, completed or new,
        while the space has others left.

        Raises:
            GenerationError: None could be proposed; the message says why.
        """

    def warm_up(self) -> None:
        """Load now what a later ``generate`` may need."""


class GeneratorService(Protocol):
    """A generator that the driver can leave at work while it does other things."""

    @property
    def is_busy(self) -> bool:
        """Whether a request is being worked on."""

    @property
    def is_concurrent(self) -> bool:
        """Whether it works while the driver does other things."""

    def request(self, n: int, snapshot: Snapshot) -> None:
        """Ask for ``n`` parameterizations. Not allowed while busy."""

    def collect(self, timeout_s: float) -> Generation | None:
        """Return the answer, waiting for it at most ``timeout_s``; else ``None``.

        Raises:
            GenerationError: The request failed.
        """

    def close(self) -> None:
        """End the service."""
