"""Rules that end a run with too many failures, or with identical ones only."""

from __future__ import annotations

import re
from collections.abc import Iterable

from hpcopt.core.errors import (
    FailureRateExceededError,
    RepeatedFailureError,
    StorageError,
)
from hpcopt.core.experiment import Experiment
from hpcopt.core.trials.trial import Cause, Trial, TrialStatus
from hpcopt.driver.limits import Limits

#: The failure rate is not checked before so many failures; the number is Ax's.
MIN_FAILURES_FOR_RATE = 5

#: A trial that failed within so many seconds failed immediately.
IMMEDIATE_S = 10.0

#: How often in a row a trial may find a disk full: once may be a node's local disk.
MAX_DISK_FULL_IN_A_ROW = 3

#: Causes that are due to the trial, and not to the cluster.
_OF_THE_TRIAL = (Cause.TRIAL, Cause.RESULT, Cause.MEMORY)


class FailureMonitor:
    """Checks the failures of one run, from its beginning, not the experiment's."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._has_success = False
        self._identical: list[int] = []
        """The latest trials in a row that failed immediately and in the same way."""
        self._failure_kind: object = None

    def note(self, trials: Iterable[Trial]) -> None:
        """Take note of trials that have just ended."""
        for trial in trials:
            if trial.status is TrialStatus.COMPLETED:
                self._has_success = True
            elif trial.status is TrialStatus.FAILED:
                kind = _failure_kind(trial)
                if kind is None or kind != self._failure_kind:
                    self._identical = []
                self._failure_kind = kind
                if kind is not None:
                    self._identical.append(trial.index)

    def check(self, experiment: Experiment) -> None:
        """Return if the run may go on.

        Raises:
            StorageError: A trial found its disk full several times in a row.
            RepeatedFailureError: All trials failed immediately and in the same way.
            FailureRateExceededError: Too many trials failed.
        """
        _check_disk_space(experiment)
        self._check_identical(experiment)
        failed = experiment.count(TrialStatus.FAILED)
        ended = failed + experiment.count(TrialStatus.COMPLETED)
        tolerated = self._limits.tolerated_trial_failure_rate
        if failed >= MIN_FAILURES_FOR_RATE and failed > tolerated * ended:
            last = max(
                (t for t in experiment.trials if t.status is TrialStatus.FAILED),
                key=lambda trial: trial.ended_at or 0.0,
            )
            raise FailureRateExceededError(
                f"{failed} of {ended} ended trials failed, more than the tolerated "
                f"share of {tolerated:g}; the last one was trial {last.index}: "
                f"{last.reason}"
            )

    def _check_identical(self, experiment: Experiment) -> None:
        most = self._limits.max_identical_failures
        if most is None or self._has_success or len(self._identical) < most:
            return
        last = experiment.trial(self._identical[-1])
        raise RepeatedFailureError(
            f"the last {len(self._identical)} trials that ended all failed within "
            f"{IMMEDIATE_S:g} s and in the same way, and none has succeeded in this "
            f"run; the last one was trial {last.index}: {last.reason}; when the cause "
            "is removed, the same command continues",
            last.index,
        )


def _check_disk_space(experiment: Experiment) -> None:
    begun = experiment.drivers[-1].time if experiment.drivers else 0.0
    for trial in experiment.open_trials():
        n_full = 0
        for attempt in reversed(trial.new_attempts):
            if not attempt.disk_was_full or (attempt.ended_at or 0.0) < begun:
                break
            n_full += 1
        if n_full >= MAX_DISK_FULL_IN_A_ROW:
            last = trial.new_attempts[-1]
            raise StorageError(
                f"trial {trial.index} found no room to write, {n_full} times in a "
                f"row; the last time: {last.reason}; make room, then continue with "
                "hpcopt run: nothing is lost"
            )


def _failure_kind(trial: Trial) -> object:
    """Return a key of the way in which a trial failed immediately.

    ``None`` if it did not fail immediately, or not on its own account.
    """
    attempt = trial.attempt
    if attempt is None or trial.cause not in _OF_THE_TRIAL:
        return None
    seconds = attempt.run_s
    if seconds is None or seconds > IMMEDIATE_S:
        return None
    # Reasons contain paths and trial indices; exit codes are among the facts, as is the
    # class of an exception, whose message may contain the trial's parameters.
    words = attempt.facts.get("error") or re.sub(r"\d+", "#", trial.reason)
    return trial.cause, attempt.facts.get("exit_code"), words
