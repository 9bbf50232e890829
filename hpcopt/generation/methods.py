"""The methods by name, and which generator an experiment uses. Loads nothing heavy."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from hpcopt.core.errors import ConfigError
from hpcopt.core.types import JSONValue

#: A generation may take so long for its first suggestion.
_TIMEOUT_S = 600.0

#: And for each further one this share of that.
_SHARE_OF_FURTHER = 0.1

_OWN = re.compile(r"[\w.]+:[\w.]+")


@dataclass(frozen=True)
class Method:
    """One way to propose parameterizations."""

    summary: str
    proposer: str | None
    """Where to find its ``MakeProposer``, as ``module:attribute``; ``None`` for a
    method that never asks a model."""


_BAYESIAN = "hpcopt.generation.proposers.bayesian"

#: A new method is one more entry.
METHODS: Mapping[str, Method] = {
    "auto": Method(
        "what suits the experiment: bo, trust_region for more than a dozen parameters, "
        "subspace for more than fifty",
        f"{_BAYESIAN}:automatic_proposer",
    ),
    "bo": Method(
        "Bayesian optimisation with a Gaussian process",
        f"{_BAYESIAN}:bayesian_proposer",
    ),
    "trust_region": Method(
        "Bayesian optimisation in a box around the best point",
        f"{_BAYESIAN}:trust_region_proposer",
    ),
    "subspace": Method(
        "Bayesian optimisation in a random subspace that grows",
        f"{_BAYESIAN}:subspace_proposer",
    ),
    "sobol": Method("a Sobol sequence; no model", None),
}


@dataclass(frozen=True)
class GeneratorSpec:
    """Which generator proposes, as the config and the API say it.

    Raises:
        ConfigError: Something makes no sense.
    """

    method: str = "auto"
    n_initial: int | None = None
    """How many trials come before the model; ``None`` to go by the search space."""
    generator: str | None = None
    """A user's own, as ``module:Class``; it takes the place of the method."""
    options: Mapping[str, JSONValue] = field(default_factory=dict)
    """The keyword arguments of the user's own class."""
    folder: str | None = None
    """Where the user's own module is looked for first."""
    timeout_s: float = _TIMEOUT_S
    """How long a suggestion may take."""
    n_threads: int = 1

    def __post_init__(self) -> None:
        if self.method not in METHODS:
            raise ConfigError(
                f"method: expected one of {', '.join(METHODS)}, found {self.method!r}"
            )
        if self.generator is not None and not _OWN.fullmatch(self.generator):
            raise ConfigError(
                f"generator: expected module:Class, found {self.generator!r}"
            )
        if self.options and self.generator is None:
            raise ConfigError(
                "options: expected a generator that takes them, found none"
            )
        if not (math.isfinite(self.timeout_s) and self.timeout_s > 0):
            raise ConfigError(
                f"timeout_s: expected seconds above 0, found {self.timeout_s}"
            )

    @property
    def name(self) -> str:
        """What to call it."""
        return self.generator or self.method

    def limit_s(self, n: int) -> float:
        """Return how long ``n`` suggestions together may take."""
        return self.timeout_s * (1 + _SHARE_OF_FURTHER * (n - 1))

    def settings(self) -> dict[str, JSONValue]:
        """Return what the journal keeps, defaults left out."""
        changed: dict[str, JSONValue] = {"method": self.method}
        if self.n_initial is not None:
            changed["n_initial"] = self.n_initial
        if self.generator is not None:
            changed["generator"] = self.generator
            changed["options"] = dict(self.options)
        if self.timeout_s != _TIMEOUT_S:
            changed["timeout_s"] = self.timeout_s
        return changed

    def to_json(self) -> dict[str, JSONValue]:
        """Return the spec as a JSON object."""
        return {
            **self.settings(),
            "folder": self.folder,
            "n_threads": self.n_threads,
        }

    @classmethod
    def from_json(cls, record: Mapping[str, Any]) -> GeneratorSpec:
        """Return the spec that ``to_json`` or ``settings`` wrote."""
        known = {name: record[name] for name in record if name in _FIELDS}
        return cls(**known)


_FIELDS = frozenset(GeneratorSpec.__dataclass_fields__)
