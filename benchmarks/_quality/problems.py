"""Test problems, all of them minimised, from BoTorch's test functions.

The protocol's eleven are split in two: what hpcopt's defaults were chosen on, and what
was looked at when they were settled. The bounds of functions whose optimum is their
centre are shifted, because a method that tries the centre first must gain nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from botorch.test_functions import synthetic


@dataclass(frozen=True)
class Problem:
    """A function to minimise under constraints ``slack >= 0``."""

    name: str
    make: Callable[[], synthetic.SyntheticTestFunction]
    optimum: float
    n_constraints: int = 0

    def bounds(self) -> list[tuple[float, float]]:
        """Return the bounds of each parameter."""
        return [(low, high) for low, high in self.make().bounds.T.tolist()]

    def evaluator(self) -> Callable[[list[float]], tuple[float, list[float]]]:
        """Return what gives the value and the slacks at a point."""
        function = self.make()

        def evaluate(point: list[float]) -> tuple[float, list[float]]:
            X = torch.tensor([point], dtype=torch.double)
            value = function.evaluate_true(X).item()
            if not self.n_constraints:
                return value, []
            return value, function.evaluate_slack_true(X)[0].tolist()

        return evaluate


class _Cosine(synthetic.Cosine8):
    """BoTorch's is maximised, and its optimum is its centre."""

    def __init__(self) -> None:
        super().__init__(bounds=[(-1.0, 0.7)] * 8)

    def evaluate_true(self, X: torch.Tensor) -> torch.Tensor:
        return -super().evaluate_true(X)


DEVELOPMENT = (
    Problem("hartmann6", lambda: synthetic.Hartmann(6), -3.32237),
    Problem("branin2", synthetic.Branin, 0.397887),
    Problem("ackley6", lambda: synthetic.Ackley(6, bounds=[(-10.0, 30.0)] * 6), 0.0),
    Problem(
        "rastrigin3", lambda: synthetic.Rastrigin(3, bounds=[(-3.3, 5.12)] * 3), 0.0
    ),
    Problem("dixonprice5", lambda: synthetic.DixonPrice(5), 0.0),
    Problem("gramacy2", synthetic.ConstrainedGramacy, 0.599788, 2),
    Problem("weldedbeam4", synthetic.WeldedBeamSO, 1.728226, 6),
)

VALIDATION = (
    Problem("hartmann4", lambda: synthetic.Hartmann(4), -3.134494),
    Problem("powell4", lambda: synthetic.Powell(4, bounds=[(-2.2, 5.0)] * 4), 0.0),
    Problem("sixhump2", synthetic.SixHumpCamel, -1.0316284),
    Problem("pressurevessel4", synthetic.PressureVessel, 6059.946341, 4),
)

#: Beyond the protocol: looked at once, when the defaults were settled.
FURTHER = (
    Problem("levy5", lambda: synthetic.Levy(5, bounds=[(-7.0, 10.0)] * 5), 0.0),
    Problem("styblinskitang4", lambda: synthetic.StyblinskiTang(4), -39.166166 * 4),
    Problem("rosenbrock4", lambda: synthetic.Rosenbrock(4), 0.0),
    Problem(
        "griewank3", lambda: synthetic.Griewank(3, bounds=[(-300.0, 600.0)] * 3), 0.0
    ),
    Problem("shekel4", lambda: synthetic.Shekel(10), -10.536443),
    Problem("michalewicz5", lambda: synthetic.Michalewicz(5), -4.687658),
    Problem("cosine8", _Cosine, -0.8),
    Problem("speedreducer7", synthetic.SpeedReducer, 2996.3482, 11),
)

SETS = {"development": DEVELOPMENT, "validation": VALIDATION, "further": FURTHER}
PROBLEMS = {problem.name: problem for each in SETS.values() for problem in each}


def set_of(name: str) -> str:
    """Return the name of the set that a problem belongs to."""
    return next(
        title
        for title, problems in SETS.items()
        if any(problem.name == name for problem in problems)
    )
