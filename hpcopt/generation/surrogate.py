"""The surrogate: a Gaussian process of the objective over the unit cube."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from botorch import settings
from botorch.models import SingleTaskGP
from gpytorch.kernels import MaternKernel, ScaleKernel

from hpcopt.core.space import SearchSpace
from hpcopt.core.types import JSONValue
from hpcopt.generation.fit import (
    MIN_NOISE,
    NUMBER_RATE,
    ONE_HOT_RATE,
    Hyperparameters,
    fit_hyperparameters,
    prior_hyperparameters,
)
from hpcopt.generation.outcome import OutcomeTransform
from hpcopt.generation.protocol import Snapshot

Array = npt.NDArray[np.float64]

_Choose = Callable[[Array, Array, Array | None, Array], Hyperparameters]


@dataclass(frozen=True)
class TrainingData:
    """What the completed trials say of the objective."""

    X: Array
    """Points of the unit cube, shape ``(n, d)``."""
    y: Array
    """The objective's values, shape ``(n,)``; larger is better."""
    variance: Array | None
    """The variance of each value's noise; ``None`` unless all are known."""
    rates: Array
    """The rate of each coordinate's lengthscale prior, shape ``(d,)``."""

    @classmethod
    def of(cls, snapshot: Snapshot) -> TrainingData:
        """Return the data of those completed trials that have all metrics."""
        objective = snapshot.objective
        trials = [
            trial
            for trial in snapshot.completed
            if all(name in trial.outcome for name in objective.metric_names)
        ]
        sems = [objective.sem(trial.outcome) for trial in trials]
        known = [sem**2 for sem in sems if sem is not None]
        return cls(
            X=snapshot.space.encode(trial.parameters for trial in trials),
            y=np.array([objective.value(trial.outcome) for trial in trials]),
            variance=np.array(known) if len(known) == len(trials) else None,
            rates=_rates(snapshot.space),
        )

    def __len__(self) -> int:
        return len(self.y)


@dataclass(frozen=True)
class Surrogate:
    """A fitted model of the transformed objective, and the way back."""

    model: SingleTaskGP
    transform: OutcomeTransform
    details: Mapping[str, JSONValue]
    """Its hyperparameters, for a person to look at."""

    @classmethod
    def fit(cls, data: TrainingData) -> Surrogate:
        """Return the model of largest posterior density.

        Raises:
            LinAlgError: No covariance matrix could be factorised.
        """
        return cls._with(data, fit_hyperparameters)

    @classmethod
    def unfitted(cls, data: TrainingData) -> Surrogate:
        """Return a model that holds to the priors and takes all outcomes as noisy."""
        return cls._with(data, prior_hyperparameters)

    @classmethod
    def _with(cls, data: TrainingData, choose: _Choose) -> Surrogate:
        transform = OutcomeTransform.fit(data.y)
        t = transform(data.y)
        noise = None
        if data.variance is not None:
            noise = np.maximum(transform.variance(data.y, data.variance), MIN_NOISE)
        chosen = choose(data.X, t, noise, data.rates)
        if chosen.noise is not None:
            noise = np.full_like(t, chosen.noise)
        return cls(
            model=_model(data.X, t, noise, chosen),
            transform=transform,
            details={
                "lengthscales": chosen.lengthscales.tolist(),
                "outputscale": chosen.outputscale,
                "noise": chosen.noise,
                "power": transform.power,
            },
        )

    def best_observed(self, n: int) -> Array:
        """Return the ``n`` observed points of largest posterior mean."""
        X: Array = self.model.train_inputs[0].numpy()
        with torch.no_grad():
            mean = self.model.posterior(self.model.train_inputs[0]).mean.squeeze(-1)
        return X[np.argsort(-mean.numpy(), kind="stable")[:n]]

    def predict(self, X: Array) -> tuple[Array, Array]:
        """Return the objective's mean and variance at the points ``X``."""
        with torch.no_grad():
            posterior = self.model.posterior(torch.from_numpy(X))
        mean = posterior.mean.squeeze(-1).numpy()
        variance = posterior.variance.squeeze(-1).numpy()
        return self.transform.inverse_moments(mean, variance)


def _rates(space: SearchSpace) -> Array:
    return np.where(space.is_one_hot, ONE_HOT_RATE, NUMBER_RATE)


def _model(
    X: Array, t: Array, noise: Array | None, hyperparameters: Hyperparameters
) -> SingleTaskGP:
    kernel = MaternKernel(nu=2.5, ard_num_dims=X.shape[1])
    covariance = ScaleKernel(kernel)
    # The inputs fill the unit cube and the outcomes are scaled as far as they can be.
    with settings.validate_input_scaling(False):
        model = SingleTaskGP(
            torch.from_numpy(X),
            torch.from_numpy(t).unsqueeze(-1),
            # Inferred noise is given as if it were known: nothing is fitted any more.
            train_Yvar=torch.from_numpy(noise).unsqueeze(-1),
            covar_module=covariance,
            outcome_transform=None,
        )
    kernel.lengthscale = torch.from_numpy(hyperparameters.lengthscales)
    covariance.outputscale = torch.tensor(hyperparameters.outputscale).double()
    model.mean_module.constant = torch.tensor(hyperparameters.mean).double()
    model.requires_grad_(False)
    model.eval()
    return model
