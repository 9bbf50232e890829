"""What an experiment is for: its objectives and the bounds on its outcomes, as in Ax.

``"-loss, -cost"`` are two objectives. ``"temperature <= 1200"`` and
``"0.5*a + 0.5*b >= 0.95"`` bound outcomes; ``"qps >= 0.95 * baseline"`` bounds a metric
by what the baseline trial has of it. A bound on a metric that is one of several
objectives is that objective's threshold: what a trial must reach to be of interest.
"""

from __future__ import annotations

import ast
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from hpcopt.core.errors import ConfigError
from hpcopt.core.linear import NotLinearError, linear_terms
from hpcopt.core.objective import MetricSum, Objective, parse_objective
from hpcopt.core.trial import Observation
from hpcopt.core.types import JSONValue

#: The name that stands for the baseline's value in a relative constraint.
BASELINE = "baseline"


@dataclass(frozen=True)
class OutcomeConstraint(MetricSum):
    """A weighted sum of metrics that must not be below a bound."""

    bound: float
    """What ``value`` must reach; where relative, times the baseline's value."""
    is_relative: bool = False

    def slack(self, outcome: Mapping[str, Observation]) -> float:
        """Return by how much it holds; it is violated below 0. ``sem`` is its error.

        Raises:
            KeyError: ``outcome`` lacks a metric.
            ValueError: The constraint is relative; ``relative_to`` makes it absolute.
        """
        if self.is_relative:
            raise ValueError(f"{self.expression!r} needs the baseline's outcome")
        return self.value(outcome) - self.bound

    def holds(self, outcome: Mapping[str, Observation]) -> bool:
        """Whether ``outcome`` is known to satisfy it."""
        if self.is_relative or not self.is_known(outcome):
            return False
        return self.slack(outcome) >= 0

    def relative_to(self, baseline: Mapping[str, Observation]) -> OutcomeConstraint:
        """Return the constraint with its bound in numbers.

        As in Ax, ``0.95 * baseline`` is the baseline's value less 5 % of its magnitude:
        also a baseline below 0 satisfies its own bound.

        Raises:
            KeyError: ``baseline`` lacks the metric.
        """
        if not self.is_relative:
            return self
        [(name, weight)] = self.weights.items()
        mean = baseline[name].mean
        multiple = self.bound / weight
        bound = mean * (multiple if mean >= 0 else 2 - multiple)
        sign = ">=" if weight > 0 else "<="
        return _constraint(f"{name} {sign} {bound!r}")


@dataclass(frozen=True)
class Goals:
    """What is to be reached."""

    objectives: tuple[Objective, ...]
    """At least one; each is maximised."""
    constraints: tuple[OutcomeConstraint, ...] = ()
    """What a feasible outcome satisfies; none is about an objective's metric."""
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
        """Each objective's least value of interest; ``None`` where any is.

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
        """Every metric that it needs, those of the objectives first."""
        sums: tuple[MetricSum, ...] = (*self.objectives, *self.bounds)
        return tuple(dict.fromkeys(n for s in sums for n in s.metric_names))

    @property
    def is_absolute(self) -> bool:
        """Whether every bound is a number: none waits for the baseline's outcome."""
        return not any(bound.is_relative for bound in self.bounds)

    def relative_to(self, baseline: Mapping[str, Observation]) -> Goals:
        """Return the goals with those bounds in numbers that ``baseline`` tells of."""

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

    def slack_sem(self, outcome: Mapping[str, Observation]) -> tuple[float | None, ...]:
        """Return the standard error of each slack; ``None`` where it is unknown."""
        return tuple(constraint.sem(outcome) for constraint in self.constraints)

    def is_feasible(self, outcome: Mapping[str, Observation]) -> bool:
        """Whether ``outcome`` is known to satisfy every constraint."""
        return all(constraint.holds(outcome) for constraint in self.constraints)

    def is_of_interest(self, outcome: Mapping[str, Observation]) -> bool:
        """Whether it is known to be feasible and to reach every threshold."""
        return all(bound.holds(outcome) for bound in self.bounds)

    def values(self, outcome: Mapping[str, Observation]) -> tuple[float, ...]:
        """Return the value of each objective, larger being better.

        Raises:
            KeyError: ``outcome`` lacks a metric.
        """
        return tuple(objective.value(outcome) for objective in self.objectives)

    def to_json(self) -> dict[str, JSONValue]:
        """Return the goals as a JSON object; without constraints none are in it."""
        record: dict[str, JSONValue] = {"objective": self.expression}
        if self.bounds:
            record["outcome_constraints"] = list(self.constraint_expressions)
        return record

    @classmethod
    def from_json(cls, record: Mapping[str, JSONValue]) -> Goals:
        """Return the goals that ``to_json`` wrote."""
        constraints = record.get("outcome_constraints")
        written = constraints if isinstance(constraints, Sequence) else ()
        return parse_goals(str(record["objective"]), [str(text) for text in written])


def parse_goals(objective: str, outcome_constraints: Iterable[str] = ()) -> Goals:
    """Return the goals that Ax's strings write.

    Args:
        objective: One objective, or several separated by commas.
        outcome_constraints: Linear inequalities of metrics.

    Raises:
        ConfigError: Something is malformed, or a bound is put on the only objective.
    """
    if "," in objective:
        written = [part.strip() for part in objective.split(",")]
        objectives = tuple(parse_objective(part) for part in written)
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
    for constraint in map(_constraint, outcome_constraints):
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


def _constraint(expression: str) -> OutcomeConstraint:
    """Return the constraint that ``expression`` writes."""
    try:
        node = ast.parse(expression.strip(), mode="eval").body
    except SyntaxError as exc:
        raise _malformed(expression) from exc
    match node:
        case ast.Compare(ops=[ast.Eq()]):
            raise ConfigError(
                f"outcome_constraints: expected <= or >=, found {expression!r}; what "
                "is measured equals a number by chance only: write one constraint for "
                "each end of the range that will do"
            )
        case ast.Compare(left=left, ops=[ast.GtE()], comparators=[right]):
            factor = 1.0
        case ast.Compare(left=left, ops=[ast.LtE()], comparators=[right]):
            factor = -1.0
        case _:
            raise _malformed(expression)
    try:
        terms = [*linear_terms(left, factor), *linear_terms(right, -factor)]
    except NotLinearError as exc:
        raise _malformed(expression) from exc
    weights: dict[str | None, float] = {}
    for name, weight in terms:
        weights[name] = weights.get(name, 0.0) + weight
    constant = weights.pop(None, None)
    baseline = weights.pop(BASELINE, None)
    metrics = {name: weight for name, weight in weights.items() if name is not None}
    numbers = [*metrics.values(), constant or 0.0, baseline or 0.0]
    if not metrics or 0 in metrics.values() or not all(map(math.isfinite, numbers)):
        raise _malformed(expression)
    is_relative = baseline is not None
    if is_relative and (len(metrics) > 1 or constant):
        raise ConfigError(
            "outcome_constraints: expected one metric and a multiple of the baseline, "
            f"such as 'qps >= 0.95 * baseline', found {expression!r}"
        )
    bound = 0.0 - (baseline if baseline is not None else constant or 0.0)
    return OutcomeConstraint(expression.strip(), metrics, bound, is_relative)


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
    """Return the objective whose threshold ``constraint`` is.

    Raises:
        ConfigError: It bounds an objective, and is no threshold.
    """
    optimised = {name for one in objectives for name in one.metric_names}
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
            objective.metric_names == constraint.metric_names
            and len(objective.weights) == 1
        ):
            [name] = objective.metric_names
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


def _malformed(expression: str) -> ConfigError:
    return ConfigError(
        "outcome_constraints: expected a linear inequality of metrics such as "
        f'"temperature <= 1200" or "0.5*a + 0.5*b >= 0.95", found {expression!r}'
    )
