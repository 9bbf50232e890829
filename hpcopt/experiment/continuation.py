"""What may change when an experiment is continued."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from hpcopt.core.errors import ConfigError
from hpcopt.core.experiment import Experiment
from hpcopt.core.types import JSONValue

if TYPE_CHECKING:
    from hpcopt.core.space.search_space import SearchSpace

#: The keys of a definition that make the search space.
_SPACE = ("parameters", "parameter_constraints")


def continued_space(
    experiment: Experiment, definition: Mapping[str, JSONValue], folder: Path
) -> tuple[SearchSpace, tuple[str, ...]]:
    """Return the space that ``definition`` goes on with, and a sentence a change.

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
        if key not in _SPACE
        if key != "metrics" or (key in begun and key in definition)
        for sentence in changed_keys({key: begun.get(key)}, {key: definition.get(key)})
    ]
    if changes:
        raise ConfigError(
            f"{folder}: the experiment was begun with another definition: "
            f"{'; '.join(changes)}. Name, objective, outcome constraints, metrics and "
            "seed stay as they were begun; everything else may change. For another "
            "experiment give another name or folder."
        )
    # With these comes numpy: those who only look at trials do without.
    from hpcopt.core.space.change import continued
    from hpcopt.core.space.search_space import SearchSpace

    try:
        return continued(experiment.space, SearchSpace.from_definition(definition))
    except ConfigError as exc:
        raise ConfigError(
            f"{folder}: the experiment cannot go on in another search space: {exc}. "
            "For another experiment give another name or folder."
        ) from exc


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
