"""Which metrics a card is about."""

from __future__ import annotations

from collections.abc import Iterable

from hpcopt.analysis.experiment import ExperimentView
from hpcopt.core.errors import UsageError
from hpcopt.core.names import expected_name


def check_metrics(experiment: ExperimentView, names: Iterable[str]) -> None:
    """Check that an experiment has metrics of these names.

    Raises:
        UsageError: It has no such metric.
    """
    for name in names:
        if name not in experiment.metrics:
            raise UsageError(f"metric_name: {expected_name(name, experiment.metrics)}")


def selected_metric(experiment: ExperimentView, metric_name: str | None) -> str:
    """Return the metric of a name; the objective's without one.

    Raises:
        UsageError: There is no such metric, or the objective has several.
    """
    if metric_name is not None:
        check_metrics(experiment, [metric_name])
        return metric_name
    goals = experiment.core.goals
    names = list(dict.fromkeys(n for one in goals.objectives for n in one.metric_names))
    if len(names) > 1:
        raise UsageError(
            f"metric_name: expected one of {', '.join(names)}, as the objective "
            f"{goals.expression!r} has several metrics"
        )
    return names[0]
