"""An experiment: the fold of its events."""

from __future__ import annotations

import copy
import itertools
from collections.abc import Callable, Collection, Iterable, Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Any

from hpcopt.core import events as ev
from hpcopt.core.driver_activity import DriverActivity
from hpcopt.core.errors import StorageError
from hpcopt.core.goals.goals import Goals
from hpcopt.core.goals.names import spelled_out
from hpcopt.core.goals.objective import Objective
from hpcopt.core.goals.plane_front import is_on_plane_front
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
        self._goals: Goals | None = None
        """The goals; ``None`` until they are asked for."""
        self._goals_changed: ev.GoalsChanged | None = None
        self.n_events = 1
        self.last_event_time = begun.time
        self.drivers: list[ev.DriverBegun] = []
        self.ended: ev.DriverEnded | None = None
        """How the latest driver ended; ``None`` while it runs or if it was killed."""
        self.driver_activity = DriverActivity()
        """How long drivers have run, their scheduler calls, the present one's note."""
        self.generation_details: Mapping[str, JSONValue] = {}
        """The details of the latest generation."""
        self.generation_seconds: list[float] = []
        """How long each call of the generator took."""
        self.requests: dict[str, ev.TrialsCancelled | ev.TrialsReopened] = {}
        """The events that answered people's requests, by the request's name."""
        self.cancelled_by = ""
        """Who cancelled all trials and wants the driver to stop, until it has."""
        self.environment: Mapping[str, str] = {}
        """The versions and settings that the latest suggestions depend on."""
        self.fallbacks: list[tuple[int, str]] = []
        """The first trial of a generation that used a fallback, and which, in words."""
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
        """Return an independent copy, which shares all that is frozen."""
        clone = copy.copy(self)
        clone.drivers = self.drivers.copy()
        clone.generation_seconds = self.generation_seconds.copy()
        clone.requests = self.requests.copy()
        clone.fallbacks = self.fallbacks.copy()
        clone._table = self._table.copy()
        return clone

    def with_goals(self, goals: Goals) -> Experiment:
        """Return an independent copy that looks for something else."""
        clone = self.copy()
        clone._goals = goals
        return clone

    # What it is

    @property
    def name(self) -> str:
        """The experiment's name."""
        return str(self.begun.definition["name"])

    @cached_property
    def space(self) -> SearchSpace:
        """The search space, as it is now.

        It knows values of trials that were attached from outside it, allowing none.
        """
        # They load numpy, which reading trials does not need.
        from hpcopt.core.space.outside import knowing
        from hpcopt.core.space.search_space import SearchSpace

        changed = self._space_changed
        space = SearchSpace.from_definition(
            self.begun.definition if changed is None else changed.space
        )
        outside = [trial.parameters for trial in self.trials if trial.outside]
        return knowing(space, outside) if outside else space

    @property
    def parameter_names(self) -> tuple[str, ...]:
        """The names of the parameters, in the order of the search space."""
        changed = self._space_changed
        space: Any = self.begun.definition if changed is None else changed.space
        return tuple(str(spec["name"]) for spec in space["parameters"])

    @property
    def metric_names(self) -> tuple[str, ...]:
        """The metrics that the goals name, and all others that were observed."""
        observed = (name for trial in self.trials for name in trial.outcome)
        return tuple(dict.fromkeys([*self.goals.metric_names, *observed]))

    @property
    def goals(self) -> Goals:
        """The objectives and the constraints on outcomes, as they are now."""
        if self._goals is None:
            changed = self._goals_changed
            record = self.begun.definition if changed is None else changed.goals
            if changed is None and self.begun.version.startswith("0.1."):
                record = spelled_out(record)
            self._goals = Goals.from_json(record)
        return self._goals

    @property
    def absolute_goals(self) -> Goals:
        """The goals, relative bounds made absolute if the baseline has an outcome."""
        baseline = self.baseline
        if baseline is None or self.goals.is_absolute:
            return self.goals
        return self.goals.relative_to(baseline.outcome)

    @property
    def baseline(self) -> Trial | None:
        """The trial to which relative constraints refer, if there is one."""
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
        """A version number of the data for a model: how many times they changed.

        Counted are trials that ended, data that were attached, and trials that were
        reopened.
        """
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
        """Return the runner's trials that have not ended, by index.

        They are candidates, staged or running.
        """
        return self._table.open_trials()

    def manual_trials(self) -> list[Trial]:
        """Return the trials evaluated by a script that have not ended, by index."""
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

    def best_trials(self) -> list[Trial]:
        """Return ``trials_of_interest``, the best observed objective first.

        Raises:
            ValueError: There are several objectives.
        """
        value = self.objective.value
        return sorted(self.trials_of_interest(), key=lambda t: -value(t.outcome))

    def pareto_trials(self) -> list[Trial]:
        """Return the Pareto-optimal ones of ``trials_of_interest``, by index."""
        trials = self.trials_of_interest()
        if not trials:
            return []
        values = [self.goals.values(trial.outcome) for trial in trials]
        if len(self.goals.objectives) == 2:
            return list(itertools.compress(trials, is_on_plane_front(values)))
        from hpcopt.core.goals.pareto import is_nondominated

        return list(itertools.compress(trials, is_nondominated(values).tolist()))

    def trials_of_interest(
        self, statuses: Collection[TrialStatus] = (TrialStatus.COMPLETED,)
    ) -> list[Trial]:
        """Return the trials that are candidates for the best, by index.

        They have one of ``statuses``, their objectives are known, they are known to
        satisfy all outcome constraints and objective thresholds, and they lie in the
        present search space.
        """
        goals = self.absolute_goals
        needed = {name for one in goals.objectives for name in one.metric_names}
        trials = [
            trial
            for trial in self._table.trials
            if trial.status in statuses
            and needed <= trial.outcome.keys()
            and goals.is_of_interest(trial.outcome)
        ]
        has_outside = any(trial.outside for trial in trials)
        if self._space_changed is not None or has_outside:
            inside = self.space.contains([trial.parameters for trial in trials])
            trials = list(itertools.compress(trials, inside.tolist()))
        return trials

    # Events

    def apply(self, event: ev.Event) -> None:
        """Apply the next event.

        Raises:
            StorageError: The event contradicts those before it.
        """
        if isinstance(event, ev.ExperimentBegun):
            raise StorageError("ExperimentBegun appears twice in the journal")
        self._table.apply(event)
        handle = _HANDLERS.get(type(event))
        if handle is not None:
            handle(self, event)
        self.n_events += 1
        self.last_event_time = event.time

    def _apply_settings(self, event: ev.SettingsChanged) -> None:
        self.settings = event.settings

    def _apply_space(self, event: ev.SpaceChanged) -> None:
        self._space_changed = event
        self.__dict__.pop("space", None)  # the cached property

    def _apply_goals(self, event: ev.GoalsChanged) -> None:
        self._goals_changed, self._goals = event, None

    def _apply_attached(self, event: ev.TrialAttached) -> None:
        if event.outside:  # the space may have to know its values
            self.__dict__.pop("space", None)

    def _apply_begin(self, event: ev.DriverBegun) -> None:
        self.drivers.append(event)
        self.driver_activity = self.driver_activity.begun(
            event.time, self.last_event_time
        )
        self.ended = None

    def _apply_end(self, event: ev.DriverEnded) -> None:
        self.ended = event
        self.driver_activity = self.driver_activity.ended(event.time, event.calls)
        self.cancelled_by = ""

    def _apply_activity(self, event: ev.DriverNoted) -> None:
        self.driver_activity = self.driver_activity.noted(event.note, event.calls)

    def _apply_generation(self, event: ev.TrialsGenerated) -> None:
        self.generation_details = event.details
        self.environment = event.environment or self.environment
        if event.offset == 0:
            self.generation_seconds.append(event.seconds)
            told: Any = event.details.get("fallbacks", [])
            first = event.trials[0].index if event.trials else self.n_trials
            self.fallbacks += [(first, str(sentence)) for sentence in told]

    def _apply_request(self, event: ev.TrialsCancelled | ev.TrialsReopened) -> None:
        if event.request:
            self.requests[event.request] = event
        if isinstance(event, ev.TrialsCancelled) and event.is_all:
            self.cancelled_by = event.by


#: What each kind of event changes besides the trials.
_HANDLERS: Mapping[type[Any], Callable[[Experiment, Any], None]] = {
    ev.SettingsChanged: Experiment._apply_settings,
    ev.SpaceChanged: Experiment._apply_space,
    ev.GoalsChanged: Experiment._apply_goals,
    ev.TrialAttached: Experiment._apply_attached,
    ev.DriverBegun: Experiment._apply_begin,
    ev.DriverEnded: Experiment._apply_end,
    ev.DriverNoted: Experiment._apply_activity,
    ev.TrialsGenerated: Experiment._apply_generation,
    ev.TrialsCancelled: Experiment._apply_request,
    ev.TrialsReopened: Experiment._apply_request,
}
