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
    terms: list[tuple[str | None, float]] = []
    for part, weight in weighted_parts(node, factor):
        if (constant := _number(part)) is not None:
            terms.append((None, weight * constant))
        elif isinstance(part, ast.Name):
            terms.append((part.id, weight))
        else:
            raise NotLinearError("not a weighted sum of names and numbers")
    return terms


def weighted_parts(node: ast.expr, factor: float = 1.0) -> list[tuple[ast.expr, float]]:
    """Return what the sum under ``node`` is made of, each part with its weight.

    A part is a name, a number or whatever else is no sum itself.
    """
    if _number(node) is not None:
        return [(node, factor)]
    match node:
        case ast.UnaryOp(op=ast.USub(), operand=operand):
            return weighted_parts(operand, -factor)
        case ast.UnaryOp(op=ast.UAdd(), operand=operand):
            return weighted_parts(operand, factor)
        case ast.BinOp(left=left, op=ast.Add(), right=right):
            return [*weighted_parts(left, factor), *weighted_parts(right, factor)]
        case ast.BinOp(left=left, op=ast.Sub(), right=right):
            return [*weighted_parts(left, factor), *weighted_parts(right, -factor)]
        case ast.BinOp(left=left, op=ast.Mult(), right=right):
            number, term = _number(left), right
            if number is None:
                number, term = _number(right), left
            if number is not None:
                return weighted_parts(term, factor * number)
        case ast.BinOp(left=left, op=ast.Div(), right=right):
            divisor = _number(right)
            if divisor:
                return weighted_parts(left, factor / divisor)
    return [(node, factor)]


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
