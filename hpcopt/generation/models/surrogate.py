"""A surrogate: BoTorch's model of one outcome, with hyperparameters of our own fit.

What acquisitions ask is answered by a view of it in numpy, made from its tensors.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from botorch.models import SingleTaskGP
from botorch.models.transforms.outcome import OutcomeTransform
from botorch.posteriors.gpytorch import GPyTorchPosterior
from botorch.posteriors.posterior import Posterior
from botorch.posteriors.transformed import TransformedPosterior
from gpytorch import settings
from gpytorch.constraints import GreaterThan
from gpytorch.kernels import MaternKernel, ScaleKernel
from gpytorch.likelihoods import GaussianLikelihood
from gpytorch.priors import GammaPrior, LogNormalPrior
from torch import Tensor
from typing_extensions import override

from hpcopt.core.types import JSONValue
from hpcopt.generation.models.gaussian_process import GaussianProcess, Hyperparameters
from hpcopt.generation.models.map_fit import (
    MIN_NOISE,
    fit_hyperparameters,
    prior_hyperparameters,
)
from hpcopt.generation.models.outcome_transforms import QUADRATURE, FittedTransform
from hpcopt.generation.models.priors import Gamma, LogNormal, Prior, Priors
from hpcopt.generation.models.standardize import Standardize
from hpcopt.generation.models.training_data import TrainingData

Array = npt.NDArray[np.float64]

#: Of more outcomes a subset of so many is taken: the time of the fit and of what the
#: process is asked grows with the cube of the number.
N_CONDITIONED = 1000

#: Covariances of up to so many points are factorised, as our own are.
_N_FACTORISED = 4 * N_CONDITIONED

_Choose = Callable[[Array, Array, Array | None, Priors], Hyperparameters]


@dataclass(frozen=True)
class Surrogate:
    """A fitted model of an outcome, and what is known of the fit."""

    model: SingleTaskGP
    """In the outcome's units; its transform is a ``FittedOutcome``."""
    data: TrainingData
    """What it is conditioned on."""
    details: Mapping[str, JSONValue]
    """Its hyperparameters, for a person to look at."""

    @classmethod
    def fit(cls, data: TrainingData) -> Surrogate:
        """Return the model whose hyperparameters have the largest posterior density.

        Where there are alternative priors, it is that model of them with the largest
        leave-one-out log density.

        Raises:
            LinAlgError: No covariance matrix could be factorised.
        """
        best = cls._with(data, fit_hyperparameters)
        for priors in data.alternative_priors:
            other = cls._with(replace(data, priors=priors), fit_hyperparameters)
            if other.process.loo_log_density > best.process.loo_log_density:
                best = other
        return best

    @classmethod
    def unfitted(cls, data: TrainingData) -> Surrogate:
        """Return a model that holds to the priors, and whose noise is large."""
        return cls._with(data, prior_hyperparameters)

    @classmethod
    def _with(cls, data: TrainingData, choose: _Choose) -> Surrogate:
        data = data.subset(N_CONDITIONED)
        transform = data.fitted_transform()
        chosen = choose(
            data.X, transform(data.y), data.known_noise(transform), data.priors
        )
        found = cls(
            model=OutcomeGP(data, FittedOutcome(transform), chosen),
            data=data,
            details={
                "lengthscales": chosen.lengthscales.tolist(),
                "outputscale": chosen.outputscale,
                "noise": chosen.noise,
                **transform.details,
            },
        )
        # A covariance that cannot be factorised is the fit's failure, not the search's.
        _ = found.process
        return found

    @cached_property
    def process(self) -> GaussianProcess:
        """What the model says of the transformed outcome.

        Raises:
            LinAlgError: The outcomes' covariance could not be factorised.
        """
        return GaussianProcess.of_model(self.model)

    @property
    def transform(self) -> FittedTransform:
        """That of the outcome, in numpy."""
        outcome: Any = self.model.outcome_transform
        fitted: FittedTransform = outcome.fitted
        return fitted

    @property
    def surrogates(self) -> tuple[Surrogate, ...]:
        """Itself alone: that of a composite has several."""
        return (self,)

    def scaled(self, value: float) -> float:
        """Return an outcome in the units of ``process``, not clipped if linear."""
        if isinstance(self.transform, Standardize):
            return self.transform.scaled(value)
        return float(self.transform(np.array([value]))[0])

    @property
    def unit(self) -> float:
        """The unit of ``process`` as a difference of outcomes.

        Raises:
            ValueError: The outcomes' transform is not linear.
        """
        if not isinstance(self.transform, Standardize):
            raise ValueError("expected a linear transform of the outcomes")
        return self.transform.std

    def predict(self, X: Array) -> tuple[Array, Array]:
        """Return the outcome's mean and variance at ``X``, noise left out.

        The points of the unit cube are of shape ``(b, d)``, the moments of ``(b,)``.
        """
        return self.transform.inverse_moments(*self.process.moments(X))


class OutcomeGP(SingleTaskGP):
    """A ``SingleTaskGP`` of known hyperparameters, those of the transformed outcome.

    They are without a noise if the data know theirs.
    """

    def __init__(
        self, data: TrainingData, transform: FittedOutcome, chosen: Hyperparameters
    ) -> None:
        priors = data.priors
        kernel = MaternKernel(
            nu=2.5,
            ard_num_dims=data.X.shape[1],
            lengthscale_prior=_prior(priors.lengthscales),
            # As it is, without a transform: the model holds the fit's very bits.
            lengthscale_constraint=GreaterThan(0.99 * priors.shortest, transform=None),
        )
        likelihood = variance = None
        if chosen.noise is None and data.variance is not None:
            variance = torch.from_numpy(data.variance).unsqueeze(-1)
        else:
            likelihood = GaussianLikelihood(
                noise_prior=_prior(priors.noise),
                noise_constraint=GreaterThan(0.99 * MIN_NOISE, transform=None),
            )
        super().__init__(
            torch.from_numpy(data.X),
            torch.from_numpy(data.y).unsqueeze(-1),
            train_Yvar=variance,
            likelihood=likelihood,
            covar_module=ScaleKernel(
                kernel,
                outputscale_prior=_prior(priors.outputscale),
                outputscale_constraint=GreaterThan(1e-6, transform=None),
            ),
            outcome_transform=transform,
        )
        kernel.raw_lengthscale.data.copy_(torch.from_numpy(chosen.lengthscales))
        self.covar_module.raw_outputscale.data.fill_(chosen.outputscale)
        self.mean_module.raw_constant.data.fill_(chosen.mean)
        if likelihood is not None:
            likelihood.noise_covar.raw_noise.data.fill_(chosen.noise)
        self.eval()

    @override
    def posterior(
        self, X: Tensor, *args: Any, **options: Any
    ) -> GPyTorchPosterior | TransformedPosterior:
        """Return the posterior at the points ``X``, in the outcome's units."""
        with settings.max_cholesky_size(_N_FACTORISED):
            return super().posterior(X, *args, **options)


class FittedOutcome(OutcomeTransform):
    """A fitted transform in numpy, as BoTorch's models take it."""

    def __init__(self, fitted: FittedTransform) -> None:
        super().__init__()
        self.fitted = fitted

    @override
    def forward(
        self, Y: Tensor, Yvar: Tensor | None = None, X: Tensor | None = None
    ) -> tuple[Tensor, Tensor | None]:
        """Return the transformed outcomes and the variance of their noise."""
        y = Y.detach().cpu().numpy()
        t = torch.from_numpy(self.fitted(y)).to(Y)
        if Yvar is None:
            return t, None
        variance = self.fitted.variance(y, Yvar.detach().cpu().numpy())
        return t, torch.from_numpy(np.maximum(variance, MIN_NOISE)).to(Y)

    @override
    def untransform(
        self, Y: Tensor, Yvar: Tensor | None = None, X: Tensor | None = None
    ) -> tuple[Tensor, Tensor | None]:
        """Return the outcomes of transformed ones, and to first order their noise."""
        outcomes: Tensor = _Inverse.apply(Y, self.fitted)  # type: ignore[no-untyped-call]
        slope = torch.from_numpy(self.fitted.inverse(Y.detach().cpu().numpy())[1]).to(Y)
        return outcomes, None if Yvar is None else Yvar * slope**2

    @property
    @override
    def _is_linear(self) -> bool:
        return isinstance(self.fitted, Standardize)

    @override
    def untransform_posterior(
        self, posterior: Posterior, X: Tensor | None = None
    ) -> Posterior:
        """Return the posterior of the outcomes."""
        if isinstance(self.fitted, Standardize) and isinstance(
            posterior, GPyTorchPosterior
        ):
            scaled = posterior.distribution * self.fitted.std
            return GPyTorchPosterior(scaled + self.fitted.mean)
        return TransformedPosterior(
            posterior,
            sample_transform=lambda samples: self.untransform(samples)[0],
            mean_transform=lambda mean, variance: self._moments(mean, variance)[0],
            variance_transform=lambda mean, variance: self._moments(mean, variance)[1],
        )

    def _moments(self, mean: Tensor, variance: Tensor) -> tuple[Tensor, Tensor]:
        nodes, weights = map(torch.from_numpy, QUADRATURE)
        t = mean[..., None] + variance.sqrt()[..., None] * nodes
        values = self.untransform(t)[0]
        first = values @ weights
        return first, ((values - first[..., None]) ** 2) @ weights


class _Inverse(torch.autograd.Function):
    """The inverse of a fitted transform, by its slope."""

    @staticmethod
    @override
    def forward(ctx: Any, transformed: Tensor, fitted: FittedTransform) -> Tensor:
        values, slope = fitted.inverse(transformed.detach().cpu().numpy())
        ctx.save_for_backward(torch.from_numpy(slope).to(transformed))
        return torch.from_numpy(values).to(transformed)

    @staticmethod
    @override
    def backward(ctx: Any, *gradient: Tensor) -> tuple[Tensor, None]:
        [slope] = ctx.saved_tensors
        return gradient[0] * slope, None


def _prior(prior: Prior) -> GammaPrior | LogNormalPrior:
    match prior:
        case Gamma():
            rate = torch.from_numpy(prior.rate)
            return GammaPrior(torch.full_like(rate, prior.shape), rate)
        case LogNormal():
            mu = torch.from_numpy(prior.mu)
            return LogNormalPrior(mu, torch.full_like(mu, prior.sigma))
    raise TypeError(f"expected a prior that gpytorch has, found {prior!r}")
