"""The methods by name. Loads nothing heavy."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass

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
