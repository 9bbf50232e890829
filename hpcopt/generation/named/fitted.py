"""The models of a step that names its own, as an analysis or a person gets them."""

from __future__ import annotations

import torch

from hpcopt.generation.models.fitted_model import FittedModel, distances_objective
from hpcopt.generation.named.device import CPU
from hpcopt.generation.named.functions import numerics
from hpcopt.generation.named.outcomes import (
    list_of,
    named_outcomes,
    with_fitted_success,
)
from hpcopt.generation.named.proposer import Named, seeded
from hpcopt.generation.snapshot import Snapshot


def named_fitted_model(
    snapshot: Snapshot, step: Named, folder: str | None
) -> FittedModel:
    """Return the models that the next suggestion of a step asks, on the CPU.

    Args:
        snapshot: What is known.
        step: What was asked for.
        folder: Where a user's own module is looked for first.

    Raises:
        LinAlgError: A model could not be fitted.
        GenerationError: A user's function raised, or returned no model.
        ConfigError: There is no such function.
    """
    with seeded(snapshot.seed, CPU), numerics():
        outcomes = named_outcomes(snapshot, step.model, step.model_options, folder, CPU)
    those = [*outcomes.objectives, *outcomes.constraints]
    models, data = [one.model for one in those], [one.data for one in those]
    success = with_fitted_success(snapshot).success
    if success is not None:
        models.append(success.model)
        data.append(success.data)
    has_targets = snapshot.goals.is_single and snapshot.objective.distances
    return FittedModel(
        model=list_of(models),
        outcomes=tuple(one.name for one in data),
        X=tuple(torch.from_numpy(one.X) for one in data),
        Y=tuple(torch.from_numpy(one.y).unsqueeze(-1) for one in data),
        variance=tuple(
            None
            if one.variance is None
            else torch.from_numpy(one.variance).unsqueeze(-1)
            for one in data
        ),
        objective=distances_objective(snapshot.objective) if has_targets else None,
        space=snapshot.space,
    )
