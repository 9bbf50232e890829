"""What follows when an attempt has ended."""

from __future__ import annotations

from collections.abc import Iterable

from hpcopt.core import events as ev
from hpcopt.core.errors import MetricError, ResultNotReadyError
from hpcopt.core.trial import Attempt, Cause, Trial
from hpcopt.driver.clock import Clock
from hpcopt.metrics.protocol import OutcomeReader

#: How often the same parameters are run again after failures of the infrastructure.
MAX_INFRASTRUCTURE_RETRIES = 5

Verdict = ev.TrialCompleted | ev.TrialFailed | ev.TrialAbandoned


class Judge:
    """Says how a trial ends, from how its latest attempt ended."""

    def __init__(
        self, reader: OutcomeReader, clock: Clock, result_grace_s: float
    ) -> None:
        self.is_waiting = False
        """Whether a result was not there yet at the latest look."""
        self._reader = reader
        self._clock = clock
        self._result_grace_s = result_grace_s
        self._missing_since: dict[int, float] = {}
        """When a trial's result was first looked for in vain, by this driver."""

    def verdicts(self, trials: Iterable[Trial]) -> list[Verdict]:
        """Return the ends of those of ``trials`` that have come to one.

        A trial goes on with another attempt if the infrastructure failed, and while
        the result of a successful attempt may yet appear.
        """
        self.is_waiting = False
        return [
            verdict
            for trial in trials
            if trial.attempt is not None
            and not trial.attempt.is_live
            and (verdict := self._verdict(trial, trial.attempt)) is not None
        ]

    def _verdict(self, trial: Trial, attempt: Attempt) -> Verdict | None:
        now = self._clock.now()
        match attempt.cause:
            case Cause.SUCCESS:
                return self._outcome(trial, attempt)
            case Cause.USER:
                return ev.TrialAbandoned(now, trial.index, attempt.reason)
            case Cause.INFRASTRUCTURE if _may_retry(trial):
                return None
            case cause:
                return ev.TrialFailed(
                    now, trial.index, cause or Cause.TRIAL, attempt.reason
                )

    def _outcome(self, trial: Trial, attempt: Attempt) -> Verdict | None:
        now = self._clock.now()
        try:
            outcome = self._reader.read(trial.index, attempt.metadata or {})
        except ResultNotReadyError as exc:
            # Not since the attempt ended, which may be long before this driver began;
            # and a clock that was set back must not put the verdict off.
            since = min(now, self._missing_since.get(trial.index, now))
            self._missing_since[trial.index] = since
            if now - since <= self._result_grace_s:
                self.is_waiting = True
                return None
            return ev.TrialFailed(now, trial.index, Cause.RESULT, str(exc))
        except MetricError as exc:
            return ev.TrialFailed(now, trial.index, Cause.RESULT, str(exc))
        return ev.TrialCompleted(
            now,
            trial.index,
            {
                name: ev.ObservedMetric(o.mean, o.sem, o.step)
                for name, o in outcome.items()
            },
        )


def _may_retry(trial: Trial) -> bool:
    failures = sum(a.cause is Cause.INFRASTRUCTURE for a in trial.attempts)
    return failures <= MAX_INFRASTRUCTURE_RETRIES
