"""Linear expressions, however long they are."""

from __future__ import annotations

import ast
from collections.abc import Callable

import pytest

from hpcopt.core.errors import ConfigError
from hpcopt.core.expressions import Expression
from hpcopt.core.goals.goals import parse_goals
from hpcopt.core.goals.objective import parse_objective
from hpcopt.core.goals.outcome_constraint import parse_constraint
from hpcopt.core.linear import linear_terms, parse_expression


def test_terms_come_in_the_order_in_which_they_are_written() -> None:
    node = parse_expression("a - 2*(b + 3 - a/4) - --5", "here")
    assert linear_terms(node) == [
        ("a", 1.0),
        ("b", -2.0),
        (None, -6.0),
        ("a", 0.5),
        (None, -5.0),
    ]


def test_a_sum_of_a_thousand_metrics_is_an_objective_and_a_constraint() -> None:
    names = [f"m{k}" for k in range(1000)]
    goals = parse_goals(
        "-loss - " + " - ".join(f"({name} - 1)**2" for name in names),
        [" + ".join(names) + " <= 1"],
    )
    assert len(goals.objective.distances) == 1000
    assert list(goals.constraints[0].weights) == names


@pytest.mark.parametrize(
    ("parse", "where"),
    [
        (parse_objective, "objective"),
        (lambda text: parse_constraint(f"{text} <= 1"), "outcome_constraints"),
        (lambda text: Expression(text, "parameter 'y'"), "parameter 'y'"),
    ],
)
@pytest.mark.parametrize("error", [RecursionError, MemoryError])
def test_what_has_more_levels_than_can_be_parsed_is_reported(
    parse: Callable[[str], object],
    where: str,
    error: type[Exception],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # How many that are depends on the version of Python and on the stack.
    def too_deep(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr(ast, "parse", too_deep)
    message = rf"^{where}: expected fewer terms or levels .* in '-----.{{35}}'…$"
    with pytest.raises(ConfigError, match=message):
        parse("-" * 100_000 + "x")


def test_a_null_byte_is_no_expression() -> None:
    with pytest.raises(ConfigError, match="expected a metric or a weighted sum"):
        parse_objective("loss\0")
