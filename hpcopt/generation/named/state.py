"""What is known of an experiment, as acquisitions ask it: in tensors."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from botorch.acquisition.multi_objective.objective import (
    WeightedMCMultiOutputObjective,
)
from botorch.acquisition.objective import GenericMCObjective, MCAcquisitionObjective
from scipy.stats import qmc
from torch import Tensor

from hpcopt.core.goals.pareto import infer_reference_point, is_nondominated
from hpcopt.core.space.search_space import SearchSpace
from hpcopt.generation.design.feasible import feasible_region
from hpcopt.generation.models.fitted_model import distances_objective
from hpcopt.generation.models.training_data import TrainingData
from hpcopt.generation.named.context import AcquisitionContext, Constraint
from hpcopt.generation.named.outcomes import (
    NamedOutcome,
    NamedOutcomes,
    parameters_of,
    unit_cube,
)
from hpcopt.generation.snapshot import Snapshot

Array = npt.NDArray[np.float64]

#: How many of the best points the search looks around.
_N_INCUMBENTS = 4


@dataclass(frozen=True)
class State:
    """The models, and what they say of the observed points."""

    snapshot: Snapshot
    outcomes: NamedOutcomes
    objective: MCAcquisitionObjective
    unit: float
    """The standard deviation of the values of a single objective; else 1."""
    X: Tensor
    """The points of which an objective is known, shape ``(n, d)``."""
    values: Tensor
    """The expected objective there, shape ``(n,)``, or ``(n, m)`` of several."""
    violation: Tensor
    """By how much constraints are expected not to hold there, shape ``(n,)``."""

    @classmethod
    def of(
        cls, snapshot: Snapshot, outcomes: NamedOutcomes, device: torch.device
    ) -> State:
        """Return what the models say."""
        completed = [
            trial.parameters
            for trial in snapshot.completed
            if any(one.is_known(trial.outcome) for one in snapshot.goals.objectives)
        ]
        encoded = np.unique(snapshot.space.encode(completed), axis=0)
        is_inside = snapshot.space.is_inside(encoded)
        encoded = encoded[is_inside] if is_inside.any() else encoded
        X = torch.from_numpy(encoded).to(device)
        those = (*outcomes.objectives, *outcomes.constraints)
        with torch.no_grad():
            means = torch.stack([one.mean(X) for one in those], dim=-1)
            objective, unit = _objective(snapshot, outcomes)
            violation = torch.zeros(len(X), dtype=torch.double, device=device)
            for slack in _slacks(outcomes):
                violation += slack(means).clamp_min(0.0)
            values = objective(means.unsqueeze(0)).squeeze(0)
        return cls(snapshot, outcomes, objective, unit, X, values, violation)

    @property
    def best_f(self) -> float:
        """The largest expected value of what is feasible; the least, if nothing is."""
        if self.values.ndim > 1:
            return math.nan
        feasible = self.values[self.violation == 0]
        best = feasible.max() if len(feasible) else self.values.min()
        return float(best)

    @property
    def incumbents(self) -> Array:
        """The best points: of several objectives the front, else a few; ``(k, d)``."""
        X, violation = self.X.cpu().numpy(), self.violation.cpu().numpy()
        values = self.values.cpu().numpy()
        if values.ndim == 1:
            return X[np.lexsort((-values, violation))[:_N_INCUMBENTS]]
        least = violation <= violation.min()
        front: Array = X[least][is_nondominated(values[least])]
        return front

    def context(
        self, outcomes: NamedOutcomes, X_pending: Tensor, seed: int
    ) -> AcquisitionContext:
        """Return what a function that makes an acquisition is told.

        Args:
            outcomes: The models that the acquisition asks.
            X_pending: Points whose outcomes are not known, shape ``(p, d)``.
            seed: Where all that is random comes from.
        """
        space, device = self.snapshot.space, self.X.device
        return AcquisitionContext(
            model=outcomes.model,
            objective=self.objective,
            unit=self.unit,
            parameters=parameters_of(self.snapshot),
            bounds=unit_cube(space.d, device),
            X_baseline=self.X,
            best_f=self.best_f,
            ref_point=self._ref_point,
            seed=seed,
            device=device,
            points=spread_points(space, seed, device),
            pending=X_pending,
            slacks=_slacks(outcomes),
        )

    @property
    def _ref_point(self) -> Tensor:
        if self.values.ndim == 1:
            return self.values[:0]
        values = self.values[self.violation <= self.violation.min()].cpu().numpy()
        thresholds = [
            None if value is None else value / one.unit
            for value, one in zip(
                self.snapshot.goals.threshold_values,
                self.outcomes.objectives,
                strict=True,
            )
        ]
        front = values[is_nondominated(values)]
        return torch.from_numpy(infer_reference_point(front, thresholds)).to(self.X)


def spread_points(
    space: SearchSpace, seed: int, device: torch.device
) -> Callable[[int], Tensor]:
    """Return what draws valid points all over the space, the same ones each time."""

    def points(n: int) -> Tensor:
        rng = np.random.default_rng(seed)
        if space.n_points is not None and space.n_points <= n:
            X = space.all_points
        elif space.is_constrained:
            X = space.snap(feasible_region(space).sample(n, rng))
        else:
            # Whole powers of two are balanced.
            sequence = qmc.Sobol(space.d, seed=rng)
            X = space.snap(sequence.random_base2(math.ceil(math.log2(n)))[:n])
        return torch.from_numpy(X[space.is_feasible(X)]).to(device)

    return points


def _objective(
    snapshot: Snapshot, outcomes: NamedOutcomes
) -> tuple[MCAcquisitionObjective, float]:
    """Return what is maximised of samples, and its standard deviation."""
    if not snapshot.goals.is_single:
        units = [one.unit for one in outcomes.objectives]
        weights = 1 / torch.tensor(units, dtype=torch.double)
        first = next(outcomes.model.parameters(), weights)
        of = list(range(len(units)))
        return WeightedMCMultiOutputObjective(weights.to(first.device), of), 1.0
    if snapshot.objective.distances:
        values = TrainingData.of_sum(snapshot, snapshot.objective).y
        unit = float(np.subtract(*np.quantile(values, [0.75, 0.25]))) or 1.0
        return distances_objective(snapshot.objective), unit
    [one] = outcomes.objectives
    return GenericMCObjective(_first_output), one.unit


def _first_output(samples: Tensor, X: Tensor | None = None) -> Tensor:
    return samples[..., 0]


def _slacks(outcomes: NamedOutcomes) -> list[Constraint]:
    """Return the constraints, each in units of its outcomes' standard deviation."""

    def slack(column: int, one: NamedOutcome) -> Constraint:
        def violation(samples: Tensor) -> Tensor:
            return -samples[..., column] / one.unit

        return violation

    first = len(outcomes.objectives)
    return [slack(first + k, one) for k, one in enumerate(outcomes.constraints)]
