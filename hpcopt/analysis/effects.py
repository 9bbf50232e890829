"""The strongest effects of parameters on a metric, by a model, ready to be shown."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations
from typing import Literal

from hpcopt.analysis.experiment import ExperimentView
from hpcopt.analysis.models import models_of
from hpcopt.analysis.sensitivities import MAX_PAIRED
from hpcopt.core.errors import UsageError

Order = Literal["first", "second", "total"]

#: What joins the names of a pair.
AND = " & "


@dataclass(frozen=True)
class Effect:
    """A parameter, or a pair of parameters, and how much of a metric is its doing."""

    parameters: tuple[str, ...]
    sensitivity: float
    """Its Sobol' index as a share of the sum of all that are shown, negative where the
    metric falls as the parameter rises."""
    has_direction: bool
    """Whether the sign means anything: not of pairs, nor of unordered choices."""

    @property
    def name(self) -> str:
        """What to call it: ``a``, or ``a & b``."""
        return AND.join(self.parameters)

    @property
    def share(self) -> float:
        """How much of the metric is its doing, from 0 to 1."""
        return abs(self.sensitivity)


def check_order(order: str) -> None:
    """Raise ``UsageError`` unless there are Sobol' indices of that order."""
    if order not in ("first", "second", "total"):
        raise UsageError(
            f"order: expected one of first, second, total, found {order!r}"
        )


def effects_on(
    experiment: ExperimentView, metric_name: str, order: Order
) -> list[Effect]:
    """Return the effect of each parameter, for ``second`` also of each pair.

    The parameters are in the order of the search space, then come the pairs.

    Raises:
        UsageError: Pairs are asked for, and there are too many parameters.
        GenerationError: There is no model of the metric.
    """
    found = models_of(experiment).effects(metric_name)
    names, indices = found.names, found.indices
    if order == "second" and len(names) > MAX_PAIRED:
        raise UsageError(
            f"order: expected first or total, as pairs of more than {MAX_PAIRED} "
            f"parameters are not looked at, found 'second' for {len(names)}"
        )
    singles = indices.total if order == "total" else indices.first
    shares: list[tuple[tuple[int, ...], float]] = [
        ((k,), float(single)) for k, single in enumerate(singles)
    ]
    if order == "second" and indices.second is not None:
        shares += [
            ((j, k), float(indices.second[j, k]))
            for j, k in combinations(range(len(names)), 2)
        ]
    total = sum(share for _, share in shares) or 1.0
    return [
        Effect(
            tuple(names[k] for k in of),
            share / total * (-1.0 if len(of) == 1 and found.slopes[of[0]] < 0 else 1.0),
            has_direction=len(of) == 1 and found.slopes[of[0]] != 0,
        )
        for of, share in shares
    ]
