"""What follows when an attempt fails: run again or not, and with what."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from hpcopt.core.errors import ConfigError
from hpcopt.core.types import JSONValue

if TYPE_CHECKING:
    from hpcopt.core.trials.trial import Attempt

#: How often the same parameters are run again after failures of the infrastructure.
MAX_INFRASTRUCTURE_RETRIES = 5

#: The key, in the facts of an attempt's end, of the node that is to blame for it.
BAD_NODE = "bad_node"


@dataclass(frozen=True)
class Adjustment:
    """What an attempt is given otherwise than a trial's first one.

    It is written down when the attempt is staged, so that whoever goes on after a crash
    submits the same.
    """

    memory: float = 1.0
    """How many times the memory of the first attempt."""
    time: float = 1.0
    """How many times the time limit of the first attempt."""
    avoid: tuple[str, ...] = ()
    """Nodes that it shall not run on, the latest to fail first."""

    def to_json(self) -> dict[str, JSONValue]:
        """Return what is different from a first attempt."""
        changed: dict[str, JSONValue] = {}
        if self.memory != 1.0:
            changed["memory"] = self.memory
        if self.time != 1.0:
            changed["time"] = self.time
        if self.avoid:
            changed["avoid"] = list(self.avoid)
        return changed

    @classmethod
    def from_json(cls, record: Mapping[str, JSONValue]) -> Adjustment:
        """Return the adjustment of which ``to_json`` made ``record``."""
        memory, time = record.get("memory", 1.0), record.get("time", 1.0)
        avoid = record.get("avoid", ())
        if not (isinstance(memory, (int, float)) and isinstance(time, (int, float))):
            raise ValueError(f"adjustment: expected factors, found {dict(record)}")
        if not isinstance(avoid, (list, tuple)):
            raise ValueError(f"adjustment: expected a list of nodes, found {avoid!r}")
        return cls(float(memory), float(time), tuple(str(node) for node in avoid))


NO_ADJUSTMENT = Adjustment()


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
        if last.had_no_room:
            return True
        n_failures = sum(
            attempt.cause is last.cause and not attempt.had_no_room
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
