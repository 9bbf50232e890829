"""The models of one outcome by name: each makes one from data and a context.

Each has the signature that a user's function has, and returns a model that is fitted,
or that is still to be fitted by its marginal likelihood. BoTorch's models standardise
the outcomes themselves.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import torch
from botorch.fit import fit_fully_bayesian_model_nuts, fit_gpytorch_mll
from botorch.models import SingleTaskGP
from botorch.models.additive_gp import OrthogonalAdditiveGP
from botorch.models.fully_bayesian import SaasFullyBayesianSingleTaskGP
from botorch.models.gpytorch import GPyTorchModel
from botorch.models.map_saas import EnsembleMapSaasSingleTaskGP
from botorch.models.model import Model
from botorch.models.robust_relevance_pursuit_model import (
    RobustRelevancePursuitSingleTaskGP,
)
from botorch.models.transforms.input import Warp
from botorch.models.transforms.outcome import Standardize
from botorch.models.utils.gpytorch_modules import (
    get_covar_module_with_dim_scaled_prior,
)
from gpytorch.mlls import ExactMarginalLogLikelihood
from gpytorch.priors import LogNormalPrior
from torch import Tensor

from hpcopt.generation.catalogue import check_packages
from hpcopt.generation.named.context import ModelContext

MakeModel = Callable[..., Model]

#: The standard deviation of the logarithm of a warp's two concentrations, around no
#: warp at all, as in BoTorch's tutorials.
_WARP_SIGMA = 0.75**0.5


def single_task(
    train_X: Tensor,
    train_Y: Tensor,
    train_Yvar: Tensor | None,
    context: ModelContext,
    kernel: str = "matern",
    input_warping: bool = False,
) -> Model:
    """Return a ``SingleTaskGP``."""
    d = train_X.shape[-1]
    warp = Warp(
        d=d,
        indices=list(range(d)),
        concentration0_prior=LogNormalPrior(0.0, _WARP_SIGMA),
        concentration1_prior=LogNormalPrior(0.0, _WARP_SIGMA),
    )
    return SingleTaskGP(
        train_X,
        train_Y,
        train_Yvar,
        covar_module=get_covar_module_with_dim_scaled_prior(
            ard_num_dims=d, use_rbf_kernel=kernel == "rbf"
        ),
        input_transform=warp if input_warping else None,
    )


def saas(
    train_X: Tensor,
    train_Y: Tensor,
    train_Yvar: Tensor | None,
    context: ModelContext,
    num_taus: int = 4,
) -> Model:
    """Return an ensemble of processes with sparse axis-aligned priors.

    Eriksson and Jankowiak, "High-Dimensional Bayesian Optimization with Sparse
    Axis-Aligned Subspaces" (2021), with the largest posterior density in place of NUTS.
    """
    return EnsembleMapSaasSingleTaskGP(train_X, train_Y, train_Yvar, num_taus=num_taus)


def fully_bayesian(
    train_X: Tensor,
    train_Y: Tensor,
    train_Yvar: Tensor | None,
    context: ModelContext,
    num_samples: int = 256,
    warmup_steps: int = 512,
    thinning: int = 16,
) -> Model:
    """Return the same with its hyperparameters sampled by NUTS, in JAX.

    Raises:
        ConfigError: JAX or NumPyro is missing.
    """
    check_packages("fully_bayesian")
    model = SaasFullyBayesianSingleTaskGP(
        train_X, train_Y, train_Yvar, outcome_transform=Standardize(m=1)
    )
    fit_fully_bayesian_model_nuts(
        model,
        warmup_steps=warmup_steps,
        num_samples=num_samples,
        thinning=thinning,
        disable_progbar=True,
        seed=context.seed,
    )
    return model


def robust(
    train_X: Tensor,
    train_Y: Tensor,
    train_Yvar: Tensor | None,
    context: ModelContext,
    prior_mean_of_support: float | None = None,
) -> Model:
    """Return a model that finds outliers by relevance pursuit.

    Ament et al., "Robust Gaussian Processes via Relevance Pursuit" (2024).
    """
    return RobustRelevancePursuitSingleTaskGP(
        train_X, train_Y, train_Yvar, prior_mean_of_support=prior_mean_of_support
    )


def additive(
    train_X: Tensor,
    train_Y: Tensor,
    train_Yvar: Tensor | None,
    context: ModelContext,
    second_order: bool = False,
) -> Model:
    """Return a sum of effects of one parameter each; its noise is inferred.

    Lu, Boukouvalas and Hensman, "Additive Gaussian Processes Revisited" (2022).
    """
    return OrthogonalAdditiveGP(train_X, train_Y, second_order=second_order)


MAKERS: Mapping[str, MakeModel] = {
    "single_task": single_task,
    "saas": saas,
    "fully_bayesian": fully_bayesian,
    "robust": robust,
    "additive": additive,
}


def fitted(model: Model) -> Model:
    """Return a model in evaluation, fitted if it is one of gpytorch's in training.

    Raises:
        ModelFittingError: No hyperparameters were found.
    """
    if isinstance(model, GPyTorchModel) and model.training:
        fit_gpytorch_mll(ExactMarginalLogLikelihood(model.likelihood, model))
        # What the fit's last evaluation has left in the modules depends on parameters.
        model.train()
    model.eval()
    model.requires_grad_(False)
    for module in model.modules():
        for name, value in vars(module).items():
            if isinstance(value, torch.Tensor) and not value.is_leaf:
                setattr(module, name, value.detach())
    return model
