"""Test problems, all of them minimised, from BoTorch's test functions and BBOB.

The protocol's eleven are split in two: what hpcopt's defaults were chosen on, and what
was looked at when they were settled. The bounds of functions whose optimum is their
centre are shifted, because a method that tries the centre first must gain nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from botorch.test_functions import synthetic
from typing_extensions import override


@dataclass(frozen=True)
class Float:
    """A number between two bounds."""

    low: float
    high: float

    @property
    def bounds(self) -> tuple[float, float]:
        """The lowest and the highest."""
        return self.low, self.high


@dataclass(frozen=True)
class Integer:
    """A whole number from 0 to ``n_steps``."""

    n_steps: int

    @property
    def bounds(self) -> tuple[float, float]:
        """The lowest and the highest."""
        return 0.0, float(self.n_steps)


@dataclass(frozen=True)
class Category:
    """One of some words without an order."""

    words: tuple[str, ...]


def _bounds(function: synthetic.SyntheticTestFunction) -> list[tuple[float, float]]:
    # A buffer of a module, which types do not tell from a submodule.
    return [(low, high) for low, high in torch.as_tensor(function.bounds).T.tolist()]


def _category(n_words: int) -> Category:
    return Category(tuple(f"v{j}" for j in range(n_words)))


Parameter = Float | Integer | Category
Value = float | int | str
Evaluator = Callable[[Sequence[Value]], tuple[float, list[float]]]


@dataclass(frozen=True)
class Problem:
    """A function to minimise under constraints ``slack >= 0``."""

    name: str
    make: Callable[[], synthetic.SyntheticTestFunction]
    n_constraints: int = 0
    noise: float = 0.0
    """The standard deviation of what is told; what is noted is free of noise."""
    n_idle: int = 0
    """How many more parameters there are, between 0 and 1, that do nothing."""
    idle_words: tuple[int, ...] = ()
    """How many words each further parameter has that does nothing."""
    integers: Mapping[int, int] = field(default_factory=dict)
    """By dimension: into how many steps the range is divided."""
    categories: Mapping[int, tuple[float, ...]] = field(default_factory=dict)
    """By dimension: the values that there are, in an order that says nothing."""

    def parameters(self) -> list[Parameter]:
        """Return what there is to choose."""
        found: list[Parameter] = []
        for k, (low, high) in enumerate(_bounds(self.make())):
            if k in self.integers:
                found.append(Integer(self.integers[k]))
            elif k in self.categories:
                found.append(_category(len(self.categories[k])))
            else:
                found.append(Float(low, high))
        found += [Float(0.0, 1.0)] * self.n_idle
        return found + [_category(n_words) for n_words in self.idle_words]

    @property
    def is_continuous(self) -> bool:
        """Whether all parameters are real numbers."""
        return all(isinstance(each, Float) for each in self.parameters())

    def evaluator(self, seed: int) -> Evaluator:
        """Return what gives the value without noise and the slacks at a point."""
        # Only some have slacks, which their common type does not say.
        function: Any = self.make()
        bounds = _bounds(function)

        def coordinate(k: int, value: Value) -> float:
            if k in self.integers:
                low, high = bounds[k]
                return low + (high - low) * float(value) / self.integers[k]
            if k in self.categories:
                return self.categories[k][int(str(value)[1:])]
            return float(value)

        def evaluate(point: Sequence[Value]) -> tuple[float, list[float]]:
            row = [coordinate(k, point[k]) for k in range(len(bounds))]
            X = torch.tensor([row], dtype=torch.double)
            value = float(function.evaluate_true(X).item())
            if not self.n_constraints:
                return value, []
            return value, function.evaluate_slack_true(X)[0].tolist()

        return evaluate


@dataclass(frozen=True)
class BbobProblem(Problem):
    """A function of COCO's BBOB suite; its instance, a shift and a turn, is the seed's.

    Hansen, Auger, Ros, Mersmann, Tušar, Brockhoff: COCO, a platform for comparing
    continuous optimizers in a black-box setting (2021).
    """

    number: int = 1
    dimension: int = 5

    @override
    def parameters(self) -> list[Parameter]:
        """Return what there is to choose."""
        return [Float(-5.0, 5.0)] * self.dimension

    @override
    def evaluator(self, seed: int) -> Evaluator:
        """Return what gives the value at a point."""
        import cocoex

        function = cocoex.BareProblem("bbob", self.number, self.dimension, seed + 1)

        def evaluate(point: Sequence[Value]) -> tuple[float, list[float]]:
            return float(function(list(point))), []

        return evaluate


@dataclass(frozen=True)
class WordsProblem(Problem):
    """Two words each say which function of two numbers is added to the value.

    "Func-2C" of Ru et al., "Bayesian Optimisation over Multiple Continuous and
    Categorical Inputs" (2020), with the numbers between -1 and 1.
    """

    @override
    def parameters(self) -> list[Parameter]:
        """Return what there is to choose."""
        return [Float(-1.0, 1.0), Float(-1.0, 1.0), _category(3), _category(5)]

    @override
    def evaluator(self, seed: int) -> Evaluator:
        """Return what gives the value at a point."""
        rosenbrock = synthetic.Rosenbrock(2)
        camel, beale = synthetic.SixHumpCamel(), synthetic.Beale()
        # Of these the first word has the first three.
        terms = (
            (rosenbrock, 1 / 300),
            (camel, 1 / 10),
            (beale, 1 / 50),
            (camel, 1 / 20),
            (beale, 1 / 25),
        )

        def evaluate(point: Sequence[Value]) -> tuple[float, list[float]]:
            X = torch.tensor([[float(point[0]), float(point[1])]], dtype=torch.double)
            total = 0.0
            for word in point[2:]:
                function, weight = terms[int(str(word).removeprefix("v"))]
                total += weight * function.evaluate_true(X).item()
            return total, []

        return evaluate


class _Cosine(synthetic.Cosine8):
    """BoTorch's is maximised, and its optimum is its centre."""

    def __init__(self) -> None:
        super().__init__(bounds=[(-1.0, 0.7)] * 8)

    @override
    def evaluate_true(self, X: torch.Tensor) -> torch.Tensor:
        return -super().evaluate_true(X)


def _hartmann6() -> synthetic.Hartmann:
    return synthetic.Hartmann(6)


DEVELOPMENT = (
    Problem("hartmann6", _hartmann6),
    Problem("branin2", synthetic.Branin),
    Problem("ackley6", lambda: synthetic.Ackley(6, bounds=[(-10.0, 30.0)] * 6)),
    Problem("rastrigin3", lambda: synthetic.Rastrigin(3, bounds=[(-3.3, 5.12)] * 3)),
    Problem("dixonprice5", lambda: synthetic.DixonPrice(5)),
    Problem("gramacy2", synthetic.ConstrainedGramacy, 2),
    Problem("weldedbeam4", synthetic.WeldedBeamSO, 6),
)

VALIDATION = (
    Problem("hartmann4", lambda: synthetic.Hartmann(4)),
    Problem("powell4", lambda: synthetic.Powell(4, bounds=[(-2.2, 5.0)] * 4)),
    Problem("sixhump2", synthetic.SixHumpCamel),
    Problem("pressurevessel4", synthetic.PressureVessel, 4),
)

#: Beyond the protocol: looked at once, when the defaults were settled.
FURTHER = (
    Problem("levy5", lambda: synthetic.Levy(5, bounds=[(-7.0, 10.0)] * 5)),
    Problem("styblinskitang4", lambda: synthetic.StyblinskiTang(4)),
    Problem("rosenbrock4", lambda: synthetic.Rosenbrock(4)),
    Problem("griewank3", lambda: synthetic.Griewank(3, bounds=[(-300.0, 600.0)] * 3)),
    Problem("shekel4", lambda: synthetic.Shekel(10)),
    Problem("michalewicz5", lambda: synthetic.Michalewicz(5)),
    Problem("cosine8", _Cosine),
    Problem("rosenbrock20", lambda: synthetic.Rosenbrock(20)),
    Problem("speedreducer7", synthetic.SpeedReducer, 11),
)

#: Noisy, with whole numbers and words, and with idle parameters: looked at once, too.
WIDER = (
    Problem("hartmann6-noisy", _hartmann6, noise=0.1),
    Problem("branin2-noisy", synthetic.Branin, noise=2.0),
    Problem(
        "hartmann6-mixed",
        _hartmann6,
        integers={0: 10, 3: 4},
        categories={1: (0.65, 0.15, 0.9, 0.4), 4: (0.3, 0.8, 0.05)},
    ),
    Problem(
        "ackley5-mixed",
        lambda: synthetic.Ackley(5, bounds=[(-10.0, 30.0)] * 5),
        integers={0: 20, 1: 4},
        categories={4: (-8.0, 12.0, 0.0, 25.0, 5.0)},
    ),
    Problem("branin2-in-20", synthetic.Branin, n_idle=18),
    Problem("hartmann6-in-20", _hartmann6, n_idle=14),
)

#: With whole numbers and words: what words get was chosen on these and on the two of
#: above, with seeds from 100 on.
MIXED = (
    WordsProblem("words2c", synthetic.Branin),
    Problem(
        "levy5-words",
        lambda: synthetic.Levy(5, bounds=[(-7.0, 10.0)] * 5),
        categories={
            0: (6.0, -5.0, 1.0, 9.0, -2.0),
            2: (1.0, -6.0, 5.0),
            3: (-3.0, 8.0, 4.0, -7.0, 2.0, 10.0, 0.0, 6.0, -5.0, 1.0),
        },
    ),
    Problem(
        "rosenbrock4-mixed",
        lambda: synthetic.Rosenbrock(4, bounds=[(-2.0, 3.0)] * 4),
        integers={0: 10},
        categories={2: (3.0, 0.0, 2.0, -1.0, 1.0, -2.0)},
    ),
    Problem(
        "hartmann6-integers",
        _hartmann6,
        integers={0: 10, 1: 20, 2: 6, 3: 12, 4: 5, 5: 30},
    ),
    Problem(
        "griewank4-mixed",
        lambda: synthetic.Griewank(4, bounds=[(-30.0, 60.0)] * 4),
        integers={0: 30, 3: 9},
        categories={1: (20.0, -25.0, 0.0, 50.0)},
    ),
    Problem("hartmann4-idle-words", lambda: synthetic.Hartmann(4), idle_words=(6, 4)),
    Problem(
        "branin2-words",
        synthetic.Branin,
        categories={0: (7.0, -4.5, 0.5, 9.5, -1.0, 3.0, -3.0, 5.0)},
    ),
)

BBOB = tuple(
    BbobProblem(f"bbob{k:02d}", synthetic.Branin, number=k) for k in range(1, 25)
)

SETS: dict[str, tuple[Problem, ...]] = {
    "development": DEVELOPMENT,
    "validation": VALIDATION,
    "further": FURTHER,
    "wider": WIDER,
    "mixed": MIXED,
    "bbob": BBOB,
}

#: What no set has: for many trials in flight.
_OTHERS = (Problem("levy10", lambda: synthetic.Levy(10, bounds=[(-7.0, 10.0)] * 10)),)

PROBLEMS = {p.name: p for each in (*SETS.values(), _OTHERS) for p in each}
