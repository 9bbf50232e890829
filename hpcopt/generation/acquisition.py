"""What a point promises: the logarithm of noisy expected improvement.

What is not known for certain at the moment — the outcomes of pending points, and what
noise hides at observed ones — is sampled; the improvement at the point in question is
then integrated exactly for each sample. BoTorch's ``qLogNoisyExpectedImprovement``
samples that too, and asks the model for a joint posterior each time: it takes ten
times as long for a rougher answer.
"""

from __future__ import annotations

import math

import torch
from botorch.acquisition.acquisition import AcquisitionFunction
from botorch.models import SingleTaskGP
from botorch.utils.sampling import draw_sobol_normal_samples
from gpytorch.distributions import MultivariateNormal
from gpytorch.settings import debug
from linear_operator.utils.cholesky import psd_safe_cholesky
from torch import Tensor
from typing_extensions import override

N_SAMPLES = 128

#: Variances below this, in units of the outputscale, are rounding.
_JITTER = 1e-9

#: An observed point whose outcome is this many standard deviations below another's,
#: on both sides, is not the best one.
_N_SIGMA = 3.0

#: Where noise leaves more of them, those of largest mean stand for all.
_MAX_BASELINE = 32

_SQRT5 = math.sqrt(5.0)
_SQRT_HALF = math.sqrt(0.5)
_SQRT_HALF_PI = math.sqrt(math.pi / 2)
_LOG_SQRT_2PI = math.log(math.sqrt(2 * math.pi))

#: Below ``-_FAR``, ``log_h`` is its own limit to all digits that are left.
_FAR = 1e4


class LogNoisyExpectedImprovement(AcquisitionFunction):
    """The logarithm of the expected improvement over all observed and pending points.

    Needs a model with a scaled Matérn-5/2 kernel, a constant mean and known noise.
    """

    def __init__(self, model: SingleTaskGP, X_pending: Tensor, *, seed: int) -> None:
        """Sample what is uncertain, and condition the model on each sample.

        Raises:
            NotPSDError: A covariance matrix could not be factorised.
            NanError: A covariance matrix has NaNs.
        """
        super().__init__(model)
        self._lengthscales = model.covar_module.base_kernel.lengthscale.squeeze(0)
        self._outputscale = model.covar_module.outputscale
        self._mean = model.mean_module.constant

        X_observed = model.train_inputs[0]
        X_uncertain = torch.cat([X_observed[_maybe_best(model)], X_pending])
        jitter = (_JITTER * self._outputscale).expand(len(X_uncertain))
        posterior = _posterior(model, X_uncertain)
        root = psd_safe_cholesky(posterior.covariance_matrix + jitter.diag())
        normal = draw_sobol_normal_samples(
            len(X_uncertain), N_SAMPLES, dtype=root.dtype, seed=seed
        )
        samples = posterior.mean + normal @ root.T
        self._best = samples.amax(dim=-1)

        # From here on, each sample is an observation like the others.
        self._anchors = torch.cat([X_observed, X_uncertain]) / self._lengthscales
        noise = torch.cat([model.likelihood.noise, jitter])
        root = psd_safe_cholesky(self._covariance(self._anchors) + noise.diag())
        y = torch.cat([model.train_targets.expand(N_SAMPLES, -1), samples], dim=-1)
        self._weights = torch.cholesky_solve((y - self._mean).T, root)
        identity = torch.eye(len(root), dtype=root.dtype)
        self._inverse_root = torch.linalg.solve_triangular(root, identity, upper=False)

    @override
    def forward(self, X: Tensor) -> Tensor:
        """Return the values of the points ``X``, shape ``(b, 1, d)``."""
        k = self._covariance(X.squeeze(-2) / self._lengthscales)
        explained = (k @ self._inverse_root.T).square().sum(dim=-1)
        floor = float(_JITTER * self._outputscale)
        sigma = (self._outputscale - explained).clamp_min(floor).sqrt().unsqueeze(-1)
        z = (self._mean + k @ self._weights - self._best) / sigma
        log_improvement = log_h(z) + sigma.log()
        total: Tensor = log_improvement.logsumexp(dim=-1)
        return total - math.log(N_SAMPLES)

    def _covariance(self, X: Tensor) -> Tensor:
        """Return the covariances of the scaled points ``X`` and the anchors."""
        squared = (X.unsqueeze(-2) - self._anchors).square().sum(dim=-1)
        # The square root has no slope at 0.
        r = _SQRT5 * squared.clamp_min(1e-20).sqrt()
        covariance: Tensor = self._outputscale * (1 + r + r.square() / 3) * (-r).exp()
        return covariance


def _maybe_best(model: SingleTaskGP) -> Tensor:
    """Return the indices of the observed points that may well be the best one."""
    posterior = _posterior(model, model.train_inputs[0])
    reach = _N_SIGMA * posterior.variance.sqrt()
    n = int((posterior.mean + reach >= (posterior.mean - reach).amax()).sum())
    ranked: Tensor = posterior.mean.sort(descending=True, stable=True).indices
    return ranked[: min(n, _MAX_BASELINE)]


def _posterior(model: SingleTaskGP, X: Tensor) -> MultivariateNormal:
    # gpytorch would warn of training points as test points, which are meant here.
    with torch.no_grad(), debug(False):
        posterior: MultivariateNormal = model(X)
    return posterior


def log_h(z: Tensor) -> Tensor:
    """Return ``log(phi(z) + z * Phi(z))``, to all digits far below 0 too."""
    is_low = z < -1
    # Each branch gets arguments that do not overflow: their slopes are summed.
    high = z.masked_fill(is_low, 0.0)
    low = z.masked_fill(~is_low, -1.0)
    density = torch.exp(-0.5 * high.square() - _LOG_SQRT_2PI)
    above = (density + high * torch.special.ndtr(high)).log()
    is_far = low < -_FAR
    near = low.masked_fill(is_far, -1.0)
    mills = _SQRT_HALF_PI * torch.special.erfcx(-_SQRT_HALF * near)
    factor = torch.where(is_far, -2 * (-low).log(), torch.log1p(near * mills))
    return torch.where(is_low, factor - 0.5 * low.square() - _LOG_SQRT_2PI, above)
