"""Lets the driver use a runner that a user wrote.

A user's code may raise anything, and what it raises is a fact about one trial, not the
end of the experiment. This is the one place that catches every exception.
"""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from typing_extensions import override

from hpcopt.core.errors import (
    PollError,
    RunnerError,
    SubmissionDeferredError,
    SubmissionRefusedError,
    SubmissionUnknownError,
)
from hpcopt.core.trials.trial import Attempt, AttemptState, Cause, Phase, TrialStatus
from hpcopt.core.types import JSONValue
from hpcopt.runners.protocol import (
    AttemptRequest,
    AttemptRunner,
    IRunner,
    Submission,
    SubmissionMetadata,
    submission_name,
)

logger = logging.getLogger(__name__)

#: The only key in the metadata of a trial whose ``run_trial`` raised.
_LAUNCH_ERROR = "hpcopt_launch_error"

_STATES: Mapping[TrialStatus, tuple[Phase, Cause | None]] = {
    TrialStatus.CANDIDATE: (Phase.WAITING, None),
    TrialStatus.STAGED: (Phase.WAITING, None),
    TrialStatus.RUNNING: (Phase.RUNNING, None),
    TrialStatus.COMPLETED: (Phase.ENDED, Cause.SUCCESS),
    TrialStatus.FAILED: (Phase.ENDED, Cause.TRIAL),
    TrialStatus.ABANDONED: (Phase.ENDED, Cause.USER),
    TrialStatus.EARLY_STOPPED: (Phase.ENDED, Cause.USER),
    TrialStatus.STALE: (Phase.ENDED, Cause.USER),
}


class OwnRunner(AttemptRunner):
    """Runs trials through a user's ``IRunner``, one call for each.

    * When ``run_trial`` raises, the trial has failed, with that as its reason. hpcopt's
      own errors about submissions keep their meaning.
    * When ``poll_trial`` raises, the trial's state is unknown until it does not.
    * A runner that has a method ``find_trial(trial_index, parameterization)``, which
      returns the metadata of a trial that it has started, or ``None``, starts each
      trial once. Without it, a trial is started a second time if the driver dies
      between ``run_trial`` and the entry of its metadata in the journal.
    """

    def __init__(
        self,
        runner: IRunner,
        experiment_name: str,
        *,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._runner = runner
        self._experiment_name = experiment_name
        self._clock = clock
        # A driver that has just died may have started a trial a moment ago.
        self._launched_at = clock()

    @property
    @override
    def n_acceptable(self) -> int | None:
        """One, when the last launch is long enough ago; see ``IRunner``."""
        spacing_s = self._runner.min_seconds_between_launches
        if spacing_s <= 0:
            return None
        # A clock that was set back must not hold launches up.
        return int(not 0 <= self._clock() - self._launched_at < spacing_s)

    @override
    def plan(self, requests: Sequence[AttemptRequest]) -> list[Submission]:
        return [
            Submission(submission_name(self._experiment_name, [request]), (request,))
            for request in requests
        ]

    @override
    def submit(self, submission: Submission) -> SubmissionMetadata:
        """Start the trial.

        Raises:
            RunnerError: What ``run_trial`` returned is not a dict of JSON values.
        """
        (request,) = submission.requests
        index = request.trial_index
        try:
            metadata = self._runner.run_trial(
                trial_index=index, parameterization=request.parameters
            )
        except (
            SubmissionDeferredError,
            SubmissionRefusedError,
            SubmissionUnknownError,
        ):
            raise
        except Exception as exc:
            logger.exception("trial %s: run_trial raised", index)
            return [{_LAUNCH_ERROR: f"run_trial raised {_text(exc)}"}]
        finally:
            self._launched_at = self._clock()
        return [_json_metadata(index, "run_trial", metadata)]

    @override
    def find(self, submission: Submission) -> SubmissionMetadata | None:
        find_trial = getattr(self._runner, "find_trial", None)
        if find_trial is None:
            return None
        (request,) = submission.requests
        index = request.trial_index
        try:
            metadata = find_trial(
                trial_index=index, parameterization=request.parameters
            )
        except Exception as exc:
            raise PollError(f"trial {index}: find_trial raised {_text(exc)}") from exc
        if metadata is None:
            return None
        return [_json_metadata(index, "find_trial", metadata)]

    @override
    def poll(
        self, attempts: Sequence[Attempt]
    ) -> Mapping[tuple[int, int], AttemptState]:
        """Return the state of each attempt.

        Raises:
            RunnerError: ``poll_trial`` returned something else than a ``TrialStatus``.
        """
        return {attempt.key: self._state(attempt) for attempt in attempts}

    @override
    def stop(self, attempts: Sequence[Attempt]) -> None:
        problems = []
        for attempt in attempts:
            metadata = attempt.metadata or {}
            if _LAUNCH_ERROR in metadata:
                continue
            try:
                self._runner.stop_trial(
                    trial_index=attempt.trial_index, trial_metadata=metadata
                )
            except Exception as exc:
                logger.exception("trial %s: stop_trial raised", attempt.trial_index)
                problems.append(f"trial {attempt.trial_index}: {_text(exc)}")
        if problems:
            raise RunnerError(f"cannot stop all trials: {'; '.join(problems)}")

    def _state(self, attempt: Attempt) -> AttemptState:
        metadata = attempt.metadata or {}
        index = attempt.trial_index
        if _LAUNCH_ERROR in metadata:
            return AttemptState(Phase.ENDED, Cause.TRIAL, str(metadata[_LAUNCH_ERROR]))
        try:
            status = self._runner.poll_trial(trial_index=index, trial_metadata=metadata)
        except Exception as exc:
            logger.exception("trial %s: poll_trial raised", index)
            return AttemptState(Phase.UNKNOWN, reason=f"poll_trial raised {_text(exc)}")
        if not isinstance(status, TrialStatus):
            raise RunnerError(
                f"trial {index}: expected a TrialStatus from poll_trial of "
                f"{type(self._runner).__name__}, found {status!r}"
            )
        phase, cause = _STATES[status]
        reason = f"poll_trial returned {status}" if phase is Phase.ENDED else ""
        return AttemptState(phase, cause, "" if cause is Cause.SUCCESS else reason)


def _json_metadata(index: int, method: str, metadata: Any) -> dict[str, JSONValue]:
    """Return the metadata as it will be when it is read back from the journal."""
    where = f"trial {index}: metadata from {method}"
    if not isinstance(metadata, Mapping):
        raise RunnerError(f"{where}: expected a dict, found {metadata!r}")
    plain: dict[str, JSONValue] = {}
    for key, value in metadata.items():
        if not isinstance(key, str):
            raise RunnerError(f"{where}: expected strings as keys, found {key!r}")
        try:
            plain[key] = json.loads(json.dumps(value, allow_nan=False))
        except (TypeError, ValueError) as exc:
            raise RunnerError(
                f"{where}: expected a JSON value for {key!r}, found {value!r}"
            ) from exc
    return plain


def _text(exc: Exception) -> str:
    return f"{type(exc).__name__}: {exc}" if str(exc) else type(exc).__name__
