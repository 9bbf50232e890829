"""What a report is made of."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from hpcopt.core.experiment import Experiment
from hpcopt.core.trials.trial import Attempt

#: What the verbs print as JSON: of an experiment, a trial, an attempt.
Facts = Mapping[str, Any]


@dataclass(frozen=True)
class ReportSource:
    """One experiment, and what is told of it that is not in its journal."""

    folder: str
    """Where it lies, for people."""
    experiment: Experiment
    facts: Facts
    """As ``hpcopt status --json`` has them."""
    driver: str
    """Whether it goes on, in a sentence."""
    trials: Sequence[Facts]
    """As ``hpcopt trials --json`` has them, by index."""
    attempts: Callable[[int], Sequence[Facts]]
    """The attempts of a trial, as ``hpcopt show --json`` has them."""
    end_of_log: Callable[[Attempt, int], str]
    """At most so many bytes of an attempt's log, from its end; empty if there is no
    log."""
    now: float
    """When it was looked at, in seconds since the epoch."""
    modules: str | None = None
    """Where modules of the user's are looked for first, if a model is in one."""
