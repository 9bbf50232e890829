"""The table of an experiment's trials."""

from __future__ import annotations

import operator
from collections.abc import Collection, Iterable

import pandas as pd

from hpcopt.core.errors import UnknownTrialError
from hpcopt.core.experiment import Experiment
from hpcopt.core.trials.trial import Trial, TrialStatus


def trial_table(
    experiment: Experiment,
    trial_indices: Iterable[int] | None = None,
    trial_statuses: Collection[TrialStatus] | None = None,
    *,
    omit_empty_columns: bool = True,
) -> pd.DataFrame:
    """Return one row a trial.

    Args:
        experiment: Whose trials.
        trial_indices: Only these, in this order.
        trial_statuses: Only trials with one of these statuses.
        omit_empty_columns: Whether columns in which nothing is known are left out.

    Raises:
        UnknownTrialError: There is no such trial.
    """
    trials = _chosen(experiment, trial_indices)
    if trial_statuses is not None:
        trials = [trial for trial in trials if trial.status in trial_statuses]
    metrics = dict.fromkeys(experiment.goals.metric_names)
    metrics |= dict.fromkeys(n for trial in trials for n in trial.outcome)
    columns: dict[str, list[object]] = {
        "trial_index": [trial.index for trial in trials],
        "arm_name": [trial.arm_name for trial in trials],
        "trial_status": [trial.status.name for trial in trials],
        "status_reason": [trial.reason or None for trial in trials],
        "generation_node": [trial.generation_method or None for trial in trials],
        "outside": ["; ".join(trial.outside) or None for trial in trials],
    }
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
            if not omit_empty_columns or any(value is not None for value in values)
        }
    )


def empty_table(trial_indices: Iterable[int] | None = None) -> pd.DataFrame:
    """Return the table of an experiment without trials: it has no columns.

    Raises:
        UnknownTrialError: A trial was asked for.
    """
    for index in trial_indices or ():
        raise UnknownTrialError(
            f"trial_indices: expected none, as there are no trials yet, found {index}"
        )
    return pd.DataFrame()


def _chosen(experiment: Experiment, indices: Iterable[int] | None) -> list[Trial]:
    if indices is None:
        return list(experiment.trials)
    chosen = list(dict.fromkeys(map(operator.index, indices)))
    for index in chosen:
        if not 0 <= index < experiment.n_trials:
            raise UnknownTrialError(
                f"trial_indices: expected trials among the {experiment.n_trials} of "
                f"the experiment, found {index}"
            )
    return [experiment.trial(index) for index in chosen]
