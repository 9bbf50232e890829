"""What the model expects of parameterizations."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from hpcopt.core.errors import GenerationError
from hpcopt.core.types import TParameterization
from hpcopt.generation.protocol import Snapshot
from hpcopt.generation.strategy import MIN_COMPLETED
from hpcopt.generation.surrogate import Surrogate, TrainingData


def predict(
    snapshot: Snapshot, points: Sequence[TParameterization]
) -> list[tuple[float, float]]:
    """Return mean and variance of the objective's value at each of ``points``.

    The value is the objective's own, larger being better; the variance is that of the
    noiseless value.

    Raises:
        GenerationError: There is too little to learn from, or no model could be fitted.
    """
    data = TrainingData.of(snapshot)
    if len(data) < MIN_COMPLETED:
        raise GenerationError(
            f"expected at least {MIN_COMPLETED} completed trials to predict from, "
            f"found {len(data)}"
        )
    try:
        surrogate = Surrogate.fit(data)
    except np.linalg.LinAlgError as exc:
        raise GenerationError(
            f"no model could be fitted to {len(data)} completed trials: {exc}"
        ) from exc
    mean, variance = surrogate.predict(snapshot.space.encode(points))
    return list(zip(mean.tolist(), variance.tolist(), strict=True))
