"""Whether outcome constraints can be judged, and which arms satisfy each of them."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pandas as pd

from hpcopt.analysis.applicable import why_without_data
from hpcopt.analysis.arms import ArmSelection, observed_probability
from hpcopt.analysis.experiment import ExperimentView
from hpcopt.analysis.models import models_of

Array = npt.NDArray[np.float64]


def why_not_judged(
    experiment: ExperimentView | None, arms: ArmSelection | None = None
) -> str | None:
    """Return why nothing can be said of the constraints; ``None`` if it can.

    Args:
        experiment: What is known.
        arms: Which arms are shown; the models are asked of any by default.
    """
    if experiment is None:
        return why_without_data(None)
    if not experiment.core.goals.constraints:
        return "The experiment has no outcome constraints."
    why = why_without_data(experiment, constraint_metrics(experiment))
    if why is not None:
        return why
    if arms is None or arms.use_model_predictions:
        why = models_of(experiment).why_not_feasible()
    return why or (None if arms is None else arms.why_not_yet(experiment))


def constraint_metrics(experiment: ExperimentView) -> tuple[str, ...]:
    """Return the metrics of the outcome constraints."""
    constraints = experiment.core.goals.constraints
    return tuple(dict.fromkeys(n for one in constraints for n in one.metric_names))


def arm_probabilities(
    experiment: ExperimentView, arms: ArmSelection, table: pd.DataFrame
) -> Array:
    """Return how likely each arm satisfies each outcome constraint.

    Args:
        experiment: What is known.
        arms: Which arms.
        table: Their ``arm_table``, ``n`` rows.

    Returns:
        Shape ``(n, n_constraints)``; NaN where it is not known.
    """
    if arms.use_model_predictions:
        known = {arm.name: arm for arm in arms.additional_arms}
        known |= experiment.arms_by_name
        points = [known[name].parameters for name in table["arm_name"]]
        return models_of(experiment).probabilities(points)
    constraints = experiment.core.absolute_goals.constraints
    trials = [experiment.trials[index].core for index in table["trial_index"]]
    return np.array(
        [[observed_probability(one, trial) for one in constraints] for trial in trials]
    )
