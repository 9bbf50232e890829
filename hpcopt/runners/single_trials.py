"""Lets an ``AttemptRunner`` serve as an ``IRunner``, one trial at a time."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from typing import Any

from typing_extensions import override

from hpcopt.core.errors import PollError
from hpcopt.core.trials.trial import Attempt, AttemptState, Cause, Phase, TrialStatus
from hpcopt.core.types import TParameterization
from hpcopt.runners.protocol import AttemptRequest, AttemptRunner, IRunner

_STATUS = {Phase.WAITING: TrialStatus.STAGED, Phase.RUNNING: TrialStatus.RUNNING}

_END = {Cause.SUCCESS: TrialStatus.COMPLETED, Cause.USER: TrialStatus.ABANDONED}


class SingleTrials(AttemptRunner, IRunner):
    """An ``AttemptRunner`` that is an ``IRunner`` too.

    What ``run_trial`` returns is the attempt's metadata, and ``attempt``, ``name`` and
    ``task`` beside it.
    """

    @abstractmethod
    def next_attempt(self, trial_index: int) -> int:
        """Return the number of the trial's first attempt that was never made."""

    @override
    def run_trial(
        self, trial_index: int, parameterization: TParameterization
    ) -> dict[str, Any]:
        number = self.next_attempt(trial_index)
        request = AttemptRequest(trial_index, number, parameterization)
        (submission,) = self.plan([request])
        (metadata,) = self.submit(submission)
        return {
            **metadata,
            "attempt": number,
            "name": submission.name,
            "task": submission.task(0),
        }

    @override
    def poll_trial(
        self, trial_index: int, trial_metadata: Mapping[str, Any]
    ) -> TrialStatus:
        attempt = _attempt(trial_index, trial_metadata)
        state = self.poll([attempt])[attempt.key]
        if state.phase is Phase.UNKNOWN:
            raise PollError(f"trial {trial_index}: {state.reason}")
        return _status(state)

    @override
    def stop_trial(
        self, trial_index: int, trial_metadata: Mapping[str, Any]
    ) -> dict[str, Any]:
        self.stop([_attempt(trial_index, trial_metadata)])
        return {}


def _attempt(trial_index: int, metadata: Mapping[str, Any]) -> Attempt:
    return Attempt(
        trial_index=trial_index,
        number=metadata["attempt"],
        name=metadata["name"],
        task=metadata["task"],
        metadata=metadata,
    )


def _status(state: AttemptState) -> TrialStatus:
    if state.cause is None:
        return _STATUS[state.phase]
    return _END.get(state.cause, TrialStatus.FAILED)
