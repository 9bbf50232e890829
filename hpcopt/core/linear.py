"""Weighted sums as they are written: ``0.5*a - (b + 2)``."""

from __future__ import annotations

import ast


class NotLinearError(ValueError):
    """A text is not a weighted sum of names and numbers."""


def linear_terms(node: ast.expr, factor: float = 1.0) -> list[tuple[str | None, float]]:
    """Return the terms of the sum under ``node``, in the order they are written.

    Each is a name and its weight, or ``None`` and a number, times ``factor``. A name
    that is written twice is there twice.

    Raises:
        NotLinearError: It is not such a sum.
    """
    if (constant := _number(node)) is not None:
        return [(None, factor * constant)]
    match node:
        case ast.Name(id=name):
            return [(name, factor)]
        case ast.UnaryOp(op=ast.USub(), operand=operand):
            return linear_terms(operand, -factor)
        case ast.UnaryOp(op=ast.UAdd(), operand=operand):
            return linear_terms(operand, factor)
        case ast.BinOp(left=left, op=ast.Add(), right=right):
            return [*linear_terms(left, factor), *linear_terms(right, factor)]
        case ast.BinOp(left=left, op=ast.Sub(), right=right):
            return [*linear_terms(left, factor), *linear_terms(right, -factor)]
        case ast.BinOp(left=left, op=ast.Mult(), right=right):
            number, term = _number(left), right
            if number is None:
                number, term = _number(right), left
            if number is not None:
                return linear_terms(term, factor * number)
        case ast.BinOp(left=left, op=ast.Div(), right=right):
            divisor = _number(right)
            if divisor:
                return linear_terms(left, factor / divisor)
    raise NotLinearError("not a weighted sum of names and numbers")


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
