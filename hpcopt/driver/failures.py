"""When failures are too many, or too much alike, to go on."""

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

#: A failure rate over fewer failures says nothing; the number is Ax's.
MIN_FAILURES_FOR_RATE = 5

#: A trial that failed within so many seconds has hardly begun.
IMMEDIATE_S = 10.0

#: How often in a row a trial may find a disk full: once may be a node's own disk.
MOST_WITHOUT_ROOM = 3

#: Ends that tell something about what is run, and not about where.
_TELLING = (Cause.TRIAL, Cause.RESULT, Cause.MEMORY)


class FailureWatch:
    """Looks at the failures of one run: from its beginning, not the experiment's."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._has_success = False
        self._alike: list[int] = []
        """The latest trials in a row that failed at once and in the same way."""
        self._likeness: object = None

    def note(self, trials: Iterable[Trial]) -> None:
        """Take note of trials that have just ended."""
        for trial in trials:
            if trial.status is TrialStatus.COMPLETED:
                self._has_success = True
            elif trial.status is TrialStatus.FAILED:
                likeness = _likeness(trial)
                if likeness is None or likeness != self._likeness:
                    self._alike = []
                self._likeness = likeness
                if likeness is not None:
                    self._alike.append(trial.index)

    def check(self, experiment: Experiment) -> None:
        """Return if the run may go on.

        Raises:
            StorageError: A trial finds no room to write, however often it is run.
            RepeatedFailureError: All trials so far failed at once and alike.
            FailureRateExceededError: Too many trials failed.
        """
        _check_disk_space(experiment)
        self._check_alike(experiment)
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

    def _check_alike(self, experiment: Experiment) -> None:
        most = self._limits.max_identical_failures
        if most is None or self._has_success or len(self._alike) < most:
            return
        last = experiment.trial(self._alike[-1])
        raise RepeatedFailureError(
            f"the last {len(self._alike)} trials that ended all failed within "
            f"{IMMEDIATE_S:g} s and in the same way, and none has succeeded in this "
            f"run; the last one was trial {last.index}: {last.reason}; when the cause "
            "is removed, the same command continues",
            last.index,
        )


def _check_disk_space(experiment: Experiment) -> None:
    begun = experiment.drivers[-1].time if experiment.drivers else 0.0
    for trial in experiment.open_trials():
        n_without = 0
        for attempt in reversed(trial.new_attempts):
            if not attempt.disk_was_full or (attempt.ended_at or 0.0) < begun:
                break
            n_without += 1
        if n_without >= MOST_WITHOUT_ROOM:
            last = trial.new_attempts[-1]
            raise StorageError(
                f"trial {trial.index} found no room to write, {n_without} times in a "
                f"row; the last time: {last.reason}; make room, then continue with "
                "hpcopt run: nothing is lost"
            )


def _likeness(trial: Trial) -> object:
    """Return what tells one way to fail at once from another; ``None`` for others."""
    attempt = trial.attempt
    if attempt is None or trial.cause not in _TELLING:
        return None
    seconds = attempt.run_s
    if seconds is None or seconds > IMMEDIATE_S:
        return None
    # Reasons hold paths and numbers of trials; exit codes are among the facts.
    words = re.sub(r"\d+", "#", trial.reason)
    return trial.cause, attempt.facts.get("exit_code"), words
