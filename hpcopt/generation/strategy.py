"""The generator: the initial design, then what a method's proposer proposes.

A proposer's model is fitted; where its numerics fail, one that needs no fit takes its
place, and then the initial design. It is loaded once a model is needed.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from importlib import import_module
from typing import Protocol

import numpy as np

from hpcopt.core.errors import ConfigError, GenerationError
from hpcopt.core.names import expected_name
from hpcopt.core.types import JSONValue, TParameterization
from hpcopt.generation.design.initial import (
    InitialDesign,
    UsedPoints,
    default_n_initial,
)
from hpcopt.generation.methods import MAX_D_OF_BO, MAX_D_OF_TRUST_REGION, METHODS
from hpcopt.generation.penalties import without_penalties
from hpcopt.generation.protocol import FallbackLevel, Generation, Suggestion
from hpcopt.generation.snapshot import Snapshot
from hpcopt.host.threads import limit_loaded, limited_threads

logger = logging.getLogger(__name__)

#: A model of fewer outcomes says nothing.
MIN_COMPLETED = 2

#: What numerics raise.
_NUMERICAL_ERRORS = (np.linalg.LinAlgError, FloatingPointError)


class Proposer(Protocol):
    """Proposes one parameterization after the other from one snapshot."""

    @property
    def details(self) -> Mapping[str, JSONValue]:
        """What to remember or to tell: the models' hyperparameters."""

    def propose(
        self, index: int, proposed: Sequence[TParameterization], used: UsedPoints
    ) -> TParameterization | None:
        """Return the next parameterization; ``None`` if the model has none.

        Args:
            index: The trial that it is for; all that is random follows from it and
                from the snapshot's seed.
            proposed: What was proposed from this snapshot before.
            used: What must not be proposed.

        Raises:
            LinAlgError: A covariance matrix could not be factorised.
            FloatingPointError: The acquisition is not a number somewhere.
        """


class MakeProposer(Protocol):
    """Makes the proposer of a method, once an experiment has results enough."""

    def __call__(self, snapshot: Snapshot, *, is_fitted: bool) -> Proposer:
        """Return a proposer; its model holds to the priors unless ``is_fitted``.

        Raises:
            LinAlgError: A covariance matrix could not be factorised.
        """


@dataclass(frozen=True)
class BayesianGenerator:
    """Proposes by the initial design, then by a method's models.

    It keeps nothing, and all that is random follows from the seed and the trial's
    index: the same snapshot gives the same answer, in any process.
    """

    n_initial: int | None = None
    """How many trials come from the initial design, failed ones not counted;
    ``default_n_initial`` by default."""
    method: str = "auto"
    """One of ``METHODS``."""
    threads: int = 1
    """How many threads numerics take while it is at work."""

    def __post_init__(self) -> None:
        if self.n_initial is not None and self.n_initial < 1:
            raise ConfigError(
                f"n_initial: expected at least 1 initial trial, found {self.n_initial}"
            )
        if self.method not in METHODS:
            raise ConfigError(f"method: {expected_name(self.method, METHODS)}")

    def generate(
        self, n: int, snapshot: Snapshot, level: FallbackLevel = FallbackLevel.FULL
    ) -> Generation:
        """Return ``n`` parameterizations, or fewer if the space is used up.

        A parameterization that failed on its own account counts as used.

        Raises:
            GenerationError: The method knows no such goals or no such space.
            ConfigError: No point satisfies the constraints on parameters.
        """
        with limited_threads(self.threads):
            return self._generate(n, snapshot, level)

    def _generate(self, n: int, snapshot: Snapshot, level: FallbackLevel) -> Generation:
        started = time.perf_counter()
        snapshot = replace(snapshot, n_asked=n)
        space = snapshot.space
        used = UsedPoints(space, snapshot.known)
        n_before = len(snapshot.completed) + len(snapshot.pending)
        design = InitialDesign(space, snapshot.seed)
        suggestions: list[Suggestion] = []
        proposer: _FallbackProposer | None = None
        while len(suggestions) < n:
            if used.is_everything and snapshot.has_noise:
                # What may be the best of what was measured is measured again.
                new = [suggestion.parameters for suggestion in suggestions]
                used = UsedPoints(space, [*snapshot.without_outcome, *new])
            if used.is_everything:
                break
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
            details={} if proposer is None else proposer.details,
            level=level,
        )

    def warm_up(self) -> None:
        """Load now what a later ``generate`` may need."""
        names = METHODS if self.method == "auto" else [self.method]
        for method in (METHODS[name] for name in names):
            for where in (method.proposer, method.multi_objective_proposer):
                if where is not None:
                    _load(where)

    def _proposer(self, snapshot: Snapshot, level: FallbackLevel) -> _FallbackProposer:
        is_auto = self.method == "auto"
        name = automatic_method(snapshot) if is_auto else self.method
        make = _load(_where(name, snapshot))
        modelled, note = without_penalties(snapshot)
        if note and "note" not in snapshot.details:
            logger.warning("%s", note)
        is_fitted = level is FallbackLevel.FULL
        return _FallbackProposer(make, modelled, note, is_fitted=is_fitted)

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
        if n_trials < n_initial or n_completed < MIN_COMPLETED:
            return False
        return not snapshot.is_flat


class _FallbackProposer:
    """A proposer with a fitted model, until numerics fail; then with an unfitted one.

    Each such step is one sentence of ``fallbacks``.
    """

    def __init__(
        self, make: MakeProposer, snapshot: Snapshot, note: str, *, is_fitted: bool
    ) -> None:
        self._make = make
        self._note = {"note": note} if note else {}
        self._snapshot = snapshot
        self._is_fitted = is_fitted
        self._fallbacks: list[str] = []
        try:
            self._proposer = make(snapshot, is_fitted=is_fitted)
        except _NUMERICAL_ERRORS as exc:
            if not is_fitted:
                raise
            self._fall_back("the fit failed; a model with fixed hyperparameters", exc)
            self._use_unfitted()

    @property
    def details(self) -> Mapping[str, JSONValue]:
        """What the proposer tells, fallbacks, and a note of what looks like crashes."""
        told: dict[str, JSONValue] = {"fallbacks": list(self._fallbacks), **self._note}
        return {**self._proposer.details, **told}

    def propose(
        self, index: int, proposed: Sequence[TParameterization], used: UsedPoints
    ) -> TParameterization | None:
        """Return the next parameterization; ``None`` if the model has none."""
        try:
            return self._proposer.propose(index, proposed, used)
        except _NUMERICAL_ERRORS as exc:
            if not self._is_fitted:
                self._fall_back(f"trial {index}: the search failed; a Sobol point", exc)
                return None
            self._fall_back(
                f"trial {index}: the search failed; a model with fixed hyperparameters",
                exc,
            )
        self._use_unfitted()
        return self.propose(index, proposed, used)

    def _use_unfitted(self) -> None:
        self._is_fitted = False
        self._proposer = self._make(self._snapshot, is_fitted=False)

    def _fall_back(self, what: str, exc: Exception) -> None:
        sentence = f"{what} is used instead ({type(exc).__name__}: {exc})"
        self._fallbacks.append(sentence)
        logger.warning("%s", sentence)


def automatic_method(snapshot: Snapshot) -> str:
    """Return the method that ``auto`` stands for, by the number of dimensions."""
    space = snapshot.space
    n_continuous = int((~space.is_discrete).sum())
    if not snapshot.goals.is_single or n_continuous <= MAX_D_OF_BO:
        return "bo"
    is_box = not space.is_constrained and not space.conditions
    return (
        "subspace"
        if n_continuous > MAX_D_OF_TRUST_REGION and is_box
        else "trust_region"
    )


def _where(name: str, snapshot: Snapshot) -> str:
    """Return where the method's proposer for the snapshot's goals is.

    Raises:
        GenerationError: The method has none for such goals, or for such a space.
    """
    method, space = METHODS[name], snapshot.space
    is_single = snapshot.goals.is_single
    where = method.proposer if is_single else method.multi_objective_proposer
    if where is None:
        raise GenerationError(
            f"generation.method: {name} expected one objective, found "
            f"{len(snapshot.goals.objectives)}; use bo"
        )
    if method.is_for_boxes and (space.is_constrained or space.conditions):
        raise GenerationError(
            f"generation.method: {name} knows no constraints on parameters and no "
            "conditions; use trust_region"
        )
    return where


def _load(where: str) -> MakeProposer:
    """Return what ``where`` names, as ``module:attribute``; imports it."""
    module, _, name = where.partition(":")
    make: MakeProposer = getattr(import_module(module), name)
    limit_loaded()
    return make
