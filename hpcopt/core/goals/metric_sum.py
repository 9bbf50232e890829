"""Linear combinations of metrics, and their distances from targets."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from hpcopt.core.trials.trial import Observation

#: Larger magnitudes are clipped to this, so that sums of outcomes stay finite whatever
#: a diverged simulation returns.
_LARGEST = 1e300


@dataclass(frozen=True)
class MetricSum:
    """A linear combination of metrics."""

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
        return all(name in outcome for name in self.metric_names)

    def value(self, outcome: Mapping[str, Observation]) -> float:
        """Return the sum.

        Raises:
            KeyError: ``outcome`` lacks a metric.
        """
        terms = [bounded(w * outcome[name].mean) for name, w in self.weights.items()]
        if len(terms) == 1:
            return terms[0] + 0.0  # as ``fsum``, which knows no -0.0
        return bounded(math.fsum(terms))

    def sem(self, outcome: Mapping[str, Observation]) -> float | None:
        """Return the sum's standard error; ``None`` if a metric's is unknown."""
        sems = [outcome[name].sem for name in self.weights]
        if any(sem is None for sem in sems):
            return None
        return math.hypot(
            *(w * (s or 0.0) for w, s in zip(self.weights.values(), sems, strict=True))
        )


@dataclass(frozen=True)
class Distance:
    """The weighted distance of a linear combination of metrics from its target.

    ``weight * abs(of - target) ** power``, which is minimised.
    """

    expression: str
    """As it was written, without its weight: ``abs(temperature - 350)``."""
    of: MetricSum
    """The linear combination that has the target: ``temperature``."""
    target: float
    power: Literal[1, 2]
    """1 for the distance itself, 2 for its square."""
    weight: float
    """Above 0."""

    def value(self, outcome: Mapping[str, Observation]) -> float:
        """Return the weighted distance, at least 0.

        Raises:
            KeyError: ``outcome`` lacks a metric.
        """
        distance = abs(self.of.value(outcome) - self.target)
        # Not a power of Python's, which raises where it overflows.
        return bounded(self.weight * math.prod([distance] * self.power))

    def sem(self, outcome: Mapping[str, Observation]) -> float | None:
        """Return the standard error of the weighted distance; ``None`` if unknown.

        That of a square assumes Gaussian noise in the metrics; that of an absolute
        value is the standard error of the metrics themselves, an upper bound.
        """
        sem = self.of.sem(outcome)
        if sem is None or self.power == 1:
            return None if sem is None else self.weight * sem
        slope = 2 * (self.of.value(outcome) - self.target)
        return self.weight * sem * math.hypot(slope, math.sqrt(2) * sem)


def bounded(value: float) -> float:
    """Return ``value`` clipped to a magnitude whose sums stay finite."""
    return max(-_LARGEST, min(value, _LARGEST))
