"""The search space of a client, its name, and the folder that it is kept in."""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from hpcopt.api.configs import (
    AnyParameterConfig,
    ChoiceParameterConfig,
    DerivedParameterConfig,
    RangeParameterConfig,
)
from hpcopt.core.errors import ConfigError
from hpcopt.core.space.search_space import Parameter, SearchSpace
from hpcopt.core.types import JSONValue
from hpcopt.experiment.spec import safe_name

#: Experiments without a folder of their own are kept here, in the current directory.
_EXPERIMENTS = "experiments"


@dataclass(frozen=True)
class Problem:
    """What ``configure_experiment`` was told."""

    name: str
    folder: Path
    """Absolute; it may not exist yet."""
    space: SearchSpace
    about: Mapping[str, JSONValue]
    """Its description, type and owner: for people, without any effect. Empty where a
    config has begun the experiment."""


def make_problem(
    parameters: Sequence[AnyParameterConfig],
    parameter_constraints: Sequence[str],
    name: str | None,
    folder: Path | None,
    about: Mapping[str, JSONValue],
) -> Problem:
    """Return the problem; nothing is written.

    Without a name it has that of its folder; without a folder it is kept in one with
    its name; without either both are new, so that no earlier experiment is continued.

    Raises:
        ConfigError: The parameters make no search space, or the name no folder.
    """
    space = SearchSpace(
        tuple(_parameter(config) for config in parameters),
        tuple(parameter_constraints),
        tuple(
            condition
            for config in parameters
            if isinstance(config, ChoiceParameterConfig)
            for condition in config.conditions()
        ),
    )
    if name is None:
        name = _new_name() if folder is None else folder.name
    safe = safe_name(name)
    if folder is None:
        # Two names may give one folder. Its journal knows the name, and is not
        # continued under another one.
        folder = Path.cwd() / _EXPERIMENTS / safe
    return Problem(name, folder, space, about)


def _parameter(config: AnyParameterConfig) -> Parameter:
    known = (RangeParameterConfig, ChoiceParameterConfig, DerivedParameterConfig)
    if not isinstance(config, known):
        raise ConfigError(
            "parameters: expected a RangeParameterConfig, ChoiceParameterConfig or "
            f"DerivedParameterConfig, found {config!r}"
        )
    return config.parameter()


def _new_name() -> str:
    return f"experiment-{datetime.now():%Y%m%d-%H%M%S}-{secrets.token_hex(2)}"
