"""The best parameterization of an experiment. Loads torch to ask the model."""

from __future__ import annotations

import math
from collections.abc import Sequence

from hpcopt.api.outcomes import observed_outcome
from hpcopt.core.errors import GenerationError, UsageError
from hpcopt.core.experiment import Experiment
from hpcopt.core.trial import Trial
from hpcopt.core.types import TOutcome, TParameterization
from hpcopt.generation.protocol import Snapshot
from hpcopt.generation.strategy import MIN_COMPLETED

#: Parameters, outcome, trial index and arm name.
Best = tuple[TParameterization, TOutcome, int, str]


def best_parameterization(experiment: Experiment, *, use_model: bool) -> Best:
    """Return the best completed trial.

    Args:
        experiment: What was tried.
        use_model: Whether the best is the trial whose predicted objective is best; if
            not, or with too few completed trials for a model, it is the one whose
            observed objective is.

    Raises:
        UsageError: No trial is completed.
        GenerationError: No model could be fitted.
    """
    best = experiment.best_trial()
    if best is None:
        raise _without_best(experiment)
    outcome: TOutcome = observed_outcome(best)
    trials = experiment.best_trials()
    if use_model and len(trials) >= MIN_COMPLETED:
        best, outcome = _predicted(experiment, trials)
    return dict(best.parameters), outcome, best.index, best.arm_name


def _predicted(
    experiment: Experiment, trials: Sequence[Trial]
) -> tuple[Trial, TOutcome]:
    from hpcopt.generation.predict import predict

    try:
        predictions = predict(
            Snapshot.of(experiment), [trial.parameters for trial in trials]
        )
    except GenerationError as exc:
        raise GenerationError(
            f"{exc}; use_model_predictions=False gives the best observed trial"
        ) from exc
    trial, (mean, variance) = max(
        zip(trials, predictions, strict=True), key=lambda pair: pair[1][0]
    )
    weights = experiment.objective.weights
    if len(weights) > 1:  # the model knows their sum alone
        return trial, observed_outcome(trial)
    [(name, weight)] = weights.items()
    return trial, {name: (mean / weight, math.sqrt(variance) / abs(weight))}


def _without_best(experiment: Experiment) -> UsageError:
    completed = experiment.completed_trials()
    if experiment.goals.constraints and completed:
        return UsageError(
            f"expected a feasible trial in experiment {experiment.name!r}, found none "
            f"among its {len(completed)} completed trials"
        )
    return UsageError(
        f"expected a completed trial in experiment {experiment.name!r}, found none "
        f"among its {experiment.n_trials} trials"
    )
