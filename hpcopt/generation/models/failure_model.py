"""The failure model: a hidden constraint, learnt from where trials failed. Pure numpy.

Success is one more constraint: a Gaussian process of +1 where a trial gave a result and
-1 where it failed on its own account, of which only what is above 0 is feasible. Few
failures leave its mean high, so that they are held against their neighbourhood alone;
many raise its doubts of what is far from any success. Elsewhere such constraints are
called unknown, hidden or crash constraints.

A success and a failure close to each other, on both sides of a wall, leave such a
process a lengthscale no longer than what is between them, and then it knows nothing of
what is behind the wall. Signed distances from the wall are as smooth there as
elsewhere.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import numpy.typing as npt

from hpcopt.generation.models.gaussian_process import squared_distances
from hpcopt.generation.models.priors import Priors
from hpcopt.generation.models.training_data import TrainingData
from hpcopt.generation.snapshot import Snapshot

Array = npt.NDArray[np.float64]

#: As many failures at most, the latest, and as many successes, those nearest to them.
_MAX_OF_EACH = 150

#: No trial is taken to be closer to the wall than this.
_LEAST_DISTANCE = 1e-6

#: The smallest lengthscale. A single failure among successes fits any shorter one just
#: as well, and with some its nearest neighbour would be thought safe.
_SHORTEST = 0.05


def success_data(snapshot: Snapshot, *, by_distance: bool = False) -> TrainingData:
    """Return where trials gave a result, +1, and where not, -1, as a slack.

    Args:
        snapshot: Where the trials are from: some must have failed, and some not.
        by_distance: Whether each is told with its distance in the unit cube from the
            nearest trial that ended the other way, in place of 1.
    """
    X_failed = snapshot.space.encode(snapshot.failed[-_MAX_OF_EACH:])
    X = snapshot.space.encode(trial.parameters for trial in snapshot.completed)
    if len(X) > _MAX_OF_EACH:
        nearest = squared_distances(X, X_failed).min(axis=1)
        X = X[np.sort(np.argsort(nearest, kind="stable")[:_MAX_OF_EACH])]
    y = np.concatenate([np.ones(len(X)), -np.ones(len(X_failed))])
    if by_distance:
        squares = squared_distances(X, X_failed)
        nearest = np.concatenate([squares.min(axis=1), squares.min(axis=0)])
        y *= np.maximum(np.sqrt(nearest), _LEAST_DISTANCE)
    priors = Priors.short_lengthscales(snapshot.space.is_one_hot)
    return TrainingData(
        X=np.concatenate([X, X_failed]),
        y=y,
        variance=None,
        priors=replace(priors, shortest=_SHORTEST),
        is_slack=True,
        name="success",
    )
