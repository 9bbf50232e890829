"""Proposals of the models of several objectives."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from hpcopt.core.types import JSONValue, TParameterization
from hpcopt.generation.acquisition.log_ehvi import (
    LogNoisyHypervolumeImprovement,
    front_of_means,
    observed_points,
    reference_point,
)
from hpcopt.generation.design.initial import UsedPoints
from hpcopt.generation.models.failure_model import success_data
from hpcopt.generation.models.priors import Priors
from hpcopt.generation.models.surrogate import Surrogate, TrainingData
from hpcopt.generation.optim.optimize import best_unused
from hpcopt.generation.proposers.schedule import Region, optimism
from hpcopt.generation.snapshot import Snapshot

Array = npt.NDArray[np.float64]

#: There is a hill between each two neighbours of a front, and more than on the way to
#: one best point.
_N_STARTS = 6


@dataclass(frozen=True)
class FrontModels:
    """What is known of each objective and of each constraint."""

    objectives: tuple[Surrogate, ...]
    constraints: tuple[Surrogate, ...]
    success: Surrogate | None
    """Where trials give a result at all; ``None`` while none has failed."""
    reference: Array
    """Above which scaled values volume counts, shape ``(m,)``."""
    X_observed: Array
    """Points that the space still has and of which something is known, ``(n, d)``."""
    front: Array
    """Where the expected outcomes are the Pareto front, shape ``(n, d)``."""

    @classmethod
    def of(
        cls, snapshot: Snapshot, surrogate: Callable[[TrainingData], Surrogate]
    ) -> FrontModels:
        """Return a ``surrogate`` of each.

        Raises:
            LinAlgError: No covariance matrix could be factorised.
        """
        objectives, constraints = (
            tuple(surrogate(_of_any_scale(data)) for data in outcomes)
            for outcomes in (
                TrainingData.of_objectives(snapshot),
                TrainingData.of_constraints(snapshot),
            )
        )
        thresholds = [
            None if value is None else objective.scaled(value)
            for objective, value in zip(
                objectives, snapshot.goals.threshold_values, strict=True
            )
        ]
        processes = [model.process for model in objectives]
        slacks = [model.process for model in constraints]
        X_observed = observed_points([*processes, *slacks])
        is_inside = snapshot.space.is_inside(X_observed)
        if is_inside.any():
            X_observed = X_observed[is_inside]
        X, Y = front_of_means(X_observed, processes, slacks)
        data = success_data(snapshot)
        success = None if data is None else surrogate(data)
        reference = reference_point(Y, thresholds)
        return cls(objectives, constraints, success, reference, X_observed, X)

    @property
    def details(self) -> Mapping[str, JSONValue]:
        """The models' hyperparameters."""
        details: dict[str, JSONValue] = {
            "objectives": [model.details for model in self.objectives],
            "constraints": [model.details for model in self.constraints],
        }
        if self.success is not None:
            details["success"] = self.success.details
        return details

    def acquisition(
        self, X_pending: Array, seed: int, *, optimism: float = 0.0
    ) -> LogNoisyHypervolumeImprovement:
        """Return what a point promises.

        Args:
            X_pending: Points whose outcomes will come, shape ``(p, d)``.
            seed: Where all randomness comes from.
            optimism: How many standard deviations the constraints on outcomes are
                taken to be above their means. Nobody is optimistic about failures.

        Raises:
            LinAlgError: A covariance matrix could not be factorised.
        """
        constraints = [model.process for model in self.constraints]
        by_how_much = [optimism] * len(constraints)
        if self.success is not None:
            constraints.append(self.success.process)
            by_how_much.append(0.0)
        return LogNoisyHypervolumeImprovement(
            [model.process for model in self.objectives],
            constraints,
            self.reference,
            self.X_observed,
            X_pending,
            seed=seed,
            optimism=by_how_much,
        )


class MultiObjectiveProposer:
    """Proposes what adds most to the volume below the Pareto front."""

    def __init__(self, snapshot: Snapshot, *, is_fitted: bool) -> None:
        self._snapshot = snapshot
        self._models = FrontModels.of(
            snapshot, Surrogate.fit if is_fitted else Surrogate.unfitted
        )

    @property
    def details(self) -> Mapping[str, JSONValue]:
        """The models' hyperparameters."""
        return self._models.details

    def propose(
        self, index: int, proposed: Sequence[TParameterization], used: UsedPoints
    ) -> TParameterization | None:
        """Return the next parameterization; ``None`` if nothing is left."""
        space = self._snapshot.space
        rng = np.random.default_rng([self._snapshot.seed, index])
        acquisition = self._models.acquisition(
            space.encode(self._snapshot.waiting(proposed)),
            int(rng.integers(2**31)),
            optimism=optimism(index, space.d),
        )
        region = Region.whole(space.d)
        return best_unused(
            acquisition,
            space,
            self._models.front,
            used,
            rng,
            region,
            n_starts=_N_STARTS,
        )


def _of_any_scale(data: TrainingData) -> TrainingData:
    """Return the data, of an outcome that may as well be a trend across the space."""
    return replace(data, other_priors=(Priors.of_long_scales(data.X.shape[1]),))
