"""Ask and tell: trials that a script evaluates itself, without a runner.

Each method appends to the journal before it returns, so that what was asked for or told
survives the death of the script.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import replace

from hpcopt.core import events as ev
from hpcopt.core.errors import UnknownTrialError, UsageError
from hpcopt.core.space.outside import admitted
from hpcopt.core.trials.trial import Cause, Observation, Trial, TrialStatus
from hpcopt.core.types import TParameterization
from hpcopt.generation.protocol import Generation
from hpcopt.host.clock import Clock
from hpcopt.storage.journal import Journal

logger = logging.getLogger(__name__)

Outcome = Mapping[str, Observation]

#: Trials that data may still be added to.
_TAKES_DATA = (
    TrialStatus.STAGED,
    TrialStatus.RUNNING,
    TrialStatus.COMPLETED,
    TrialStatus.EARLY_STOPPED,
)


class ManualTrials:
    """Records what a script does with trials that it evaluates itself.

    Args:
        journal: The experiment; the script must be its only writer.
        clock: Tells the time.
    """

    def __init__(self, journal: Journal, clock: Clock) -> None:
        self._journal = journal
        self._clock = clock

    def hand_out(
        self, generation: Generation, fixed_parameters: TParameterization
    ) -> list[Trial]:
        """Make trials of suggestions, and return them for the script to evaluate.

        Args:
            generation: The suggestions.
            fixed_parameters: The values that were fixed for all of them.

        Raises:
            StorageError: The journal cannot be written.
        """
        if not generation.suggestions:
            return []
        now, first = self._clock.now(), self._journal.experiment.n_trials
        n = len(generation.suggestions)
        generated = generation.event(now, first, n, slice(0, n))
        self._journal.append(
            replace(generated, fixed_parameters=dict(fixed_parameters)),
            ev.TrialsHandedOut(now, tuple(range(first, first + n))),
        )
        return list(self._journal.experiment.trials[first:])

    def attach(
        self, parameters: TParameterization, *, name: str = "", is_baseline: bool
    ) -> int:
        """Add a trial with parameters of the script's choice, and return its index.

        Fixed and derived values may be left out; those of inactive parameters are
        dropped. One that lies outside the search space is taken, marked, and warned
        about.

        Raises:
            UsageError: The parameters are not those of the search space, a value is of
                a wrong type, or the name is in use.
            StorageError: The journal cannot be written.
        """
        experiment = self._journal.experiment
        parameters, outside = admitted(experiment.space, parameters)
        if name and any(trial.arm_name == name for trial in experiment.trials):
            raise UsageError(f"arm_name: expected a new name, found {name!r} in use")
        index = experiment.n_trials
        self._journal.append(
            ev.TrialAttached(
                self._clock.now(), index, parameters, name, is_baseline, outside
            )
        )
        if outside:
            logger.warning(
                "trial %d lies outside the search space and is taken all the same: %s. "
                "It teaches the model, and neither is the best nor will be proposed",
                index,
                "; ".join(outside),
            )
        return index

    def add_data(self, index: int, outcome: Outcome) -> None:
        """Add metrics of a trial.

        Of several steps the value at the highest counts; of one step, or of none, the
        latest told.

        Raises:
            UsageError: There is no such trial, or its data would mean nothing.
            StorageError: The journal cannot be written.
        """
        trial = self._trial(index)
        if trial.status not in _TAKES_DATA:
            raise UsageError(
                f"trial {index}: expected one that runs or is completed to attach data "
                f"to, found one that is {trial.status}"
            )
        superseded = [
            name
            for name, observation in outcome.items()
            if observation.is_superseded_by(trial.outcome.get(name))
        ]
        self._journal.append(
            ev.DataAttached(
                self._clock.now(), index, _observed(outcome), tuple(superseded)
            )
        )

    def complete(self, index: int, outcome: Outcome) -> None:
        """Complete a trial with the data attached so far and ``outcome``.

        Of one that is completed already the data are replaced.

        Raises:
            UsageError: There is no such trial, or it is a runner's, or has ended
                otherwise.
            StorageError: The journal cannot be written.
        """
        if self._has_ended_as(index, TrialStatus.COMPLETED):
            self.add_data(index, outcome)
            return
        trial = self._own(index)
        if any(o.is_superseded_by(trial.outcome.get(k)) for k, o in outcome.items()):
            self.add_data(index, outcome)
            known = self._trial(index).outcome
        else:
            known = {**trial.outcome, **outcome}
        self._journal.append(
            ev.TrialCompleted(self._clock.now(), index, _observed(known))
        )

    def fail(self, index: int, reason: str) -> None:
        """Mark a trial as failed; one that is marked so stays as it is.

        Raises:
            UsageError: There is no such trial, or it is a runner's, or has ended
                otherwise.
            StorageError: The journal cannot be written.
        """
        if self._has_ended_as(index, TrialStatus.FAILED):
            return
        self._own(index)
        self._journal.append(
            ev.TrialFailed(self._clock.now(), index, Cause.TRIAL, reason)
        )

    def abandon(self, index: int, reason: str) -> None:
        """Mark a trial as abandoned; one that is marked so stays as it is.

        Raises:
            UsageError: There is no such trial, or it is a runner's, or has ended
                otherwise.
            StorageError: The journal cannot be written.
        """
        if self._has_ended_as(index, TrialStatus.ABANDONED):
            return
        self._own(index)
        self._journal.append(ev.TrialAbandoned(self._clock.now(), index, reason))

    def stop_early(self, index: int) -> None:
        """Mark a trial as stopped early, with the data attached so far.

        One that is marked so stays as it is.

        Raises:
            UsageError: There is no such trial, it is a runner's, it has ended
                otherwise, or it has no data.
            StorageError: The journal cannot be written.
        """
        if self._has_ended_as(index, TrialStatus.EARLY_STOPPED):
            return
        if not self._own(index).outcome:
            raise UsageError(
                f"trial {index}: expected data to be attached before it is stopped "
                "early, found none; it can be abandoned"
            )
        self._journal.append(ev.TrialEarlyStopped(self._clock.now(), index))

    def _has_ended_as(self, index: int, status: TrialStatus) -> bool:
        """Return whether it is a trial of the script's that ended like this."""
        trial = self._trial(index)
        return trial.is_manual and trial.status is status

    def _own(self, index: int) -> Trial:
        """Return a trial that the script evaluates and that has not ended."""
        trial = self._trial(index)
        if trial.status.is_terminal:
            raise UsageError(
                f"trial {index}: expected one that has not ended, found one that is "
                f"{trial.status}"
            )
        if not trial.is_manual:
            raise UsageError(
                f"trial {index}: expected one that is evaluated by hand, found one "
                "that a runner evaluates"
            )
        return trial

    def _trial(self, index: int) -> Trial:
        experiment = self._journal.experiment
        if not 0 <= index < experiment.n_trials:
            raise UnknownTrialError(
                f"trial {index}: expected one of the {experiment.n_trials} trials of "
                f"experiment {experiment.name!r}"
            )
        return experiment.trial(index)


def _observed(outcome: Outcome) -> dict[str, ev.ObservedMetric]:
    return {
        name: ev.ObservedMetric(o.mean, o.sem, o.step) for name, o in outcome.items()
    }
