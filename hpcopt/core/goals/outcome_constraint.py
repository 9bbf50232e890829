"""Outcome constraints: bounds on metrics, written as in Ax.

``"temperature <= 1200"`` and ``"0.5*a + 0.5*b >= 0.95"`` bound outcomes; ``"qps >= 0.95
* baseline"`` bounds a metric relative to its value in the baseline trial.
"""

from __future__ import annotations

import ast
import math
from collections.abc import Mapping
from dataclasses import dataclass

from hpcopt.core.errors import ConfigError
from hpcopt.core.goals.metric_sum import MetricSum
from hpcopt.core.goals.names import parse_metrics
from hpcopt.core.linear import NotLinearError, linear_terms
from hpcopt.core.trials.trial import Observation

#: The name of the baseline's value in a relative constraint.
BASELINE = "baseline"


@dataclass(frozen=True)
class OutcomeConstraint(MetricSum):
    """A linear combination of metrics with a lower bound."""

    bound: float
    """The least feasible ``value``; if relative, a multiple of the baseline's value."""
    is_relative: bool = False

    def slack(self, outcome: Mapping[str, Observation]) -> float:
        """Return ``value - bound``: below 0 if violated. ``sem`` is its standard error.

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
        """Return the constraint with an absolute bound.

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
        return parse_constraint(f"{name} {sign} {bound!r}")


def parse_constraint(expression: str) -> OutcomeConstraint:
    """Return the constraint that is written as ``expression``.

    Raises:
        ConfigError: It is no linear inequality of metrics.
    """
    try:
        node = parse_metrics(expression, "outcome_constraints")
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


def _malformed(expression: str) -> ConfigError:
    return ConfigError(
        "outcome_constraints: expected a linear inequality of metrics such as "
        f'"temperature <= 1200" or "0.5*a + 0.5*b >= 0.95", found {expression!r}'
    )
