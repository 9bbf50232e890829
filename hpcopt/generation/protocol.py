"""What a generator sees and returns. Loads no torch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any, Protocol

from hpcopt.core import events as ev
from hpcopt.core.experiment import Experiment
from hpcopt.core.goals.goals import Goals
from hpcopt.core.goals.objective import Objective
from hpcopt.core.space.fixing import with_fixed
from hpcopt.core.space.search_space import SearchSpace
from hpcopt.core.trials.trial import Cause, Observation, TrialStatus
from hpcopt.core.types import JSONValue, TParameterization

#: What is known of an early-stopped trial counts as it is, as in Ax.
_WITH_OUTCOME = (TrialStatus.COMPLETED, TrialStatus.EARLY_STOPPED)


class Rung(StrEnum):
    """How much of a method is used: less where more has failed."""

    FULL = "full"
    """All of it."""
    UNFITTED = "unfitted"
    """A model with fixed hyperparameters: nothing is fitted."""
    DESIGN = "design"
    """The initial design: no model at all."""


@dataclass(frozen=True)
class ObservedTrial:
    """A trial that has ended with an outcome."""

    index: int
    parameters: TParameterization
    outcome: Mapping[str, Observation]
    """What is known of it: a metric may be missing, and the others still teach."""


@dataclass(frozen=True)
class Snapshot:
    """An experiment as a generator sees it: enough to propose, and nothing more."""

    space: SearchSpace
    goals: Goals
    """What is optimised, and what a feasible outcome satisfies."""
    seed: int
    n_trials: int
    """How many trials there are: the index of the first one to propose."""
    position: int
    """How many events of the journal it reflects."""
    completed: tuple[ObservedTrial, ...] = ()
    pending: tuple[TParameterization, ...] = ()
    """Parameterizations that were proposed and whose outcome will come."""
    failed: tuple[TParameterization, ...] = ()
    """Parameterizations that failed on their own account: by their program, without a
    result, or beyond their limits of time or memory."""
    abandoned: tuple[TParameterization, ...] = ()
    """Parameterizations that a person gave up; they teach nothing, and are not to be
    proposed again."""
    details: Mapping[str, JSONValue] = field(default_factory=dict)
    """What the latest generation wanted to remember."""
    environment: Mapping[str, str] = field(default_factory=dict)
    """The versions and the like that the journal's latest suggestions depend on."""

    @property
    def objective(self) -> Objective:
        """The only objective.

        Raises:
            ValueError: There are several.
        """
        return self.goals.objective

    @property
    def known(self) -> list[TParameterization]:
        """All parameterizations that are not to be proposed again."""
        completed = [trial.parameters for trial in self.completed]
        return [*completed, *self.pending, *self.failed, *self.abandoned]

    @classmethod
    def of(cls, experiment: Experiment) -> Snapshot:
        """Return what a generator may know of ``experiment``."""
        return cls(
            space=experiment.space,
            goals=experiment.absolute_goals,
            seed=experiment.seed,
            n_trials=experiment.n_trials,
            position=experiment.n_events,
            completed=tuple(
                ObservedTrial(t.index, t.parameters, t.outcome)
                for t in experiment.trials
                if t.status in _WITH_OUTCOME and t.outcome
            ),
            pending=tuple(
                t.parameters for t in experiment.trials if not t.status.is_terminal
            ),
            failed=tuple(
                t.parameters
                for t in experiment.trials
                if t.status is TrialStatus.FAILED
                and t.cause is not Cause.INFRASTRUCTURE
            ),
            abandoned=tuple(
                t.parameters
                for t in experiment.trials
                if t.status is TrialStatus.ABANDONED
            ),
            details=experiment.generation_details,
            environment=experiment.environment,
        )

    def to_json(self) -> dict[str, JSONValue]:
        """Return the snapshot as a JSON object."""
        return {
            "space": self.space.to_json(),
            "parameter_constraints": list(self.space.constraints),
            "goals": self.goals.to_json(),
            "seed": self.seed,
            "n_trials": self.n_trials,
            "position": self.position,
            "completed": [
                [
                    trial.index,
                    dict(trial.parameters),
                    {k: [o.mean, o.sem, o.step] for k, o in trial.outcome.items()},
                ]
                for trial in self.completed
            ],
            "pending": [dict(p) for p in self.pending],
            "failed": [dict(p) for p in self.failed],
            "abandoned": [dict(p) for p in self.abandoned],
            "details": dict(self.details),
            "environment": dict(self.environment),
        }

    def with_fixed(self, fixed_parameters: TParameterization) -> Snapshot:
        """Return it for suggestions that all have certain values.

        Raises:
            ConfigError: The space has no such values.
        """
        return replace(self, space=with_fixed(self.space, fixed_parameters))

    @classmethod
    def from_json(cls, record: Mapping[str, Any]) -> Snapshot:
        """Return the snapshot that ``to_json`` wrote."""
        return cls(
            space=SearchSpace.from_json(
                record["space"], record["parameter_constraints"]
            ),
            goals=Goals.from_json(record["goals"]),
            seed=record["seed"],
            n_trials=record["n_trials"],
            position=record["position"],
            completed=tuple(
                ObservedTrial(
                    index,
                    parameters,
                    {name: Observation(*values) for name, values in outcome.items()},
                )
                for index, parameters, outcome in record["completed"]
            ),
            pending=tuple(record["pending"]),
            failed=tuple(record["failed"]),
            abandoned=tuple(record["abandoned"]),
            details=record["details"],
            environment=record["environment"],
        )


@dataclass(frozen=True)
class Suggestion:
    """One proposed parameterization."""

    parameters: TParameterization
    method: str
    """``center``, ``sobol``, ``bo``, or ``own`` for a user's own generator."""


@dataclass(frozen=True)
class Generation:
    """What a generator answers."""

    suggestions: tuple[Suggestion, ...]
    position: int
    """The position of the snapshot that it was made from."""
    seconds: float
    details: Mapping[str, JSONValue] = field(default_factory=dict)
    """What to remember or to tell: hyperparameters, fallbacks taken."""
    rung: Rung = Rung.FULL
    why_none: str = "every point of the search space has been tried"
    """What it means if there are no suggestions."""
    environment: Mapping[str, str] = field(default_factory=dict)
    """What it depends on besides the snapshot, if that is not what the snapshot says:
    versions, threads, the processor."""

    def event(
        self, time: float, first_index: int, n_requested: int, at: slice
    ) -> ev.TrialsGenerated:
        """Return the event that makes trials of some of the suggestions.

        Args:
            time: When.
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
            rung=self.rung.value,
            environment=dict(self.environment),
        )


class Proposer(Protocol):
    """Proposes one parameterization after the other from one snapshot."""

    fallbacks: list[str]
    """A sentence for each step that failed, and what was done instead."""

    @property
    def details(self) -> Mapping[str, JSONValue]:
        """What to remember or to tell."""

    def propose(
        self, index: int, proposed: Sequence[TParameterization], used: Any
    ) -> TParameterization | None:
        """Return the next parameterization; ``None`` if the model has none.

        Args:
            index: The trial that it is for; all that is random follows from it and
                from the snapshot's seed.
            proposed: What was proposed from this snapshot before.
            used: The ``UsedPoints`` that must not be proposed.
        """


class MakeProposer(Protocol):
    """Makes the proposer of a method, once an experiment has results enough."""

    def __call__(self, snapshot: Snapshot, *, is_fitted: bool) -> Proposer:
        """Return a proposer; its model holds to the priors unless ``is_fitted``."""


class Generator(Protocol):
    """Proposes parameterizations. Keeps nothing between calls."""

    def generate(self, n: int, snapshot: Snapshot) -> Generation:
        """Return ``n`` parameterizations to run next, or fewer if there are no others.

        The same snapshot gives the same answer. Pending parameterizations count as
        such; none of those proposed equals another one, pending, completed or new,
        while the space has others left.

        Raises:
            GenerationError: None could be proposed; the message says why.
        """


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
