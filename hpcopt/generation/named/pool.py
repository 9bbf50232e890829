"""Points of which the one of largest value is wanted: there is nothing to search."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from botorch.acquisition.acquisition import AcquisitionFunction
from torch import Tensor

from hpcopt.core.space.search_space import SearchSpace
from hpcopt.core.types import TParameterization
from hpcopt.generation.design.initial import UsedPoints
from hpcopt.generation.named.outcomes import NamedOutcomes


@dataclass(frozen=True)
class Pool:
    """Points with a value each."""

    X: Tensor
    """Shape ``(n, d)``."""
    values: Tensor
    """Shape ``(n,)``."""


Made = AcquisitionFunction | Pool
MakeAcquisition = Callable[..., Made]


def without_failures(pool: Pool, outcomes: NamedOutcomes) -> Pool:
    """Return the pool with what fails in a sample of success behind all else."""
    if outcomes.success is None:
        return pool
    success = outcomes.success.model.posterior(pool.X).rsample().reshape(-1)
    extent = pool.values.max() - pool.values.min() + 1
    return Pool(pool.X, torch.where(success < 0, pool.values - extent, pool.values))


def best_unused(
    pool: Pool, space: SearchSpace, used: UsedPoints
) -> TParameterization | None:
    """Return the unused point of largest value; ``None`` if all are used."""
    order = torch.argsort(pool.values, descending=True, stable=True)
    X = pool.X[order].cpu().numpy()
    unused = X[used.unused(X)][:1]
    return space.decode(unused)[0] if len(unused) else None
