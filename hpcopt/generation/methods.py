"""The methods by name, and which generator an experiment uses. Loads nothing heavy."""

from __future__ import annotations

import dataclasses
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from hpcopt.core.errors import ConfigError
from hpcopt.core.names import expected_name
from hpcopt.core.types import JSONValue

#: A generation may take so long for its first suggestion.
_TIMEOUT_S = 600.0

#: And for each further one this share of that.
_SHARE_OF_FURTHER = 0.1

_OWN = re.compile(r"[\w.]+:[\w.]+")

#: A trust region helps in more continuous dimensions than the first, a random subspace
#: in more than the second.
MAX_D_OF_BO, MAX_D_OF_TRUST_REGION = 12, 50


@dataclass(frozen=True)
class Method:
    """One way to propose parameterizations.

    Proposers are named as ``module:attribute``, a ``MakeProposer`` each, and imported
    once one is needed.
    """

    summary: str
    proposer: str | None = None
    """For one objective; ``None`` for a method that never asks a model."""
    multi_objective_proposer: str | None = None
    """For several objectives; ``None`` for a method that knows only one."""
    is_for_boxes: bool = False
    """Whether it knows no constraints on parameters and no conditions."""


_PROPOSERS = "hpcopt.generation.proposers"
_BO = Method(
    "Bayesian optimisation with a Gaussian process",
    f"{_PROPOSERS}.single_objective:SingleObjectiveProposer",
    f"{_PROPOSERS}.multi_objective:MultiObjectiveProposer",
)

#: A new method is one more entry. ``auto`` stands for another one, which
#: ``strategy.automatic_method`` names.
METHODS: Mapping[str, Method] = {
    "auto": dataclasses.replace(
        _BO,
        summary="what suits the experiment: bo, trust_region for more than a dozen "
        "parameters, subspace for more than fifty",
    ),
    "bo": _BO,
    "trust_region": Method(
        "Bayesian optimisation in a box around the best point",
        f"{_PROPOSERS}.trust_region:TrustRegionProposer",
    ),
    "subspace": Method(
        "Bayesian optimisation in a random subspace that grows",
        f"{_PROPOSERS}.subspace:SubspaceProposer",
        is_for_boxes=True,
    ),
    "sobol": Method("a Sobol sequence; no model"),
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
    threads: int = 1
    """How many threads numerics take while it is at work."""

    def __post_init__(self) -> None:
        if self.method not in METHODS:
            raise ConfigError(f"method: {expected_name(self.method, METHODS)}")
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
        if isinstance(self.threads, bool) or not isinstance(self.threads, int):
            raise ConfigError(f"threads: expected a number, found {self.threads!r}")
        if self.threads < 1:
            raise ConfigError(f"threads: expected at least 1, found {self.threads}")

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
        if self.threads != 1:
            changed["threads"] = self.threads
        return changed

    def to_json(self) -> dict[str, JSONValue]:
        """Return the spec as a JSON object."""
        return {**self.settings(), "folder": self.folder}

    @classmethod
    def from_json(cls, record: Mapping[str, Any]) -> GeneratorSpec:
        """Return the spec that ``to_json`` or ``settings`` wrote."""
        known = {name: record[name] for name in record if name in _FIELDS}
        return cls(**known)


def threads_of(settings: Mapping[str, Any]) -> int:
    """Return how many threads the models of an experiment with ``settings`` take."""
    threads: int = settings.get("generation", {}).get("threads", 1)
    return threads


_FIELDS = frozenset(GeneratorSpec.__dataclass_fields__)
