"""What analyses may be waiting for, in a sentence each."""

from __future__ import annotations

from collections.abc import Iterable

from hpcopt.analysis.experiment import ExperimentView
from hpcopt.core.trials.trial import TrialStatus
from hpcopt.generation.design.initial import MIN_COMPLETED


def why_without_trials(experiment: ExperimentView | None) -> str | None:
    """Return why there is nothing to show of trials; ``None`` if there are any."""
    if experiment is None:
        return "It is computed of an experiment, and none was given."
    if not experiment.trials:
        return "There is no trial yet."
    return None


def why_without_data(
    experiment: ExperimentView | None, metric_names: Iterable[str] = ()
) -> str | None:
    """Return why there is nothing to show of outcomes; ``None`` if there is.

    Args:
        experiment: What is known.
        metric_names: The metrics that are needed, each of some trial.
    """
    why = why_without_trials(experiment)
    if experiment is None or why is not None:
        return why
    known = experiment.observed_metrics
    if not known:
        n, n_failed = len(experiment.trials), experiment.core.count(TrialStatus.FAILED)
        failed = f", and {n_failed} of them failed" if n_failed else ""
        return f"None of the {n} trials has a result yet{failed}."
    if missing := [name for name in metric_names if name not in known]:
        return f"No trial has a value of {', '.join(missing)} yet."
    return None


def why_without_model(
    experiment: ExperimentView | None,
    metric_names: Iterable[str],
    least: int = MIN_COMPLETED,
) -> str | None:
    """Return why there is no model of the metrics; ``None`` if there may be one.

    Args:
        experiment: What is known.
        metric_names: The metrics.
        least: How many outcomes of each are needed.
    """
    why = why_without_data(experiment, metric_names)
    if experiment is None or why is not None:
        return why
    for name in metric_names:
        n = experiment.n_usable.get(name, 0)
        if n < least:
            return (
                f"A model of {name} needs {least} completed trials, and there "
                f"{'is' if n == 1 else 'are'} {n}."
            )
    return None
