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
from hpcopt.core.trial import Observation


@dataclass(frozen=True)
class Objective:
    """A weighted sum of metrics, to be maximised."""

    expression: str
    weights: Mapping[str, float]
    """Metric name to its weight; minimised metrics have a negative one."""

    @property
    def metric_names(self) -> tuple[str, ...]:
        """The metrics that it needs."""
        return tuple(self.weights)

    @property
    def is_minimised(self) -> bool:
        """Whether a person reads it as a single metric that should be small."""
        return len(self.weights) == 1 and next(iter(self.weights.values())) < 0

    def value(self, outcome: Mapping[str, Observation]) -> float:
        """Return the sum, larger being better.

        Raises:
            KeyError: ``outcome`` lacks a metric.
        """
        return math.fsum(w * outcome[name].mean for name, w in self.weights.items())

    def sem(self, outcome: Mapping[str, Observation]) -> float | None:
        """Return the sum's standard error; ``None`` if a metric's is unknown."""
        sems = [outcome[name].sem for name in self.weights]
        if any(sem is None for sem in sems):
            return None
        return math.hypot(
            *(w * (s or 0.0) for w, s in zip(self.weights.values(), sems, strict=True))
        )


def parse_objective(expression: str) -> Objective:
    """Return the objective that ``expression`` writes.

    Raises:
        ConfigError: The expression is not a sum of metrics, each at most once and
            with a number as its weight.
    """
    if "," in expression:
        raise ConfigError(
            f"objective: expected one objective, found several in {expression!r}; "
            "several objectives are not supported yet"
        )
    try:
        tree = ast.parse(expression.strip(), mode="eval").body
    except SyntaxError as exc:
        raise _malformed(expression) from exc
    weights: dict[str, float] = {}
    _collect(tree, 1.0, weights, expression)
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


def _collect(
    node: ast.expr, weight: float, weights: dict[str, float], expression: str
) -> None:
    """Add the terms under ``node``, each times ``weight``, to ``weights``."""
    match node:
        case ast.Name(id=name):
            if name in weights:
                raise ConfigError(
                    f"objective: expected each metric once, found {name!r} twice "
                    f"in {expression!r}"
                )
            weights[name] = weight
        case ast.UnaryOp(op=ast.USub(), operand=operand):
            _collect(operand, -weight, weights, expression)
        case ast.UnaryOp(op=ast.UAdd(), operand=operand):
            _collect(operand, weight, weights, expression)
        case ast.BinOp(left=left, op=ast.Add(), right=right):
            _collect(left, weight, weights, expression)
            _collect(right, weight, weights, expression)
        case ast.BinOp(left=left, op=ast.Sub(), right=right):
            _collect(left, weight, weights, expression)
            _collect(right, -weight, weights, expression)
        case ast.BinOp(left=left, op=ast.Mult(), right=right):
            factor, term = _number(left), right
            if factor is None:
                factor, term = _number(right), left
            if factor is None:
                raise _malformed(expression)
            _collect(term, weight * factor, weights, expression)
        case _:
            raise _malformed(expression)


def _number(node: ast.expr) -> float | None:
    match node:
        case ast.Constant(value=bool()):
            return None
        case ast.Constant(value=int() | float() as value):
            return float(repr(value))  # inf, not an error, where an int is too large
        case ast.UnaryOp(op=ast.USub(), operand=operand):
            inner = _number(operand)
            return None if inner is None else -inner
        case _:
            return None
