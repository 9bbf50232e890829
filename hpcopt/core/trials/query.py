"""Conditions on trials: ``"status = failed and x1 > 0.5"``.

The grammar is closed; what is written is compared and never evaluated::

    condition:   comparison | not condition | ( condition )
                 | condition and condition | condition or condition
    comparison:  column operator value
    operator:    = != < <= > >= ~ !~ contains

``not`` binds more tightly than ``and``, and that more tightly than ``or``. ``~`` and
``contains`` look for a text within a text, in whatever case. Names and values with
blanks, operators or parentheses stand in quotes, ``"…"`` or ``'…'``, in which a doubled
quote is one. ``none`` is what a trial does not have.
"""

from __future__ import annotations

import math
import operator
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Protocol

from hpcopt.core.errors import UsageError

#: What a trial has in a column; ``None`` for nothing.
Cell = int | float | str | bool | None

#: Returns what a trial has in the column of a name.
Cells = Callable[[str], Cell]

#: What is unequal to every value, and has no quotes.
NONE = "none"

_TOKEN = re.compile(
    r"""(?P<quoted>"(?:[^"]|"")*"|'(?:[^']|'')*')
    |(?P<operator>==|!=|<=|>=|!~|[=<>~])
    |(?P<parenthesis>[()])
    |(?P<word>[^\s()<>=!~"']+)
    |(?P<other>\S)""",
    re.VERBOSE,
)

#: A name of a list, and the comma behind it; each text matches in one way at most.
_LISTED = re.compile(
    r"""\s*(?P<name>"(?:[^"]|"")*"|'(?:[^']|'')*'|[^\s,"'][^,]*)\s*(?P<comma>,|$)"""
)

_ORDERS: Mapping[str, Callable[[float | str, float | str], bool]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}

#: Deeper nesting is refused, as it would exhaust Python's stack.
_MAX_DEPTH = 100


class TrialCondition(Protocol):
    """What a trial may satisfy."""

    def holds(self, cells: Cells) -> bool:
        """Whether the trial of ``cells`` satisfies it.

        Raises:
            UsageError: A number is to be less or more than a text.
        """
        ...

    def comparisons(self) -> Iterator[Comparison]:
        """Yield the comparisons that it is made of."""
        ...


@dataclass(frozen=True)
class Comparison:
    """What a trial has in a column, compared with a value.

    Nothing (``None`` or NaN) differs from every value, is neither less nor more than
    one, and contains none.
    """

    column: str
    operator: str
    """``= != < <= > >= ~ !~``."""
    value: str
    """As it was written, without quotes."""
    is_quoted: bool = False

    @property
    def number(self) -> float | None:
        """The value as a number, if it is one and has no quotes."""
        if self.is_quoted:
            return None
        try:
            found = float(self.value)
        except ValueError:
            return None
        return None if math.isnan(found) else found

    @property
    def is_about_none(self) -> bool:
        """Whether the value is ``none``, without quotes."""
        return not self.is_quoted and self.value.lower() == NONE

    def holds(self, cells: Cells) -> bool:
        """Whether the trial of ``cells`` satisfies it."""
        cell = cells(self.column)
        if isinstance(cell, float) and math.isnan(cell):
            cell = None
        match self.operator:
            case "=":
                return self._is_equal(cell)
            case "!=":
                return not self._is_equal(cell)
            case "~":
                return self._is_contained(cell)
            case "!~":
                return not self._is_contained(cell)
        return cell is not None and self._is_ordered(cell)

    def comparisons(self) -> Iterator[Comparison]:
        """Yield itself."""
        yield self

    def _is_equal(self, cell: Cell) -> bool:
        if cell is None or self.is_about_none:
            return cell is None and self.is_about_none
        if _is_number(cell) and self.number is not None:
            return bool(cell == self.number)
        value = self.value.lower() if isinstance(cell, bool) else self.value
        return text_of(cell) == value

    def _is_contained(self, cell: Cell) -> bool:
        return cell is not None and self.value.lower() in text_of(cell).lower()

    def _is_ordered(self, cell: int | float | str) -> bool:
        order, number = _ORDERS[self.operator], self.number
        if _is_number(cell) == (number is not None):
            return order(cell, self.value if number is None else number)
        found, value = text_of(cell), self.value
        raise UsageError(
            f"{self.column} {self.operator} {value}: expected two numbers or two "
            f"texts, found {found if number is None else repr(found)} and "
            f"{value if number is not None else repr(value)}"
        )


@dataclass(frozen=True)
class Not:
    """What holds where a condition does not."""

    part: TrialCondition

    def holds(self, cells: Cells) -> bool:
        """Whether the trial of ``cells`` satisfies it."""
        return not self.part.holds(cells)

    def comparisons(self) -> Iterator[Comparison]:
        """Yield the comparisons that it is made of."""
        yield from self.part.comparisons()


@dataclass(frozen=True)
class AllOf:
    """What holds where all conditions do."""

    parts: tuple[TrialCondition, ...]

    def holds(self, cells: Cells) -> bool:
        """Whether the trial of ``cells`` satisfies it."""
        return all(part.holds(cells) for part in self.parts)

    def comparisons(self) -> Iterator[Comparison]:
        """Yield the comparisons that it is made of."""
        for part in self.parts:
            yield from part.comparisons()


@dataclass(frozen=True)
class AnyOf:
    """What holds where one of several conditions does."""

    parts: tuple[TrialCondition, ...]

    def holds(self, cells: Cells) -> bool:
        """Whether the trial of ``cells`` satisfies it."""
        return any(part.holds(cells) for part in self.parts)

    def comparisons(self) -> Iterator[Comparison]:
        """Yield the comparisons that it is made of."""
        for part in self.parts:
            yield from part.comparisons()


def text_of(cell: int | float | str | bool) -> str:
    """Return a cell as it is written in a condition."""
    if isinstance(cell, bool):
        return "true" if cell else "false"
    return str(cell)


def _is_number(cell: Cell) -> bool:
    return isinstance(cell, (int, float)) and not isinstance(cell, bool)


def parse_condition(text: str) -> TrialCondition:
    """Return the condition that is written as ``text``.

    Raises:
        UsageError: It is none.
    """
    parser = _Parser(text)
    condition = parser.condition(0)
    parser.expect_end()
    return condition


def split_names(text: str) -> list[str]:
    """Return names that are separated by commas; a name with a comma is in quotes.

    Raises:
        UsageError: A quote is not closed, or there is no name between two commas.
    """
    names, at = [], 0
    while found := _LISTED.match(text, at):
        names.append(_unquoted(found["name"].strip()))
        if not found["comma"]:
            return names
        at = found.end()
    raise UsageError(
        f"expected names separated by commas, those with a comma in quotes, found "
        f"{text!r}"
    )


def _unquoted(name: str) -> str:
    quote = name[0]
    is_quoted = quote in "\"'" and len(name) > 1 and name.endswith(quote)
    return name[1:-1].replace(quote * 2, quote) if is_quoted else name


@dataclass(frozen=True)
class _Token:
    kind: str
    text: str

    def is_word(self, word: str) -> bool:
        return self.kind == "word" and self.text.lower() == word


_END = _Token("end", "")


class _Parser:
    """Reads a condition from left to right."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._tokens = [
            _Token(match.lastgroup or "", match[0]) for match in _TOKEN.finditer(text)
        ]
        self._at = 0

    def condition(self, depth: int) -> TrialCondition:
        """Read conditions joined by ``or``."""
        parts = [self._conjunction(depth)]
        while self._take_word("or"):
            parts.append(self._conjunction(depth))
        return parts[0] if len(parts) == 1 else AnyOf(tuple(parts))

    def expect_end(self) -> None:
        """Raise UsageError unless all has been read."""
        if self._next is not _END:
            raise self._error("and, or, or the end")

    @property
    def _next(self) -> _Token:
        return self._tokens[self._at] if self._at < len(self._tokens) else _END

    def _take_word(self, word: str) -> bool:
        is_there = self._next.is_word(word)
        self._at += is_there
        return is_there

    def _take(self, kind: str, text: str) -> bool:
        is_there = self._next == _Token(kind, text)
        self._at += is_there
        return is_there

    def _conjunction(self, depth: int) -> TrialCondition:
        parts = [self._factor(depth)]
        while self._take_word("and"):
            parts.append(self._factor(depth))
        return parts[0] if len(parts) == 1 else AllOf(tuple(parts))

    def _factor(self, depth: int) -> TrialCondition:
        if depth > _MAX_DEPTH:
            raise UsageError(
                f"expected a condition of at most {_MAX_DEPTH} levels, found more in "
                f"{self._text[:40]!r}…"
            )
        if self._take_word("not"):
            return Not(self._factor(depth + 1))
        if self._take("parenthesis", "("):
            inner = self.condition(depth + 1)
            if not self._take("parenthesis", ")"):
                raise self._error("and, or, or )")
            return inner
        return self._comparison()

    def _comparison(self) -> Comparison:
        column, _ = self._name("a comparison such as x1 > 0.5")
        sign = self._operator(column)
        value, is_quoted = self._name(f"a value after {column} {sign}")
        return Comparison(column, sign, value, is_quoted)

    def _name(self, what: str) -> tuple[str, bool]:
        """Read a name or a value; return it, and whether it was in quotes."""
        token = self._next
        is_keyword = any(map(token.is_word, ("and", "or", "not", "contains")))
        if token.kind not in ("word", "quoted") or is_keyword:
            raise self._error(what)
        self._at += 1
        if token.kind == "quoted":
            return _unquoted(token.text), True
        return token.text, False

    def _operator(self, column: str) -> str:
        token = self._next
        if token.kind == "operator":
            self._at += 1
            return "=" if token.text == "==" else token.text
        if self._take_word("contains"):
            return "~"
        raise self._error(f"one of = != < <= > >= ~ !~ contains after {column}")

    def _error(self, what: str) -> UsageError:
        token = self._next
        found = "the end" if token is _END else repr(token.text)
        if token.kind == "other" and token.text in "\"'":
            found = f"a quote {token.text} that is not closed"
        return UsageError(f"expected {what}, found {found} in {self._text!r}")
