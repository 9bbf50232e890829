"""Our Gaussian processes as models of BoTorch's."""

from __future__ import annotations

import torch
from botorch import settings
from botorch.models import SingleTaskGP
from gpytorch.kernels import MaternKernel, ScaleKernel

from hpcopt.generation.models.gaussian_process import GaussianProcess


def single_task_gp(process: GaussianProcess) -> SingleTaskGP:
    """Return ``process`` as a ``SingleTaskGP`` that is fitted already."""
    hyperparameters = process.hyperparameters
    kernel = MaternKernel(nu=2.5, ard_num_dims=process.X.shape[1])
    covariance = ScaleKernel(kernel)
    # The inputs fill the unit cube and the outcomes are scaled as far as they can be.
    with settings.validate_input_scaling(False):
        model = SingleTaskGP(
            torch.from_numpy(process.X),
            torch.from_numpy(process.y).unsqueeze(-1),
            # Inferred noise is given as if it were known: nothing is fitted any more.
            train_Yvar=torch.from_numpy(process.noise).unsqueeze(-1),
            covar_module=covariance,
            outcome_transform=None,
        )
    kernel.lengthscale = torch.from_numpy(hyperparameters.lengthscales)
    covariance.outputscale = torch.tensor(hyperparameters.outputscale).double()
    model.mean_module.constant = torch.tensor(hyperparameters.mean).double()
    model.requires_grad_(False)
    model.eval()
    return model
