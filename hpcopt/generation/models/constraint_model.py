"""How likely an outcome constraint holds."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.special import ndtr

from hpcopt.core.goals.outcome_constraint import OutcomeConstraint
from hpcopt.generation.models.surrogate import Surrogate
from hpcopt.generation.models.training_data import TrainingData
from hpcopt.generation.snapshot import Snapshot

Array = npt.NDArray[np.float64]


@dataclass(frozen=True)
class ConstraintModel:
    """A fitted model of a constraint's slack: what must not be below 0.

    Suggestions alternate between long and short lengthscales of constraints; this is
    the model of these two that predicts the slacks better, so that it does not change
    from one trial to the next.
    """

    surrogate: Surrogate

    @classmethod
    def fit(cls, snapshot: Snapshot, constraint: OutcomeConstraint) -> ConstraintModel:
        """Return the model of an absolute constraint.

        Raises:
            LinAlgError: No covariance matrix could be factorised.
        """
        data = TrainingData.of_sum(snapshot, constraint, bound=constraint.bound)
        return cls(Surrogate.fit(data.with_long_alternative()))

    def probability(self, X: Array) -> Array:
        """Return the probability that the noiseless slack is not below 0.

        The points of the unit cube have the shape ``(b, d)``, the result ``(b,)``. It
        is exact: the slack is an increasing function, 0 at 0, of what is Gaussian.
        """
        mean, variance = self.surrogate.process.moments(X)
        probability: Array = ndtr(mean / np.sqrt(variance))
        return probability
