"""Arithmetic expressions over parameters: ``"2*x1 + x2"``, ``"sqrt(x1**2 + x2**2)"``.

The grammar is closed: numbers, names, ``+ - * / **``, parentheses, and the functions
of ``FUNCTIONS``. Nothing that is written can do more than compute.
"""

from __future__ import annotations

import ast
import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property, reduce

import numpy as np
import numpy.typing as npt

from hpcopt.core.errors import ConfigError
from hpcopt.core.linear import NotLinearError, linear_terms, parse_expression

Array = npt.NDArray[np.float64]

#: What may be called, and with how many arguments at least and at most.
FUNCTIONS: Mapping[str, tuple[int, int | None]] = {
    "abs": (1, 1),
    "exp": (1, 1),
    "log": (1, 1),
    "sqrt": (1, 1),
    "min": (1, None),
    "max": (1, None),
}

_UNARY = {"abs": np.abs, "exp": np.exp, "log": np.log, "sqrt": np.sqrt}
_SEVERAL = {"min": np.minimum, "max": np.maximum}
_OPERATORS = {
    ast.Add: np.add,
    ast.Sub: np.subtract,
    ast.Mult: np.multiply,
    ast.Div: np.divide,
    ast.Pow: np.power,
}

#: Deeper nesting is refused, as it would exhaust Python's stack. A sum of so many terms
#: is nested so deep.
_MAX_DEPTH = 400


@dataclass(frozen=True)
class LinearForm:
    """A weighted sum of parameters and a constant: ``w1*x1 + w2*x2 + … + constant``."""

    weights: Mapping[str, float]
    """Parameter name to its weight."""
    constant: float = 0.0

    def times(self, factor: float) -> LinearForm:
        """Return the form multiplied by a number."""
        weights = {name: w * factor for name, w in self.weights.items()}
        return LinearForm(weights, self.constant * factor)

    def plus(self, other: LinearForm) -> LinearForm:
        """Return the sum of two forms."""
        weights = dict(self.weights)
        for name, weight in other.weights.items():
            weights[name] = weights.get(name, 0.0) + weight
        return LinearForm(weights, self.constant + other.constant)


@dataclass(frozen=True)
class Expression:
    """An expression of the grammar.

    Raises:
        ConfigError: The text is not one; the message says which part.
    """

    text: str
    where: str
    """What it belongs to, for messages: ``parameter 'y'``."""

    def __post_init__(self) -> None:
        self._check(self._tree)

    @cached_property
    def _tree(self) -> ast.expr:
        try:
            tree = parse_expression(self.text, self.where)
        except SyntaxError as exc:
            raise ConfigError(
                f"{self.where}: expected arithmetic such as '2*x1 + x2', "
                f"found {self.text!r}"
            ) from exc
        if _depth(tree) > _MAX_DEPTH:
            raise ConfigError(
                f"{self.where}: expected at most {_MAX_DEPTH} terms or levels in an "
                f"expression, found more in {self.text[:40]!r}…"
            )
        return tree

    @cached_property
    def names(self) -> tuple[str, ...]:
        """The parameters that it names, each once."""
        return tuple(dict.fromkeys(_names(self._tree)))

    @property
    def is_name(self) -> bool:
        """Whether it is a parameter's name and nothing else."""
        return isinstance(self._tree, ast.Name)

    def __call__(self, values: Mapping[str, Array]) -> Array:
        """Return its value at each of ``n`` points, shape ``(n,)``.

        It is NaN or infinite where there is none, as where something is divided by 0.

        Args:
            values: For each name that it uses, the parameter's values, shape ``(n,)``.
        """
        with np.errstate(all="ignore"):
            return _evaluate(self._tree, values)

    def linear(self) -> LinearForm | None:
        """Return it as a weighted sum, if it is one."""
        try:
            terms = linear_terms(self._tree)
        except NotLinearError:
            return None
        if not all(math.isfinite(number) for _, number in terms):
            return None
        form = LinearForm({})
        for name, number in terms:
            term = (
                LinearForm({}, number) if name is None else LinearForm({name: number})
            )
            form = form.plus(term)
        return form

    def _check(self, node: ast.expr) -> None:
        match node:
            case ast.Name():
                return
            case ast.Constant(value=int() | float()) if not isinstance(
                node.value, bool
            ):
                return
            case ast.UnaryOp(op=ast.USub() | ast.UAdd(), operand=operand):
                self._check(operand)
            case ast.BinOp(left=left, op=op, right=right) if type(op) in _OPERATORS:
                self._check(left)
                self._check(right)
            case ast.Call(func=ast.Name(id=name), args=arguments, keywords=[]):
                self._check_call(name, arguments)
            case _:
                part = ast.get_source_segment(self.text.strip(), node) or self.text
                raise ConfigError(
                    f"{self.where}: expected numbers, names, + - * / ** and the "
                    f"functions {', '.join(FUNCTIONS)}, found {part!r} in "
                    f"{self.text!r}"
                )

    def _check_call(self, name: str, arguments: list[ast.expr]) -> None:
        if name not in FUNCTIONS:
            raise ConfigError(
                f"{self.where}: expected one of the functions "
                f"{', '.join(FUNCTIONS)}, found {name!r} in {self.text!r}"
            )
        least, most = FUNCTIONS[name]
        if len(arguments) < least or (most is not None and len(arguments) > most):
            raise ConfigError(
                f"{self.where}: {name}: expected {least} argument"
                f"{'' if most else ' or more'}, found {len(arguments)} in "
                f"{self.text!r}"
            )
        for argument in arguments:
            self._check(argument)


def _evaluate(node: ast.expr, values: Mapping[str, Array]) -> Array:
    match node:
        case ast.Name(id=name):
            return values[name]
        case ast.Constant(value=int() | float() as value):
            return np.array(float(repr(value)))  # inf where an int is too large
        case ast.UnaryOp(op=ast.USub(), operand=operand):
            return -_evaluate(operand, values)
        case ast.UnaryOp(operand=operand):
            return _evaluate(operand, values)
        case ast.BinOp(left=left, op=op, right=right):
            operator = _OPERATORS[type(op)]
            result: Array = operator(_evaluate(left, values), _evaluate(right, values))
            return result
        case ast.Call(func=ast.Name(id=name), args=arguments):
            operands = [_evaluate(argument, values) for argument in arguments]
            if name in _UNARY:
                return _UNARY[name](operands[0])
            return reduce(_SEVERAL[name], operands)
    raise AssertionError(f"not in the grammar: {ast.dump(node)}")


def _depth(tree: ast.expr) -> int:
    """Return how deep an expression is nested, without recursion."""
    depth, level = 0, [tree]
    while level:
        depth += 1
        level = [
            child
            for node in level
            for child in ast.iter_child_nodes(node)
            if isinstance(child, ast.expr)
        ]
    return depth


def _names(node: ast.expr) -> list[str]:
    calls = {id(n.func) for n in ast.walk(node) if isinstance(n, ast.Call)}
    return [
        n.id for n in ast.walk(node) if isinstance(n, ast.Name) and id(n) not in calls
    ]
