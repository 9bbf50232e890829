"""The transitions of a trial: each function returns the trial after one event.

All raise ``StorageError`` where the event is not possible in the trial's state.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from hpcopt.core.errors import StorageError
from hpcopt.core.frozen import changed
from hpcopt.core.trials import events as ev
from hpcopt.core.trials.adjustment import NO_ADJUSTMENT, Adjustment
from hpcopt.core.trials.cost import ACCOUNTING
from hpcopt.core.trials.origin import Origin
from hpcopt.core.trials.trial import (
    Attempt,
    Cause,
    Observation,
    Phase,
    ReportedData,
    Trial,
    TrialStatus,
)

#: In these states a trial's data are not used, whatever is attached.
_WITHOUT_DATA = (TrialStatus.CANDIDATE, TrialStatus.FAILED, TrialStatus.ABANDONED)

#: Prototypes: ``changed`` copies them faster than a constructor runs.
_FIRST_TRIAL = Trial(index=0, parameters={})
_FIRST_ATTEMPT = Attempt(trial_index=0, number=0, name="")


def generated(part: ev.GeneratedTrial, time: float, origin: Origin | None) -> Trial:
    """Return a new candidate."""
    return changed(
        _FIRST_TRIAL,
        index=part.index,
        parameters=part.parameters,
        generation_method=part.method,
        origin=origin,
        created_at=time,
    )


def attached(event: ev.TrialAttached) -> Trial:
    """Return a new trial that a script evaluates itself."""
    return Trial(
        index=event.index,
        parameters=event.parameters,
        status=TrialStatus.RUNNING,
        generation_method="manual",
        is_manual=True,
        name=event.arm_name,
        outside=event.outside,
        created_at=event.time,
    )


def handed_out(trial: Trial) -> Trial:
    """Return the candidate as one that a script evaluates, and no runner."""
    _check_unended(trial)
    if trial.attempts or trial.is_manual:
        holder = "script" if trial.is_manual else "runner"
        raise StorageError(
            f"trial {trial.index}: expected a candidate to be handed out, found one "
            f"that a {holder} has"
        )
    return changed(trial, status=TrialStatus.RUNNING, is_manual=True)


def staged(trial: Trial, part: ev.StagedAttempt, time: float) -> Trial:
    """Return the trial with a new attempt, which is about to be submitted."""
    _check_unended(trial)
    if trial.attempt is not None and trial.attempt.is_live:
        raise StorageError(
            f"trial {trial.index}: expected attempt {trial.attempt.number} to end "
            "before another one is staged"
        )
    if part.number != len(trial.attempts):
        raise StorageError(
            f"trial {trial.index}: expected attempt {len(trial.attempts)} next, "
            f"found attempt {part.number}"
        )
    attempt = changed(
        _FIRST_ATTEMPT,
        trial_index=trial.index,
        number=part.number,
        name=part.name,
        task=part.task,
        adjustment=_adjustment(part),
        staged_at=time,
    )
    return trial.with_attempt(attempt, status=TrialStatus.STAGED)


def submitted(trial: Trial, part: ev.SubmittedAttempt, time: float) -> Trial:
    """Return the trial with its attempt accepted by the runner."""
    attempt = _live_attempt(trial, part.number)
    if attempt.metadata is not None:
        raise StorageError(
            f"trial {trial.index}: attempt {part.number} was submitted already, with "
            f"{dict(attempt.metadata)}"
        )
    attempt = changed(attempt, metadata=part.metadata, submitted_at=time)
    return trial.with_attempt(attempt)


def attempt_observed(trial: Trial, event: ev.AttemptObserved) -> Trial:
    """Return the trial with its attempt in another phase."""
    if event.phase is Phase.ENDED:
        raise StorageError(
            f"trial {event.trial_index}: expected AttemptEnded to tell that an "
            "attempt ended, found AttemptObserved"
        )
    attempt = _live_attempt(trial, event.number)
    started_at, status = attempt.started_at, trial.status
    if event.phase is Phase.RUNNING:
        started_at = event.time if started_at is None else started_at
        status = TrialStatus.RUNNING
    elif event.phase is Phase.WAITING:
        started_at, status = None, TrialStatus.STAGED
    attempt = changed(
        attempt,
        phase=event.phase,
        reason=event.reason,
        facts=event.facts,
        started_at=started_at,
    )
    return trial.with_attempt(attempt, status=status)


def attempt_ended(trial: Trial, event: ev.AttemptEnded) -> Trial:
    """Return the trial with its attempt ended; its own status is decided later."""
    attempt = changed(
        _live_attempt(trial, event.number),
        phase=Phase.ENDED,
        cause=event.cause,
        reason=event.reason,
        facts=event.facts,
        ended_at=event.time,
    )
    return trial.with_attempt(attempt)


def attempt_accounted(trial: Trial, event: ev.AttemptAccounted) -> Trial:
    """Return the trial with what its ended attempt cost; nothing else changes."""
    attempts = list(trial.attempts)
    if event.number >= len(attempts) or attempts[event.number].is_live:
        raise StorageError(
            f"trial {trial.index}: expected attempt {event.number} to have ended "
            "before its cost is told"
        )
    attempt = attempts[event.number]
    facts = {**attempt.facts, ACCOUNTING: event.accounting}
    attempts[event.number] = changed(attempt, facts=facts)
    return changed(trial, attempts=tuple(attempts))


def completed(trial: Trial, event: ev.TrialCompleted) -> Trial:
    """Return the trial completed, with its outcome."""
    return _ended(
        trial,
        event.time,
        status=TrialStatus.COMPLETED,
        outcome=event.outcome,
        reports=_reports(trial, event.time, event.outcome),
    )


def failed(trial: Trial, event: ev.TrialFailed) -> Trial:
    """Return the trial failed: it will not be retried."""
    return _ended(
        trial,
        event.time,
        status=TrialStatus.FAILED,
        cause=event.cause,
        reason=event.reason,
    )


def abandoned(trial: Trial, event: ev.TrialAbandoned) -> Trial:
    """Return the trial abandoned."""
    return _ended(
        trial,
        event.time,
        status=TrialStatus.ABANDONED,
        cause=Cause.USER,
        reason=event.reason,
    )


def early_stopped(trial: Trial, event: ev.TrialEarlyStopped) -> Trial:
    """Return the trial stopped early, with the outcome known so far."""
    status = TrialStatus.EARLY_STOPPED
    return _ended(trial, event.time, status=status, reason=event.reason)


def with_data(trial: Trial, event: ev.DataAttached) -> Trial:
    """Return the trial with more, or newer, metrics in its outcome."""
    if trial.status in _WITHOUT_DATA:
        raise StorageError(
            f"trial {trial.index} is {trial.status}: data of it mean nothing"
        )
    counts = {k: o for k, o in event.outcome.items() if k not in event.superseded}
    return changed(
        trial,
        outcome={**trial.outcome, **counts},
        reports=_reports(trial, event.time, event.outcome),
    )


def cancelled(trial: Trial, by: str) -> Trial:
    """Return the trial marked for cancellation by ``by``."""
    _check_unended(trial)
    return changed(trial, cancelled_by=by)


def reopened(trial: Trial) -> Trial:
    """Return the trial as a candidate again; its earlier attempts are kept."""
    if not trial.status.may_be_reopened:
        raise StorageError(
            f"trial {trial.index}: expected one that failed or was abandoned to be "
            f"reopened, found one that is {trial.status}"
        )
    return changed(
        trial,
        status=TrialStatus.CANDIDATE,
        cause=None,
        reason="",
        ended_at=None,
        outcome={},
        reports=(),
        is_manual=False,
        n_old_attempts=len(trial.attempts),
    )


def _reports(
    trial: Trial, time: float, outcome: Mapping[str, Observation]
) -> tuple[ReportedData, ...]:
    """Return all reports, with what ``outcome`` adds to what is known already."""
    known = trial.outcome
    new = {name: o for name, o in outcome.items() if known.get(name) != o}
    return (*trial.reports, ReportedData(time, new)) if new else trial.reports


def _ended(trial: Trial, time: float, **changes: Any) -> Trial:
    _check_unended(trial)
    return changed(trial, ended_at=time, cancelled_by="", **changes)


def _check_unended(trial: Trial) -> None:
    if trial.status.is_terminal:
        raise StorageError(
            f"trial {trial.index} has ended ({trial.status}); nothing more can happen "
            "to it"
        )


def _live_attempt(trial: Trial, number: int) -> Attempt:
    """Return the attempt ``number``, which must be the live one."""
    _check_unended(trial)
    attempt = trial.attempt
    if attempt is None or attempt.number != number or not attempt.is_live:
        live = (
            f"attempt {attempt.number}"
            if attempt is not None and attempt.is_live
            else "none"
        )
        raise StorageError(
            f"trial {trial.index}: expected a fact about its live attempt ({live}), "
            f"found one about attempt {number}"
        )
    return attempt


def _adjustment(part: ev.StagedAttempt) -> Adjustment:
    if not part.adjustment:
        return NO_ADJUSTMENT
    try:
        return Adjustment.from_json(part.adjustment)
    except ValueError as exc:
        raise StorageError(f"trial {part.trial_index}: {exc}") from exc
