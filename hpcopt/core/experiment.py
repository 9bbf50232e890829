"""An experiment: the fold of its events."""

from __future__ import annotations

import copy
import dataclasses
import itertools
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

from hpcopt.core import events as ev
from hpcopt.core.effort import Effort
from hpcopt.core.errors import StorageError
from hpcopt.core.goals import Goals
from hpcopt.core.objective import Objective
from hpcopt.core.policy import Adjustment
from hpcopt.core.trial import Attempt, Cause, Observation, Phase, Trial, TrialStatus
from hpcopt.core.types import JSONValue

if TYPE_CHECKING:
    from hpcopt.core.space import SearchSpace

#: Whose outcome is nothing to learn from, whatever becomes known of it.
_WITHOUT_DATA = (TrialStatus.CANDIDATE, TrialStatus.FAILED, TrialStatus.ABANDONED)


class Experiment:
    """Everything that is known of an experiment, and nothing that is not in its events.

    Only ``apply`` changes it, and only a journal calls ``apply``. What it hands out is
    frozen.
    """

    def __init__(self, begun: ev.ExperimentBegun) -> None:
        self.begun = begun
        self.settings: Mapping[str, JSONValue] = begun.settings
        self._space_changed: ev.SpaceChanged | None = None
        self.n_events = 1
        self.last_event_time = begun.time
        self.drivers: list[ev.DriverBegun] = []
        self.ended: ev.DriverEnded | None = None
        """How the latest driver ended; ``None`` while it runs or if it was killed."""
        self.effort = Effort()
        """What the drivers have done, and what the present one says."""
        self.generation_details: Mapping[str, JSONValue] = {}
        """The details of the latest generation."""
        self.generation_seconds: list[float] = []
        self.n_results = 0
        """How many times it became known what is to be learnt from a trial."""
        self.requests: dict[str, ev.TrialsCancelled | ev.TrialsReopened] = {}
        """What came of people's requests, by their names."""
        self.cancelled_by = ""
        """Who cancelled all trials and wants the driver to stop, until it has."""
        self.environment: Mapping[str, str] = {}
        """The versions and the like that the latest suggestions depend on."""
        self.fallbacks: list[tuple[int, str]] = []
        """What failed in generation and what was done instead, with the trial."""
        self._trials: list[Trial] = []
        self._open: dict[int, None] = {}
        self._manual: dict[int, None] = {}
        self._baseline: int | None = None
        self._counts: Counter[TrialStatus] = Counter()

    @classmethod
    def from_events(cls, stream: Iterable[ev.Event]) -> Experiment:
        """Return the fold of ``stream``.

        Raises:
            StorageError: There is no event, or the first is not ``ExperimentBegun``,
                or one contradicts those before it.
        """
        iterator = iter(stream)
        first = next(iterator, None)
        if not isinstance(first, ev.ExperimentBegun):
            found = "nothing" if first is None else type(first).__name__
            raise StorageError(
                f"expected a journal that starts with ExperimentBegun, found {found}"
            )
        experiment = cls(first)
        for event in iterator:
            experiment.apply(event)
        return experiment

    def copy(self) -> Experiment:
        """Return an experiment that grows by itself, sharing all that is frozen."""
        twin = copy.copy(self)
        twin.drivers = self.drivers.copy()
        twin.generation_seconds = self.generation_seconds.copy()
        twin.requests = self.requests.copy()
        twin.fallbacks = self.fallbacks.copy()
        twin._trials = self._trials.copy()
        twin._open = self._open.copy()
        twin._manual = self._manual.copy()
        twin._counts = self._counts.copy()
        return twin

    # What it is

    @property
    def name(self) -> str:
        """The experiment's name."""
        return str(self.begun.definition["name"])

    @cached_property
    def space(self) -> SearchSpace:
        """The search space, as it is now."""
        # With it comes numpy: those who only look at trials do without.
        from hpcopt.core.space import SearchSpace

        changed = self._space_changed
        return SearchSpace.from_definition(
            self.begun.definition if changed is None else changed.space
        )

    @cached_property
    def goals(self) -> Goals:
        """Its objectives, and the constraints on its outcomes."""
        return Goals.from_json(self.begun.definition)

    @property
    def absolute_goals(self) -> Goals:
        """The goals, with bounds in numbers where the baseline's outcome is known."""
        baseline = self.baseline
        if baseline is None or self.goals.is_absolute:
            return self.goals
        return self.goals.relative_to(baseline.outcome)

    @property
    def baseline(self) -> Trial | None:
        """The trial that relative constraints are about."""
        return None if self._baseline is None else self._trials[self._baseline]

    @property
    def objective(self) -> Objective:
        """The only objective.

        Raises:
            ValueError: There are several.
        """
        return self.goals.objective

    @property
    def seed(self) -> int:
        """The seed of all that is random in generation."""
        seed: Any = self.begun.definition["seed"]
        return int(seed)

    # What became of it

    @property
    def trials(self) -> tuple[Trial, ...]:
        """Every trial, in the order of their indices."""
        return tuple(self._trials)

    @property
    def n_trials(self) -> int:
        """How many trials were ever generated or attached."""
        return len(self._trials)

    def trial(self, index: int) -> Trial:
        """Return one trial.

        Raises:
            StorageError: There is no such trial.
        """
        if not 0 <= index < len(self._trials):
            last = f"0 to {len(self._trials) - 1}" if self._trials else "none so far"
            raise StorageError(f"trial {index} does not exist; there are {last}")
        return self._trials[index]

    def open_trials(self) -> list[Trial]:
        """Return the trials that a runner has to do with and that have not ended.

        Candidates and live ones, by index.
        """
        return [self._trials[index] for index in self._open]

    def manual_trials(self) -> list[Trial]:
        """Return the trials that a script evaluates and has not ended, by index."""
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

    def count(self, *statuses: TrialStatus) -> int:
        """Return how many trials have one of ``statuses``."""
        return sum(self._counts[status] for status in statuses)

    def completed_trials(self) -> list[Trial]:
        """Return the trials whose result was read, by index."""
        return [t for t in self._trials if t.status is TrialStatus.COMPLETED]

    def best_trial(self) -> Trial | None:
        """Return the best of the feasible trials, as observed; ``None`` if none is.

        Raises:
            ValueError: There are several objectives.
        """
        return next(iter(self.best_trials()), None)

    def best_trials(self) -> list[Trial]:
        """Return the completed trials that are known to be feasible, best first.

        Those that a changed search space has left behind are not among them.

        Raises:
            ValueError: There are several objectives.
        """
        value = self.objective.value
        return sorted(self.trials_of_interest(), key=lambda t: -value(t.outcome))

    def pareto_trials(self) -> list[Trial]:
        """Return the trials of interest that none is better than in everything."""
        trials = self.trials_of_interest()
        if not trials:
            return []
        from hpcopt.core.pareto import is_nondominated

        values = [self.goals.values(trial.outcome) for trial in trials]
        return list(itertools.compress(trials, is_nondominated(values).tolist()))

    def trials_of_interest(self) -> list[Trial]:
        """Return the completed trials that may be best, by index.

        Their objectives are known, and they are known to satisfy the constraints and
        to reach the objectives' thresholds, and a changed search space has not left
        them behind.
        """
        goals = self.absolute_goals
        trials = [
            trial
            for trial in self.completed_trials()
            if all(o.is_known(trial.outcome) for o in goals.objectives)
            and goals.is_of_interest(trial.outcome)
        ]
        if self._space_changed is not None:
            inside = self.space.contains([trial.parameters for trial in trials])
            trials = list(itertools.compress(trials, inside.tolist()))
        return trials

    # How it grows

    def apply(self, event: ev.Event) -> None:
        """Take one more event in.

        Raises:
            StorageError: The event contradicts those before it.
        """
        match event:
            case ev.ExperimentBegun():
                raise StorageError("ExperimentBegun appears twice in the journal")
            case ev.SettingsChanged():
                self.settings = event.settings
            case ev.SpaceChanged():
                self._space_changed = event
                self.__dict__.pop("space", None)  # it is read anew
            case ev.DriverBegun():
                self.drivers.append(event)
                self.effort = self.effort.begun(event.time, self.last_event_time)
                self.ended = None
            case ev.DriverEnded():
                self.ended = event
                self.effort = self.effort.laid_down(event.time, event.calls)
                self.cancelled_by = ""
            case ev.DriverNoted():
                self.effort = self.effort.noted(event.note, event.calls)
            case ev.TrialsGenerated():
                self._apply_generated(event)
            case ev.AttemptsStaged():
                for staged in event.attempts:
                    self._apply_staged(staged, event.time)
            case ev.AttemptsSubmitted():
                for submitted in event.attempts:
                    self._apply_submitted(submitted, event.time)
            case ev.AttemptObserved():
                self._apply_observed(event)
            case ev.AttemptEnded():
                self._change_attempt(
                    event.trial_index,
                    event.number,
                    phase=Phase.ENDED,
                    cause=event.cause,
                    reason=event.reason,
                    facts=event.facts,
                    ended_at=event.time,
                )
            case ev.TrialCompleted():
                self._end_trial(
                    event.trial_index,
                    event.time,
                    status=TrialStatus.COMPLETED,
                    outcome=_observations(event.outcome),
                )
            case ev.TrialFailed():
                self._end_trial(
                    event.trial_index,
                    event.time,
                    status=TrialStatus.FAILED,
                    cause=event.cause,
                    reason=event.reason,
                )
            case ev.TrialAbandoned():
                self._end_trial(
                    event.trial_index,
                    event.time,
                    status=TrialStatus.ABANDONED,
                    cause=Cause.USER,
                    reason=event.reason,
                )
            case ev.TrialsHandedOut():
                for index in event.trial_indices:
                    self._apply_handed_out(index)
            case ev.TrialAttached():
                self._apply_attached(event)
            case ev.DataAttached():
                self._apply_data(event)
            case ev.TrialEarlyStopped():
                self._end_trial(
                    event.trial_index,
                    event.time,
                    status=TrialStatus.EARLY_STOPPED,
                    reason=event.reason,
                )
            case ev.TrialsCancelled():
                self._apply_cancelled(event)
            case ev.TrialsReopened():
                self._apply_reopened(event)
        self.n_events += 1
        self.last_event_time = event.time

    def _apply_generated(self, event: ev.TrialsGenerated) -> None:
        for generated in event.trials:
            if generated.index != len(self._trials):
                raise StorageError(
                    f"expected trial {len(self._trials)} to be generated next, "
                    f"found trial {generated.index}"
                )
            self._trials.append(
                Trial(
                    index=generated.index,
                    parameters=generated.parameters,
                    generation_method=generated.method,
                    created_at=event.time,
                )
            )
            self._open[generated.index] = None
            self._counts[TrialStatus.CANDIDATE] += 1
        self.generation_details = event.details
        self.environment = event.environment or self.environment
        if event.offset == 0:
            self.generation_seconds.append(event.seconds)
            told: Any = event.details.get("fallbacks", [])
            first = event.trials[0].index if event.trials else len(self._trials)
            self.fallbacks += [(first, str(sentence)) for sentence in told]

    def _apply_handed_out(self, index: int) -> None:
        trial = self._open_trial(index)
        if trial.attempts:
            raise StorageError(
                f"trial {index}: expected a candidate to be handed out, found one that "
                "a runner has"
            )
        self._put(replace(trial, status=TrialStatus.RUNNING, is_manual=True))
        del self._open[index]
        self._manual[index] = None

    def _apply_attached(self, event: ev.TrialAttached) -> None:
        if event.index != len(self._trials):
            raise StorageError(
                f"expected trial {len(self._trials)} to be attached next, "
                f"found trial {event.index}"
            )
        self._trials.append(
            Trial(
                index=event.index,
                parameters=event.parameters,
                status=TrialStatus.RUNNING,
                generation_method="manual",
                is_manual=True,
                name=event.arm_name,
                created_at=event.time,
            )
        )
        self._manual[event.index] = None
        self._counts[TrialStatus.RUNNING] += 1
        if event.is_baseline:
            self._baseline = event.index

    def _apply_data(self, event: ev.DataAttached) -> None:
        trial = self.trial(event.trial_index)
        if trial.status in _WITHOUT_DATA:
            raise StorageError(
                f"trial {trial.index} is {trial.status}: data of it mean nothing"
            )
        outcome = {**trial.outcome, **_observations(event.outcome)}
        self._put(replace(trial, outcome=outcome))
        self.n_results += 1

    def _apply_staged(self, staged: ev.StagedAttempt, time: float) -> None:
        trial = self._open_trial(staged.trial_index)
        if trial.attempt is not None and trial.attempt.is_live:
            raise StorageError(
                f"trial {trial.index}: expected attempt {trial.attempt.number} to end "
                "before another one is staged"
            )
        if staged.number != len(trial.attempts):
            raise StorageError(
                f"trial {trial.index}: expected attempt {len(trial.attempts)} next, "
                f"found attempt {staged.number}"
            )
        attempt = Attempt(
            trial_index=staged.trial_index,
            number=staged.number,
            name=staged.name,
            task=staged.task,
            adjustment=_adjustment(staged),
            staged_at=time,
        )
        self._put(trial.with_attempt(attempt, status=TrialStatus.STAGED))

    def _apply_submitted(self, submitted: ev.SubmittedAttempt, time: float) -> None:
        index, number = submitted.trial_index, submitted.number
        trial, attempt = self._live_attempt(index, number)
        if attempt.metadata is not None:
            raise StorageError(
                f"trial {index}: attempt {number} was submitted already, with "
                f"{dict(attempt.metadata)}"
            )
        attempt = replace(attempt, metadata=submitted.metadata, submitted_at=time)
        self._put(trial.with_attempt(attempt))

    def _apply_observed(self, event: ev.AttemptObserved) -> None:
        if event.phase is Phase.ENDED:
            raise StorageError(
                f"trial {event.trial_index}: expected AttemptEnded to tell that an "
                "attempt ended, found AttemptObserved"
            )
        trial, attempt = self._live_attempt(event.trial_index, event.number)
        started_at = attempt.started_at
        status = trial.status
        if event.phase is Phase.RUNNING:
            started_at = event.time if started_at is None else started_at
            status = TrialStatus.RUNNING
        elif event.phase is Phase.WAITING:
            started_at, status = None, TrialStatus.STAGED
        attempt = replace(
            attempt,
            phase=event.phase,
            reason=event.reason,
            facts=event.facts,
            started_at=started_at,
        )
        self._put(trial.with_attempt(attempt, status=status))

    def _apply_cancelled(self, event: ev.TrialsCancelled) -> None:
        for index in event.trial_indices:
            self._put(replace(self._open_trial(index), cancelled_by=event.by))
        if event.is_all:
            self.cancelled_by = event.by
        self._note_request(event)

    def _apply_reopened(self, event: ev.TrialsReopened) -> None:
        for index in event.trial_indices:
            trial = self.trial(index)
            if not trial.status.may_be_reopened:
                raise StorageError(
                    f"trial {index}: expected one that failed or was abandoned to be "
                    f"reopened, found one that is {trial.status}"
                )
            self._put(
                replace(
                    trial,
                    status=TrialStatus.CANDIDATE,
                    cause=None,
                    reason="",
                    ended_at=None,
                    outcome={},
                    is_manual=False,
                    n_old_attempts=len(trial.attempts),
                )
            )
        self._open = dict.fromkeys(sorted([*self._open, *event.trial_indices]))
        self.n_results += len(event.trial_indices)
        self._note_request(event)

    def _note_request(self, event: ev.TrialsCancelled | ev.TrialsReopened) -> None:
        if event.request:
            self.requests[event.request] = event

    def _change_attempt(self, index: int, number: int, **changes: Any) -> None:
        trial, attempt = self._live_attempt(index, number)
        self._put(trial.with_attempt(replace(attempt, **changes)))

    def _end_trial(self, index: int, time: float, **changes: Any) -> None:
        trial = self._open_trial(index)
        self._put(replace(trial, ended_at=time, cancelled_by="", **changes))
        self.n_results += 1
        self._open.pop(index, None)
        self._manual.pop(index, None)

    def _open_trial(self, index: int) -> Trial:
        trial = self.trial(index)
        if trial.status.is_terminal:
            raise StorageError(
                f"trial {index} has ended ({trial.status}); nothing more can happen "
                "to it"
            )
        return trial

    def _live_attempt(self, index: int, number: int) -> tuple[Trial, Attempt]:
        trial = self._open_trial(index)
        attempt = trial.attempt
        if attempt is None or not attempt.is_live or attempt.number != number:
            live = (
                f"attempt {attempt.number}"
                if attempt is not None and attempt.is_live
                else "none"
            )
            raise StorageError(
                f"trial {index}: expected a fact about its live attempt ({live}), "
                f"found one about attempt {number}"
            )
        return trial, attempt

    def _put(self, trial: Trial) -> None:
        self._counts[self._trials[trial.index].status] -= 1
        self._counts[trial.status] += 1
        self._trials[trial.index] = trial


def _observations(
    outcome: Mapping[str, ev.ObservedMetric],
) -> dict[str, Observation]:
    return {
        name: Observation(**dataclasses.asdict(metric))
        for name, metric in outcome.items()
    }


def _adjustment(staged: ev.StagedAttempt) -> Adjustment:
    try:
        return Adjustment.from_json(staged.adjustment)
    except ValueError as exc:
        raise StorageError(f"trial {staged.trial_index}: {exc}") from exc
