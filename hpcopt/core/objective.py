"""What is optimised: a weighted sum of metrics, written as in Ax.

``"-loss"`` minimises ``loss``, ``"accuracy"`` maximises ``accuracy``,
``"accuracy - 0.1*cost"`` maximises the sum. Inside hpcopt everything is maximised;
minimise or maximise is decided here and nowhere else.
"""

from __future__ import annotations

import ast
import math
from collections.abc import Mapping
from dataclasses import dataclass

from hpcopt.core.errors import ConfigError
from hpcopt.core.linear import NotLinearError, linear_terms
from hpcopt.core.trial import Observation


@dataclass(frozen=True)
class MetricSum:
    """A weighted sum of metrics."""

    expression: str
    """As it was written."""
    weights: Mapping[str, float]
    """Metric name to its weight."""

    @property
    def metric_names(self) -> tuple[str, ...]:
        """The metrics that it needs."""
        return tuple(self.weights)

    def is_known(self, outcome: Mapping[str, Observation]) -> bool:
        """Whether ``outcome`` has every metric that it needs."""
        return all(name in outcome for name in self.weights)

    def value(self, outcome: Mapping[str, Observation]) -> float:
        """Return the sum.

        Raises:
            KeyError: ``outcome`` lacks a metric.
        """
        return math.fsum([w * outcome[name].mean for name, w in self.weights.items()])

    def sem(self, outcome: Mapping[str, Observation]) -> float | None:
        """Return the sum's standard error; ``None`` if a metric's is unknown."""
        sems = [outcome[name].sem for name in self.weights]
        if any(sem is None for sem in sems):
            return None
        return math.hypot(
            *(w * (s or 0.0) for w, s in zip(self.weights.values(), sems, strict=True))
        )


@dataclass(frozen=True)
class Objective(MetricSum):
    """A weighted sum of metrics, to be maximised: minimised ones have weights < 0."""

    @property
    def is_minimised(self) -> bool:
        """Whether a person reads it as a single metric that should be small."""
        return len(self.weights) == 1 and next(iter(self.weights.values())) < 0


def parse_objective(expression: str) -> Objective:
    """Return the objective that ``expression`` writes.

    Raises:
        ConfigError: The expression is not a sum of metrics, each at most once and
            with a number as its weight.
    """
    if "," in expression:
        raise ConfigError(
            f"objective: expected one objective, found several in {expression!r}"
        )
    try:
        terms = linear_terms(ast.parse(expression.strip(), mode="eval").body)
    except (SyntaxError, NotLinearError) as exc:
        raise _malformed(expression) from exc
    weights: dict[str, float] = {}
    for name, weight in terms:
        if name is None:
            raise _malformed(expression)
        if name in weights:
            raise ConfigError(
                f"objective: expected each metric once, found {name!r} twice "
                f"in {expression!r}"
            )
        weights[name] = weight
    if any(weight == 0 or not math.isfinite(weight) for weight in weights.values()):
        raise ConfigError(
            f"objective: expected finite weights other than 0, found {expression!r}"
        )
    return Objective(expression=expression, weights=weights)


def _malformed(expression: str) -> ConfigError:
    return ConfigError(
        "objective: expected a metric or a weighted sum of metrics such as "
        f'"-loss" or "accuracy - 0.1*cost", found {expression!r}'
    )
