"""The models of a step that names its own, as cards and people ask them.

Each is fitted to the same data and with the same seed as what ``named/fitted.py`` gives
people of the same outcome, and says the same.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from botorch.posteriors.gpytorch import GPyTorchPosterior
from gpytorch.distributions import MultivariateNormal
from gpytorch.models import ExactGP
from torch import Tensor

from hpcopt.core.errors import GenerationError
from hpcopt.core.goals.metric_sum import MetricSum
from hpcopt.core.goals.objective import Objective
from hpcopt.core.goals.outcome_constraint import OutcomeConstraint
from hpcopt.generation.models.fitted_model import distances_objective
from hpcopt.generation.models.held_out import folds_of
from hpcopt.generation.models.metric_model import Z_95, HeldOut, single_metric
from hpcopt.generation.models.outcome_models import objective_surrogate
from hpcopt.generation.models.surrogate import Surrogate
from hpcopt.generation.models.training_data import TrainingData
from hpcopt.generation.named.device import CPU
from hpcopt.generation.named.functions import numerics
from hpcopt.generation.named.outcomes import NamedOutcome, named_outcome
from hpcopt.generation.named.proposer import Named, seeded
from hpcopt.generation.snapshot import Snapshot

Array = npt.NDArray[np.float64]

#: Averages, and sums with targets, are those of so many samples.
_N_SAMPLES = 128


@dataclass(frozen=True)
class NamedObjective:
    """The models of what a sum of metrics is made of, larger being better."""

    parts: tuple[NamedOutcome, ...]
    """The sum; or, of one with targets, what its samples are a function of."""
    metric_sum: MetricSum
    seed: int

    @classmethod
    def fit(
        cls, snapshot: Snapshot, metric_sum: MetricSum, step: Named, folder: str | None
    ) -> NamedObjective:
        """Return the models of what is known of the sum.

        Args:
            snapshot: What is known.
            metric_sum: The sum.
            step: What was asked for.
            folder: Where a user's own module is looked for first.

        Raises:
            LinAlgError: A model could not be fitted.
            GenerationError: A user's function raised, or returned no model.
            ConfigError: There is no such function.
        """
        made_of = objective_surrogate(metric_sum, snapshot, Surrogate.unfitted)
        parts = [
            _outcome(snapshot, one.data, step, folder) for one in made_of.surrogates
        ]
        return cls(tuple(parts), metric_sum, snapshot.seed)

    def predict(self, X: Array) -> tuple[Array, Array]:
        """Return the sum's mean and variance at ``X``, noise left out.

        The points of the unit cube have the shape ``(b, d)``, the results ``(b,)``.
        """
        objective = self.metric_sum
        if not (isinstance(objective, Objective) and objective.distances):
            return _moments(self.parts[0], X)
        samples = [
            _samples(part, X, self.seed + k) for k, part in enumerate(self.parts)
        ]
        least = min(len(one) for one in samples)
        values = distances_objective(objective)(
            torch.stack([one[:least] for one in samples], dim=-1)
        )
        return values.mean(dim=0).numpy(), values.var(dim=0).numpy()


@dataclass(frozen=True)
class NamedConstraint:
    """The model of a constraint's slack: what must not be below 0."""

    outcome: NamedOutcome

    @classmethod
    def fit(
        cls,
        snapshot: Snapshot,
        constraint: OutcomeConstraint,
        step: Named,
        folder: str | None,
    ) -> NamedConstraint:
        """Return the model of an absolute constraint; arguments and errors as above."""
        data = TrainingData.of_sum(snapshot, constraint, bound=constraint.bound)
        return cls(_outcome(snapshot, data, step, folder))

    def probability(self, X: Array) -> Array:
        """Return the probability that the noiseless slack is not below 0.

        The points of the unit cube have the shape ``(b, d)``, the result ``(b,)``.
        """
        mean, variance = _moments(self.outcome, X)
        z = torch.from_numpy(mean / np.sqrt(variance))
        probability: Array = torch.special.ndtr(z).numpy()
        return probability


@dataclass(frozen=True)
class NamedMetric:
    """The model of one metric, in the metric's own units."""

    name: str
    """That of the model."""
    sign: float
    """1 where large values are good, else -1: the outcome is the metric times this."""
    outcome: NamedOutcome
    trials: tuple[int, ...]
    """The indices of the trials whose outcomes it knows, in its order."""

    @classmethod
    def fit(
        cls, snapshot: Snapshot, metric: str, step: Named, folder: str | None
    ) -> NamedMetric:
        """Return the model of a metric; other arguments and errors as above."""
        alone = single_metric(metric, snapshot.goals)
        data = TrainingData.of_sum(snapshot, alone)
        known = [t.index for t in snapshot.completed if alone.is_known(t.outcome)]
        outcome = _outcome(snapshot, data, step, folder)
        return cls(step.model, alone.weights[metric], outcome, tuple(known))

    def predict(self, X: Array) -> tuple[Array, Array]:
        """Return the metric's mean and standard error at ``X``, noise left out.

        The points of the unit cube have the shape ``(b, d)``, the results ``(b,)``.
        """
        mean, variance = _moments(self.outcome, X)
        return self.sign * mean, np.sqrt(variance)

    def average(self, X: Array, seed: int = 0) -> tuple[float, float]:
        """Return the mean over ``X`` of the metric, and its standard error.

        The error is that of joint posterior samples.

        Args:
            X: Points of the unit cube, shape ``(b, d)``.
            seed: That of the samples.

        Raises:
            LinAlgError: The points' covariance could not be factorised.
        """
        mean, _ = self.predict(X)
        values = _samples(self.outcome, X, seed).mean(dim=1)
        return float(mean.mean()), float(values.std())

    def held_out(self, n_folds: int = -1, *, in_units: bool = True) -> HeldOut:
        """Return what the model says of each outcome without that outcome's fold.

        Hyperparameters are held; what changes is what the model is conditioned on.

        Args:
            n_folds: How many folds; one for each outcome by default.
            in_units: Whether all is in the metric's units, rather than on the scale on
                which the model is Gaussian.

        Raises:
            GenerationError: The model is no Gaussian process, of which that follows
                from the covariance of its outcomes.
            LinAlgError: That covariance could not be inverted.
        """
        model: Any = self.outcome.model
        if not isinstance(model, ExactGP):
            raise GenerationError(
                "cross validation: expected a model that is a gpytorch.models.ExactGP, "
                f"found {self.name}, which makes a {type(model).__name__}"
            )
        data = self.outcome.data
        with torch.no_grad(), numerics():
            y, noise, mean, variance = _held_out(model, n_folds)
            spread = (variance + noise).sqrt()
            is_within = _mixed((y - mean).abs() <= Z_95 * spread)[0] >= 0.5
            observed = y.reshape(-1, len(data))[0]
            transform = getattr(model, "outcome_transform", None)
            if in_units:
                observed = torch.from_numpy(data.y)
                if transform is not None:
                    normal = MultivariateNormal(mean, torch.diag_embed(variance))
                    posterior = transform.untransform_posterior(
                        GPyTorchPosterior(normal)
                    )
                    mean = posterior.mean.squeeze(-1)
                    variance = posterior.variance.squeeze(-1)
            mixed, within = _mixed(mean)
            total = _mixed(variance)[0] + within
        sem = np.full(len(data), math.nan)
        if in_units and data.variance is not None:
            sem = np.sqrt(data.variance)
        return HeldOut(
            trials=self.trials,
            observed=self.sign * observed.numpy(),
            observed_sem=sem,
            predicted=self.sign * mixed.numpy(),
            predicted_sem=total.sqrt().numpy(),
            is_within=is_within.numpy(),
        )


def _outcome(
    snapshot: Snapshot, data: TrainingData, step: Named, folder: str | None
) -> NamedOutcome:
    with seeded(snapshot.seed, CPU), numerics():
        return named_outcome(
            snapshot, step.model, step.model_options, folder, CPU, data
        )


def _moments(outcome: NamedOutcome, X: Array) -> tuple[Array, Array]:
    with torch.no_grad(), numerics():
        mean, variance = outcome.moments(torch.from_numpy(X))
    return mean.numpy(), variance.numpy()


def _samples(outcome: NamedOutcome, X: Array, seed: int) -> Tensor:
    """Return joint posterior samples at points, of each model of an ensemble."""
    with torch.no_grad(), numerics(), seeded(seed, CPU):
        posterior = outcome.model.posterior(torch.from_numpy(X))
        return posterior.rsample(torch.Size([_N_SAMPLES])).reshape(-1, len(X))


def _held_out(model: Any, n_folds: int) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Return outcomes, noise, and mean and variance of each without its fold.

    As ``models/held_out.py``, of each model of an ensemble, on the scale on which they
    are Gaussian: shape ``(…, n)`` each.
    """
    prior = model.forward(*model.train_inputs)
    noisy = model.likelihood(prior, *model.train_inputs)
    y = model.train_targets.expand(prior.mean.shape)
    noise = noisy.variance - prior.variance
    precision = torch.linalg.inv(noisy.covariance_matrix)
    weights = (precision @ (y - prior.mean).unsqueeze(-1)).squeeze(-1)
    mean, variance = torch.empty_like(y), torch.empty_like(y)
    for indices in folds_of(y.shape[-1], n_folds):
        fold = torch.from_numpy(indices)
        covariance = torch.linalg.inv(precision[..., fold[:, None], fold])
        apart = (covariance @ weights[..., fold].unsqueeze(-1)).squeeze(-1)
        mean[..., fold] = y[..., fold] - apart
        block = covariance.diagonal(dim1=-2, dim2=-1)
        variance[..., fold] = block - noise[..., fold]
    return y, noise, mean, variance.clamp_min(0.0)


def _mixed(values: Tensor) -> tuple[Tensor, Tensor]:
    """Return mean and variance over the models of an ensemble, ``(n,)`` each."""
    models = values.double().reshape(-1, values.shape[-1])
    return models.mean(dim=0), models.var(dim=0, correction=0)
