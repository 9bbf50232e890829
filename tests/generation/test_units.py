"""The unit and the zero of an outcome say nothing: suggestions do not go by them."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import pytest

from hpcopt.core.goals.goals import parse_goals
from hpcopt.core.trials.trial import Observation
from hpcopt.generation.snapshot import ObservedTrial, Snapshot
from hpcopt.generation.strategy import BayesianGenerator
from tests.support.generation_world import cube

#: The bits of an outcome behind the point: with so few a shift rounds nothing off.
_BITS = 16


@dataclass(frozen=True)
class Problem:
    """An experiment whose outcomes can be told in any unit, from any zero."""

    method: str
    d: int
    n: int
    objective: str = "-loss"
    constraint: str = ""
    """With the bound in place of braces, in the objective's unit."""
    bound: float = 0.0
    noise: float | None = None
    n_failed: int = 0

    def told(self, unit: float, zero: float) -> Snapshot:
        """Return it with outcomes in another unit, from another zero."""
        space = cube(self.d)
        X = np.round(np.random.default_rng(self.d).random((self.n, self.d)), 3)
        losses = (np.square(X - 0.3) * np.arange(1, self.d + 1)).sum(axis=1)
        others = np.square(X - 0.7).sum(axis=1)
        values = np.round(np.column_stack([losses, others]) * 2**_BITS) / 2**_BITS
        sem = None if self.noise is None else self.noise * unit
        trials = tuple(
            ObservedTrial(
                index,
                point,
                {
                    "loss": Observation(zero + unit * float(loss), sem),
                    "other": Observation(zero + unit * float(other), sem),
                },
            )
            for index, (point, (loss, other)) in enumerate(
                zip(space.decode(X), values, strict=True)
            )
        )
        bound = repr(zero + unit * self.bound)
        n_known = self.n - self.n_failed
        return Snapshot(
            space=space,
            goals=parse_goals(
                self.objective.format(bound),
                [self.constraint.format(bound)] if self.constraint else [],
            ),
            seed=3,
            n_trials=self.n,
            position=0,
            completed=trials[:n_known],
            failed=tuple(trial.parameters for trial in trials[n_known:]),
        )

    def suggested(self, unit: float, zero: float) -> list[list[float]]:
        """Return the points of the next suggestions."""
        told = self.told(unit, zero)
        generation = BayesianGenerator(method=self.method).generate(2, told)
        assert [each.method for each in generation.suggestions] == ["bo"] * 2
        assert generation.details["fallbacks"] == []
        points = [suggestion.parameters for suggestion in generation.suggestions]
        found: list[list[float]] = told.space.encode(points).tolist()
        return found


PROBLEMS = {
    "bo": Problem("bo", 2, 12),
    "noisy": Problem("bo", 2, 12, noise=2.0**-6),
    "failures": Problem("bo", 2, 12, n_failed=3),
    "constrained": Problem("bo", 2, 12, constraint="other <= {}", bound=0.25),
    "objectives": Problem("bo", 2, 12, objective="-loss, -other"),
    "thresholds": Problem(
        "bo", 2, 12, "-loss, -other", constraint="other <= {}", bound=0.5
    ),
    "target": Problem("bo", 2, 12, "-(other - {})**2", bound=0.25),
    "trust region": Problem("trust_region", 14, 40),
    "constrained trust region": Problem(
        "trust_region", 14, 40, constraint="other <= {}", bound=1.5
    ),
    "subspace": Problem("subspace", 60, 12),
}


@pytest.mark.parametrize("problem", PROBLEMS.values(), ids=PROBLEMS)
def test_another_unit_changes_no_bit_of_a_suggestion(problem: Problem) -> None:
    plain = problem.suggested(1.0, 0.0)
    for exponent in (-30, 21):
        assert problem.suggested(math.ldexp(1.0, exponent), 0.0) == plain


@pytest.mark.parametrize("problem", PROBLEMS.values(), ids=PROBLEMS)
def test_another_zero_changes_no_more_than_rounding_does(problem: Problem) -> None:
    plain = problem.suggested(1.0, 0.0)
    for zero in (-1024.0, 65536.0):
        assert np.allclose(problem.suggested(1.0, zero), plain, atol=1e-3)
