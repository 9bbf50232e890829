"""An experiment: the fold of its events."""

from __future__ import annotations

import copy
import itertools
from collections.abc import Callable, Iterable, Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Any

from hpcopt.core import events as ev
from hpcopt.core.driver_activity import DriverActivity
from hpcopt.core.errors import StorageError
from hpcopt.core.goals.goals import Goals
from hpcopt.core.goals.objective import Objective
from hpcopt.core.trials.table import TrialTable
from hpcopt.core.trials.trial import Attempt, Trial, TrialStatus
from hpcopt.core.types import JSONValue

if TYPE_CHECKING:
    from hpcopt.core.space.search_space import SearchSpace


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
        self.driver_activity = DriverActivity()
        """What the drivers have done, and what the present one says."""
        self.generation_details: Mapping[str, JSONValue] = {}
        """The details of the latest generation."""
        self.generation_seconds: list[float] = []
        self.requests: dict[str, ev.TrialsCancelled | ev.TrialsReopened] = {}
        """What came of people's requests, by their names."""
        self.cancelled_by = ""
        """Who cancelled all trials and wants the driver to stop, until it has."""
        self.environment: Mapping[str, str] = {}
        """The versions and the like that the latest suggestions depend on."""
        self.fallbacks: list[tuple[int, str]] = []
        """What failed in generation and what was done instead, with the trial."""
        self._table = TrialTable()

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
        twin._table = self._table.copy()
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
        from hpcopt.core.space.search_space import SearchSpace

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
        index = self._table.baseline
        return None if index is None else self._table[index]

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
        return self._table.trials

    @property
    def n_results(self) -> int:
        """How many times it became known what is to be learnt from a trial."""
        return self._table.n_results

    @property
    def n_trials(self) -> int:
        """How many trials were ever generated or attached."""
        return len(self._table)

    def trial(self, index: int) -> Trial:
        """Return one trial.

        Raises:
            StorageError: There is no such trial.
        """
        return self._table[index]

    def open_trials(self) -> list[Trial]:
        """Return the trials that a runner has to do with and that have not ended.

        Candidates and live ones, by index.
        """
        return self._table.open_trials()

    def manual_trials(self) -> list[Trial]:
        """Return the trials that a script evaluates and has not ended, by index."""
        return self._table.manual_trials()

    def live_attempts(self) -> list[Attempt]:
        """Return the submitted attempts that have not ended, by trial."""
        return self._table.live_attempts()

    def staged_attempts(self) -> list[Attempt]:
        """Return the attempts that may or may not have been submitted, by trial."""
        return self._table.staged_attempts()

    def count(self, *statuses: TrialStatus) -> int:
        """Return how many trials have one of ``statuses``."""
        return sum(map(self._table.count, statuses))

    def completed_trials(self) -> list[Trial]:
        """Return the trials whose result was read, by index."""
        return [t for t in self._table.trials if t.status is TrialStatus.COMPLETED]

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
        from hpcopt.core.goals.pareto import is_nondominated

        values = [self.goals.values(trial.outcome) for trial in trials]
        return list(itertools.compress(trials, is_nondominated(values).tolist()))

    def trials_of_interest(self) -> list[Trial]:
        """Return the completed trials that may be best, by index.

        Their objectives are known, and they are known to satisfy the constraints and
        to reach the objectives' thresholds, and a changed search space has not left
        them behind.
        """
        goals = self.absolute_goals
        needed = {name for one in goals.objectives for name in one.metric_names}
        trials = [
            trial
            for trial in self.completed_trials()
            if needed <= trial.outcome.keys() and goals.is_of_interest(trial.outcome)
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
        if isinstance(event, ev.ExperimentBegun):
            raise StorageError("ExperimentBegun appears twice in the journal")
        self._table.apply(event)
        note = _NOTES.get(type(event))
        if note is not None:
            note(self, event)
        self.n_events += 1
        self.last_event_time = event.time

    def _note_settings(self, event: ev.SettingsChanged) -> None:
        self.settings = event.settings

    def _note_space(self, event: ev.SpaceChanged) -> None:
        self._space_changed = event
        self.__dict__.pop("space", None)  # it is read anew

    def _note_begin(self, event: ev.DriverBegun) -> None:
        self.drivers.append(event)
        self.driver_activity = self.driver_activity.begun(
            event.time, self.last_event_time
        )
        self.ended = None

    def _note_end(self, event: ev.DriverEnded) -> None:
        self.ended = event
        self.driver_activity = self.driver_activity.ended(event.time, event.calls)
        self.cancelled_by = ""

    def _note_activity(self, event: ev.DriverNoted) -> None:
        self.driver_activity = self.driver_activity.noted(event.note, event.calls)

    def _note_generation(self, event: ev.TrialsGenerated) -> None:
        self.generation_details = event.details
        self.environment = event.environment or self.environment
        if event.offset == 0:
            self.generation_seconds.append(event.seconds)
            told: Any = event.details.get("fallbacks", [])
            first = event.trials[0].index if event.trials else self.n_trials
            self.fallbacks += [(first, str(sentence)) for sentence in told]

    def _note_request(self, event: ev.TrialsCancelled | ev.TrialsReopened) -> None:
        if event.request:
            self.requests[event.request] = event
        if isinstance(event, ev.TrialsCancelled) and event.is_all:
            self.cancelled_by = event.by


#: What the experiment keeps of the events of each kind, besides its trials.
_NOTES: Mapping[type[Any], Callable[[Experiment, Any], None]] = {
    ev.SettingsChanged: Experiment._note_settings,
    ev.SpaceChanged: Experiment._note_space,
    ev.DriverBegun: Experiment._note_begin,
    ev.DriverEnded: Experiment._note_end,
    ev.DriverNoted: Experiment._note_activity,
    ev.TrialsGenerated: Experiment._note_generation,
    ev.TrialsCancelled: Experiment._note_request,
    ev.TrialsReopened: Experiment._note_request,
}
