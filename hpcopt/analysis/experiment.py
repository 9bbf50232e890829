"""An experiment as an analysis sees it: read-only, by the names of Ax's ``Experiment``.

It is the state at one moment, and stays so while the experiment goes on; what is
computed from it may therefore be kept with it. hpcopt's own experiment is its ``core``.
"""

from __future__ import annotations

import copy
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from typing_extensions import override

from hpcopt.core.errors import UsageError
from hpcopt.core.experiment import Experiment
from hpcopt.core.goals.metric_sum import MetricSum
from hpcopt.core.goals.objective import Objective
from hpcopt.core.goals.outcome_constraint import OutcomeConstraint
from hpcopt.core.notebook import experiment_html, experiment_line, trial_html
from hpcopt.core.space.search_space import Parameter
from hpcopt.core.trials.trial import Observation, Trial, TrialStatus
from hpcopt.core.types import JSONValue, TParameterization

if TYPE_CHECKING:
    import pandas as pd

#: What is known of trials with other statuses teaches no model.
_WITH_OUTCOME = (TrialStatus.COMPLETED, TrialStatus.EARLY_STOPPED)


@dataclass(frozen=True)
class Arm:
    """A parameterization with its name."""

    name: str
    parameters: TParameterization


class TrialView:
    """A trial, by Ax's names; hpcopt's own is its ``core``."""

    def __init__(self, trial: Trial) -> None:
        self.core = trial
        self.index = trial.index
        self.status = trial.status
        self.arm = Arm(trial.arm_name, trial.parameters)
        self.status_reason = trial.reason or None

    @property
    def arms(self) -> list[Arm]:
        """Its only arm."""
        return [self.arm]

    @property
    def run_metadata(self) -> Mapping[str, JSONValue]:
        """What the runner returned when its latest attempt was started."""
        attempt = self.core.attempt
        return {} if attempt is None else attempt.metadata or {}

    @override
    def __repr__(self) -> str:
        return f"Trial(index={self.index}, status={self.status!r}, arm={self.arm!r})"

    def _repr_html_(self) -> str:
        return trial_html(self.core)


@dataclass(frozen=True)
class SearchSpaceView:
    """What is searched."""

    parameters: Mapping[str, Parameter]
    parameter_constraints: tuple[str, ...]
    """As they were written."""


@dataclass(frozen=True)
class MetricView:
    """A metric of the experiment."""

    name: str
    lower_is_better: bool | None = None
    """``None`` where no goal says it."""


@dataclass(frozen=True)
class OptimizationConfigView:
    """What is to be reached."""

    objectives: tuple[Objective, ...]
    outcome_constraints: tuple[OutcomeConstraint, ...]
    objective_thresholds: tuple[OutcomeConstraint | None, ...]
    metrics: Mapping[str, MetricView]

    @property
    def objective(self) -> Objective:
        """The only objective.

        Raises:
            UsageError: There are several.
        """
        if len(self.objectives) > 1:
            raise UsageError(
                f"objective: expected one, found {len(self.objectives)}; objectives "
                "has them"
            )
        return self.objectives[0]


@dataclass(frozen=True)
class DataView:
    """Everything that was observed."""

    df: pd.DataFrame
    """One row a trial, metric and step: ``trial_index``, ``arm_name``,
    ``metric_name``, ``metric_signature``, ``mean``, ``sem``, and ``step`` where any
    value has one. What is unknown is NaN."""


class _SomeTrials(dict[int, TrialView]):
    """The trials that are shown; any other can be asked for by its index."""

    def __init__(self, core: Experiment, shown: Iterable[int]) -> None:
        super().__init__((k, TrialView(core.trial(k))) for k in shown)
        self._core = core

    def __missing__(self, index: int) -> TrialView:
        return TrialView(self._core.trial(index))


class ExperimentView:
    """An experiment at one moment, by Ax's names."""

    def __init__(self, experiment: Experiment, modules: str | None = None) -> None:
        """View an experiment as it stands now.

        Args:
            experiment: What is viewed; it may go on.
            modules: The folder where modules of the user's are looked for first, if
                models are made by a function there.
        """
        self.core = experiment.copy()
        self.modules = modules
        self._whole: ExperimentView | None = None

    @override
    def __repr__(self) -> str:
        return f"Experiment({self.name!r}, {experiment_line(self.core)})"

    def _repr_html_(self) -> str:
        return experiment_html(self.core)

    @property
    def whole(self) -> ExperimentView:
        """The view of this state that shows all trials; models are kept with it."""
        return self if self._whole is None else self._whole

    def showing(self, indices: Iterable[int]) -> ExperimentView:
        """Return the same state, of whose trials cards show only some.

        What is known of all of them stays known: models and the best are the same.
        """
        view = copy.copy(self)
        view._whole = self.whole
        for name in ("trials", "trials_by_status", "arms_by_name"):
            view.__dict__.pop(name, None)  # cached properties
        view.__dict__["trials"] = _SomeTrials(self.core, sorted(set(indices)))
        return view

    def is_of(self, experiment: Experiment) -> bool:
        """Whether this is how the experiment stands now."""
        return (self.core.begun, self.core.n_events, self.core.goals) == (
            experiment.begun,
            experiment.n_events,
            experiment.goals,
        )

    @property
    def name(self) -> str:
        """The experiment's name."""
        return self.core.name

    @cached_property
    def trials(self) -> Mapping[int, TrialView]:
        """The trials by their indices."""
        return {trial.index: TrialView(trial) for trial in self.core.trials}

    @cached_property
    def trials_by_status(self) -> Mapping[TrialStatus, set[TrialView]]:
        """The trials of each status."""
        found: dict[TrialStatus, set[TrialView]] = {one: set() for one in TrialStatus}
        for trial in self.trials.values():
            found[trial.status].add(trial)
        return found

    @property
    def trial_indices_by_status(self) -> Mapping[TrialStatus, set[int]]:
        """The indices of the trials of each status."""
        return {
            status: {trial.index for trial in trials}
            for status, trials in self.trials_by_status.items()
        }

    @cached_property
    def arms_by_name(self) -> Mapping[str, Arm]:
        """The arms by their names."""
        return {trial.arm.name: trial.arm for trial in self.trials.values()}

    @cached_property
    def observed_metrics(self) -> frozenset[str]:
        """The metrics of which any value is known."""
        return frozenset(name for trial in self.core.trials for name in trial.outcome)

    @cached_property
    def n_usable(self) -> Mapping[str, int]:
        """Of how many trials a model could learn each metric."""
        return Counter(
            name
            for trial in self.core.trials
            if trial.status in _WITH_OUTCOME
            for name in trial.outcome
        )

    @cached_property
    def best_indices(self) -> frozenset[int]:
        """The trials of the Pareto front, or that of the best outcome."""
        core = self.core
        best = core.best_trials()[:1] if core.goals.is_single else core.pareto_trials()
        return frozenset(trial.index for trial in best)

    @property
    def status_quo(self) -> Arm | None:
        """The baseline, if there is one."""
        baseline = self.core.baseline
        return None if baseline is None else self.trials[baseline.index].arm

    @cached_property
    def search_space(self) -> SearchSpaceView:
        """What is searched."""
        space = self.core.space
        parameters = {parameter.name: parameter for parameter in space.parameters}
        return SearchSpaceView(parameters, space.constraints)

    @cached_property
    def metrics(self) -> Mapping[str, MetricView]:
        """All metrics: those of the goals, those that are read, those attached."""
        definition: Mapping[str, Any] = self.core.begun.definition
        goals = self.core.goals
        names = dict.fromkeys(goals.metric_names)
        names |= dict.fromkeys(one["name"] for one in definition.get("metrics", ()))
        names |= dict.fromkeys(n for trial in self.core.trials for n in trial.outcome)
        return {name: MetricView(name, self._is_lower_better(name)) for name in names}

    def _is_lower_better(self, name: str) -> bool | None:
        goals = self.core.goals
        sums: tuple[MetricSum, ...] = (*goals.objectives, *goals.bounds)
        for metric_sum in sums:
            if name in metric_sum.weights:
                return metric_sum.weights[name] < 0
        return None

    @cached_property
    def optimization_config(self) -> OptimizationConfigView:
        """What is to be reached."""
        goals = self.core.goals
        names = goals.metric_names
        return OptimizationConfigView(
            goals.objectives,
            goals.constraints,
            goals.thresholds,
            {name: self.metrics[name] for name in names},
        )

    def lookup_data(self) -> DataView:
        """Return everything that was observed."""
        return self._data

    @cached_property
    def _data(self) -> DataView:
        import pandas as pd

        rows = [
            (trial.index, trial.arm_name, name, name, o.mean, o.sem, o.step)
            for trial in self.core.trials
            for (name, _), o in latest_by_step(trial).items()
        ]
        columns = ["trial_index", "arm_name", "metric_name", "metric_signature"]
        df = pd.DataFrame(rows, columns=[*columns, "mean", "sem", "step"])
        df = df.astype({"mean": float, "sem": float})
        return DataView(df if df["step"].any() else df.drop(columns="step"))


def latest_by_step(trial: Trial) -> dict[tuple[str, float], Observation]:
    """Return each metric's value at each step, the latest that was reported."""
    return {
        (name, o.step): o
        for report in trial.reports
        for name, o in report.outcome.items()
    }


def required(experiment: ExperimentView | None) -> ExperimentView:
    """Return the experiment that an analysis needs.

    Raises:
        UsageError: It was not given one.
    """
    if experiment is None:
        raise UsageError("experiment: expected one to analyse, found none")
    return experiment
