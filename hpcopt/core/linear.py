"""Linear expressions as they are written: ``0.5*a - (b + 2)``."""

from __future__ import annotations

import ast

from hpcopt.core.errors import ConfigError


class NotLinearError(ValueError):
    """A text is not a weighted sum of names and numbers."""


def parse_expression(text: str, where: str) -> ast.expr:
    """Return the syntax tree of an expression of Python.

    Args:
        text: The expression.
        where: What it belongs to, for messages.

    Raises:
        SyntaxError: It is none.
        ConfigError: It has more terms or levels than Python can parse.
    """
    try:
        return ast.parse(text.strip(), mode="eval").body
    except ValueError as exc:  # a null byte
        raise SyntaxError(str(exc)) from exc
    except (RecursionError, MemoryError) as exc:
        raise ConfigError(
            f"{where}: expected fewer terms or levels in an expression, found too many "
            f"to parse in {text[:40]!r}…"
        ) from exc


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
    """Return the summands under ``node`` with their weights, in the order written.

    A summand is a name, a number or whatever else is no sum itself. However long a sum
    is, no recursion follows it: a sum of so many terms is nested so deep.
    """
    parts: list[tuple[ast.expr, float]] = []
    pending = [(node, factor)]
    while pending:
        node, factor = pending.pop()
        inner = _expanded(node, factor)
        if inner is None:
            parts.append((node, factor))
        else:
            pending += reversed(inner)
    return parts


def _expanded(node: ast.expr, factor: float) -> list[tuple[ast.expr, float]] | None:
    """Return what a sum, or a multiple of something, is made of; ``None`` if neither.

    Only the outermost operator is looked at.
    """
    if _number(node) is not None:
        return None
    match node:
        case ast.UnaryOp(op=ast.USub(), operand=operand):
            return [(operand, -factor)]
        case ast.UnaryOp(op=ast.UAdd(), operand=operand):
            return [(operand, factor)]
        case ast.BinOp(left=left, op=ast.Add(), right=right):
            return [(left, factor), (right, factor)]
        case ast.BinOp(left=left, op=ast.Sub(), right=right):
            return [(left, factor), (right, -factor)]
        case ast.BinOp(left=left, op=ast.Mult(), right=right):
            number, term = _number(left), right
            if number is None:
                number, term = _number(right), left
            if number is not None:
                return [(term, factor * number)]
        case ast.BinOp(left=left, op=ast.Div(), right=right):
            divisor = _number(right)
            if divisor:
                return [(left, factor / divisor)]
    return None


def _number(node: ast.expr) -> float | None:
    """Return the value of a number, perhaps with signs; ``None`` if it is none."""
    sign = 1.0
    while isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        node, sign = node.operand, -sign
    match node:
        case ast.Constant(value=bool()):
            return None
        case ast.Constant(value=int() | float() as value):
            # inf, not an error, where an int is too large
            return sign * float(repr(value))
        case _:
            return None
