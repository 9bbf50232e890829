"""What attempts cost: time in the queue, run time and core-hours, and what for.

Where the accounting of a scheduler told, it is as it told; else it is estimated from
what the attempt's files and the driver saw, and from the CPUs that were asked for.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from hpcopt.core.trials.trial import Attempt, Cause, Phase, Trial, TrialStatus
from hpcopt.core.types import JSONValue

#: The key, in the facts of an attempt's end, of what the accounting told of its job.
#: Each of its own keys is missing where it is not known: the numbers ``cpus``,
#: ``nodes``, ``gpus``, ``submitted_at``, ``eligible_at``, ``started_at``, ``ended_at``
#: (seconds since the epoch), ``elapsed_s``, ``max_rss_bytes``, and the name ``node``.
ACCOUNTING = "accounting"

#: The key, in the facts of an end that files told of, of when the attempt began.
STARTED_AT = "started_at"

#: The key, in an attempt's metadata, of what it asked for: ``cpus``, ``nodes``,
#: ``gpus``, and ``shared_by``, the attempts among which a pack divides them.
REQUESTED = "requested"

_SECONDS_OF_AN_HOUR = 3600.0


class Use(StrEnum):
    """What the time of an attempt went into."""

    SUCCESS = "success"
    """It gave a result."""
    EARLY_STOPPED = "early-stopped"
    """Its trial was stopped early, as it was not promising."""
    RUNNING = "running"
    """It has not ended."""
    FAILED = "failed trial"
    """The trial's own program failed, or left no valid result."""
    TIME = "time"
    """It reached its time limit."""
    MEMORY = "memory"
    """It reached its memory limit."""
    INFRASTRUCTURE = "infrastructure"
    """The node or the scheduler failed."""
    USER = "user"
    """A person cancelled it."""

    @property
    def is_waste(self) -> bool:
        """Whether nothing was got for it, as far as is known.

        A checkpoint may have saved the work of an attempt that did not end by itself.
        """
        return self not in (Use.SUCCESS, Use.EARLY_STOPPED, Use.RUNNING)


_USE_OF_CAUSE = {
    Cause.TRIAL: Use.FAILED,
    Cause.RESULT: Use.FAILED,
    Cause.TIME: Use.TIME,
    Cause.MEMORY: Use.MEMORY,
    Cause.INFRASTRUCTURE: Use.INFRASTRUCTURE,
    Cause.USER: Use.USER,
}


@dataclass(frozen=True)
class AttemptCost:
    """What one attempt cost; ``None`` is what is not known."""

    is_accounted: bool
    """Whether the CPUs and the times are those of an accounting, and no estimate."""
    queue_s: float | None
    """Seconds from its submission to its start."""
    run_s: float | None
    """Seconds that it ran; 0 if it never began."""
    cpus: float | None
    """How many CPUs it had; an attempt of a pack may have a fraction of one."""
    started_at: float | None
    """When it began, in seconds since the epoch."""
    ended_at: float | None
    nodes: int | None = None
    gpus: int | None = None
    max_rss_bytes: int | None = None
    """The most memory that one task of it had resident."""
    node: str = ""
    """Where it ran, as Slurm writes it; empty if that is not known."""

    @property
    def core_hours(self) -> float | None:
        """CPUs times hours."""
        if self.run_s == 0:
            return 0.0
        if self.run_s is None or self.cpus is None:
            return None
        return self.cpus * self.run_s / _SECONDS_OF_AN_HOUR

    @property
    def gpu_hours(self) -> float | None:
        """GPUs times hours."""
        if self.run_s is None or self.gpus is None:
            return None
        return self.gpus * self.run_s / _SECONDS_OF_AN_HOUR


def cost_of(attempt: Attempt, now: float | None = None) -> AttemptCost:
    """Return what an attempt cost.

    Args:
        attempt: The attempt.
        now: Until when to count one that runs; by default its run time is not known
            before it has ended.
    """
    accounting = _accounting(attempt)
    if accounting is not None:
        return _accounted(attempt, accounting)
    started_at = _started_at(attempt)
    run_s = _estimated_run_s(attempt, started_at, now)
    requested = _record(attempt.metadata or {}, REQUESTED) or {}
    cpus = _number(requested, "cpus")
    shared_by = _number(requested, "shared_by") or 1
    return AttemptCost(
        is_accounted=False,
        queue_s=queue_s(attempt),
        run_s=run_s,
        cpus=None if cpus is None else cpus / shared_by,
        started_at=started_at,
        ended_at=attempt.ended_at,
        nodes=_whole(requested, "nodes"),
        gpus=_whole(requested, "gpus") if shared_by == 1 else None,
        node=_node(attempt),
    )


def queue_s(attempt: Attempt) -> float | None:
    """Return the ``queue_s`` of an attempt's cost, without the rest of it."""
    accounting = _accounting(attempt)
    if accounting is None:
        return _span(attempt.submitted_at, _started_at(attempt))
    submitted_at = _number(accounting, "submitted_at") or attempt.submitted_at
    return _span(submitted_at, _number(accounting, "started_at"))


def run_s(attempt: Attempt) -> float | None:
    """Return the ``run_s`` of an attempt's cost, or else what its runner reports.

    That is the time from its submission to its end where it was never seen running.
    """
    accounting = _accounting(attempt)
    if accounting is None:
        found = _estimated_run_s(attempt, _started_at(attempt), None)
    else:
        found = _number(accounting, "elapsed_s")
    return attempt.run_s if found is None else found


def use_of(trial: Trial, attempt: Attempt) -> Use:
    """Return what the time of one of the trial's attempts went into."""
    if attempt.cause is None:
        return Use.RUNNING
    # Of a trial that was reopened, what ran before is not the last.
    is_last = trial.attempt is not None and attempt.number == trial.attempt.number
    if is_last and trial.status is TrialStatus.EARLY_STOPPED:
        return Use.EARLY_STOPPED
    if attempt.cause is not Cause.SUCCESS:
        return _USE_OF_CAUSE[attempt.cause]
    if is_last and trial.status is TrialStatus.ABANDONED:
        return Use.USER
    # What ended well and was run again had left no valid result.
    is_failed = not is_last or trial.status is TrialStatus.FAILED
    return Use.FAILED if is_failed else Use.SUCCESS


@dataclass(frozen=True)
class Spending:
    """The core-hours of many attempts."""

    core_hours: Mapping[Use, float] = field(default_factory=dict)
    """By what they went into; only what there was any attempt of."""
    n_attempts: Mapping[Use, int] = field(default_factory=dict)
    n_accounted: int = 0
    """How many of the attempts have ended and were accounted for."""
    n_estimated: int = 0
    """How many have core-hours by what was asked for."""
    n_unknown: int = 0
    """How many began, and nothing tells their core-hours: they are in no sum."""

    @property
    def spent(self) -> float:
        """All core-hours that are known."""
        return sum(self.core_hours.values())

    @property
    def wasted(self) -> float:
        """Those for which nothing was got."""
        return sum(hours for use, hours in self.core_hours.items() if use.is_waste)


def spending(trials: Iterable[Trial], now: float | None = None) -> Spending:
    """Return the core-hours of all attempts of trials.

    Args:
        trials: The trials.
        now: Until when to count attempts that run; by default they are not counted.
    """
    hours: dict[Use, float] = {}
    numbers: Counter[Use] = Counter()
    n_accounted = n_estimated = n_unknown = 0
    for trial, attempt in attempts_of(trials):
        if attempt.is_live and (now is None or attempt.phase is not Phase.RUNNING):
            continue
        use, cost = use_of(trial, attempt), cost_of(attempt, now)
        numbers[use] += 1
        hours[use] = hours.get(use, 0.0) + (cost.core_hours or 0.0)
        n_accounted += cost.is_accounted
        n_unknown += cost.core_hours is None
        n_estimated += not cost.is_accounted and cost.core_hours is not None
    return Spending(
        {use: hours[use] for use in Use if use in hours},
        {use: numbers[use] for use in Use if use in numbers},
        n_accounted,
        n_estimated,
        n_unknown,
    )


def attempts_of(trials: Iterable[Trial]) -> Iterator[tuple[Trial, Attempt]]:
    """Yield each attempt with its trial, by trial and number."""
    for trial in trials:
        for attempt in trial.attempts:
            yield trial, attempt


def _accounting(attempt: Attempt) -> Mapping[str, JSONValue] | None:
    """Return what the accounting told, if that is enough to go by."""
    found = _record(attempt.facts, ACCOUNTING)
    return found if found is not None and "cpus" in found else None


def _started_at(attempt: Attempt) -> float | None:
    """Return when an attempt began, as its files tell or else as the polls saw it."""
    return _number(attempt.facts, STARTED_AT) or attempt.started_at


def _accounted(attempt: Attempt, accounting: Mapping[str, JSONValue]) -> AttemptCost:
    return AttemptCost(
        is_accounted=True,
        queue_s=queue_s(attempt),
        run_s=_number(accounting, "elapsed_s"),
        cpus=_number(accounting, "cpus"),
        started_at=_number(accounting, "started_at"),
        ended_at=_number(accounting, "ended_at") or attempt.ended_at,
        nodes=_whole(accounting, "nodes"),
        gpus=_whole(accounting, "gpus"),
        max_rss_bytes=_whole(accounting, "max_rss_bytes"),
        node=str(accounting.get("node") or _node(attempt)),
    )


def _estimated_run_s(
    attempt: Attempt, started_at: float | None, now: float | None
) -> float | None:
    if attempt.is_live:
        is_running = attempt.phase is Phase.RUNNING
        return _span(started_at, now) if is_running else None
    elapsed_s = _number(attempt.facts, "elapsed_s")
    if elapsed_s is not None:
        return elapsed_s
    if started_at is not None:
        return _span(started_at, attempt.ended_at)
    # Never seen running: cancelled in the queue, or over between two polls.
    return 0.0 if attempt.cause is Cause.USER else None


def _node(attempt: Attempt) -> str:
    """Return the node by its short name: files tell that of the host, with a domain."""
    name = str(attempt.facts.get("node") or attempt.facts.get("host") or "")
    return name if "[" in name else name.partition(".")[0]


def _record(facts: Mapping[str, JSONValue], key: str) -> Mapping[str, JSONValue] | None:
    found = facts.get(key)
    return found if isinstance(found, Mapping) else None


def _number(facts: Mapping[str, JSONValue], key: str) -> float | None:
    value = facts.get(key)
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
    return float(value) if is_number else None  # type: ignore[arg-type]


def _whole(facts: Mapping[str, JSONValue], key: str) -> int | None:
    value = _number(facts, key)
    return None if value is None else int(value)


def _span(begin: float | None, end: float | None) -> float | None:
    """Return the seconds between two times; clocks may differ a little."""
    return None if begin is None or end is None else max(0.0, end - begin)
