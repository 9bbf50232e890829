"""The steps of generation: what each proposes by, and which one is next. No numerics.

Which step a trial belongs to follows from the snapshot alone, so that any process that
knows the same proposes the same.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Any

from hpcopt.core.errors import ConfigError
from hpcopt.core.goals.goals import Goals
from hpcopt.core.names import did_you_mean, expected_name
from hpcopt.core.types import JSONValue
from hpcopt.generation.catalogue import check_goals, check_names, is_own
from hpcopt.generation.gains import Gains
from hpcopt.generation.methods import METHODS
from hpcopt.generation.snapshot import Snapshot

#: The methods that take a model and an acquisition by name.
_NAMING = ("auto", "bo")


@dataclass(frozen=True)
class Until:
    """When a step ends: once all that is given holds.

    Raises:
        ConfigError: Nothing is given, or no count.
    """

    trials: int | None = None
    """The experiment has so many trials, those of earlier steps among them."""
    completed: int | None = None
    """It has so many outcomes, those of earlier steps among them."""
    no_better_for: int | None = None
    """So many outcomes in a row, since the step began, are no better than an earlier
    one."""

    def __post_init__(self) -> None:
        given = _given(self)
        if not given:
            raise ConfigError(
                f"until: expected one of {', '.join(_names(Until))}, found none"
            )
        for name, count in given.items():
            if isinstance(count, bool) or not isinstance(count, int) or count < 1:
                raise ConfigError(
                    f"until.{name}: expected a whole number, at least 1, "
                    f"found {count!r}"
                )

    def end(self, n_trials: int, outcomes: Gains, first: int) -> int | None:
        """Return how many outcomes there were when it was met.

        Args:
            n_trials: How many trials the experiment has.
            outcomes: What came of them.
            first: How many outcomes there were when the step began.

        Returns:
            ``None`` if it is not met.
        """
        if self.trials is not None:
            if n_trials < self.trials:
                return None
            first = max(first, outcomes.n_before(self.trials))
        n_since = 0
        for n in range(first, len(outcomes) + 1):
            if n > first:
                n_since = 0 if outcomes.is_better[n - 1] else n_since + 1
            if n >= (self.completed or 0) and n_since >= (self.no_better_for or 0):
                return n
        return None


@dataclass(frozen=True)
class GenerationStep:
    """How the trials of one step are proposed.

    Raises:
        ConfigError: There is no such name or option, or they do not go together.
    """

    method: str = "auto"
    """One of ``METHODS``."""
    model: str = "auto"
    """One of ``MODELS``, or a user's function as ``module:function``."""
    acquisition: str = "auto"
    """One of ``ACQUISITIONS``, or a user's function as ``module:function``."""
    model_options: Mapping[str, JSONValue] = field(default_factory=dict)
    acquisition_options: Mapping[str, JSONValue] = field(default_factory=dict)
    until: Until | None = None
    """When the next step begins; ``None`` for the last one."""

    def __post_init__(self) -> None:
        for name in ("method", "model", "acquisition"):
            value = getattr(self, name)
            if not isinstance(value, str):
                raise ConfigError(f"{name}: expected a name, found {value!r}")
        if self.method not in METHODS:
            raise ConfigError(f"method: {expected_name(self.method, METHODS)}")
        for name in ("model_options", "acquisition_options"):
            value = getattr(self, name)
            if not isinstance(value, Mapping):
                raise ConfigError(f"{name}: expected keys and values, found {value!r}")
        check_names(
            self.model, self.acquisition, self.model_options, self.acquisition_options
        )
        if self.is_named and self.method not in _NAMING:
            raise ConfigError(
                f"method: expected {' or '.join(_NAMING)}, which take a model and an "
                f"acquisition by name, found {self.method!r}"
            )

    @property
    def is_named(self) -> bool:
        """Whether a model or an acquisition is asked for by name."""
        return (self.model, self.acquisition) != ("auto", "auto")

    @property
    def own_functions(self) -> dict[str, str]:
        """The user's functions that it calls, by the key that names them."""
        named = {"model": self.model, "acquisition": self.acquisition}
        return {key: name for key, name in named.items() if is_own(name)}

    @property
    def name(self) -> str:
        """What to call it."""
        named = [name for name in (self.model, self.acquisition) if name != "auto"]
        return f"{self.method} with {' and '.join(named)}" if named else self.method

    def check_goals(self, goals: Goals) -> None:
        """Check that it is defined for the goals of an experiment.

        Raises:
            ConfigError: It is not; the sentence names what is.
        """
        if self.is_named:
            check_goals(self.model, self.acquisition, goals)

    def to_json(self) -> dict[str, JSONValue]:
        """Return what is not as by default."""
        changed: dict[str, JSONValue] = {
            one.name: dict(value) if isinstance(value, Mapping) else value
            for one in fields(self)
            if one.name != "until"
            and (value := getattr(self, one.name)) not in ("auto", {})
        }
        if self.until is not None:
            changed["until"] = dict(_given(self.until))
        return changed

    @classmethod
    def from_json(cls, record: Mapping[str, Any]) -> GenerationStep:
        """Return the step that ``to_json`` wrote.

        Raises:
            ConfigError: It is none.
        """
        _check_keys(record, cls)
        known = dict(record)
        until = known.pop("until", None)
        if until is None:
            return cls(**known)
        if not isinstance(until, Mapping):
            raise ConfigError(f"until: expected keys and values, found {until!r}")
        _check_keys(until, Until, "until.")
        return cls(**known, until=Until(**until))


def checked_steps(records: Iterable[Mapping[str, Any]]) -> tuple[GenerationStep, ...]:
    """Return the steps that are written as ``records``, one after the other.

    Raises:
        ConfigError: One makes no sense, or another one never begins.
    """
    steps: list[GenerationStep] = []
    for number, record in enumerate(records):
        where = f"steps[{number}]"
        if not isinstance(record, Mapping):
            raise ConfigError(f"{where}: expected keys and values, found {record!r}")
        try:
            steps.append(GenerationStep.from_json(record))
        except ConfigError as exc:
            raise ConfigError(f"{where}.{exc}") from exc
    check_ends(steps)
    return tuple(steps)


def check_ends(steps: Sequence[GenerationStep]) -> None:
    """Check that every step has its turn.

    Raises:
        ConfigError: One has not.
    """
    n_trials = 0
    for number, step in enumerate(steps):
        where, is_last = f"steps[{number}]", number + 1 == len(steps)
        if is_last and step.until is not None:
            raise ConfigError(
                f"{where}.until: expected none, as no step comes after it"
            )
        if not is_last and step.until is None:
            raise ConfigError(
                f"{where}.until: missing; steps[{number + 1}] would never begin"
            )
        if step.until is not None and step.until.trials is not None:
            if step.until.trials <= n_trials:
                raise ConfigError(
                    f"{where}.until.trials: expected more than the {n_trials} trials "
                    f"at which an earlier step ends, found {step.until.trials}; trials "
                    "are counted from the first of the experiment"
                )
            n_trials = step.until.trials


def step_at(
    steps: Sequence[GenerationStep],
    snapshot: Snapshot,
    n_proposed: int,
    gains: Gains | None = None,
) -> int:
    """Return the number of the step to which the next trial belongs.

    Args:
        steps: All of them, at least one; each but the last says when it ends.
        snapshot: What is known.
        n_proposed: How many trials were proposed from it before.
        gains: Those of the snapshot, where they are known already.
    """
    if len(steps) == 1:
        return 0
    gains = gains or Gains(snapshot)
    first = 0
    for number, step in enumerate(steps[:-1]):
        if step.until is None:
            return number
        end = step.until.end(snapshot.n_trials + n_proposed, gains, first)
        if end is None:
            return number
        first = end
    return len(steps) - 1


def _given(until: Until) -> dict[str, Any]:
    return {
        name: value
        for name in _names(Until)
        if (value := getattr(until, name)) is not None
    }


def _names(of: type[Until | GenerationStep]) -> list[str]:
    return [one.name for one in fields(of)]


def _check_keys(
    record: Mapping[str, Any], of: type[Until | GenerationStep], prefix: str = ""
) -> None:
    known = _names(of)
    for key in record:
        if key not in known:
            nearest = did_you_mean(key, known) or f"; known: {known}"
            raise ConfigError(f"{prefix}{key}: unknown key{nearest}")
