"""Conversion between Ax's outcomes and observations."""

from __future__ import annotations

import math
import operator
from collections.abc import Mapping

from hpcopt.core.errors import MetricError, UsageError
from hpcopt.core.trials.trial import Observation, Trial
from hpcopt.core.types import TOutcome
from hpcopt.metrics.value import mean_and_sem


def observations(
    raw_data: TOutcome, progression: int | None, trial_index: int
) -> dict[str, Observation]:
    """Return the observation of each metric in ``raw_data``.

    A standard error that is NaN is unknown, as in Ax.

    Raises:
        UsageError: It is not an outcome; the message says what is wrong.
    """
    where = f"trial {trial_index}"
    if not isinstance(raw_data, Mapping):
        raise UsageError(
            f"{where}: expected raw_data that gives each metric's name its value, "
            f"found {raw_data!r}"
        )
    step = 0 if progression is None else _step(progression, where)
    found = {}
    for name, value in raw_data.items():
        if not isinstance(name, str):
            raise UsageError(f"{where}: expected names of metrics, found {name!r}")
        try:
            mean, sem = mean_and_sem(_known(value), f"{where}: metric {name!r}")
        except MetricError as exc:
            raise UsageError(
                f"{exc}; mark_trial_failed says that a trial has no result"
            ) from exc
        found[name] = Observation(mean, sem, step)
    return found


def observed_outcome(trial: Trial) -> TOutcome:
    """Return what was observed of a trial, as Ax writes outcomes."""
    return {
        name: o.mean if o.sem is None else (o.mean, o.sem)
        for name, o in trial.outcome.items()
    }


def _known(value: object) -> object:
    """Return ``value`` without a standard error that is NaN."""
    match value:
        case (mean, float() as sem) if math.isnan(sem):
            return mean
    return value


def _step(progression: object, where: str) -> int:
    try:
        return operator.index(progression)  # type: ignore[arg-type]
    except TypeError as exc:
        raise UsageError(
            f"{where}: expected a whole number as the progression, "
            f"found {progression!r}"
        ) from exc
