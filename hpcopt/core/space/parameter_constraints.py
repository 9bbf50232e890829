"""Parameter constraints, written in the user's units.

``"x1 + x2 <= 1.5"``, ``"a + b + c == 1"``, ``"x1**2 + x2**2 <= 1"``.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from hpcopt.core.errors import ConfigError
from hpcopt.core.expressions import Expression, LinearForm

Array = npt.NDArray[np.float64]

#: A constraint holds when it is violated by no more than this, relative to its terms:
#: ``0.1 + 0.2 <= 0.3`` holds for a person, and not for a computer.
TOLERANCE = 1e-9

_COMPARISON = re.compile(r"(<=|>=|==|<|>|!=|=)")


@dataclass(frozen=True)
class ParameterConstraint:
    """``left <= right``, or ``left == right``."""

    text: str
    """As it was written; ``0 <= x <= 1`` is the text of two."""
    left: Expression
    right: Expression
    is_equality: bool = False

    @cached_property
    def names(self) -> tuple[str, ...]:
        """The parameters that it names."""
        return tuple(dict.fromkeys([*self.left.names, *self.right.names]))

    @cached_property
    def linear(self) -> LinearForm | None:
        """``left - right`` as a weighted sum, if it is one."""
        left, right = self.left.linear(), self.right.linear()
        if left is None or right is None:
            return None
        return left.plus(right.times(-1.0))

    def holds_exactly(self, values: Mapping[str, Array]) -> npt.NDArray[np.bool_]:
        """Return where it holds in floating point, as it is written, shape ``(n,)``.

        Args:
            values: The values of the parameters by name, shape ``(n,)``.
        """
        left, right = self.left(values), self.right(values)
        holds: npt.NDArray[np.bool_] = (
            left == right if self.is_equality else left <= right
        )
        return holds

    def violation(self, values: Mapping[str, Array]) -> Array:
        """Return by how much it is violated at ``n`` points, relative to its terms.

        The shape is ``(n,)``. It is 0 where the constraint holds, to ``TOLERANCE``, and
        infinite where it has no value, as where something is divided by zero.

        Args:
            values: The values of the parameters by name, shape ``(n,)``.
        """
        left, right = self.left(values), self.right(values)
        scale = np.maximum(np.abs(left), np.abs(right))
        if self.linear is not None:
            terms = [
                np.abs(w * values[name]) for name, w in self.linear.weights.items()
            ]
            scale = sum(terms, np.abs(np.array(self.linear.constant)))
        with np.errstate(all="ignore"):
            gap = np.abs(left - right) if self.is_equality else left - right
            relative = np.where(gap <= 0, 0.0, gap / scale)
        relative = np.where(np.isfinite(gap), relative, np.inf)
        violation: Array = np.where(relative <= TOLERANCE, 0.0, relative)
        return violation


def parse_constraints(texts: Sequence[str]) -> tuple[ParameterConstraint, ...]:
    """Return the constraints written in ``texts``; ``0 <= x <= 1`` makes two.

    Raises:
        ConfigError: One is malformed.
    """
    return tuple(found for text in texts for found in _parse(text))


def _parse(text: str) -> list[ParameterConstraint]:
    where = f"parameter_constraints: {text!r}"
    parts = _COMPARISON.split(text)
    comparisons = parts[1::2]
    if not comparisons or set(comparisons) - {"<=", ">=", "=="}:
        found = "none" if not comparisons else f"{comparisons[0]!r}"
        raise ConfigError(
            f"{where}: expected a comparison by <=, >= or ==, found {found}"
        )
    sides = [Expression(part.strip(), where) for part in parts[::2]]
    constraints = []
    for first, comparison, second in zip(
        sides[:-1], comparisons, sides[1:], strict=True
    ):
        left, right = (second, first) if comparison == ">=" else (first, second)
        constraint = ParameterConstraint(text, left, right, comparison == "==")
        if not constraint.names:
            raise ConfigError(f"{where}: expected a parameter on one side, found none")
        if constraint.is_equality and constraint.linear is None:
            raise ConfigError(
                f"{where}: expected an equality of weighted sums such as "
                "'x1 + x2 == 1'; one that is not linear cannot be kept exactly"
            )
        constraints.append(constraint)
    return constraints
