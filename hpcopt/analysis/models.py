"""The models of an experiment, as cards ask them: each is fitted once for its state.

The only way from cards to models: those of the next suggestion, whoever named them. An
``ExperimentView`` is a state that stays as it is; its models are kept for as long as
the view is, and shared by all cards. PyTorch is loaded once the first model is asked
for.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, TypeVar
from weakref import WeakKeyDictionary

import numpy as np
import numpy.typing as npt

from hpcopt.analysis.experiment import ExperimentView
from hpcopt.analysis.model_fit import r_squared
from hpcopt.analysis.sensitivities import Sensitivities, sensitivities
from hpcopt.core.errors import GenerationError, UsageError
from hpcopt.core.goals.outcome_constraint import OutcomeConstraint
from hpcopt.core.names import expected_name
from hpcopt.core.space.search_space import SearchSpace
from hpcopt.core.types import TParameterization
from hpcopt.generation.penalties import without_penalties
from hpcopt.generation.snapshot import Snapshot
from hpcopt.generation.spec import spec_of
from hpcopt.host.threads import limited_threads

if TYPE_CHECKING:
    from hpcopt.generation.models.asked import AskedConstraint, AskedMetric
    from hpcopt.generation.models.metric_model import HeldOut

Array = npt.NDArray[np.float64]

#: So many answers of the models are kept.
_N_REMEMBERED = 8

_Result = TypeVar("_Result")

#: So many points are asked at once; more would only take more memory.
_CHUNK = 8192


class Models:
    """The models of one state of an experiment."""

    def __init__(self, experiment: ExperimentView) -> None:
        """Take what is known; nothing is fitted before it is asked for."""
        core = experiment.core
        # As a proposer's models see it, and ``Client.predict``.
        self.snapshot = without_penalties(Snapshot.of(core))[0].narrowed()
        self._known_metrics = tuple(experiment.metrics)
        self._spec = spec_of(core.settings, experiment.modules)
        self._threads = self._spec.threads
        self._metrics: dict[str, AskedMetric] = {}
        self._constraints: dict[str, AskedConstraint] = {}
        self._effects: dict[str, Sensitivities] = {}
        self._fits: dict[str, float] = {}
        self._predicted: dict[tuple[str, bytes], tuple[Array, Array]] = {}
        """Of a metric at points, the latest: cards ask for the same arms."""

    @property
    def space(self) -> SearchSpace:
        """The parameters as a model sees them: a choice may have fewer values."""
        return self.snapshot.space

    def encode(self, points: Sequence[TParameterization]) -> Array:
        """Return where parameterizations are in the unit cube, shape ``(n, d)``."""
        return self.space.encode(points)

    def predict(
        self, metric_name: str, points: Sequence[TParameterization] | Array
    ) -> tuple[Array, Array]:
        """Return the metric's mean and standard error, without an outcome's noise.

        Args:
            metric_name: The metric.
            points: ``n`` parameterizations, or points of the unit cube, ``(n, d)``.

        Returns:
            Shape ``(n,)`` each.

        Raises:
            UsageError: The experiment has no such metric.
            GenerationError: There is too little to learn from, or no fit succeeded.
        """
        model = self._metric(metric_name)
        X = points if isinstance(points, np.ndarray) else self.encode(points)
        key = metric_name, X.tobytes()
        if key not in self._predicted:
            parts = self._in_parts(model.predict, X)
            mean, sem = (np.concatenate(part) for part in zip(*parts, strict=True))
            if len(self._predicted) >= _N_REMEMBERED:
                self._predicted.pop(next(iter(self._predicted)))
            self._predicted[key] = mean, sem
        mean, sem = self._predicted[key]
        return mean.copy(), sem.copy()

    def average(self, metric_name: str, X: Array) -> tuple[float, float]:
        """Return the mean of the metric over points, and its standard error.

        Args:
            metric_name: The metric.
            X: Points of the unit cube, shape ``(b, d)``, a few hundred at most.

        Raises:
            As ``predict``.
        """
        model = self._metric(metric_name)
        with limited_threads(self._threads):
            return model.average(X)

    def held_out(
        self, metric_name: str, n_folds: int = -1, *, in_units: bool = True
    ) -> HeldOut:
        """Return what the model says of each outcome without that outcome's fold.

        Args:
            metric_name: The metric.
            n_folds: How many folds; one for each outcome by default (leave one out).
            in_units: Whether all is in the metric's units, rather than on the scale on
                which the model is Gaussian.

        Raises:
            As ``predict``.
        """
        model = self._metric(metric_name)
        with limited_threads(self._threads):
            return model.held_out(n_folds, in_units=in_units)

    def r_squared(self, metric_name: str) -> float:
        """Return R² of what is predicted of outcomes that are left out one by one.

        On the scale on which the model is Gaussian, where no outcome counts for all;
        NaN where all outcomes are equal.

        Raises:
            As ``predict``.
        """
        if metric_name not in self._fits:
            held_out = self.held_out(metric_name, in_units=False)
            self._fits[metric_name] = r_squared(held_out.observed, held_out.predicted)
        return self._fits[metric_name]

    def effects(self, metric_name: str) -> Sensitivities:
        """Return how the parameters move the metric's mean, over the whole space.

        Parameter constraints are left aside; what is inactive moves nothing.

        Raises:
            As ``predict``.
        """
        if metric_name not in self._effects:
            model = self._metric(metric_name)

            def mean(X: Array) -> Array:
                return self.predict(metric_name, X)[0]

            self._effects[metric_name] = sensitivities(
                self.space, mean, len(model.trials)
            )
        return self._effects[metric_name]

    @property
    def constraints(self) -> tuple[OutcomeConstraint, ...]:
        """The outcome constraints, absolute as far as the baseline is known."""
        return self.snapshot.goals.constraints

    def probabilities(self, points: Sequence[TParameterization] | Array) -> Array:
        """Return how likely each constraint holds, shape ``(n, n_constraints)``.

        It is NaN where ``why_not_feasible`` says why.

        Args:
            points: ``n`` parameterizations, or points of the unit cube, ``(n, d)``.
        """
        columns = []
        for constraint in self.constraints:
            try:
                model = self._constraint(constraint)
            except GenerationError:
                columns.append(np.full(len(points), np.nan))
            else:
                parts = self._in_parts(model.probability, points)
                columns.append(np.concatenate(parts))
        return np.stack(columns, axis=1) if columns else np.ones((len(points), 0))

    def why_not_feasible(self) -> str | None:
        """Return why a constraint cannot be judged yet; ``None`` if all can."""
        for constraint in self.constraints:
            try:
                self._constraint(constraint)
            except GenerationError as exc:
                return f"{constraint.expression}: {exc}."
        return None

    def probability_feasible(
        self, points: Sequence[TParameterization] | Array
    ) -> Array:
        """Return how likely all constraints hold, shape ``(n,)``, NaN if not known.

        The models of different constraints are independent.
        """
        probability: Array = self.probabilities(points).prod(axis=1)
        return probability

    @cached_property
    def _objective(self) -> Callable[[Array], tuple[Array, Array]]:
        from hpcopt.generation.predict import objective_model

        objective = self.snapshot.goals.objective
        model = objective_model(self.snapshot, objective, self._threads, self._spec)
        return model.predict

    def objective(
        self, points: Sequence[TParameterization] | Array
    ) -> tuple[Array, Array]:
        """Return mean and standard error of the only objective, larger being better.

        Raises:
            ValueError: There are several.
            GenerationError: There is too little to learn from, or no fit succeeded.
        """
        parts = self._in_parts(self._objective, points)
        mean, variance = (np.concatenate(part) for part in zip(*parts, strict=True))
        return mean, np.sqrt(variance)

    def _metric(self, name: str) -> AskedMetric:
        if name not in self._metrics:
            from hpcopt.generation.predict import metric_model

            if name not in self._known_metrics:
                raise UsageError(
                    f"metric_name: {expected_name(name, self._known_metrics)}"
                )
            self._metrics[name] = metric_model(
                self.snapshot, name, self._threads, self._spec
            )
        return self._metrics[name]

    def _constraint(self, constraint: OutcomeConstraint) -> AskedConstraint:
        text = constraint.expression
        if text not in self._constraints:
            from hpcopt.generation.predict import constraint_model

            if constraint.is_relative:
                raise GenerationError(
                    "the baseline, to which it is relative, has no outcome"
                )
            self._constraints[text] = constraint_model(
                self.snapshot, constraint, self._threads, self._spec
            )
        return self._constraints[text]

    def _in_parts(
        self,
        function: Callable[[Array], _Result],
        points: Sequence[TParameterization] | Array,
    ) -> list[_Result]:
        X = points if isinstance(points, np.ndarray) else self.encode(points)
        starts = range(0, max(len(X), 1), _CHUNK)
        with limited_threads(self._threads):
            return [function(X[start : start + _CHUNK]) for start in starts]


_MODELS: WeakKeyDictionary[ExperimentView, Models] = WeakKeyDictionary()


def models_of(experiment: ExperimentView) -> Models:
    """Return the models of an experiment's state, the same ones each time."""
    whole = experiment.whole
    models = _MODELS.get(whole)
    if models is None:
        models = _MODELS[whole] = Models(whole)
    return models
