"""Objectives: weighted sums of metrics, written as in Ax, and distances from targets.

``"-loss"`` minimises ``loss``, ``"accuracy"`` maximises ``accuracy``,
``"accuracy - 0.1*cost"`` maximises the sum. ``"-abs(temperature - 350)"`` and
``"-(a - 1)**2 - 0.5*(b - c - 3)**2"`` bring metrics close to targets, which Ax cannot
express. Inside hpcopt everything is maximised; minimise or maximise is decided here and
nowhere else.
"""

from __future__ import annotations

import ast
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import chain
from typing import Literal

from typing_extensions import override

from hpcopt.core.errors import ConfigError
from hpcopt.core.goals.metric_sum import Distance, MetricSum, bounded
from hpcopt.core.goals.names import parse_metrics
from hpcopt.core.linear import NotLinearError, linear_terms, weighted_parts
from hpcopt.core.trials.trial import Observation

#: How many digits of a weight a person reads.
_DIGITS = 6


@dataclass(frozen=True)
class Objective(MetricSum):
    """A linear combination of metrics minus weighted distances, to be maximised.

    Metrics that are minimised have negative weights. No metric occurs twice.
    """

    distances: tuple[Distance, ...] = ()

    @property
    @override
    def metric_names(self) -> tuple[str, ...]:
        """The metrics that it needs."""
        return tuple(chain(self.weights, *(d.of.weights for d in self.distances)))

    @override
    def value(self, outcome: Mapping[str, Observation]) -> float:
        """Return the sum minus the distances.

        Raises:
            KeyError: ``outcome`` lacks a metric.
        """
        value = super().value(outcome)
        if not self.distances:
            return value
        return bounded(value - math.fsum(d.value(outcome) for d in self.distances))

    @override
    def sem(self, outcome: Mapping[str, Observation]) -> float | None:
        """Return the standard error, to first order; ``None`` if one is unknown.

        The metrics are taken as independent.
        """
        sems = [super().sem(outcome), *(d.sem(outcome) for d in self.distances)]
        known = [sem for sem in sems if sem is not None]
        return math.hypot(*known) if len(known) == len(sems) else None

    @property
    def metric(self) -> str | None:
        """The metric, if the objective is a multiple of a single one."""
        is_metric = len(self.weights) == 1 and not self.distances
        return next(iter(self.weights)) if is_metric else None

    @property
    def is_minimised(self) -> bool:
        """Whether a person reads the objective as something to minimise."""
        if not self.distances:
            return self.metric is not None and self.weights[self.metric] < 0
        return all(weight < 0 for weight in self.weights.values())

    @property
    def negated(self) -> str:
        """The expression to minimise, as a person reads it: ``abs(a - 1) + 0.1*cost``.

        Raises:
            ValueError: It is not minimised.
        """
        if not self.is_minimised:
            raise ValueError(f"{self.expression!r} is maximised")
        parts = [(d.expression, d.weight) for d in self.distances]
        parts += [(name, -weight) for name, weight in self.weights.items()]
        return _written(parts)


def parse_objective(expression: str) -> Objective:
    """Return the objective that is written as ``expression``.

    Raises:
        ConfigError: The expression is not a sum of metrics and of distances from
            targets, each metric at most once and with a number as its weight.
    """
    weights: dict[str, float] = {}
    distances: list[Distance] = []
    names: list[str] = []
    try:
        node = parse_metrics(expression, "objective")
        if isinstance(node, ast.Tuple):
            raise ConfigError(
                f"objective: expected one objective, found several in {expression!r}"
            )
        for part, weight in weighted_parts(node):
            if (distance := _distance(part, weight, expression)) is not None:
                distances.append(distance)
                names += distance.of.weights
                continue
            [(name, factor)] = linear_terms(part, weight)
            if name is None:
                raise _malformed(expression)
            names.append(name)
            weights[name] = factor
    except (SyntaxError, NotLinearError) as exc:
        raise _malformed(expression) from exc
    _check_unique(names, expression)
    of_distances = [n for d in distances for n in (d.weight, *d.of.weights.values())]
    _check_weights([*weights.values(), *of_distances], expression)
    return Objective(expression, weights, tuple(distances))


def _distance(part: ast.expr, weight: float, expression: str) -> Distance | None:
    """Return the distance that a summand is; ``None`` if it is none.

    Args:
        part: The summand.
        weight: Its weight in the objective, which is maximised.
        expression: The whole objective, for messages.

    Raises:
        ConfigError: It is maximised, lacks a metric, or has another power than 2.
        NotLinearError: Inside of it is no linear combination of metrics.
    """
    power: Literal[1, 2]
    match part:
        case ast.Call(func=ast.Name(id="abs"), args=[inner], keywords=[]):
            power = 1
        case ast.BinOp(left=inner, op=ast.Pow(), right=ast.Constant(value=exponent)):
            if exponent != 2:
                raise ConfigError(
                    "objective: expected abs(…) or (…)**2 as the distance from a "
                    f"target, found the power {exponent!r} in {expression!r}"
                )
            power = 2
        case _:
            return None
    terms = linear_terms(inner)
    weights = {name: w for name, w in terms if name is not None}
    _check_unique([name for name, _ in terms if name is not None], expression)
    text = ast.unparse(part).replace(" ** ", "**")
    if not weights:
        raise ConfigError(
            f"objective: expected a metric in {text}, found none in {expression!r}"
        )
    if weight > 0:
        raise ConfigError(
            "objective: expected distances from targets with a minus, as everything "
            f"is maximised: -{text}, found {expression!r}"
        )
    target = _target([number for name, number in terms if name is None], expression)
    if next(iter(weights.values())) < 0:  # abs(3 - b) is read as b, to be 3
        weights, target = {name: -w for name, w in weights.items()}, 0.0 - target
    of = MetricSum(_written(weights.items()), weights)
    return Distance(text, of, target, power, -weight)


def _target(constants: list[float], expression: str) -> float:
    """Return the target of a sum that, with these constants, should be 0."""
    target = 0.0 - sum(constants)  # not fsum, which raises where it overflows
    if not math.isfinite(target):
        raise ConfigError(
            f"objective: expected a finite target, found {target} in {expression!r}"
        )
    return target


def _written(terms: Iterable[tuple[str, float]]) -> str:
    """Return a weighted sum as a person would write it: ``a - 0.5*b``."""
    texts = []
    for text, weight in terms:
        size = "" if abs(weight) == 1 else f"{abs(weight):.{_DIGITS}g}*"
        texts += ["-" if weight < 0 else "+", f"{size}{text}"]
    written = " ".join(texts)
    return written.removeprefix("+ ").replace("- ", "-", int(written[0] == "-"))


def _check_unique(names: list[str], expression: str) -> None:
    for name in names:
        if names.count(name) > 1:
            raise ConfigError(
                f"objective: expected each metric once, found {name!r} twice "
                f"in {expression!r}"
            )


def _check_weights(weights: list[float], expression: str) -> None:
    if any(weight == 0 or not math.isfinite(weight) for weight in weights):
        raise ConfigError(
            f"objective: expected finite weights other than 0, found {expression!r}"
        )


def _malformed(expression: str) -> ConfigError:
    return ConfigError(
        "objective: expected a metric or a weighted sum of metrics such as "
        '"-loss" or "accuracy - 0.1*cost", or distances from targets such as '
        f'"-abs(temperature - 350)", found {expression!r}'
    )
