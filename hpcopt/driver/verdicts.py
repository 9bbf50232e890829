"""How a trial ends, or whether it is retried, once its latest attempt has ended."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from hpcopt.core import events as ev
from hpcopt.core.errors import MetricError, ResultNotReadyError
from hpcopt.core.trials.trial import Attempt, Cause, Trial
from hpcopt.driver.limits import Limits
from hpcopt.host.clock import Clock
from hpcopt.metrics.protocol import OutcomeReader
from hpcopt.runners.protocol import AttemptRequest

Verdict = ev.TrialCompleted | ev.TrialFailed | ev.TrialAbandoned


class Judge:
    """Decides how a trial ends, from how its latest attempt ended."""

    def __init__(
        self,
        reader: OutcomeReader,
        clock: Clock,
        limits: Limits,
        gives_more: Callable[[AttemptRequest, AttemptRequest], bool],
    ) -> None:
        """Judge by the retry policies of ``limits``.

        Args:
            reader: Reads the outcome of attempts that succeeded.
            clock: Tells the time.
            limits: The policies, and how long a result may be missing.
            gives_more: Whether the second request would get more resources than the
                first.
        """
        self._reader = reader
        self._clock = clock
        self._result_grace_s = limits.result_grace_s
        self._policies = limits.policies
        self._gives_more = gives_more
        self._gets_more: dict[tuple[int, int], bool] = {}
        self._missing_since: dict[tuple[int, int], float] = {}
        """When this driver first found an attempt's result missing."""

    def verdicts(self, trials: Iterable[Trial]) -> list[Verdict]:
        """Return the ends of those of ``trials`` that have ended.

        A trial goes on if the policies grant it another attempt, and while the result
        of a successful one may still appear.
        """
        return [
            verdict
            for trial in trials
            if trial.attempt is None or not trial.attempt.is_live
            if (verdict := self._verdict(trial)) is not None
        ]

    def _verdict(self, trial: Trial) -> Verdict | None:
        now, attempt = self._clock.now(), trial.attempt
        if trial.cancelled_by:
            # Even if it succeeded: its outcome is not wanted.
            why = f"cancelled by {trial.cancelled_by}"
            return ev.TrialAbandoned(now, trial.index, why)
        if attempt is None:
            return None
        match attempt.cause:
            case Cause.SUCCESS:
                return self._outcome(trial, attempt)
            case Cause.USER:
                return ev.TrialAbandoned(now, trial.index, attempt.reason)
            case cause:
                refusal = self._why_no_retry(trial, attempt)
                if refusal is None:
                    return None
                reason = f"{attempt.reason}{refusal}"
                return ev.TrialFailed(now, trial.index, cause or Cause.TRIAL, reason)

    def next_attempt(self, trial: Trial) -> AttemptRequest:
        """Return the next attempt of a trial, with adjusted resources."""
        return AttemptRequest(
            trial.index,
            len(trial.attempts),
            trial.parameters,
            self._policies.adjustment(trial.new_attempts),
        )

    def _why_no_retry(self, trial: Trial, attempt: Attempt) -> str | None:
        """Return why the trial is not retried, to end a sentence; ``None`` if it is.

        It is empty where no retry is configured.
        """
        policy = self._policies.of(attempt)
        if not self._policies.may_retry(trial.new_attempts):
            n = len(trial.new_attempts)
            return f"; no retry is left after {n} attempts" if policy.retry else ""
        if policy.factor == 1.0:
            return None
        before = AttemptRequest(*attempt.key, trial.parameters, attempt.adjustment)
        if attempt.key not in self._gets_more:
            gets_more = self._gives_more(before, self.next_attempt(trial))
            self._gets_more[attempt.key] = gets_more
        if self._gets_more[attempt.key]:
            return None
        return "; it had as much as it may have, and is not run again"

    def _outcome(self, trial: Trial, attempt: Attempt) -> Verdict | None:
        now = self._clock.now()
        try:
            outcome = self._reader.read(trial.index, attempt.metadata or {})
        except ResultNotReadyError as exc:
            # Not since the attempt ended, which may be long before this driver began;
            # and a clock that was set back must not delay the verdict.
            since = min(now, self._missing_since.get(attempt.key, now))
            self._missing_since[attempt.key] = since
            if now - since <= self._result_grace_s:
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
