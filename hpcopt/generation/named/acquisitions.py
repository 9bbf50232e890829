"""The acquisitions by name: each makes one from a model and a context.

Each has the signature that a user's function has. Who asks the context for pending
points, or for constraints, takes them into account; the others are told by conditioning
their model, and are weighed.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any

import torch
from botorch.acquisition.analytic import PosteriorMean
from botorch.acquisition.logei import (
    TAU_MAX,
    TAU_RELU,
    qLogExpectedImprovement,
    qLogNoisyExpectedImprovement,
)
from botorch.acquisition.max_value_entropy_search import (
    qLowerBoundMaxValueEntropy,
    qMaxValueEntropy,
)
from botorch.acquisition.monte_carlo import (
    qProbabilityOfImprovement,
    qSimpleRegret,
    qUpperConfidenceBound,
)
from botorch.models.model import Model
from torch import Tensor

from hpcopt.generation.named.context import MC_SAMPLES, AcquisitionContext
from hpcopt.generation.named.knowledge_gradient import KnowledgeGradient
from hpcopt.generation.named.pool import Made, MakeAcquisition, Pool
from hpcopt.generation.named.several import (
    q_log_ehvi,
    q_log_nehvi,
    q_log_nparego,
)

#: At how many points a posterior is drawn at once.
_POOL = 512

#: The fantasies of the knowledge gradient, and among how many points each has its best.
_N_FANTASIES, _N_FANTASY_POINTS = 16, 128


def q_log_ei(
    model: Model, context: AcquisitionContext, mc_samples: int = MC_SAMPLES
) -> Made:
    """Return expected improvement over the best observed."""
    return qLogExpectedImprovement(
        context.model,
        best_f=context.best_f,
        sampler=context.sampler(mc_samples),
        objective=context.objective,
        X_pending=context.X_pending,
        constraints=context.constraints(),
        tau_max=TAU_MAX * context.unit,
        tau_relu=TAU_RELU * context.unit,
    )


def q_log_nei(
    model: Model, context: AcquisitionContext, mc_samples: int = MC_SAMPLES
) -> Made:
    """Return noisy expected improvement."""
    return qLogNoisyExpectedImprovement(
        context.model,
        context.X_baseline,
        sampler=context.sampler(mc_samples),
        objective=context.objective,
        X_pending=context.X_pending,
        constraints=context.constraints(),
        tau_max=TAU_MAX * context.unit,
        tau_relu=TAU_RELU * context.unit,
    )


def q_ucb(
    model: Model,
    context: AcquisitionContext,
    beta: float = 4.0,
    mc_samples: int = MC_SAMPLES,
) -> Made:
    """Return the upper confidence bound."""
    return qUpperConfidenceBound(
        context.model,
        beta=beta,
        sampler=context.sampler(mc_samples),
        objective=context.objective,
        X_pending=context.X_pending,
    )


def q_pi(
    model: Model,
    context: AcquisitionContext,
    tau: float = 1e-3,
    mc_samples: int = MC_SAMPLES,
) -> Made:
    """Return the probability of improvement."""
    return qProbabilityOfImprovement(
        context.model,
        best_f=context.best_f,
        sampler=context.sampler(mc_samples),
        objective=context.objective,
        X_pending=context.X_pending,
        constraints=context.constraints(),
        tau=tau * context.unit,
    )


def q_sr(
    model: Model, context: AcquisitionContext, mc_samples: int = MC_SAMPLES
) -> Made:
    """Return the expected value, of the best of a candidate and what is pending."""
    return qSimpleRegret(
        context.model,
        sampler=context.sampler(mc_samples),
        objective=context.objective,
        X_pending=context.X_pending,
    )


def posterior_mean(model: Model, context: AcquisitionContext) -> Made:
    """Return the posterior mean."""
    return PosteriorMean(model)


def q_kg(
    model: Model,
    context: AcquisitionContext,
    num_fantasies: int = _N_FANTASIES,
    num_points: int = _N_FANTASY_POINTS,
) -> Made:
    """Return the knowledge gradient, with the best means at a fixed set of points."""
    points = torch.cat([context.points(num_points), context.X_baseline])
    return KnowledgeGradient(
        untransformed(model),
        likely_feasible(context, points),
        context.X_pending,
        num_fantasies,
        context.seed,
    )


def q_mes(
    model: Model,
    context: AcquisitionContext,
    num_mv_samples: int = 10,
    num_points: int = _POOL,
) -> Made:
    """Return max-value entropy search."""
    return qMaxValueEntropy(
        untransformed(model),
        likely_feasible(context, context.points(num_points)),
        num_mv_samples=num_mv_samples,
        X_pending=context.X_pending,
        train_inputs=likely_feasible(context, context.X_baseline),
    )


def q_gibbon(
    model: Model,
    context: AcquisitionContext,
    num_mv_samples: int = 10,
    num_points: int = _POOL,
) -> Made:
    """Return a lower bound of max-value entropy search."""
    return qLowerBoundMaxValueEntropy(
        untransformed(model),
        likely_feasible(context, context.points(num_points)),
        num_mv_samples=num_mv_samples,
        train_inputs=likely_feasible(context, context.X_baseline),
    )


def thompson(
    model: Model, context: AcquisitionContext, num_points: int = _POOL
) -> Made:
    """Return one sample of the posterior at points all over the space.

    Where no sample satisfies the constraints, the least violation is best. What is
    pending needs no thought: each candidate has a sample of its own.
    """
    X = context.points(num_points)
    samples = context.model.posterior(X).rsample()[0]
    if samples.ndim > 2:  # an ensemble: one of its members
        samples = samples[int(torch.randint(len(samples), ()))]
    values = context.objective(samples.unsqueeze(0)).squeeze(0)
    constraints = context.constraints() or []
    violation = torch.zeros_like(values)
    for constraint in constraints:
        violation = violation + constraint(samples).clamp_min(0.0)
    worst = values.min() - 1
    return Pool(X, torch.where(violation > 0, worst - violation, values))


MAKERS: Mapping[str, MakeAcquisition] = {
    "qLogEI": q_log_ei,
    "qLogNEI": q_log_nei,
    "qUCB": q_ucb,
    "qPI": q_pi,
    "qSR": q_sr,
    "posterior_mean": posterior_mean,
    "qKG": q_kg,
    "qMES": q_mes,
    "qGIBBON": q_gibbon,
    "thompson": thompson,
    "qLogEHVI": q_log_ehvi,
    "qLogNEHVI": q_log_nehvi,
    "qLogNParEGO": q_log_nparego,
}


def likely_feasible(context: AcquisitionContext, X: Tensor) -> Tensor:
    """Return those of the points ``X`` that satisfy the constraints' means.

    The largest value is looked for among them, as that of what is not feasible is of no
    interest. They are those of least violation, where none does.
    """
    with torch.no_grad():
        posterior: Any = context.model.posterior(X)
        means = getattr(posterior, "mixture_mean", posterior.mean)
    violation = torch.zeros(len(X), dtype=X.dtype, device=X.device)
    for slack in context.slacks:
        violation = violation + slack(means).clamp_min(0.0)
    return X[violation <= violation.min()]


def untransformed(model: Model) -> Model:
    """Return a model of the transformed outcome, whose posterior is Gaussian.

    Where a maximum is, and what is learned of it, depends on no increasing transform.
    Some of BoTorch's acquisitions mix outcomes before and after it.
    """
    found = copy.deepcopy(model)
    if hasattr(found, "outcome_transform"):
        del found.outcome_transform
    return found
