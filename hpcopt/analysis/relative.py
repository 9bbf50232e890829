"""Effects relative to the baseline."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from hpcopt.analysis.experiment import ExperimentView
from hpcopt.analysis.models import models_of
from hpcopt.core.errors import UsageError

Array = npt.NDArray[np.float64]


def relative_to_baseline(
    experiment: ExperimentView, metric_name: str, mean: Array, sem: Array
) -> tuple[Array, Array]:
    """Return predictions as differences from the baseline's, as shares of that.

    The standard errors are to first order (the delta method), all predictions taken to
    be independent.

    Args:
        experiment: Whose baseline.
        metric_name: What is predicted.
        mean: The predicted means, shape ``(n,)``.
        sem: Their standard errors, shape ``(n,)``.

    Raises:
        UsageError: There is no baseline, or 0 is expected of it.
    """
    baseline = experiment.core.baseline
    if baseline is None:
        raise UsageError("relativize: expected a baseline, found none")
    of_baseline = models_of(experiment).predict(metric_name, [baseline.parameters])
    (base,), (base_sem,) = of_baseline
    if base == 0:
        raise UsageError(
            f"relativize: expected a baseline whose {metric_name} is not 0, found 0"
        )
    spread: Array = np.hypot(sem, mean / base * base_sem) / abs(base)
    return (mean - base) / abs(base), spread
