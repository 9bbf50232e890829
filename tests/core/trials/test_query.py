"""Conditions on trials: what is written is read back, and holds where it should."""

from __future__ import annotations

import operator
from collections.abc import Mapping
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hpcopt.core.errors import UsageError
from hpcopt.core.trials.query import (
    AllOf,
    AnyOf,
    Cell,
    Comparison,
    Not,
    TrialCondition,
    parse_condition,
    split_names,
)

OPERATORS = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
    "=": operator.eq,
    "!=": operator.ne,
}

names = st.sampled_from(["x1", "a b", 'a "b"', "it's", "and", "ünïcode", "(1)"])
numbers = st.one_of(st.integers(-3, 3), st.floats(-3, 3))
comparisons = st.builds(
    Comparison, names, st.sampled_from(list(OPERATORS)), numbers.map(str)
)
conditions: st.SearchStrategy[TrialCondition] = st.recursive(
    comparisons,
    lambda inner: st.one_of(
        inner.map(Not),
        st.lists(inner, min_size=2, max_size=3).map(lambda p: AllOf(tuple(p))),
        st.lists(inner, min_size=2, max_size=3).map(lambda p: AnyOf(tuple(p))),
    ),
    max_leaves=8,
)


def written(condition: TrialCondition) -> str:
    """Write a condition with parentheses around each part and quotes around names."""
    match condition:
        case Comparison(column, sign, value):
            quoted = column.replace('"', '""')
            return f'"{quoted}"{sign}{value}'
        case Not(part):
            return f"not ({written(part)})"
        case AllOf(parts):
            return " and ".join(f"({written(part)})" for part in parts)
        case AnyOf(parts):
            return " or ".join(f"({written(part)})" for part in parts)
    raise AssertionError(condition)


def expected(condition: TrialCondition, row: Mapping[str, float]) -> bool:
    match condition:
        case Comparison(column, sign, value):
            return bool(OPERATORS[sign](row[column], float(value)))
        case Not(part):
            return not expected(part, row)
        case AllOf(parts):
            return all(expected(part, row) for part in parts)
        case AnyOf(parts):
            return any(expected(part, row) for part in parts)
    raise AssertionError(condition)


@given(conditions)
def test_what_is_written_is_read_back(condition: TrialCondition) -> None:
    assert parse_condition(written(condition)) == condition


@given(conditions, st.lists(numbers, min_size=7, max_size=7))
def test_a_condition_holds_where_it_should(
    condition: TrialCondition, values: list[float]
) -> None:
    all_names = ["x1", "a b", 'a "b"', "it's", "and", "ünïcode", "(1)"]
    row = dict(zip(all_names, values, strict=True))
    assert condition.holds(row.__getitem__) == expected(condition, row)


@given(st.text(max_size=30))
def test_any_text_is_read_or_refused_in_a_sentence(text: str) -> None:
    with suppress(UsageError):
        assert list(parse_condition(text).comparisons())


ROW: dict[str, Cell] = {
    "status": "failed",
    "x1": 0.75,
    "n": 3,
    "reason": "Exit code 1",
    "flag": True,
    "loss": None,
    "broken": float("nan"),
    "64": "64",
}


@pytest.mark.parametrize(
    ("text", "holds"),
    [
        ("status=failed and x1>0.5", True),
        ("status = failed AND NOT x1 > 0.5", False),
        ("n==3", True),
        ("n = 3.0", True),
        ("x1 > -1e3", True),
        ("status = completed or x1 > 0.5 and n < 3", False),
        ("(status = completed or x1 > 0.5) and n <= 3", True),
        ("not status = failed or n = 3", True),
        ("reason ~ 'exit CODE'", True),
        ("reason contains exit", True),
        ("reason !~ exit", False),
        ("loss ~ 1", False),
        ("loss = none", True),
        ("loss != none", False),
        ("x1 != none", True),
        ("loss = 'none'", False),
        ("loss != 3", True),
        ("loss < 3 or loss >= 3", False),
        ("broken = NONE", True),
        ("flag = true", True),
        ("flag != false", True),
        ("64 = 64", True),
        ("status > 'f'", True),
        ("x1 = abc", False),
        ("not not not n = 3", False),
    ],
)
def test_conditions(text: str, holds: bool) -> None:
    assert parse_condition(text).holds(ROW.__getitem__) is holds


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "expected a comparison such as x1 > 0.5, found the end in ''"),
        ("x1", "expected one of = != < <= > >= ~ !~ contains after x1, found the end"),
        ("x1 >", "expected a value after x1 >, found the end in 'x1 >'"),
        ("x1 > 1 2", "expected and, or, or the end, found '2'"),
        ("(x1 > 1", "expected and, or, or ), found the end"),
        ("x1 > 1)", "expected and, or, or the end, found ')'"),
        ("x1 > 'a", "found a quote ' that is not closed"),
        ("x1 ! 1", "after x1, found '!'"),
        ("and = 1", "expected a comparison such as x1 > 0.5, found 'and'"),
        ("(" * 200, "expected a condition of at most 100 levels"),
        ("__import__('os') = 1", "after __import__, found '('"),
    ],
)
def test_what_is_no_condition_is_explained(text: str, message: str) -> None:
    with pytest.raises(UsageError) as raised:
        parse_condition(text)
    assert message in str(raised.value)


@pytest.mark.parametrize("text", ["x1 > abc", "x1 < '0.5'", "status >= 3"])
def test_numbers_and_texts_have_no_order(text: str) -> None:
    with pytest.raises(UsageError, match="expected two numbers or two texts, found"):
        parse_condition(text).holds(ROW.__getitem__)


def test_a_condition_tells_what_it_compares() -> None:
    condition = parse_condition("not (a = 1 or b = 2) and c = 3")
    assert [one.column for one in condition.comparisons()] == ["a", "b", "c"]


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("x1", ["x1"]),
        (" index, x1 ,loss", ["index", "x1", "loss"]),
        ('a b,\'c, d\',"e ""f"""', ["a b", "c, d", 'e "f"']),
        ("it's,2*a + b", ["it's", "2*a + b"]),
    ],
)
def test_names_between_commas(text: str, names: list[str]) -> None:
    assert split_names(text) == names


@pytest.mark.parametrize("text", ["", " ", ",", "a,,b", "a, ,b", "a,", "'a"])
def test_what_are_no_names_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="separated by commas"):
        split_names(text)


def test_many_names_take_no_longer_where_the_last_one_is_missing() -> None:
    # Time that doubled with each name would not end.
    names = [f"x{k}" for k in range(500)]
    assert split_names(" , ".join(names)) == names
    with pytest.raises(UsageError, match="separated by commas"):
        split_names(" , ".join(names) + " ,")
