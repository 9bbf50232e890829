"""Optimisation goals: objectives, outcome constraints, objective thresholds, as in Ax.

``"-loss, -cost"`` are two objectives. A bound on a metric that is one of several
objectives is that objective's threshold: what a trial must reach to be of interest.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from hpcopt.core.errors import ConfigError
from hpcopt.core.goals.metric_sum import MetricSum
from hpcopt.core.goals.objective import Objective, parse_objective
from hpcopt.core.goals.outcome_constraint import OutcomeConstraint, parse_constraint
from hpcopt.core.trials.trial import Observation
from hpcopt.core.types import JSONValue

#: A comma between objectives, not one in parentheses.
_COMMA = re.compile(r",(?![^(]*\))")


@dataclass(frozen=True)
class Goals:
    """The objectives and outcome constraints of an experiment."""

    objectives: tuple[Objective, ...]
    """At least one; each is maximised."""
    constraints: tuple[OutcomeConstraint, ...] = ()
    """What a feasible outcome satisfies. None constrains a metric that an objective
    maximises or minimises."""
    thresholds: tuple[OutcomeConstraint | None, ...] = ()
    """Of several objectives, the least value of interest of each; else empty."""

    @property
    def expression(self) -> str:
        """The objectives as they are written."""
        return ", ".join(objective.expression for objective in self.objectives)

    @property
    def constraint_expressions(self) -> tuple[str, ...]:
        """The constraints and then the thresholds, as they are written."""
        return tuple(constraint.expression for constraint in self.bounds)

    @property
    def bounds(self) -> tuple[OutcomeConstraint, ...]:
        """The constraints, then those thresholds that there are."""
        return self.constraints + tuple(t for t in self.thresholds if t is not None)

    @property
    def threshold_values(self) -> tuple[float | None, ...]:
        """Each objective's least value of interest; ``None`` if it has no threshold.

        Raises:
            ValueError: A threshold is relative.
        """
        thresholds = self.thresholds or (None,) * len(self.objectives)
        return tuple(map(_threshold_value, self.objectives, thresholds))

    @property
    def is_single(self) -> bool:
        """Whether there is one objective only."""
        return len(self.objectives) == 1

    @property
    def objective(self) -> Objective:
        """The only objective.

        Raises:
            ValueError: There are several.
        """
        if not self.is_single:
            raise ValueError(f"expected one objective, found {self.expression!r}")
        return self.objectives[0]

    @property
    def metric_names(self) -> tuple[str, ...]:
        """Every metric that the goals need, those of the objectives first."""
        sums: tuple[MetricSum, ...] = (*self.objectives, *self.bounds)
        return tuple(dict.fromkeys(n for s in sums for n in s.metric_names))

    @property
    def is_absolute(self) -> bool:
        """Whether no bound is relative to the baseline's outcome."""
        return not any(bound.is_relative for bound in self.bounds)

    def relative_to(self, baseline: Mapping[str, Observation]) -> Goals:
        """Return the goals with relative bounds made absolute.

        A bound stays relative where ``baseline`` lacks its metric.

        Args:
            baseline: The outcome of the baseline trial.
        """

        def resolved(constraint: OutcomeConstraint) -> OutcomeConstraint:
            is_known = constraint.is_known(baseline)
            return constraint.relative_to(baseline) if is_known else constraint

        return Goals(
            self.objectives,
            tuple(map(resolved, self.constraints)),
            tuple(t if t is None else resolved(t) for t in self.thresholds),
        )

    def is_known(self, outcome: Mapping[str, Observation]) -> bool:
        """Whether ``outcome`` has every metric."""
        return all(name in outcome for name in self.metric_names)

    def slack(self, outcome: Mapping[str, Observation]) -> tuple[float, ...]:
        """Return by how much each constraint holds; it is violated below 0.

        Raises:
            KeyError: ``outcome`` lacks a metric.
            ValueError: A constraint is relative.
        """
        return tuple(constraint.slack(outcome) for constraint in self.constraints)

    def is_feasible(self, outcome: Mapping[str, Observation]) -> bool:
        """Whether ``outcome`` is known to satisfy every constraint."""
        return all(constraint.holds(outcome) for constraint in self.constraints)

    def is_of_interest(self, outcome: Mapping[str, Observation]) -> bool:
        """Whether ``outcome`` is known to be feasible and to reach every threshold."""
        return all(bound.holds(outcome) for bound in self.bounds)

    def values(self, outcome: Mapping[str, Observation]) -> tuple[float, ...]:
        """Return the value of each objective, larger being better.

        Raises:
            KeyError: ``outcome`` lacks a metric.
        """
        return tuple(objective.value(outcome) for objective in self.objectives)

    def to_json(self) -> dict[str, JSONValue]:
        """Return the goals as the keys ``objective`` and ``outcome_constraints``."""
        record: dict[str, JSONValue] = {"objective": self.expression}
        if self.bounds:
            record["outcome_constraints"] = list(self.constraint_expressions)
        return record

    @classmethod
    def from_json(cls, record: Mapping[str, JSONValue]) -> Goals:
        """Return the goals that ``to_json`` wrote.

        Raises:
            ConfigError: An expression is malformed.
        """
        constraints = record.get("outcome_constraints")
        written = constraints if isinstance(constraints, Sequence) else ()
        return parse_goals(str(record["objective"]), [str(text) for text in written])


def parse_goals(objective: str, outcome_constraints: Iterable[str] = ()) -> Goals:
    """Return the goals that are written as in Ax.

    Args:
        objective: One objective, or several separated by commas.
        outcome_constraints: Linear inequalities of metrics.

    Raises:
        ConfigError: Something is malformed, or a bound is put on the only objective.
    """
    written = _COMMA.split(objective)
    if len(written) > 1:
        objectives = tuple(parse_objective(part.strip()) for part in written)
    else:
        objectives = (parse_objective(objective),)
    names = [name for one in objectives for name in one.metric_names]
    for name in names:
        if names.count(name) > 1:
            raise ConfigError(
                f"objective: expected each metric in one objective, found {name!r} in "
                f"several of {objective!r}"
            )
    constraints = []
    thresholds: list[OutcomeConstraint | None] = [None] * len(objectives)
    for constraint in map(parse_constraint, outcome_constraints):
        of = _objective_of(constraint, objectives)
        if of is None:
            constraints.append(constraint)
        elif thresholds[of] is None:
            thresholds[of] = constraint
        else:
            raise ConfigError(
                f"outcome_constraints: expected one threshold for the objective "
                f"{objectives[of].expression!r}, found a second one in "
                f"{constraint.expression!r}"
            )
    return Goals(
        objectives,
        tuple(constraints),
        tuple(thresholds) if len(objectives) > 1 else (),
    )


def _threshold_value(
    objective: Objective, threshold: OutcomeConstraint | None
) -> float | None:
    if threshold is None:
        return None
    if threshold.is_relative:
        raise ValueError(f"{threshold.expression!r} needs the baseline's outcome")
    [name] = objective.metric_names
    return objective.weights[name] / threshold.weights[name] * threshold.bound


def _objective_of(
    constraint: OutcomeConstraint, objectives: Sequence[Objective]
) -> int | None:
    """Return the index of the objective whose threshold ``constraint`` is.

    ``None`` if it is an outcome constraint.

    Raises:
        ConfigError: It bounds an objective, and is no threshold.
    """
    # What is brought to a target may be bounded too: never above, say.
    optimised = {name for one in objectives for name in one.weights}
    if optimised.isdisjoint(constraint.metric_names):
        return None
    if len(objectives) == 1:
        raise ConfigError(
            "outcome_constraints: expected constraints on other metrics than the "
            f"objective's, found {constraint.expression!r}; what is optimised need "
            "not be bounded"
        )
    for k, objective in enumerate(objectives):
        if (
            objective.metric is not None
            and objective.metric_names == constraint.metric_names
        ):
            name = objective.metric
            if objective.weights[name] * constraint.weights[name] < 0:
                side, sign = (
                    ("largest", "<=") if objective.is_minimised else ("least", ">=")
                )
                raise ConfigError(
                    f"outcome_constraints: expected the {side} value of interest of "
                    f"{name!r}, with {sign}, found {constraint.expression!r}"
                )
            return k
    raise ConfigError(
        "outcome_constraints: expected a threshold of one objective that is a single "
        f"metric, or a constraint on other metrics, found {constraint.expression!r}"
    )
