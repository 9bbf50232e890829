"""Points whose outcomes are not known, for acquisitions that know none."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import torch
from botorch.acquisition.acquisition import AcquisitionFunction
from botorch.acquisition.max_value_entropy_search import qLowerBoundMaxValueEntropy
from botorch.acquisition.monte_carlo import MCAcquisitionFunction
from botorch.acquisition.multi_objective.base import (
    MultiObjectiveMCAcquisitionFunction,
)
from botorch.exceptions.errors import UnsupportedError
from botorch.models.gpytorch import GPyTorchModel
from botorch.models.model import Model
from botorch.utils.transforms import is_ensemble
from gpytorch.likelihoods import FixedNoiseGaussianLikelihood
from torch import Tensor

from hpcopt.generation.named.outcomes import NamedOutcome, NamedOutcomes


def heeds(acquisition: AcquisitionFunction, X_pending: Tensor) -> bool:
    """Tell an acquisition of pending points, and whether that changed its values.

    Args:
        acquisition: One that has not been told yet.
        X_pending: Shape ``(p, d)``, at least one; there it would change.
    """
    X = X_pending.unsqueeze(-2)
    with torch.no_grad():
        before = acquisition(X)
        try:
            acquisition.set_X_pending(X_pending)
        except UnsupportedError:
            return False
        if isinstance(acquisition, qLowerBoundMaxValueEntropy):
            # It takes the logarithm of a determinant for information: without noise
            # that is least beside what is observed.
            return False
        return not torch.equal(acquisition(X), before)


def is_joint(acquisition: AcquisitionFunction) -> bool:
    """Whether a value is that of a candidate and all pending points together.

    What is pending may satisfy no constraint, and would hide what a candidate adds.
    """
    kinds = (MCAcquisitionFunction, MultiObjectiveMCAcquisitionFunction)
    is_incremental = getattr(acquisition, "incremental", False) or getattr(
        acquisition, "incremental_nehvi", False
    )
    return isinstance(acquisition, kinds) and not is_incremental


def conditioned(
    outcomes: NamedOutcomes, X_pending: Tensor
) -> tuple[NamedOutcomes, list[str]]:
    """Return models that are conditioned on sampled outcomes of pending points.

    Returns:
        The models, and the outcomes whose models cannot be conditioned.
    """
    left: list[str] = []

    def each(those: Sequence[NamedOutcome]) -> tuple[NamedOutcome, ...]:
        found = []
        for one in those:
            model = _conditioned(one.model, X_pending)
            if model is None:
                left.append(one.name)
            found.append(one if model is None else replace(one, model=model))
        return tuple(found)

    return (
        replace(
            outcomes,
            objectives=each(outcomes.objectives),
            constraints=each(outcomes.constraints),
        ),
        left,
    )


def _conditioned(model: Model, X: Tensor) -> Model | None:
    """Return a model conditioned on a sample of its outcomes at ``X``, ``(p, d)``."""
    if not isinstance(model, GPyTorchModel):
        return None
    with torch.no_grad():
        Y = model.posterior(X).rsample()
        Y = Y.reshape(Y.shape[-3:]) if is_ensemble(model) else Y.reshape(Y.shape[-2:])
        options = {}
        if isinstance(model.likelihood, FixedNoiseGaussianLikelihood):
            noise = model.likelihood.noise.mean(dim=-1)
            options["noise"] = noise[..., None, None].expand_as(Y)
        return model.condition_on_observations(X, Y, **options)
