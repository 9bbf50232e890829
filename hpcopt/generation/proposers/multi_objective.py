"""Proposals for several objectives, which may have constraints on other outcomes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt

from hpcopt.core.goals.pareto import infer_reference_point
from hpcopt.core.types import JSONValue, TParameterization
from hpcopt.generation.acquisition.botorch import AnalyticAcquisition
from hpcopt.generation.acquisition.log_ehvi import (
    LogNoisyExpectedHypervolumeImprovement,
    posterior_mean_front,
)
from hpcopt.generation.acquisition.log_ehvi_rays import (
    LogNoisyHypervolumeImprovementByRays,
)
from hpcopt.generation.design.initial import UsedPoints
from hpcopt.generation.models.outcome_models import (
    MultiObjectiveModels,
    possibly_best,
)
from hpcopt.generation.models.surrogate import Surrogate
from hpcopt.generation.optim.optimize import SearchBox, optimize_acquisition
from hpcopt.generation.proposers.schedule import (
    constraint_optimism,
    has_learned_nothing,
)
from hpcopt.generation.snapshot import Snapshot

Array = npt.NDArray[np.float64]

#: There is a hill between each two neighbours of a front, and more than on the way to
#: one best point.
_N_STARTS = 6

#: Of more objectives than these the hypervolume is measured along rays.
_MAX_M_OF_BOXES = 3


class MultiObjectiveProposer:
    """Proposes what adds most to the hypervolume below the Pareto front."""

    def __init__(self, snapshot: Snapshot, *, is_fitted: bool) -> None:
        self._snapshot = snapshot
        self._models = models = MultiObjectiveModels.of(
            snapshot, Surrogate.fit if is_fitted else Surrogate.unfitted
        )
        self._has_learned_nothing = is_fitted and has_learned_nothing(
            models, snapshot.space
        )
        self._objectives = [model.process for model in models.objectives]
        slacks = [model.process for model in models.constraints]
        # Each point once of which any outcome is known.
        X = np.unique(
            np.concatenate([process.X for process in [*self._objectives, *slacks]]),
            axis=0,
        )
        is_inside = snapshot.space.is_inside(X)
        self._X_observed = X[is_inside] if is_inside.any() else X
        self._X_front, front = posterior_mean_front(
            self._X_observed, self._objectives, slacks
        )
        thresholds = [
            None if value is None else model.scaled(value)
            for model, value in zip(
                models.objectives, snapshot.goals.threshold_values, strict=True
            )
        ]
        self._reference = infer_reference_point(front, thresholds)

    @property
    def details(self) -> Mapping[str, JSONValue]:
        """The models' hyperparameters."""
        return self._models.details

    def propose(
        self, index: int, proposed: Sequence[TParameterization], used: UsedPoints
    ) -> TParameterization | None:
        """Return the next parameterization; ``None`` for one that fills the space."""
        if self._has_learned_nothing:
            return None
        space = self._snapshot.space
        rng = np.random.default_rng([self._snapshot.seed, index])
        acquisition = self._acquisition(
            space.encode(self._snapshot.waiting(proposed)),
            int(rng.integers(2**31)),
            constraint_optimism(index, space.d),
        )
        return optimize_acquisition(
            acquisition,
            space,
            self._X_front,
            used,
            rng,
            SearchBox.whole(space.d),
            n_starts=_N_STARTS,
        )

    def _acquisition(
        self, X_waiting: Array, seed: int, optimism: float
    ) -> AnalyticAcquisition:
        """Return the acquisition of what the models say of the observed points.

        Args:
            X_waiting: Points whose outcomes are not known, shape ``(p, d)``.
            seed: Where the samples come from.
            optimism: How many standard deviations the constraints on outcomes are
                taken to be above their means. Nobody is optimistic about failures.

        Raises:
            LinAlgError: A covariance matrix could not be factorised.
        """
        constraints = self._models.constraint_processes
        of_slacks = [optimism] * len(self._models.constraints)
        of_success = [0.0] * (len(constraints) - len(of_slacks))
        X = self._X_observed
        is_by_boxes = len(self._objectives) <= _MAX_M_OF_BOXES
        improvement = (
            LogNoisyExpectedHypervolumeImprovement
            if is_by_boxes
            else LogNoisyHypervolumeImprovementByRays
        )
        return improvement(
            self._objectives,
            constraints,
            self._reference,
            X[possibly_best(X, self._objectives, constraints)],
            X_waiting,
            seed=seed,
            optimism=of_slacks + of_success,
            model=self._models.model,
        )
