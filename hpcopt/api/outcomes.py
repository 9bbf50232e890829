"""Conversion between Ax's outcomes and observations."""

from __future__ import annotations

import logging
import math
from collections.abc import Mapping
from numbers import Real

from hpcopt.core.errors import MetricError, UsageError
from hpcopt.core.trials.trial import Observation, Trial
from hpcopt.core.types import TOutcome
from hpcopt.metrics.value import mean_and_sem

logger = logging.getLogger(__name__)


def observations(
    raw_data: TOutcome, progression: int | None, trial_index: int
) -> dict[str, Observation]:
    """Return the observation of each metric in ``raw_data``.

    As in Ax, a standard error that is NaN is unknown, and so is a metric whose value is
    NaN: it is warned about, and left out.

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
        if _is_nan(value[0] if isinstance(value, tuple | list) and value else value):
            logger.warning("%s: metric %r is NaN, and taken as not known", where, name)
            continue
        try:
            mean, sem = mean_and_sem(_known(value), f"{where}: metric {name!r}")
        except MetricError as exc:
            raise UsageError(
                f"{exc}; mark_trial_failed says that a trial has no result"
            ) from exc
        found[name] = Observation(mean, sem, step)
    return found


def observed_outcome(trial: Trial) -> TOutcome:
    """Return what was observed of a trial, as Ax writes outcomes.

    That is pairs of a mean and its standard error, which is NaN where it is not known.
    """
    return {
        name: (o.mean, math.nan if o.sem is None else o.sem)
        for name, o in trial.outcome.items()
    }


def _known(value: object) -> object:
    """Return ``value`` without a standard error that is NaN."""
    match value:
        case (mean, float() as sem) if math.isnan(sem):
            return mean
    return value


def _is_nan(value: object) -> bool:
    return isinstance(value, Real) and math.isnan(value)


def _step(progression: object, where: str) -> float:
    """Return a step as a whole number where it is one."""
    if isinstance(progression, Real) and math.isfinite(progression):
        step = float(progression)
        return int(step) if step.is_integer() else step
    raise UsageError(
        f"{where}: expected a finite number as the progression, found {progression!r}"
    )
