"""The best trials of an experiment, and the model's predictions.

Loads the models when it is called.
"""

from __future__ import annotations

from collections.abc import Sequence

from hpcopt.api.outcomes import observed_outcome
from hpcopt.core.errors import GenerationError, UsageError
from hpcopt.core.experiment import Experiment
from hpcopt.core.goals.objective import Objective
from hpcopt.core.trials.trial import Trial
from hpcopt.core.types import TOutcome, TParameterization
from hpcopt.generation.design.initial import MIN_COMPLETED
from hpcopt.generation.snapshot import Snapshot
from hpcopt.generation.spec import spec_of

#: Parameters, outcome, trial index and arm name.
Best = tuple[TParameterization, TOutcome, int, str]


def best_parameterization(
    experiment: Experiment, *, use_model: bool, modules: str | None = None
) -> Best:
    """Return the best of the trials whose observations are feasible.

    Args:
        experiment: What was tried.
        use_model: Whether the best is the trial whose predicted objective is best; if
            not, or with too few completed trials for a model, it is the one whose
            observed objective is.
        modules: The folder where a user's own modules are looked for first.

    Raises:
        UsageError: No trial is completed, or none is feasible, or there are several
            objectives.
        GenerationError: No model could be fitted.
        ConfigError: The function that makes a model of the user's cannot be found.
    """
    if not experiment.goals.is_single:
        raise UsageError(
            "get_best_parameterization: expected one objective, found "
            f"{experiment.goals.expression!r}; get_pareto_frontier tells the best "
            "trade-offs"
        )
    trials = experiment.best_trials()
    if not trials:
        raise _without_best(experiment)
    if not use_model or not can_predict(experiment):
        return _tuple(trials[0], observed_outcome(trials[0]))
    [values] = _predicted_values(experiment, trials, [experiment.objective], modules)
    _, best = max(zip(values, trials, strict=True), key=lambda pair: pair[0])
    return _tuple(best, *_predicted_outcomes(experiment, [best], modules))


def pareto_frontier(
    experiment: Experiment, *, use_model: bool, modules: str | None = None
) -> list[Best]:
    """Return the trials that no other one is better than in every objective.

    Only trials that were observed to be feasible and to reach the thresholds count.

    Args:
        experiment: What was tried.
        use_model: Whether predicted objectives are compared, rather than observed
            ones.
        modules: The folder where a user's own modules are looked for first.

    Raises:
        UsageError: There is one objective only, or no trial is completed.
        GenerationError: No model could be fitted.
        ConfigError: The function that makes a model of the user's cannot be found.
    """
    from hpcopt.core.goals.pareto import is_nondominated

    if experiment.goals.is_single:
        raise UsageError(
            "get_pareto_frontier: expected several objectives, found "
            f"{experiment.goals.expression!r}; get_best_parameterization tells the best"
        )
    if not experiment.completed_trials():
        raise _without_best(experiment)
    if not use_model or not can_predict(experiment):
        front = experiment.pareto_trials()
        return [_tuple(trial, observed_outcome(trial)) for trial in front]
    trials = experiment.trials_of_interest()
    if not trials:
        return []
    objectives = experiment.goals.objectives
    values = _predicted_values(experiment, trials, objectives, modules)
    is_front = is_nondominated(list(zip(*values, strict=True)))
    front = [trial for trial, is_in in zip(trials, is_front, strict=True) if is_in]
    outcomes = _predicted_outcomes(experiment, front, modules)
    return [_tuple(t, outcome) for t, outcome in zip(front, outcomes, strict=True)]


def can_predict(experiment: Experiment) -> bool:
    """Whether enough trials are completed for a model."""
    return len(experiment.completed_trials()) >= MIN_COMPLETED


def predictions(
    experiment: Experiment,
    points: Sequence[TParameterization],
    modules: str | None = None,
) -> list[dict[str, tuple[float, float]]]:
    """Return the predictive mean and standard error of each metric at each point.

    They are those of the model that the next suggestion asks.

    Args:
        experiment: What was tried.
        points: Parameterizations of its space.
        modules: The folder where a user's own modules are looked for first.

    Raises:
        UsageError: A point is not in the search space.
        GenerationError: There is too little to learn from, or no model could be fitted.
        ConfigError: The function that makes a model of the user's cannot be found.
    """
    from hpcopt.generation.predict import predict_metrics

    for point in points:
        experiment.space.check(point)
    spec = spec_of(experiment.settings, modules)
    return predict_metrics(Snapshot.of(experiment), points, spec.threads, spec)


def _predicted_values(
    experiment: Experiment,
    trials: Sequence[Trial],
    objectives: Sequence[Objective],
    modules: str | None,
) -> list[list[float]]:
    """Return each objective's expected values, one for each trial."""
    from hpcopt.generation.predict import predict

    snapshot = Snapshot.of(experiment)
    points = [trial.parameters for trial in trials]
    spec = spec_of(experiment.settings, modules)
    try:
        return [
            [m for m, _ in predict(snapshot, points, objective, spec.threads, spec)]
            for objective in objectives
        ]
    except GenerationError as exc:
        raise _without_model(exc) from exc


def _predicted_outcomes(
    experiment: Experiment, trials: Sequence[Trial], modules: str | None
) -> list[TOutcome]:
    from hpcopt.generation.predict import predict_metrics

    points = [trial.parameters for trial in trials]
    spec = spec_of(experiment.settings, modules)
    snapshot = Snapshot.of(experiment)
    try:
        found = predict_metrics(snapshot, points, spec.threads, spec)
    except GenerationError as exc:
        raise _without_model(exc) from exc
    return [dict(outcome) for outcome in found]


def _without_model(exc: GenerationError) -> GenerationError:
    return GenerationError(
        f"{exc}; use_model_predictions=False gives what was observed to be best"
    )


def _tuple(trial: Trial, outcome: TOutcome) -> Best:
    return dict(trial.parameters), outcome, trial.index, trial.arm_name


def _without_best(experiment: Experiment) -> UsageError:
    completed = experiment.completed_trials()
    if experiment.goals.constraints and completed:
        return UsageError(
            f"expected a feasible trial in experiment {experiment.name!r}, found none "
            f"among its {len(completed)} completed trials"
        )
    return UsageError(
        "expected a completed trial with a value of each objective in experiment "
        f"{experiment.name!r}, found none among its {experiment.n_trials} trials"
    )
