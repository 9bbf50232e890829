"""What follows when an attempt fails: run again or not, and with what."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from hpcopt.core.errors import ConfigError
from hpcopt.core.trials.adjustment import Adjustment
from hpcopt.core.trials.trial import Attempt

#: How often the same parameters are run again after failures of the infrastructure.
MAX_INFRASTRUCTURE_RETRIES = 5

#: The key, in the facts of an attempt's end, of the node that is to blame for it.
BAD_NODE = "bad_node"


@dataclass(frozen=True)
class RetryPolicy:
    """How often a trial is run again after failures of one cause, and with what."""

    retry: int = 0
    """How many such failures of a trial are forgiven."""
    factor: float = 1.0
    """How many times as much of what was short each further attempt gets."""

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
    """What follows from each cause after which a trial may be run again.

    A trial that a person cancelled is abandoned, and one without a valid result has
    failed, whatever the policies are.
    """

    memory: RetryPolicy = NO_RETRY
    time: RetryPolicy = NO_RETRY
    infrastructure: RetryPolicy = _FREE_RETRIES
    trial: RetryPolicy = NO_RETRY

    def of(self, attempt: Attempt) -> RetryPolicy:
        """Return the policy for what ended ``attempt``."""
        found = getattr(self, str(attempt.cause), None)
        return found if isinstance(found, RetryPolicy) else NO_RETRY

    def may_retry(self, attempts: Sequence[Attempt]) -> bool:
        """Whether the cause that ended the latest attempt is forgiven once more.

        A full disk is forgiven always: the run stops before a trial fails for it.
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
        """Return what the attempt after ``attempts`` is given.

        It depends on how these ended, and on nothing else.
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
