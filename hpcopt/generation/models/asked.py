"""What cards and people ask of a model, ours or one that was asked for by name."""

from __future__ import annotations

from typing import Protocol

import numpy as np
import numpy.typing as npt

from hpcopt.generation.models.metric_model import HeldOut

Array = npt.NDArray[np.float64]


class AskedObjective(Protocol):
    """A model of a sum of metrics, larger being better."""

    def predict(self, X: Array) -> tuple[Array, Array]:
        """Return mean and variance at points of the cube, noise left out.

        The points have the shape ``(b, d)``, the results ``(b,)``.
        """


class AskedConstraint(Protocol):
    """A model of a constraint's slack: what must not be below 0."""

    def probability(self, X: Array) -> Array:
        """Return how likely it holds at points of the cube, noise left out."""


class AskedMetric(Protocol):
    """A model of one metric, in the metric's own units."""

    @property
    def trials(self) -> tuple[int, ...]:
        """The indices of the trials whose outcomes it knows, in its order."""

    def predict(self, X: Array) -> tuple[Array, Array]:
        """Return mean and standard error at points of the cube, noise left out."""

    def average(self, X: Array, seed: int = 0) -> tuple[float, float]:
        """Return the mean over points of the cube, and its standard error."""

    def held_out(self, n_folds: int = -1, *, in_units: bool = True) -> HeldOut:
        """Return what it says of each outcome without that outcome's fold."""
