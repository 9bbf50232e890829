"""The generator: the initial design, then what the steps' proposers propose.

A proposer's model is fitted; where its numerics fail, one that needs no fit takes its
place, and then the initial design. It is loaded once a model is needed.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np

from hpcopt.core.errors import ConfigError
from hpcopt.core.trials.origin import SAID, USED, Origin, used
from hpcopt.core.types import JSONValue, TParameterization
from hpcopt.generation.choice import ASKED, NAMED, Choice
from hpcopt.generation.design.initial import (
    MIN_COMPLETED,
    InitialDesign,
    UsedPoints,
    default_n_initial,
    why_no_model,
)
from hpcopt.generation.gains import Gains
from hpcopt.generation.methods import METHODS
from hpcopt.generation.penalties import without_penalties
from hpcopt.generation.proposer import MakeProposer, load_proposer
from hpcopt.generation.protocol import (
    USED_UP,
    FallbackLevel,
    Generation,
    Suggestion,
)
from hpcopt.generation.repeats import (
    REPEAT,
    WHY_REPEAT,
    best_to_repeat,
    has_noise,
    why_no_more,
)
from hpcopt.generation.snapshot import Snapshot
from hpcopt.generation.steps import GenerationStep, step_at
from hpcopt.host.threads import limited_threads

logger = logging.getLogger(__name__)

#: The details that tell how the parameters are chosen.
_OF_ORIGIN = (USED, SAID)

#: What numerics raise.
_NUMERICAL_ERRORS = (np.linalg.LinAlgError, FloatingPointError)


@dataclass(frozen=True)
class BayesianGenerator:
    """Proposes by the initial design, then by the models of a method, or of steps.

    It keeps nothing, and all that is random follows from the seed and the trial's
    index: the same snapshot gives the same answer, in any process.
    """

    n_initial: int | None = None
    """How many trials come from the initial design, failed ones not counted; by default
    as an earlier step says that is a sequence, or else ``default_n_initial``."""
    method: str = "auto"
    """One of ``METHODS``, for all trials."""
    threads: int = 1
    """How many threads numerics take while it is at work."""
    steps: tuple[GenerationStep, ...] = ()
    """Several, one after the other, in place of the method."""
    folder: str | None = None
    """Where a user's own modules are looked for first."""
    device: str = "auto"
    """Where named models and acquisitions are computed."""

    def __post_init__(self) -> None:
        if self.n_initial is not None and self.n_initial < 1:
            raise ConfigError(
                f"n_initial: expected at least 1 initial trial, found {self.n_initial}"
            )
        if not self.steps:
            object.__setattr__(self, "steps", (GenerationStep(self.method),))

    def generate(
        self, n: int, snapshot: Snapshot, level: FallbackLevel = FallbackLevel.FULL
    ) -> Generation:
        """Return ``n`` parameterizations, or fewer if the space is used up.

        A parameterization that failed on its own account counts as used.

        Raises:
            GenerationError: The method knows no such goals or no such space, or a
                user's own function raised.
            ConfigError: No point satisfies the constraints on parameters, an
                acquisition is not defined for the goals, or a user's own function
                cannot be found.
        """
        with limited_threads(self.threads):
            started = time.perf_counter()
            answer = _Answer(self, replace(snapshot, n_asked=n), level)
            while len(answer.suggestions) < n and answer.add():
                pass
            return Generation(
                suggestions=tuple(answer.suggestions),
                position=snapshot.position,
                seconds=time.perf_counter() - started,
                details=answer.details,
                level=level,
                why_none=answer.why_none,
            )

    def warm_up(self) -> None:
        """Load now what a later ``generate`` may need."""
        for step in self.steps:
            if step.is_named:
                load_proposer(NAMED)
                continue
            names = METHODS if step.method == "auto" else [step.method]
            for method in (METHODS[name] for name in names):
                for where in (method.proposer, method.multi_objective_proposer):
                    if where is not None:
                        load_proposer(where)

    def why_design(
        self, number: int, snapshot: Snapshot, n_trials: int, level: FallbackLevel
    ) -> str:
        """Return why no model is asked for the next trial; empty if one is.

        Args:
            number: The step to which it belongs.
            snapshot: What is known.
            n_trials: How many trials there are, failed ones not counted.
            level: How much of the method is used.
        """
        if METHODS[self.steps[number].method].proposer is None:
            return ASKED
        if level is FallbackLevel.DESIGN:
            return "a model failed, or took too long"
        n_initial = self.n_initial_of(number, snapshot)
        return why_no_model(snapshot, n_trials, n_initial)

    def n_initial_of(self, number: int, snapshot: Snapshot) -> int:
        """Return how many trials come before the model of a step.

        Args:
            number: The step.
            snapshot: What is known.
        """
        if self.n_initial is not None:
            return self.n_initial
        before = self.steps[:number]
        if any(METHODS[step.method].proposer is None for step in before):
            return MIN_COMPLETED
        return default_n_initial(snapshot.narrowed().space.d)


class _Answer:
    """The suggestions for one request, one after the other."""

    def __init__(
        self, generator: BayesianGenerator, snapshot: Snapshot, level: FallbackLevel
    ) -> None:
        self._generator = generator
        self._snapshot = snapshot
        self._level = level
        self._used = UsedPoints(snapshot.space, snapshot.known)
        self._n_before = len(snapshot.completed) + len(snapshot.pending)
        self._design = InitialDesign(snapshot.space, snapshot.seed)
        self._gains = Gains(snapshot) if len(generator.steps) > 1 else None
        self._proposers: dict[int, _FallbackProposer] = {}
        self._origins: list[Origin | _FallbackProposer] = []
        self.suggestions: list[Suggestion] = []
        self.why_none = USED_UP
        """What it means if there are fewer suggestions than were asked for."""

    @property
    def details(self) -> Mapping[str, JSONValue]:
        """What the models tell, and how the parameters were chosen."""
        details: dict[str, JSONValue] = {}
        fallbacks: list[str] = []
        for proposer in self._proposers.values():
            details |= proposer.details
            fallbacks += proposer.fallbacks
        if self._proposers:
            details["fallbacks"] = list(fallbacks)
        origins = (
            one if isinstance(one, Origin) else one.origin for one in self._origins
        )
        return {**details, USED: used(list(origins))}

    def add(self) -> bool:
        """Add the next suggestion; return whether the space had one left."""
        snapshot, n = self._snapshot, len(self.suggestions)
        new = [suggestion.parameters for suggestion in self.suggestions]
        if self._used.is_everything:
            noise = has_noise(snapshot)
            if noise:
                # What may be the best of what was measured is measured again.
                waiting = [*snapshot.without_outcome, *new]
                self._used = UsedPoints(snapshot.space, waiting)
            elif noise is None and (best := best_to_repeat(snapshot, new)) is not None:
                self._add(Suggestion(best, REPEAT), Origin(REPEAT, WHY_REPEAT))
                return True
        if self._used.is_everything:
            self.why_none = why_no_more(snapshot, new)
            return False
        steps, index = self._generator.steps, snapshot.n_trials + n
        number = step_at(steps, snapshot, n, self._gains)
        why = self._generator.why_design(
            number, snapshot, self._n_before + n, self._level
        )
        if not why:
            if number not in self._proposers:
                self._proposers[number] = self._proposer(number)
            proposer = self._proposers[number]
            parameters = proposer.propose(index, new, self._used)
            if parameters is not None:
                self._add(Suggestion(parameters, "bo"), proposer)
                return True
            why = "the model left it to the sequence that fills the space"
        suggestion = self._design.suggestion(index, self._used)
        if suggestion is None:
            return False
        self._add(suggestion, Origin(suggestion.method, why, self._shown(number)))
        return True

    def _add(self, suggestion: Suggestion, origin: Origin | _FallbackProposer) -> None:
        self.suggestions.append(suggestion)
        self._origins.append(origin)
        self._used.add(suggestion.parameters)

    def _proposer(self, number: int) -> _FallbackProposer:
        generator, snapshot = self._generator, self._snapshot
        step = generator.steps[number]
        step.check_goals(snapshot.goals)
        choice = Choice.of(step, snapshot)
        make = load_proposer(choice.where)
        if step.is_named:
            make = partial(
                make, step=step, folder=generator.folder, device=generator.device
            )
        modelled, note = without_penalties(snapshot)
        if note and "note" not in snapshot.details:
            logger.warning("%s", note)
        return _FallbackProposer(
            make,
            modelled.narrowed(),
            note,
            replace(choice.origin, step=self._shown(number)),
            is_fitted=self._level is FallbackLevel.FULL,
        )

    def _shown(self, number: int) -> int | None:
        """Return the step's number, if there are several."""
        return number if len(self._generator.steps) > 1 else None


class _FallbackProposer:
    """A proposer with a fitted model, until numerics fail; then with an unfitted one.

    Each step down is one sentence of ``fallbacks``.
    """

    def __init__(
        self,
        make: MakeProposer,
        snapshot: Snapshot,
        note: str,
        origin: Origin,
        *,
        is_fitted: bool,
    ) -> None:
        """Make the proposer.

        Args:
            make: Makes it.
            snapshot: What is known, without what counts as failed.
            note: What of it counts as failed; empty if nothing does.
            origin: How the parameters are chosen, as far as it is known before.
            is_fitted: Whether a model is fitted.

        Raises:
            LinAlgError: A covariance matrix could not be factorised.
        """
        self._make = make
        self._origin = origin
        self._note = {"note": note} if note else {}
        self._snapshot = snapshot
        self._is_fitted = is_fitted
        self.fallbacks: list[str] = []
        try:
            self._proposer = make(snapshot, is_fitted=is_fitted)
        except _NUMERICAL_ERRORS as exc:
            if not is_fitted:
                raise
            self._fall_back("the fit failed; a model with fixed hyperparameters", exc)
            self._use_unfitted()

    @property
    def details(self) -> Mapping[str, JSONValue]:
        """What the proposer tells, and a note of what looks like crashes."""
        told = {k: v for k, v in self._proposer.details.items() if k not in _OF_ORIGIN}
        return {**told, **self._note}

    @property
    def origin(self) -> Origin:
        """How the parameters are chosen that it proposes."""
        told: Mapping[str, Any] = self._proposer.details
        known = {**self._origin.to_json(), **told.get(USED, {})}
        return Origin.from_json({**known, SAID: told.get(SAID, [])})

    def propose(
        self, index: int, proposed: Sequence[TParameterization], used: UsedPoints
    ) -> TParameterization | None:
        """Return the next parameterization; ``None`` if the model has none."""
        used = used.within(self._snapshot.space)
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
        self.fallbacks.append(sentence)
        logger.warning("%s", sentence)
