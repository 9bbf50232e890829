"""Bayesian optimisation: which proposer suits the goals and the space."""

from __future__ import annotations

from hpcopt.core.errors import GenerationError
from hpcopt.generation.proposers.multi_objective import FrontProposer
from hpcopt.generation.proposers.single_objective import Proposer
from hpcopt.generation.proposers.subspace import SubspaceProposer
from hpcopt.generation.proposers.trust_region import MANY, TrustRegionProposer
from hpcopt.generation.snapshot import Snapshot
from hpcopt.generation.strategy import Proposer as AnyProposer

#: A random subspace helps in more dimensions than these.
_HUNDREDS = 50


def automatic_proposer(snapshot: Snapshot, *, is_fitted: bool) -> AnyProposer:
    """Return what proposes best, by the number of continuous coordinates."""
    space = snapshot.space
    n_continuous = int((~space.is_discrete).sum())
    if not snapshot.goals.is_single or n_continuous <= MANY:
        return bayesian_proposer(snapshot, is_fitted=is_fitted)
    is_plain = not space.is_constrained and not space.conditions
    if n_continuous > _HUNDREDS and is_plain:
        return SubspaceProposer(snapshot, is_fitted=is_fitted)
    return TrustRegionProposer(snapshot, is_fitted=is_fitted)


def bayesian_proposer(
    snapshot: Snapshot, *, is_fitted: bool
) -> Proposer | FrontProposer:
    """Return what proposes for one objective, or for several."""
    if snapshot.goals.is_single:
        return Proposer(snapshot, is_fitted=is_fitted)
    return FrontProposer(snapshot, is_fitted=is_fitted)


def trust_region_proposer(
    snapshot: Snapshot, *, is_fitted: bool
) -> TrustRegionProposer:
    """Return what proposes within a box around the best point.

    Raises:
        GenerationError: There are several objectives.
    """
    _check_single("trust_region", snapshot)
    return TrustRegionProposer(snapshot, is_fitted=is_fitted)


def subspace_proposer(snapshot: Snapshot, *, is_fitted: bool) -> SubspaceProposer:
    """Return what proposes within a random subspace.

    Raises:
        GenerationError: There are several objectives, or constraints on parameters.
    """
    _check_single("subspace", snapshot)
    if snapshot.space.is_constrained or snapshot.space.conditions:
        raise GenerationError(
            "generation.method: subspace knows no constraints on parameters and no "
            "conditions; use trust_region"
        )
    return SubspaceProposer(snapshot, is_fitted=is_fitted)


def _check_single(method: str, snapshot: Snapshot) -> None:
    if not snapshot.goals.is_single:
        raise GenerationError(
            f"generation.method: {method} expected one objective, found "
            f"{len(snapshot.goals.objectives)}; use bo"
        )
