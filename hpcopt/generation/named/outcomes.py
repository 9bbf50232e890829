"""The models of all outcomes of an experiment, made by name or by a user's function."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from botorch.models.gpytorch import GPyTorchModel
from botorch.models.model import Model, ModelList
from botorch.models.model_list_gp_regression import ModelListGP
from torch import Tensor

from hpcopt.core.types import JSONValue
from hpcopt.generation.catalogue import is_own
from hpcopt.generation.custom.find import find
from hpcopt.generation.models.map_fit import MIN_NOISE
from hpcopt.generation.models.outcome_models import (
    MultiObjectiveModels,
    SingleObjectiveModels,
)
from hpcopt.generation.models.standardize import Standardize
from hpcopt.generation.models.surrogate import Surrogate
from hpcopt.generation.models.training_data import TrainingData
from hpcopt.generation.named.context import ModelContext
from hpcopt.generation.named.functions import blamed, call, check_model
from hpcopt.generation.named.models import MAKERS, fitted
from hpcopt.generation.proposers.schedule import has_long_constraints
from hpcopt.generation.snapshot import Snapshot

Array = npt.NDArray[np.float64]
OurModels = SingleObjectiveModels | MultiObjectiveModels


@dataclass(frozen=True)
class NamedOutcome:
    """The model of one outcome."""

    data: TrainingData
    """What it is conditioned on."""
    model: Model
    """Of one output; of a constraint, it holds where that is not below 0."""
    unit: float
    """The standard deviation of the outcomes, as ``model`` has them."""

    @property
    def name(self) -> str:
        """The outcome, as a person writes it."""
        return self.data.name

    def mean(self, X: Tensor) -> Tensor:
        """Return the posterior mean at the points ``X``, shape ``(n, d)``: ``(n,)``."""
        return self.moments(X)[0]

    def moments(self, X: Tensor) -> tuple[Tensor, Tensor]:
        """Return the posterior mean and variance there, noise left out: ``(n,)``."""
        posterior: Any = self.model.posterior(X)
        mean: Tensor = getattr(posterior, "mixture_mean", posterior.mean)
        variance: Tensor = getattr(posterior, "mixture_variance", posterior.variance)
        return mean.squeeze(-1), variance.squeeze(-1)


@dataclass(frozen=True)
class NamedOutcomes:
    """The models of all outcomes."""

    objectives: tuple[NamedOutcome, ...]
    """What the objectives are made of: a composite one has several."""
    constraints: tuple[NamedOutcome, ...]
    success: NamedOutcome | None
    """Where trials give a result at all; ``None`` while none has failed."""

    @cached_property
    def model(self) -> Model:
        """That of all outcomes: objectives, constraints."""
        return listed([one.model for one in (*self.objectives, *self.constraints)])

    @cached_property
    def objective_model(self) -> Model:
        """That of the objectives alone."""
        return listed([one.model for one in self.objectives])

    @property
    def details(self) -> Mapping[str, JSONValue]:
        """The hyperparameters, for a person to look at."""
        return {
            "models": [
                {"outcome": one.name, **hyperparameters(one.model)}
                for one in (*self.objectives, *self.constraints)
            ]
        }


def our_models(snapshot: Snapshot, *, is_fitted: bool) -> OurModels:
    """Return the models that we fit ourselves.

    Raises:
        LinAlgError: No covariance matrix could be factorised.
    """
    make = Surrogate.fit if is_fitted else Surrogate.unfitted
    if not snapshot.goals.is_single:
        return MultiObjectiveModels.of(snapshot, make)
    are_long = has_long_constraints(snapshot.n_trials)
    return SingleObjectiveModels.of(snapshot, make, has_long_constraints=are_long)


def of_ours(ours: OurModels, device: torch.device) -> NamedOutcomes:
    """Return our own models as they are, with Gaussian posteriors on a device.

    Transforms of outcomes that are not linear are left out: outcomes are in the units
    in which they look Gaussian.
    """
    outcomes = [_of_surrogate(one, device) for one in ours.surrogates]
    n_constraints = len(ours.constraints)
    success = None if ours.success is None else outcomes.pop()
    n = len(outcomes) - n_constraints
    return NamedOutcomes(tuple(outcomes[:n]), tuple(outcomes[n:]), success)


def named_outcomes(
    snapshot: Snapshot,
    name: str,
    options: Mapping[str, JSONValue],
    folder: str | None,
    device: torch.device,
) -> NamedOutcomes:
    """Return the models that a name, or a user's function, makes of the outcomes.

    Success keeps the model that we fit ourselves.

    Raises:
        GenerationError: A user's function raised, or returned no model.
        LinAlgError: A model could not be fitted.
    """
    make = partial(named_outcome, snapshot, name, options, folder, device)
    ours = with_fitted_success(snapshot)
    outcomes = [make(one.data) for one in ours.surrogates if one is not ours.success]
    n = len(outcomes) - len(ours.constraints)
    success = None if ours.success is None else _of_surrogate(ours.success, device)
    return NamedOutcomes(tuple(outcomes[:n]), tuple(outcomes[n:]), success)


def named_outcome(
    snapshot: Snapshot,
    name: str,
    options: Mapping[str, JSONValue],
    folder: str | None,
    device: torch.device,
    data: TrainingData,
) -> NamedOutcome:
    """Return the model that a name, or a user's function, makes of one outcome.

    Raises:
        GenerationError: A user's function raised, or returned no model.
        LinAlgError: The model could not be fitted.
    """
    scale = Standardize.fit(data.y, data.target)
    X = torch.from_numpy(data.X).to(device)
    y = np.clip(data.y, scale.lowest, scale.highest)
    variance = None
    if data.variance is not None:
        least = MIN_NOISE * scale.std**2
        variance = _column(np.maximum(data.variance, least), device)
    context = ModelContext(
        outcome=data.name,
        parameters=parameters_of(snapshot),
        bounds=unit_cube(snapshot.space.d, device),
        seed=snapshot.seed,
        device=device,
    )
    function = find("model", name, folder) if is_own(name) else MAKERS[name]
    arguments = X, _column(y, device), variance, context
    model = call("model", name, function, arguments, options)
    if not is_own(name):
        with blamed("model", name):
            return NamedOutcome(data, fitted(model), scale.std)
    if isinstance(model, Model):
        with blamed("model", name):
            model = fitted(model)
    return NamedOutcome(data, check_model(name, model, X), scale.std)


def with_fitted_success(snapshot: Snapshot) -> OurModels:
    """Return our models, of which only that of success is fitted."""

    def make(data: TrainingData) -> Surrogate:
        is_success = data.name == "success"
        return (Surrogate.fit if is_success else Surrogate.unfitted)(data)

    if snapshot.goals.is_single:
        return SingleObjectiveModels.of(snapshot, make)
    return MultiObjectiveModels.of(snapshot, make)


def listed(models: Sequence[Model]) -> Model:
    """Return one model of the outputs of all; of one, that one."""
    return models[0] if len(models) == 1 else list_of(models)


def list_of(models: Sequence[Model]) -> ModelList:
    """Return BoTorch's list of models."""
    gpytorchs = [model for model in models if isinstance(model, GPyTorchModel)]
    return (
        ModelListGP(*gpytorchs) if len(gpytorchs) == len(models) else ModelList(*models)
    )


def hyperparameters(model: Model) -> dict[str, JSONValue]:
    """Return a model's hyperparameters, for a person to look at."""
    found: dict[str, JSONValue] = {}
    if isinstance(model, GPyTorchModel):
        those: Any = model.named_parameters_and_constraints()  # type: ignore[operator]
        for path, parameter, constraint in those:
            raw = path.rpartition(".")[-1]
            value = parameter if constraint is None else constraint.transform(parameter)
            name = raw.removeprefix("raw_")
            if value.numel():
                found[name] = value.squeeze().tolist()
    return found


def parameters_of(snapshot: Snapshot) -> tuple[str, ...]:
    """Return the parameter of each coordinate of the unit cube."""
    space = snapshot.space
    return tuple(
        parameter.name
        for parameter, columns in zip(space.searched, space.slices, strict=True)
        for _ in range(columns.stop - columns.start)
    )


def unit_cube(d: int, device: torch.device) -> Tensor:
    """Return its bounds, shape ``(2, d)``."""
    zeros = torch.zeros(d, dtype=torch.double, device=device)
    return torch.stack([zeros, zeros + 1])


def _of_surrogate(surrogate: Surrogate, device: torch.device) -> NamedOutcome:
    model = copy.deepcopy(surrogate.model)
    unit = 1.0
    if isinstance(surrogate.transform, Standardize):
        unit = surrogate.transform.std
    else:
        del model.outcome_transform
    model.to(device).requires_grad_(False)
    return NamedOutcome(surrogate.data, model, unit)


def _column(values: Array, device: torch.device) -> Tensor:
    return torch.from_numpy(values).unsqueeze(-1).to(device)
