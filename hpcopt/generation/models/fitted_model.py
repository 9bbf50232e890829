"""The models of an experiment as BoTorch has them, for analyses and for people."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from botorch.acquisition.objective import GenericMCObjective
from botorch.models.model import ModelList

from hpcopt.core.goals.objective import Objective
from hpcopt.core.space.search_space import SearchSpace
from hpcopt.core.types import TParameterization
from hpcopt.generation.models.outcome_models import (
    MultiObjectiveModels,
    SingleObjectiveModels,
)
from hpcopt.generation.models.surrogate import Surrogate
from hpcopt.generation.snapshot import Snapshot


@dataclass(frozen=True)
class FittedModel:
    """A model of each outcome, over the unit cube that stands for the parameters."""

    model: ModelList
    """One model for each of ``outcomes``, in the same order, a ``SingleTaskGP`` unless
    another was asked for by name: objectives first, so that larger is better; then
    constraints, by how much they are satisfied (less than 0 is not); then success, if
    any trial has failed: from 1 to -1, or by the distance from where trials end the
    other way."""
    outcomes: tuple[str, ...]
    """What each of them models, as it was written."""
    X: tuple[torch.Tensor, ...]
    """The points that each of them knows, shape ``(n, d)``."""
    Y: tuple[torch.Tensor, ...]
    """The outcomes there, in their own units, shape ``(n, 1)``."""
    variance: tuple[torch.Tensor | None, ...]
    """The variance of their noise; ``None`` where it is inferred."""
    objective: GenericMCObjective | None
    """Of the outcomes' samples, where an objective has targets: what is maximised."""
    space: SearchSpace
    """The parameters."""

    @classmethod
    def of(
        cls,
        snapshot: Snapshot,
        *,
        has_long_constraints: bool = False,
        has_success_by_distance: bool = False,
    ) -> FittedModel:
        """Return the models of the snapshot's goals, fitted to all that is known.

        Args:
            snapshot: What is known.
            has_long_constraints: Whether the constraints' have long lengthscales.
            has_success_by_distance: Whether success, beside a single objective, is a
                signed distance from where trials fail.

        Raises:
            LinAlgError: No covariance matrix could be factorised.
        """
        models: SingleObjectiveModels | MultiObjectiveModels
        objective = None
        if snapshot.goals.is_single:
            models = SingleObjectiveModels.of(
                snapshot, Surrogate.fit, has_long_constraints=has_long_constraints
            )
            if has_success_by_distance:
                models = models.with_success_by_distance(snapshot)
            if snapshot.objective.distances:
                objective = distances_objective(snapshot.objective)
        else:
            models = MultiObjectiveModels.of(snapshot, Surrogate.fit)
        data = [surrogate.data for surrogate in models.surrogates]
        return cls(
            model=models.model,
            outcomes=tuple(one.name for one in data),
            X=tuple(torch.from_numpy(one.X) for one in data),
            Y=tuple(torch.from_numpy(one.y).unsqueeze(-1) for one in data),
            variance=tuple(
                None
                if one.variance is None
                else torch.from_numpy(one.variance).unsqueeze(-1)
                for one in data
            ),
            objective=objective,
            space=snapshot.space,
        )

    def encode(self, points: Sequence[TParameterization]) -> torch.Tensor:
        """Return where parameterizations are in the unit cube, shape ``(n, d)``."""
        return torch.from_numpy(self.space.encode(points))

    def decode(self, X: torch.Tensor) -> Sequence[TParameterization]:
        """Return the parameterizations nearest to points of the cube, ``(n, d)``."""
        return self.space.decode(self.space.snap(X.detach().numpy()))


def distances_objective(objective: Objective) -> GenericMCObjective:
    """Return what samples of the sum of metrics and of those with targets amount to."""
    n_linear = 1 if objective.weights else 0
    n_terms = len(objective.distances)

    def value(samples: torch.Tensor, X: torch.Tensor | None = None) -> torch.Tensor:
        total = samples[..., :n_linear].sum(dim=-1)
        terms = samples[..., n_linear : n_linear + n_terms].unbind(dim=-1)
        for term, distance in zip(terms, objective.distances, strict=True):
            apart = (term - distance.target).abs() ** distance.power
            total = total - distance.weight * apart
        return total

    return GenericMCObjective(value)
