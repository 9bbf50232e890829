"""Bayesian optimisation: which proposer suits the goals."""

from __future__ import annotations

from hpcopt.generation.front_proposal import FrontProposer
from hpcopt.generation.proposal import Proposer
from hpcopt.generation.protocol import Snapshot


def bayesian_proposer(
    snapshot: Snapshot, *, is_fitted: bool
) -> Proposer | FrontProposer:
    """Return what proposes for one objective, or for several."""
    if snapshot.goals.is_single:
        return Proposer(snapshot, is_fitted=is_fitted)
    return FrontProposer(snapshot, is_fitted=is_fitted)
