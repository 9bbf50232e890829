"""Parameters and outcomes of trials that were never run, from a seed."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from hpcopt.core.trials.origin import Origin
from hpcopt.core.trials.trial import Observation
from hpcopt.core.types import JSONValue, TParameterValue

#: The metrics that there may be.
METRICS = ("cost", "weight", "temperature", "drift", "energy")

#: The standard error of every metric.
_SEM = 0.02

_SOLVERS = ("cg", "gmres", "direct")

_N_INITIAL = 10


@dataclass(frozen=True)
class MadeUpTrial:
    """One trial."""

    parameters: Mapping[str, TParameterValue]
    method: str
    origin: Mapping[str, JSONValue]
    outcome: Mapping[str, Observation]
    """Without the metrics that this trial happens to lack."""

    def progression(self, step: int) -> Mapping[str, Observation]:
        """Return the cost at ``step``, from 1, on its way down to the last."""
        cost = self.outcome["cost"].mean
        return {"cost": Observation(cost + 2.0 * math.exp(-0.5 * step), None, step)}


class MadeUpTrials:
    """All trials: a design that fills the space, then ever closer to the optimum."""

    def __init__(self, n_trials: int, n_extra: int, seed: int) -> None:
        """Make them up.

        Args:
            n_trials: How many.
            n_extra: Further parameters, of which the outcomes depend on the first.
            seed: Of everything random.
        """
        random = np.random.default_rng([seed, 0])
        X = random.random((n_trials, 5 + n_extra))
        # Of those after the design, two in three lie near the front of best trade-offs.
        near = np.arange(n_trials) >= _N_INITIAL
        near &= random.random(n_trials) < 2 / 3
        spread = 0.3 / (1.0 + np.arange(n_trials) / 50.0) ** 0.3
        front = 0.3 + 0.4 * random.random((n_trials, 1))
        close = front + spread[:, None] * random.normal(size=X.shape)
        X = np.where(near[:, None], np.clip(close, 0.0, 1.0), X)
        self._X = X
        self._noise = _SEM * random.normal(size=(n_trials, len(METRICS)))
        self._lacks_drift = random.random(n_trials) < 0.2

    def __getitem__(self, index: int) -> MadeUpTrial:
        """Return a trial."""
        x = self._X[index]
        method, origin = _proposed(index)
        outcome = self._outcome(index)
        return MadeUpTrial(_parameters(x), method, origin.to_json(), outcome)

    def _outcome(self, index: int) -> Mapping[str, Observation]:
        x = self._X[index]
        weights = 1.0 / np.arange(1, len(x) + 1)
        solver = 0.2 * min(int(3 * x[4]), 2)
        values = (
            float(weights @ (x - 0.3) ** 2) + solver,
            float(weights @ (x - 0.7) ** 2),
            300.0 + 100.0 * float(x[0]) + 20.0 * math.sin(6.0 * float(x[1])),
            float(x[2] * x[3]),
            10.0 * float(x[1]) + float(x[0]) ** 2,
        )
        lacks = {
            "drift": bool(self._lacks_drift[index]),
            "energy": index < len(self._X) // 2,
        }
        means = dict(zip(METRICS, values + self._noise[index], strict=True))
        return {
            name: Observation(float(mean), _SEM)
            for name, mean in means.items()
            if not lacks.get(name, False)
        }


def _parameters(x: np.ndarray[Any, np.dtype[np.float64]]) -> dict[str, TParameterValue]:
    """Return the parameters at a point of the unit cube."""
    return {
        "x1": float(x[0]),
        "x2": float(-5.0 + 10.0 * x[1]),
        "rate": float(np.clip(10.0 ** (-5.0 + 4.0 * x[2]), 1e-5, 0.1)),
        "n_cells": min(8 + int(57 * x[3]), 64),
        "solver": _SOLVERS[min(int(3 * x[4]), 2)],
        **{f"y{k}": float(value) for k, value in enumerate(x[5:])},
    }


def _proposed(index: int) -> tuple[str, Origin]:
    """Return how a trial was proposed."""
    if index < _N_INITIAL:
        method = "sobol" if index else "center"
        return method, Origin(method, f"the first {_N_INITIAL} trials fill the space")
    why = "up to 12 continuous coordinates"
    return "bo", Origin("bo", why, model="gp", acquisition="log_ei")
