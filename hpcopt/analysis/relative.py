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
    (base,), (base_sem,) = models_of(experiment).predict(
        metric_name, [baseline.parameters]
    )
    return relative_effects(metric_name, (mean, sem), (float(base), float(base_sem)))


def relative_effects(
    metric_name: str, effects: tuple[Array, Array], baseline: tuple[float, float]
) -> tuple[Array, Array]:
    """Return means as differences from the baseline's, as shares of its magnitude.

    The standard errors are to first order (the delta method), all taken to be
    independent; one of the baseline that is not known counts as 0.

    Args:
        metric_name: What it is of.
        effects: Means and standard errors, shape ``(n,)`` each.
        baseline: The baseline's mean and standard error.

    Raises:
        UsageError: The baseline's mean is 0.
    """
    (mean, sem), (base, base_sem) = effects, baseline
    if base == 0:
        raise UsageError(
            f"relativize: expected a baseline whose {metric_name} is not 0, found 0"
        )
    spread: Array = np.hypot(sem, mean / base * np.nan_to_num(base_sem)) / abs(base)
    return (mean - base) / abs(base), spread
