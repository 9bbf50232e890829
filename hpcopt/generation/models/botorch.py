"""BoTorch's models and acquisition functions, and ours, in each other's place."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import torch
from botorch import settings
from botorch.acquisition.acquisition import AcquisitionFunction
from botorch.models import SingleTaskGP
from gpytorch.kernels import MaternKernel, ScaleKernel

from hpcopt.generation.models.gaussian_process import GaussianProcess

Array = npt.NDArray[np.float64]


class BotorchAcquisition:
    """BoTorch's acquisition function, to be searched like ours."""

    def __init__(self, function: AcquisitionFunction) -> None:
        self._function = function

    def values(self, X: Array) -> Array:
        """Return the values of the points ``X``."""
        with torch.no_grad():
            values: Array = self._function(torch.from_numpy(X).unsqueeze(-2)).numpy()
        return values

    def values_and_gradients(self, X: Array) -> tuple[Array, Array]:
        """Return the values of the points ``X`` and the gradients there."""
        points = torch.from_numpy(X).unsqueeze(-2).requires_grad_()
        values = self._function(points)
        (gradients,) = torch.autograd.grad(values.sum(), points)
        return values.detach().numpy(), gradients.squeeze(-2).numpy()


def single_task_gp(process: GaussianProcess) -> SingleTaskGP:
    """Return ``process`` as a model that is fitted already."""
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
