"""What may change when an experiment is continued."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from hpcopt.core.errors import ConfigError
from hpcopt.core.experiment import Experiment
from hpcopt.core.goals.goals import Goals
from hpcopt.core.types import JSONValue

if TYPE_CHECKING:
    from hpcopt.core.space.search_space import SearchSpace

#: The keys of a definition that make the search space, and those of the goals.
_SPACE = ("parameters", "parameter_constraints")
_GOALS = ("objective", "outcome_constraints")


@dataclass(frozen=True)
class Continuation:
    """With what an experiment goes on, and what of that is new."""

    space: SearchSpace
    space_changes: tuple[str, ...]
    """A sentence for each change of the search space."""
    goals: Goals
    goal_changes: tuple[str, ...]
    """A sentence for each change of the goals."""

    @property
    def changes(self) -> tuple[str, ...]:
        """All sentences."""
        return self.space_changes + self.goal_changes


def continuation(
    experiment: Experiment, definition: Mapping[str, JSONValue], folder: Path
) -> Continuation:
    """Return what ``definition`` goes on with.

    Whoever asks for trials and tells their outcomes has no metrics that read results:
    with such a definition on either side, the other's metrics are not compared.

    Raises:
        ConfigError: The experiment in ``folder`` was begun with another definition; the
            message says what changed.
    """
    begun = experiment.begun.definition
    changes = [
        sentence
        for key in dict.fromkeys([*begun, *definition])
        if key not in (*_SPACE, *_GOALS)
        if key != "metrics" or (key in begun and key in definition)
        for sentence in changed_keys({key: begun.get(key)}, {key: definition.get(key)})
    ]
    if changes:
        raise ConfigError(
            f"{folder}: the experiment was begun with another definition: "
            f"{'; '.join(changes)}. Name, metrics and seed stay as they were begun; "
            "everything else may change. For another experiment give another name or "
            "folder."
        )
    # With these comes numpy: those who only look at trials do without.
    from hpcopt.core.space.change import continued
    from hpcopt.core.space.search_space import SearchSpace

    try:
        space, space_changes = continued(
            experiment.space, SearchSpace.from_definition(definition)
        )
    except ConfigError as exc:
        raise ConfigError(
            f"{folder}: the experiment cannot go on in another search space: {exc}. "
            "For another experiment give another name or folder."
        ) from exc
    goals = Goals.from_json(definition)
    return Continuation(
        space, space_changes, goals, goal_changes(experiment.goals, goals)
    )


def goal_changes(before: Goals, after: Goals) -> tuple[str, ...]:
    """Return a sentence for each key of the goals that differs."""
    empty: dict[str, JSONValue] = {"outcome_constraints": []}
    return tuple(changed_keys(empty | before.to_json(), empty | after.to_json()))


def changed_keys(
    before: Mapping[str, JSONValue], after: Mapping[str, JSONValue], prefix: str = ""
) -> list[str]:
    """Return a sentence for each key whose value differs."""
    sentences = []
    for key in dict.fromkeys([*before, *after]):
        old, new = _plain(before.get(key)), _plain(after.get(key))
        if isinstance(old, dict) and isinstance(new, dict):
            sentences += changed_keys(old, new, f"{prefix}{key}.")
        elif isinstance(old, list) and isinstance(new, list) and len(old) == len(new):
            sentences += changed_keys(
                {str(k): v for k, v in enumerate(old)},
                {str(k): v for k, v in enumerate(new)},
                f"{prefix}{key}.",
            )
        elif old != new:
            sentences.append(f"{prefix}{key} was {old!r} and is now {new!r}")
    return sentences


def _plain(value: JSONValue) -> JSONValue:
    """Return tuples as lists, as they come back from JSON."""
    if isinstance(value, tuple | list):
        return [_plain(item) for item in value]
    if isinstance(value, Mapping):
        return {key: _plain(item) for key, item in value.items()}
    return value
