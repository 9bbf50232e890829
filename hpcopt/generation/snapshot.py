"""An experiment as a generator sees it. Loads no torch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from hpcopt.core.experiment import Experiment
from hpcopt.core.goals.goals import Goals
from hpcopt.core.goals.objective import Objective
from hpcopt.core.space.fixing import with_fixed
from hpcopt.core.space.narrowing import narrowed
from hpcopt.core.space.search_space import SearchSpace
from hpcopt.core.trials.trial import Cause, Observation, TrialStatus
from hpcopt.core.types import JSONValue, TParameterization

#: Spreads of outcomes smaller than this, relative to them, are rounding.
_RELATIVE_SPREAD = 1e-12

#: How many values of a large choice that no trial had a model sees, beside one for each
#: parameterization that is asked for.
_N_UNTRIED = 8

#: What is known of an early-stopped trial counts as it is, as in Ax.
_WITH_OUTCOME = (TrialStatus.COMPLETED, TrialStatus.EARLY_STOPPED)


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
    n_asked: int = 1
    """How many parameterizations are asked for at once."""

    @property
    def n_in_flight(self) -> int:
        """How many trials wait for an outcome once all that is asked is proposed."""
        return len(self.pending) + self.n_asked

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

    @property
    def without_outcome(self) -> list[TParameterization]:
        """What is not to be proposed again even where outcomes have noise."""
        return [*self.pending, *self.failed, *self.abandoned]

    @property
    def is_flat(self) -> bool:
        """Whether all outcomes are equal so far, in each of the objectives.

        Then a model knows nothing but where its variance is largest, which is on the
        edges of the space; a sequence that fills the space finds more. Outcomes that
        are constrained or have targets may tell something else, and are left to models.
        """
        if self.goals.constraints or any(o.distances for o in self.goals.objectives):
            return False
        for objective in self.goals.objectives:
            outcomes = [t.outcome for t in self.completed]
            values = [objective.value(o) for o in outcomes if objective.is_known(o)]
            rounding = _RELATIVE_SPREAD * max(map(abs, values), default=0.0)
            if values and max(values) - min(values) > rounding:
                return False
        return True

    def waiting(self, proposed: Sequence[TParameterization]) -> list[TParameterization]:
        """Return all whose outcomes are not known, those just ``proposed`` included.

        An abandoned point is as good as pending: what it would have told is unknown,
        and a point beside it would tell little beyond it.
        """
        return [*self.pending, *self.abandoned, *proposed]

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

    def narrowed(self) -> Snapshot:
        """Return it with the space as a model sees it, which may have fewer values."""
        n_untried = _N_UNTRIED + self.n_asked
        seed = [self.seed, self.n_trials]
        space = narrowed(self.space, self.known, n_untried, seed)
        return self if space is self.space else replace(self, space=space)

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
