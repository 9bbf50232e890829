"""The table of arms: what was observed of each, or what a model says of it."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from hpcopt.analysis.applicable import why_without_data, why_without_model
from hpcopt.analysis.experiment import (
    Arm,
    ExperimentView,
    TrialView,
)
from hpcopt.analysis.metrics import check_metrics
from hpcopt.analysis.models import models_of
from hpcopt.analysis.relative import relative_effects
from hpcopt.analysis.thinning import MOST_SHOWN, some_of, thinned
from hpcopt.core.errors import UsageError
from hpcopt.core.goals.goals import Goals
from hpcopt.core.goals.outcome_constraint import OutcomeConstraint
from hpcopt.core.trials.trial import Trial, TrialStatus

Array = npt.NDArray[np.float64]

#: Trials whose arms are left out, unless they are asked for.
_WITHOUT_ARMS = (TrialStatus.FAILED, TrialStatus.ABANDONED, TrialStatus.STALE)

#: What stands in place of a trial for an arm that is in none.
NO_TRIAL = -1

#: An arm that is less likely feasible than this is marked.
UNLIKELY_FEASIBLE = 0.1


@dataclass(frozen=True)
class ArmSelection:
    """Which arms a figure shows, and of what.

    Raises:
        UsageError: Both a trial and statuses are chosen, or arms without trials where
            only what was observed is shown.
    """

    metric_names: tuple[str, ...]
    use_model_predictions: bool = True
    relativize: bool = False
    trial_index: int | None = None
    trial_statuses: Collection[TrialStatus] | None = None
    additional_arms: Sequence[Arm] = ()

    def __post_init__(self) -> None:
        if self.trial_index is not None and self.trial_statuses is not None:
            raise UsageError(
                "trial_index: expected it without trial_statuses, found both"
            )
        if self.additional_arms and not self.use_model_predictions:
            raise UsageError(
                "additional_arms: expected use_model_predictions=True, as nothing was "
                "observed of arms without a trial"
            )

    def why_not_yet(self, experiment: ExperimentView | None) -> str | None:
        """Return why there is nothing to show; ``None`` if there is.

        Raises:
            UsageError: The experiment has no such metric or trial.
        """
        if experiment is not None:
            check_metrics(experiment, self.metric_names)
        if self.use_model_predictions:
            why = why_without_model(experiment, self.metric_names)
        else:
            why = why_without_data(experiment, self.metric_names)
        if experiment is None or why is not None:
            return why
        baseline = experiment.core.baseline
        if self.relativize and (
            baseline is None or not set(self.metric_names) <= set(baseline.outcome)
        ):
            return "It is relative to a baseline, and there is no outcome of one yet."
        if not self.additional_arms and not self.all_trials(experiment):
            return "No trial is of those that were chosen."
        return None

    def trials(self, experiment: ExperimentView) -> list[TrialView]:
        """Return the trials whose arms are shown, by index: of very many, some.

        Raises:
            UsageError: The chosen one is not there.
        """
        return thinned(experiment, self.all_trials(experiment))

    def left_out(self, experiment: ExperimentView) -> str:
        """Return a sentence, after a space, that not all are shown; empty if all are.

        Raises:
            UsageError: The chosen one is not there.
        """
        n = len(self.all_trials(experiment))
        return some_of(min(n, MOST_SHOWN), n)

    def all_trials(self, experiment: ExperimentView) -> list[TrialView]:
        """Return the trials that were chosen, by index, however many.

        Raises:
            UsageError: The chosen one is not there.
        """
        if self.trial_index == NO_TRIAL:
            return []
        if self.trial_index is not None:
            if self.trial_index not in experiment.trials:
                raise UsageError(
                    f"trial_index: expected one of the {len(experiment.trials)} trials "
                    f"of the experiment, found {self.trial_index}"
                )
            return [experiment.trials[self.trial_index]]
        trials = [
            trial
            for trial in experiment.trials.values()
            if self._is_status_chosen(trial.status)
        ]
        if self.use_model_predictions:
            return trials
        return [
            trial
            for trial in trials
            if any(name in trial.core.outcome for name in self.metric_names)
        ]

    def _is_status_chosen(self, status: TrialStatus) -> bool:
        if self.trial_statuses is None:
            return status not in _WITHOUT_ARMS
        return status in self.trial_statuses


def arm_table(experiment: ExperimentView, selection: ArmSelection) -> pd.DataFrame:
    """Return one row an arm: named arms first, then by trial.

    The columns are ``trial_index``, ``trial_status``, ``arm_name``, ``status_reason``,
    ``generation_node``, ``<metric>_mean`` and ``<metric>_sem`` of each metric,
    ``p_feasible_mean``, the probability that all outcome constraints hold, and
    ``p_feasible_sem``, which nobody knows. A relative value is the difference from the
    baseline as a share of the baseline's magnitude.

    Raises:
        UsageError: There is no such trial or metric.
        GenerationError: There is no model of a metric.
    """
    trials = selection.trials(experiment)
    trials.sort(key=lambda trial: (trial.core.name == "", trial.index))
    extra = selection.additional_arms
    rows = [
        {
            "trial_index": trial.index,
            "trial_status": trial.status.name,
            "arm_name": trial.arm.name,
            "status_reason": trial.status_reason,
            "generation_node": trial.core.generation_method or None,
        }
        for trial in trials
    ] + [
        {
            "trial_index": NO_TRIAL,
            "trial_status": "ADDITIONAL_ARM",
            "arm_name": arm.name,
            "status_reason": None,
            "generation_node": None,
        }
        for arm in extra
    ]
    df = pd.DataFrame(rows)
    arms = [*(trial.arm for trial in trials), *extra]
    effects = _modelled if selection.use_model_predictions else _observed
    known = effects(experiment, selection.metric_names, trials, arms)
    if selection.relativize:
        known = _relative(experiment, selection, known)
    for name, (mean, sem) in known.items():
        df[f"{name}_mean"], df[f"{name}_sem"] = mean, sem
    if selection.use_model_predictions:
        points = [arm.parameters for arm in arms]
        feasible = models_of(experiment).probability_feasible(points)
    else:
        goals = experiment.core.absolute_goals
        feasible = np.array([_observed_feasible(goals, t.core) for t in trials])
    df["p_feasible_mean"], df["p_feasible_sem"] = feasible, math.nan
    return df


_Effects = Mapping[str, tuple[Array, Array]]


def _observed(
    experiment: ExperimentView,
    metric_names: Sequence[str],
    trials: Sequence[TrialView],
    arms: Sequence[Arm],
) -> _Effects:
    found = {}
    for name in metric_names:
        known = [trial.core.outcome.get(name) for trial in trials]
        means = [math.nan if o is None else o.mean for o in known]
        sems = [math.nan if o is None or o.sem is None else o.sem for o in known]
        found[name] = np.array(means, dtype=float), np.array(sems, dtype=float)
    return found


def _modelled(
    experiment: ExperimentView,
    metric_names: Sequence[str],
    trials: Sequence[TrialView],
    arms: Sequence[Arm],
) -> _Effects:
    models = models_of(experiment)
    points = [arm.parameters for arm in arms]
    return {name: models.predict(name, points) for name in metric_names}


def _relative(
    experiment: ExperimentView, selection: ArmSelection, known: _Effects
) -> _Effects:
    """Return effects as differences from the baseline's, as shares of it.

    Raises:
        UsageError: There is no baseline, or it is 0.
    """
    baseline = experiment.core.baseline
    if baseline is None:
        raise UsageError("relativize: expected a baseline, found none")
    view = experiment.trials[baseline.index]
    effects = _modelled if selection.use_model_predictions else _observed
    of_baseline = effects(experiment, selection.metric_names, [view], [view.arm])
    found = {}
    for name, effect in known.items():
        (base,), (base_sem,) = of_baseline[name]
        found[name] = relative_effects(name, effect, (float(base), float(base_sem)))
    return found


def _observed_feasible(goals: Goals, trial: Trial) -> float:
    """Return how likely the noiseless outcome is feasible, by the observation alone."""
    return math.prod(observed_probability(one, trial) for one in goals.constraints)


def observed_probability(constraint: OutcomeConstraint, trial: Trial) -> float:
    """Return how likely a trial's noiseless outcome satisfies an absolute constraint.

    By its observation and standard error alone; NaN where it is not known.
    """
    if constraint.is_relative or not constraint.is_known(trial.outcome):
        return math.nan
    slack, sem = constraint.slack(trial.outcome), constraint.sem(trial.outcome)
    if not sem:
        return float(slack >= 0)
    return 0.5 * math.erfc(-slack / (sem * math.sqrt(2)))


def is_unlikely_feasible(df: pd.DataFrame) -> npt.NDArray[np.bool_]:
    """Return which arms are hardly feasible, shape ``(n,)``."""
    found: npt.NDArray[np.bool_] = (
        df["p_feasible_mean"].to_numpy(dtype=float) < UNLIKELY_FEASIBLE
    )
    return found


def arms_of(
    additional_arms: Sequence[Arm] | None, generator_runs: Mapping[str, Any] | None
) -> tuple[Arm, ...]:
    """Return arms without a trial: those given, and those of Ax's generator runs."""
    runs = generator_runs or {}
    return (
        *(additional_arms or ()),
        *(
            Arm(arm.name or f"{key}_{k}", arm.parameters)
            for key, run in runs.items()
            for k, arm in enumerate(run.arms)
        ),
    )
