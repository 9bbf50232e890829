"""Retry policies: whether a failed attempt is retried, and with what resources."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from hpcopt.core.errors import ConfigError
from hpcopt.core.trials.adjustment import Adjustment
from hpcopt.core.trials.trial import Attempt

#: How many failures of the infrastructure are retried for one trial.
MAX_INFRASTRUCTURE_RETRIES = 5

#: The key, in the facts of an ended attempt, of the node that caused the failure.
BAD_NODE = "bad_node"


@dataclass(frozen=True)
class RetryPolicy:
    """How often failures of one cause are retried, and with how much more."""

    retry: int = 0
    """How many such failures of a trial are retried."""
    factor: float = 1.0
    """The factor by which each retry gets more of the resource that ran out."""

    def __post_init__(self) -> None:
        if self.retry < 0:
            raise ConfigError(f"retry: expected at least 0, got {self.retry}")
        if not 1 <= self.factor <= 1000:
            raise ConfigError(
                f"factor: expected a number from 1 to 1000, got {self.factor:g}"
            )


NO_RETRY = RetryPolicy()
_FREE_RETRIES = RetryPolicy(MAX_INFRASTRUCTURE_RETRIES)


@dataclass(frozen=True)
class RetryPolicies:
    """The retry policy for each cause after which a trial may be retried.

    A trial that a person cancelled is abandoned, and one without a valid result has
    failed, whatever the policies are.
    """

    memory: RetryPolicy = NO_RETRY
    time: RetryPolicy = NO_RETRY
    infrastructure: RetryPolicy = _FREE_RETRIES
    trial: RetryPolicy = NO_RETRY

    def of(self, attempt: Attempt) -> RetryPolicy:
        """Return the policy for the cause that ended ``attempt``."""
        found = getattr(self, str(attempt.cause), None)
        return found if isinstance(found, RetryPolicy) else NO_RETRY

    def may_retry(self, attempts: Sequence[Attempt]) -> bool:
        """Whether the failure of the latest attempt may be retried.

        A full disk always may: the run stops before a trial fails for it.
        """
        last = attempts[-1]
        if last.disk_was_full:
            return True
        n_failures = sum(
            attempt.cause is last.cause and not attempt.disk_was_full
            for attempt in attempts
        )
        return n_failures <= self.of(last).retry

    def adjustment(self, attempts: Sequence[Attempt]) -> Adjustment:
        """Return the adjustment of the attempt after ``attempts``.

        It depends only on how these ended.
        """
        ends = [str(attempt.cause) for attempt in attempts]
        return Adjustment(
            memory=self.memory.factor ** ends.count("memory"),
            time=self.time.factor ** ends.count("time"),
            avoid=tuple(dict.fromkeys(_bad_nodes(attempts))),
        )


DEFAULT_POLICIES = RetryPolicies()


def _bad_nodes(attempts: Sequence[Attempt]) -> Iterator[str]:
    for attempt in reversed(attempts):
        node = attempt.facts.get(BAD_NODE)
        if isinstance(node, str) and node:
            yield node
