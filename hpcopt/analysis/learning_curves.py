"""Curves of a metric over steps, and what stopping early saves of them."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from hpcopt.analysis.experiment import ExperimentView, latest_by_step
from hpcopt.core.trials.trial import TrialStatus

Array = npt.NDArray[np.float64]

#: A trial's steps, ascending, and the metric's values there.
Curve = tuple[Array, Array]

#: Ax's defaults: never before so many curves are known, and never before this step.
_MIN_CURVES, _MIN_STEP = 5, 10

#: So many trials are replayed, as each is compared with all before it.
_MOST_REPLAYED = 200


def curves_of(experiment: ExperimentView, name: str) -> dict[int, Curve]:
    """Return the curve of a metric of each trial that has one, by index."""
    found = {}
    for trial in experiment.core.trials:
        values = {
            step: o.mean
            for (metric, step), o in latest_by_step(trial).items()
            if metric == name and step
        }
        if values:
            steps = sorted(values)
            found[trial.index] = (
                np.array(steps, dtype=float),
                np.array([values[step] for step in steps], dtype=float),
            )
    return found


def saved_share(experiment: ExperimentView, curves: Mapping[int, Curve]) -> float:
    """Return which share of all steps early stopping has saved, as Ax reckons it.

    A stopped trial would have gone on for as long as completed ones do on average.
    """
    last = {index: float(steps[-1]) for index, (steps, _) in curves.items()}
    status = {index: experiment.trials[index].status for index in last}
    completed = [last[i] for i in last if status[i] is TrialStatus.COMPLETED]
    stopped = [last[i] for i in last if status[i] is TrialStatus.EARLY_STOPPED]
    if not completed or not stopped:
        return 0.0
    usual = float(np.mean(completed))
    saved = sum(max(usual - steps, 0.0) for steps in stopped)
    return saved / (saved + sum(last.values()))


def replayed_share(curves: Mapping[int, Curve], *, is_minimised: bool) -> float:
    """Return which share of all steps the median rule would have saved.

    Trials are taken one after the other; each is stopped at the first step, from
    the tenth on, at which it is worse than the median of the earlier ones, of which at
    least five must be known there. Of very many trials the latest ones alone count.
    """
    used = total = 0.0
    kept: list[Curve] = []
    for index in sorted(curves)[-_MOST_REPLAYED:]:
        steps, values = curves[index]
        end = _stopped_at(steps, values, kept, 1.0 if is_minimised else -1.0)
        total += float(steps[-1])
        used += float(steps[end])
        kept.append((steps[: end + 1], values[: end + 1]))
    return 1.0 - used / total if total else 0.0


def _stopped_at(steps: Array, values: Array, earlier: list[Curve], sign: float) -> int:
    """Return at which of a trial's values it would have been stopped, or its last."""
    for k, (step, value) in enumerate(zip(steps, values, strict=True)):
        others = [
            float(np.interp(step, s, v)) for s, v in earlier if s[0] <= step <= s[-1]
        ]
        is_decided = step >= _MIN_STEP and len(others) >= _MIN_CURVES
        if is_decided and sign * value > np.median([sign * other for other in others]):
            return k
    return len(steps) - 1
