"""The table of an experiment's trials. Loads pandas when it is asked for."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from hpcopt.core.errors import UsageError
from hpcopt.core.experiment import Experiment
from hpcopt.core.trials.trial import Trial, TrialStatus

if TYPE_CHECKING:
    import pandas as pd


def summary(
    experiment: Experiment,
    trial_indices: Iterable[int] | None,
    trial_statuses: Iterable[str] | None,
) -> pd.DataFrame:
    """Return one row a trial, without the columns in which nothing is known.

    Args:
        experiment: Whose trials.
        trial_indices: Only these.
        trial_statuses: Only trials with one of these statuses, such as "completed".

    Raises:
        UsageError: There is no such trial or no such status.
    """
    import pandas as pd

    trials = _chosen(experiment, trial_indices)
    if trial_statuses is not None:
        statuses = [_status(name) for name in trial_statuses]
        trials = [trial for trial in trials if trial.status in statuses]
    metrics = dict.fromkeys(name for trial in trials for name in trial.outcome)
    columns: dict[str, list[object]] = {
        "trial_index": [trial.index for trial in trials],
        "arm_name": [trial.arm_name for trial in trials],
        "trial_status": [trial.status.name for trial in trials],
        "failure_reason": [trial.reason or None for trial in trials],
        "generation_node": [trial.generation_method or None for trial in trials],
    }
    columns["outside"] = ["; ".join(trial.outside) or None for trial in trials]
    for name in metrics:
        columns[name] = [
            trial.outcome[name].mean if name in trial.outcome else None
            for trial in trials
        ]
    for parameter in experiment.space.parameters:
        name = parameter.name
        columns[name] = [trial.parameters.get(name) for trial in trials]
    return pd.DataFrame(
        {
            name: values
            for name, values in columns.items()
            if any(value is not None for value in values)
        }
    )


def _chosen(experiment: Experiment, indices: Iterable[int] | None) -> list[Trial]:
    if indices is None:
        return list(experiment.trials)
    chosen = sorted(set(indices))
    for index in chosen:
        if not 0 <= index < experiment.n_trials:
            raise UsageError(
                f"trial_indices: expected trials among the {experiment.n_trials} of "
                f"the experiment, found {index}"
            )
    return [experiment.trial(index) for index in chosen]


def _status(name: str) -> TrialStatus:
    names = [status.name.lower() for status in TrialStatus]
    if name not in names:
        raise UsageError(f"trial_statuses: expected some of {names}, found {name!r}")
    return TrialStatus[name.upper()]
