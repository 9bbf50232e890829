"""Names of metrics in goals, by Ax's rule: ``val-loss``, ``m/1``, ``acc@1``.

A name is a word that begins with a letter or ``_``. To it belong

* ``.``, ``/``, ``:``, ``|`` and ``@`` that stand directly between letters, digits and
  ``_``, and ``-`` that does so with at least two of all these before it: ``val-loss``
  is one metric, ``a-b`` and ``val - loss`` are differences;
* further words after spaces: ``last 5 mean test loss``; where there is such a name, or
  one with ``:``, and no ``*`` anywhere, also `` - `` between words;
* letters and digits in parentheses directly behind it: ``latency(p50)``;
* ``~`` before it.

What is hpcopt's own keeps its meaning: ``abs(a)`` is a distance, and in the parentheses
of a distance ``temperature-350`` is a difference.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping

from hpcopt.core.linear import parse_expression
from hpcopt.core.types import JSONValue

_PART = r"(?:[./:|@]\w+|(?<=[\w./:|@]{2})-\w+)*"
_IN_PARENTHESES = r"(?:(?<!\babs)\([A-Za-z0-9]+\))?"
_FIRST = rf"(?<![\w.])~?[^\W\d]\w*{_PART}{_IN_PARENTHESES}"
_FURTHER = rf"\w+{_PART}{_IN_PARENTHESES}"
_NAME = re.compile(rf"{_FIRST}(?: +{_FURTHER})*")
_NAME_WITH_DASHES = re.compile(rf"{_FIRST}(?: +(?:- +)?{_FURTHER})*")
_MINUS_NUMBER = re.compile(r"-\d+(?:\.\d+)?(?:[eE]-?\d+)?$")


def parse_metrics(text: str, where: str) -> ast.expr:
    """Return the syntax tree of an expression over metrics, by whatever names.

    Args:
        text: The expression.
        where: What it belongs to, for messages.

    Raises:
        SyntaxError: It is none.
        ConfigError: It has more terms or levels than Python can parse.
    """
    names: dict[str, str] = {}
    parts: list[str] = []
    end = 0
    for start, name in _names(text):
        stand_in = f"metric_{len(names)}_"
        names[stand_in] = name
        parts += [text[end:start], stand_in]
        end = start + len(name)
    tree = parse_expression("".join([*parts, text[end:]]), where)
    for node in ast.walk(tree):
        if isinstance(node, ast.Name):
            node.id = names.get(node.id, node.id)
    return tree


def spelled_out(goals: Mapping[str, JSONValue]) -> dict[str, JSONValue]:
    """Return goals of version 0.1, in which all but words was arithmetic, as of now.

    ``val-loss`` was a difference there, which is written ``val - loss``.
    """
    constraints = goals.get("outcome_constraints")
    written = constraints if isinstance(constraints, list | tuple) else ()
    return {
        "objective": _spelled_out(str(goals["objective"])),
        "outcome_constraints": [_spelled_out(str(one)) for one in written],
    }


def _spelled_out(text: str) -> str:
    if all(name.isidentifier() for _, name in _names(text)):
        return text
    tree = parse_expression(text, "objective")
    if isinstance(tree, ast.Tuple):
        return ", ".join(map(ast.unparse, tree.elts))
    return ast.unparse(tree)


def _names(text: str) -> Iterator[tuple[int, str]]:
    """Yield where each name begins, and the name."""
    found = _NAME.findall(text)
    has_odd_names = any(" " in name or ":" in name for name in found)
    pattern = _NAME_WITH_DASHES if has_odd_names and "*" not in text else _NAME
    for match in pattern.finditer(text):
        name = match[0]
        if name == "abs" and text[match.end() :].lstrip().startswith("("):
            continue
        before = text[: match.start()]
        if before.count("(") > before.count(")"):
            name = _MINUS_NUMBER.sub("", name)
        yield match.start(), name
