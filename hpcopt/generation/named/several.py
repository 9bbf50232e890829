"""The acquisitions of several objectives by name; see ``acquisitions.py``."""

from __future__ import annotations

from typing import Any

import torch
from botorch.acquisition.multi_objective import logei
from botorch.acquisition.multi_objective.logei import (
    qLogExpectedHypervolumeImprovement,
    qLogNoisyExpectedHypervolumeImprovement,
)
from botorch.acquisition.multi_objective.parego import qLogNParEGO
from botorch.models.model import Model
from botorch.utils.multi_objective.box_decompositions import (
    FastNondominatedPartitioning,
)
from botorch.utils.sampling import sample_simplex

from hpcopt.generation.named.context import MC_SAMPLES, AcquisitionContext
from hpcopt.generation.named.pool import Made

# BoTorch would compile C++ for this very processor at the first use, and wait for a
# lock in the home directory meanwhile.
logei._load_attempted = True


def q_log_ehvi(
    model: Model, context: AcquisitionContext, mc_samples: int = MC_SAMPLES
) -> Made:
    """Return expected improvement of the hypervolume over the observed front."""
    with torch.no_grad():
        posterior: Any = context.model.posterior(context.X_baseline)
        means = getattr(posterior, "mixture_mean", posterior.mean)
    slacks = context.constraints()
    is_feasible = torch.ones(len(means), dtype=torch.bool, device=means.device)
    for slack in slacks or []:
        is_feasible &= slack(means) <= 0
    front = context.objective(means)[is_feasible]
    partitioning: Any = FastNondominatedPartitioning(context.ref_point, front)
    return qLogExpectedHypervolumeImprovement(
        context.model,
        ref_point=context.ref_point,
        partitioning=partitioning,
        sampler=context.sampler(mc_samples),
        objective=context.objective,
        constraints=slacks,
        X_pending=context.X_pending,
    )


def q_log_nehvi(
    model: Model, context: AcquisitionContext, mc_samples: int = MC_SAMPLES
) -> Made:
    """Return noisy expected improvement of the hypervolume."""
    return qLogNoisyExpectedHypervolumeImprovement(
        context.model,
        context.ref_point,
        context.X_baseline,
        sampler=context.sampler(mc_samples),
        objective=context.objective,
        constraints=context.constraints(),
        X_pending=context.X_pending,
        prune_baseline=True,
    )


def q_log_nparego(
    model: Model, context: AcquisitionContext, mc_samples: int = MC_SAMPLES
) -> Made:
    """Return noisy expected improvement of a random scalarisation."""
    m = len(context.ref_point)
    weights = sample_simplex(m, dtype=torch.double, device=context.device).view(-1)
    return qLogNParEGO(
        context.model,
        context.X_baseline,
        scalarization_weights=weights,
        sampler=context.sampler(mc_samples),
        objective=context.objective,
        constraints=context.constraints(),
        X_pending=context.X_pending,
        prune_baseline=True,
    )
