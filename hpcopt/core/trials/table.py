"""The table of all trials: the fold of the events about trials."""

from __future__ import annotations

import copy
from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any

from hpcopt.core.errors import StorageError
from hpcopt.core.trials import events as ev
from hpcopt.core.trials import life_cycle
from hpcopt.core.trials.lazy_trials import LazyTrials
from hpcopt.core.trials.origin import Origin, origin_at
from hpcopt.core.trials.trial import Attempt, Trial, TrialStatus


class TrialTable:
    """All trials by index, with an index of those that have not ended.

    Only ``apply`` changes it. The trials are frozen.
    """

    def __init__(self) -> None:
        self.n_results = 0
        """How many times the data for a model changed."""
        self.baseline: int | None = None
        """The index of the trial to which relative constraints refer."""
        self._trials: list[Trial] | LazyTrials = []
        self._open: dict[int, None] = {}
        self._manual: dict[int, None] = {}
        self._counts: Counter[TrialStatus] = Counter()
        self._origin: Origin | None = None

    def copy(self) -> TrialTable:
        """Return an independent copy, which shares the trials."""
        clone = copy.copy(self)
        clone._trials = self._trials.copy()
        clone._open = self._open.copy()
        clone._manual = self._manual.copy()
        clone._counts = self._counts.copy()
        return clone

    # Reading

    def __len__(self) -> int:
        return len(self._trials)

    def __getitem__(self, index: int) -> Trial:
        """Return one trial.

        Raises:
            StorageError: There is no such trial.
        """
        if 0 <= index < len(self._trials):
            return self._trials[index]
        last = f"0 to {len(self._trials) - 1}" if self._trials else "none so far"
        raise StorageError(f"trial {index} does not exist; there are {last}")

    @property
    def trials(self) -> tuple[Trial, ...]:
        """Every trial, in the order of their indices."""
        return tuple(self._trials)

    def open_trials(self) -> list[Trial]:
        """Return the runner's trials that have not ended, by index."""
        return [self._trials[index] for index in self._open]

    def manual_trials(self) -> list[Trial]:
        """Return the trials evaluated by a script that have not ended, by index."""
        return [self._trials[index] for index in self._manual]

    def live_attempts(self) -> list[Attempt]:
        """Return the submitted attempts that have not ended, by trial."""
        return [
            trial.attempt
            for trial in self.open_trials()
            if trial.attempt is not None
            and trial.attempt.is_live
            and trial.attempt.metadata is not None
        ]

    def staged_attempts(self) -> list[Attempt]:
        """Return the attempts that may or may not have been submitted, by trial."""
        return [
            trial.attempt
            for trial in self.open_trials()
            if trial.attempt is not None
            and trial.attempt.is_live
            and trial.attempt.metadata is None
        ]

    def count(self, status: TrialStatus) -> int:
        """Return how many trials have ``status``."""
        return self._counts[status]

    # Events

    def apply(self, event: object) -> None:
        """Apply the next event of the experiment, if it is about trials.

        Raises:
            StorageError: The event contradicts those before it.
        """
        handle = _HANDLERS.get(type(event))
        if handle is not None:
            handle(self, event)

    def _generated(self, event: ev.TrialsGenerated) -> None:
        for offset, generated in enumerate(event.trials, event.offset):
            self._check_is_next(generated.index, "generated")
            origin = origin_at(event.details, offset)
            if origin == self._origin:  # thousands share theirs
                origin = self._origin
            self._origin = origin
            trial = life_cycle.generated(generated, event.time, origin)
            self._trials.append(trial)
            self._open[trial.index] = None
            self._counts[trial.status] += 1

    def _attached(self, event: ev.TrialAttached) -> None:
        self._check_is_next(event.index, "attached")
        trial = life_cycle.attached(event)
        self._trials.append(trial)
        self._manual[trial.index] = None
        self._counts[trial.status] += 1
        if event.is_baseline:
            self.baseline = event.index

    def _check_is_next(self, index: int, what: str) -> None:
        if index != len(self._trials):
            raise StorageError(
                f"expected trial {len(self._trials)} to be {what} next, "
                f"found trial {index}"
            )

    def _handed_out(self, event: ev.TrialsHandedOut) -> None:
        for index in event.trial_indices:
            self._put(life_cycle.handed_out(self[index]))
            del self._open[index]
            self._manual[index] = None

    def _staged(self, event: ev.AttemptsStaged) -> None:
        for part in event.attempts:
            self._put(life_cycle.staged(self[part.trial_index], part, event.time))

    def _submitted(self, event: ev.AttemptsSubmitted) -> None:
        for part in event.attempts:
            self._put(life_cycle.submitted(self[part.trial_index], part, event.time))

    def _attempt_observed(self, event: ev.AttemptObserved) -> None:
        self._put(life_cycle.attempt_observed(self[event.trial_index], event))

    def _attempt_ended(self, event: ev.AttemptEnded) -> None:
        self._put(life_cycle.attempt_ended(self[event.trial_index], event))

    def _attempt_accounted(self, event: ev.AttemptAccounted) -> None:
        self._put(life_cycle.attempt_accounted(self[event.trial_index], event))

    def _completed(self, event: ev.TrialCompleted) -> None:
        self._put_ended(life_cycle.completed(self[event.trial_index], event))

    def _failed(self, event: ev.TrialFailed) -> None:
        self._put_ended(life_cycle.failed(self[event.trial_index], event))

    def _abandoned(self, event: ev.TrialAbandoned) -> None:
        self._put_ended(life_cycle.abandoned(self[event.trial_index], event))

    def _early_stopped(self, event: ev.TrialEarlyStopped) -> None:
        self._put_ended(life_cycle.early_stopped(self[event.trial_index], event))

    def _data_attached(self, event: ev.DataAttached) -> None:
        self._put(life_cycle.with_data(self[event.trial_index], event))
        self.n_results += 1

    def _cancelled(self, event: ev.TrialsCancelled) -> None:
        for index in event.trial_indices:
            self._put(life_cycle.cancelled(self[index], event.by))

    def _reopened(self, event: ev.TrialsReopened) -> None:
        for index in event.trial_indices:
            self._put(life_cycle.reopened(self[index]))
        self._open = dict.fromkeys(sorted([*self._open, *event.trial_indices]))
        self.n_results += len(event.trial_indices)

    def _put_ended(self, trial: Trial) -> None:
        self._put(trial)
        self._open.pop(trial.index, None)
        self._manual.pop(trial.index, None)
        self.n_results += 1

    def _put(self, trial: Trial) -> None:
        before = self._trials[trial.index].status
        if trial.status is not before:
            self._counts[before] -= 1
            self._counts[trial.status] += 1
        self._trials[trial.index] = trial


#: What each kind of event changes.
_HANDLERS: Mapping[type[Any], Callable[[TrialTable, Any], None]] = {
    ev.TrialsGenerated: TrialTable._generated,
    ev.TrialAttached: TrialTable._attached,
    ev.TrialsHandedOut: TrialTable._handed_out,
    ev.DataAttached: TrialTable._data_attached,
    ev.AttemptsStaged: TrialTable._staged,
    ev.AttemptsSubmitted: TrialTable._submitted,
    ev.AttemptObserved: TrialTable._attempt_observed,
    ev.AttemptEnded: TrialTable._attempt_ended,
    ev.AttemptAccounted: TrialTable._attempt_accounted,
    ev.TrialCompleted: TrialTable._completed,
    ev.TrialFailed: TrialTable._failed,
    ev.TrialAbandoned: TrialTable._abandoned,
    ev.TrialEarlyStopped: TrialTable._early_stopped,
    ev.TrialsCancelled: TrialTable._cancelled,
    ev.TrialsReopened: TrialTable._reopened,
}
