"""Proposals by a model and an acquisition that were asked for by name."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Protocol

import numpy as np
import torch
from botorch.acquisition.acquisition import AcquisitionFunction
from torch import Tensor

from hpcopt.core.types import JSONValue, TParameterization
from hpcopt.generation.catalogue import acquisition_of, is_own, is_own_fit
from hpcopt.generation.custom.find import find
from hpcopt.generation.design.initial import UsedPoints
from hpcopt.generation.models.outcome_models import SingleObjectiveModels
from hpcopt.generation.named.acquisitions import MAKERS
from hpcopt.generation.named.context import AcquisitionContext
from hpcopt.generation.named.device import (
    CPU,
    GPU_ERRORS,
    chosen_device,
    without_gpu,
)
from hpcopt.generation.named.functions import (
    blamed,
    call,
    check_acquisition,
    numerics,
)
from hpcopt.generation.named.outcomes import (
    NamedOutcomes,
    named_outcomes,
    of_ours,
    our_models,
)
from hpcopt.generation.named.pending import conditioned, heeds, is_joint
from hpcopt.generation.named.pool import Pool, best_unused, without_failures
from hpcopt.generation.named.state import State
from hpcopt.generation.named.weighing import WeighedAcquisition
from hpcopt.generation.optim.optimize import SearchBox, optimize_acquisition
from hpcopt.generation.proposers.multi_objective import MultiObjectiveProposer
from hpcopt.generation.proposers.single_objective import (
    SingleObjectiveProposer,
    log_noisy_ei,
)
from hpcopt.generation.snapshot import Snapshot

#: From so many objectives on, boxes below a front are too many.
_MANY_OBJECTIVES = 5

#: At how many points all over the space an acquisition's values are compared.
_N_SPREAD = 64

#: There is a hill between each two neighbours of a front.
_N_STARTS, _N_STARTS_OF_FRONT = 2, 6


class Named(Protocol):
    """What was asked for."""

    @property
    def model(self) -> str:
        """One of ``MODELS``, or a user's function."""

    @property
    def acquisition(self) -> str:
        """One of ``ACQUISITIONS``, or a user's function."""

    @property
    def model_options(self) -> Mapping[str, JSONValue]:
        """The keyword arguments of what makes the model."""

    @property
    def acquisition_options(self) -> Mapping[str, JSONValue]:
        """The keyword arguments of what makes the acquisition."""


class NamedProposer:
    """Proposes what a named acquisition is largest for, of a named model.

    The same snapshot gives the same proposal, bit for bit, on one kind of processor.
    """

    def __init__(
        self,
        snapshot: Snapshot,
        *,
        is_fitted: bool,
        step: Named,
        folder: str | None = None,
        device: str = "auto",
    ) -> None:
        """Fit the models.

        Args:
            snapshot: What is known.
            is_fitted: Whether a model is fitted; else it is our own, of fixed
                hyperparameters.
            step: What was asked for.
            folder: Where a user's own module is looked for first.
            device: ``auto``, ``cpu``, ``cuda`` or ``cuda:k``.

        Raises:
            LinAlgError: A model could not be fitted.
            GenerationError: A user's function raised, or returned no model.
            ConfigError: There is no such function.
        """
        self._snapshot, self._is_fitted = snapshot, is_fitted
        self._step, self._folder = step, folder
        is_ours = is_own_fit(step.model, step.model_options)
        self._model = "single_task" if is_ours else step.model
        self._acquisition = _acquisition_name(step, snapshot)
        self._ours = is_ours or not is_fitted
        self._device, sentence = chosen_device(device, len(snapshot.completed))
        self._said = dict.fromkeys([sentence] if sentence else [])
        # What has turns of its own is asked as it always is.
        self._usual: SingleObjectiveProposer | MultiObjectiveProposer | None = None
        if self._acquisition == "log_ehvi":
            self._usual = MultiObjectiveProposer(snapshot, is_fitted=is_fitted)
        elif self._acquisition == "log_ei" and step.acquisition == "auto":
            self._usual = SingleObjectiveProposer(snapshot, is_fitted=is_fitted)
        else:
            self._on_device(self._fit)

    @property
    def details(self) -> Mapping[str, JSONValue]:
        """The hyperparameters, what is used, and what there is to say of it."""
        told = self._state.outcomes.details if self._usual is None else {}
        if self._usual is not None:
            told = self._usual.details
        used = {"model": self._model, "acquisition": self._acquisition}
        return {**told, "used": used, "said": list(self._said)}

    def propose(
        self, index: int, proposed: Sequence[TParameterization], used: UsedPoints
    ) -> TParameterization | None:
        """Return the next parameterization; ``None`` if nothing is left.

        Raises:
            LinAlgError: A covariance matrix could not be factorised.
            FloatingPointError: The acquisition is not a number somewhere.
            GenerationError: A user's function raised, or returned no acquisition.
        """
        if self._usual is not None:
            return self._usual.propose(index, proposed, used)
        found: list[TParameterization | None] = []
        self._on_device(lambda: found.append(self._propose(index, proposed, used)))
        return found[-1]

    def _on_device(self, do: Callable[[], None]) -> None:
        """Do something, again on the CPU where the GPU fails."""
        try:
            do()
        except GPU_ERRORS as exc:
            if self._device == CPU:
                raise
            self._device = CPU
            self._said[without_gpu(exc)] = None
            self._fit()
            if do != self._fit:
                do()

    def _fit(self) -> None:
        snapshot, step = self._snapshot, self._step
        with seeded(snapshot.seed, self._device), numerics():
            if self._ours:
                self._our_models = our_models(snapshot, is_fitted=self._is_fitted)
                outcomes = of_ours(self._our_models, self._device)
            else:
                outcomes = named_outcomes(
                    snapshot, step.model, step.model_options, self._folder, self._device
                )
            self._state = State.of(snapshot, outcomes, self._device)

    def _propose(
        self, index: int, proposed: Sequence[TParameterization], used: UsedPoints
    ) -> TParameterization | None:
        space = self._snapshot.space
        rng = np.random.default_rng([self._snapshot.seed, index])
        waiting = space.encode(self._snapshot.waiting(proposed))
        seed = int(rng.integers(2**31))
        with seeded(seed, self._device), blamed("acquisition", self._acquisition):
            made = self._made(torch.from_numpy(waiting).to(self._device), seed)
            if isinstance(made, Pool):
                return best_unused(made, space, used)
            is_single = self._snapshot.goals.is_single
            return optimize_acquisition(
                made,
                space,
                self._state.incumbents,
                used,
                rng,
                SearchBox.whole(space.d),
                n_starts=_N_STARTS if is_single else _N_STARTS_OF_FRONT,
            )

    def _made(self, X_pending: Tensor, seed: int) -> AcquisitionFunction | Pool:
        """Return the acquisition, which knows pending points, constraints, failures."""
        if self._acquisition == "log_ei":
            models = self._our_models
            assert isinstance(models, SingleObjectiveModels)
            is_eligible = models.is_eligible(self._snapshot.space)
            return log_noisy_ei(models, X_pending.cpu().numpy(), seed, is_eligible)
        state, outcomes = self._state, self._state.outcomes
        context = state.context(outcomes, X_pending, seed)
        made = self._call(outcomes, context)
        if isinstance(made, Pool):
            return without_failures(made, outcomes)
        weights = [] if outcomes.success is None else [outcomes.success.model]
        if outcomes.constraints and "constraints" not in context.asked:
            weights += [one.model for one in outcomes.constraints]
            self._said[
                f"{self._acquisition} knows no constraints on outcomes: it is weighed "
                "by the probability that they hold"
            ] = None
        is_told = len(X_pending) == 0 or "pending" in context.asked
        is_weighed_sum = bool(weights) and is_joint(made)
        if len(X_pending) and (
            is_weighed_sum or not (is_told or heeds(made, X_pending))
        ):
            outcomes, left = conditioned(outcomes, X_pending)
            self._say_conditioned(left)
            context = state.context(outcomes, X_pending[:0], seed)
            made = self._call(outcomes, context)
        assert isinstance(made, AcquisitionFunction)
        return WeighedAcquisition(made, weights, state.X, context.points(_N_SPREAD))

    def _call(
        self, outcomes: NamedOutcomes, context: AcquisitionContext
    ) -> AcquisitionFunction | Pool:
        """Return what the function makes that has the acquisition's name.

        Raises:
            GenerationError: It raised, or returned no acquisition.
        """
        name, options = self._acquisition, self._step.acquisition_options
        arguments = outcomes.objective_model, context
        if is_own(name):
            function = find("acquisition", name, self._folder)
            made = call("acquisition", name, function, arguments, options)
            return check_acquisition(name, made, context.X_baseline)
        made = call("acquisition", name, MAKERS[name], arguments, options)
        assert isinstance(made, AcquisitionFunction | Pool)
        return made

    def _say_conditioned(self, left: Sequence[str]) -> None:
        name = self._acquisition
        self._said[
            f"{name} is told of pending points by sampled outcomes, on which its model "
            "is conditioned"
        ] = None
        if left:
            self._said[
                f"the models of {', '.join(left)} cannot be conditioned: {name} takes "
                "nothing for pending"
            ] = None


@contextmanager
def seeded(seed: int, device: torch.device) -> Iterator[None]:
    """Let PyTorch's random numbers follow from a seed, and then go on as before.

    What BoTorch and gpytorch warn of while they work says nothing to a user.
    """
    with torch.random.fork_rng(devices=of_gpu(device)), warnings.catch_warnings():
        warnings.filterwarnings("ignore", module="botorch|gpytorch|linear_operator")
        torch.manual_seed(seed)
        yield


def of_gpu(device: torch.device) -> list[torch.device]:
    """Return the device, if it has random numbers of its own."""
    return [] if device == CPU else [device]


def _acquisition_name(step: Named, snapshot: Snapshot) -> str:
    name = acquisition_of(step.acquisition)
    if name != "auto":
        return name
    goals = snapshot.goals
    if is_own_fit(step.model, step.model_options):
        return "log_ei" if goals.is_single else "log_ehvi"
    if goals.is_single:
        return "qLogNEI"
    many = len(goals.objectives) >= _MANY_OBJECTIVES
    return "qLogNParEGO" if many else "qLogNEHVI"
