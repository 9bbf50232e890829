"""The generator: the centre, Sobol points, then Bayesian optimisation.

Loads torch only once a model is needed.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import Protocol

from hpcopt.core.errors import ConfigError
from hpcopt.core.types import JSONValue, TParameterization
from hpcopt.generation.design.initial import (
    InitialDesign,
    UsedPoints,
    default_n_initial,
)
from hpcopt.generation.methods import METHODS
from hpcopt.generation.protocol import FallbackLevel, Generation, Suggestion
from hpcopt.generation.snapshot import Snapshot

#: A model of fewer outcomes says nothing.
MIN_COMPLETED = 2


class Proposer(Protocol):
    """Proposes one parameterization after the other from one snapshot."""

    fallbacks: list[str]
    """A sentence for each step that failed, and what was done instead."""

    @property
    def details(self) -> Mapping[str, JSONValue]:
        """What to remember or to tell."""

    def propose(
        self, index: int, proposed: Sequence[TParameterization], used: UsedPoints
    ) -> TParameterization | None:
        """Return the next parameterization; ``None`` if the model has none.

        Args:
            index: The trial that it is for; all that is random follows from it and
                from the snapshot's seed.
            proposed: What was proposed from this snapshot before.
            used: What must not be proposed.
        """


class MakeProposer(Protocol):
    """Makes the proposer of a method, once an experiment has results enough."""

    def __call__(self, snapshot: Snapshot, *, is_fitted: bool) -> Proposer:
        """Return a proposer; its model holds to the priors unless ``is_fitted``."""


@dataclass(frozen=True)
class BayesianGenerator:
    """Proposes by a Gaussian process and noisy expected improvement.

    It keeps nothing, and all that is random follows from the seed and the trial's
    index: the same snapshot gives the same answer, in any process.
    """

    n_initial: int | None = None
    """How many trials come from the initial design, failed ones not counted; by
    default one more than half the dimension, and at least four."""
    method: str = "auto"
    """One of ``METHODS``."""

    def __post_init__(self) -> None:
        if self.n_initial is not None and self.n_initial < 1:
            raise ConfigError(
                f"n_initial: expected at least 1 initial trial, found {self.n_initial}"
            )
        if self.method not in METHODS:
            raise ConfigError(
                f"method: expected one of {', '.join(METHODS)}, found {self.method!r}"
            )

    def generate(
        self, n: int, snapshot: Snapshot, level: FallbackLevel = FallbackLevel.FULL
    ) -> Generation:
        """Return ``n`` parameterizations, or fewer if the space is used up.

        A parameterization that failed on its own account counts as used.
        """
        started = time.perf_counter()
        space = snapshot.space
        used = UsedPoints(space, snapshot.known)
        n_before = len(snapshot.completed) + len(snapshot.pending)
        design = InitialDesign(space, snapshot.seed)
        suggestions: list[Suggestion] = []
        proposer: Proposer | None = None
        while len(suggestions) < n and not used.is_everything:
            index = snapshot.n_trials + len(suggestions)
            parameters = None
            if self._asks_model(snapshot, n_before + len(suggestions), level):
                proposer = proposer or self._proposer(snapshot, level)
                new = [suggestion.parameters for suggestion in suggestions]
                parameters = proposer.propose(index, new, used)
            suggestion = (
                design.suggestion(index, used)
                if parameters is None
                else Suggestion(parameters, "bo")
            )
            if suggestion is None:
                break
            suggestions.append(suggestion)
            used.add(suggestion.parameters)
        return Generation(
            suggestions=tuple(suggestions),
            position=snapshot.position,
            seconds=time.perf_counter() - started,
            details=_details(proposer),
            level=level,
        )

    def warm_up(self) -> None:
        """Load now what a later ``generate`` will need."""
        where = METHODS[self.method].proposer
        if where is not None:
            _load(where)

    def _proposer(self, snapshot: Snapshot, level: FallbackLevel) -> Proposer:
        where = METHODS[self.method].proposer
        if where is None:
            raise ValueError(f"method {self.method!r} has no model")
        return _load(where)(snapshot, is_fitted=level is FallbackLevel.FULL)

    def _asks_model(
        self, snapshot: Snapshot, n_trials: int, level: FallbackLevel
    ) -> bool:
        # A constraint that waits for the baseline's outcome cannot be modelled yet.
        is_modelled = METHODS[self.method].proposer and snapshot.goals.is_absolute
        if level is FallbackLevel.DESIGN or not is_modelled:
            return False
        n_initial = self.n_initial or default_n_initial(snapshot.space.d)
        n_completed = min(
            sum(objective.is_known(trial.outcome) for trial in snapshot.completed)
            for objective in snapshot.goals.objectives
        )
        return n_trials >= n_initial and n_completed >= MIN_COMPLETED


def _details(proposer: Proposer | None) -> Mapping[str, JSONValue]:
    if proposer is None:
        return {}
    return {**proposer.details, "fallbacks": list(proposer.fallbacks)}


def _load(where: str) -> MakeProposer:
    """Return what ``where`` names, as ``module:attribute``; imports it."""
    module, _, name = where.partition(":")
    make: MakeProposer = getattr(import_module(module), name)
    return make
