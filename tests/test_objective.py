from __future__ import annotations

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hpcopt.core.errors import ConfigError
from hpcopt.core.objective import parse_objective
from hpcopt.core.trial import Observation

names = st.lists(
    st.sampled_from(["loss", "cost", "t_max", "énergie", "x1"]),
    min_size=1,
    unique=True,
)
weights = st.floats(-1e6, 1e6).filter(lambda weight: weight != 0)


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("loss", {"loss": 1}),
        ("-loss", {"loss": -1}),
        (" -loss\n", {"loss": -1}),
        ("--loss", {"loss": 1}),
        ("+loss", {"loss": 1}),
        ("accuracy - 0.1*cost", {"accuracy": 1, "cost": -0.1}),
        ("accuracy - cost*0.1", {"accuracy": 1, "cost": -0.1}),
        ("-(a - 2*b)", {"a": -1, "b": 2}),
        ("-2*(a + b*-3)", {"a": -2, "b": 6}),
        ("a*0.5*4", {"a": 2}),
        ("(a - b)/4", {"a": 0.25, "b": -0.25}),
        ("1e-3*a + b - c", {"a": 1e-3, "b": 1, "c": -1}),
    ],
)
def test_an_objective_is_a_weighted_sum(
    expression: str, expected: dict[str, float]
) -> None:
    objective = parse_objective(expression)
    assert objective.weights == expected
    assert objective.metric_names == tuple(expected)
    assert objective.expression == expression


@settings(deadline=None)
@given(names=names, data=st.data())
def test_a_sum_that_is_written_out_is_read_as_it_was_meant(
    names: list[str], data: st.DataObject
) -> None:
    meant = {name: data.draw(weights) for name in names}
    expression = " + ".join(f"{weight!r}*{name}" for name, weight in meant.items())
    objective = parse_objective(expression)
    assert objective.weights == meant
    means = {name: data.draw(st.floats(-1e6, 1e6)) for name in names}
    outcome = {name: Observation(mean) for name, mean in means.items()}
    expected = math.fsum(meant[name] * means[name] for name in names)
    assert objective.value(outcome) == expected


@pytest.mark.parametrize(
    ("expression", "is_minimised"),
    [("-loss", True), ("loss", False), ("-a - b", False)],
)
def test_only_a_single_negative_metric_is_minimised(
    expression: str, is_minimised: bool
) -> None:
    assert parse_objective(expression).is_minimised == is_minimised


def test_standard_errors_add_in_squares() -> None:
    objective = parse_objective("-3*a + b")
    outcome = {"a": Observation(1.0, 1.0), "b": Observation(2.0, 4.0)}
    assert objective.sem(outcome) == 5.0


def test_one_unknown_standard_error_makes_the_sums_unknown() -> None:
    objective = parse_objective("a + b")
    outcome = {"a": Observation(1.0, 1.0), "b": Observation(2.0)}
    assert objective.sem(outcome) is None


def test_a_missing_metric_is_an_error() -> None:
    with pytest.raises(KeyError, match="b"):
        parse_objective("a + b").value({"a": Observation(1.0)})


@pytest.mark.parametrize(
    "expression",
    ["", "loss +", "loss + 1", "3", "a*b", "a/0", "2/a", "a**2", "f(a)", "a[0]", "a.b",
     "'a'", "True*a", "2*3*a", "a if b else c", "a\0b", "a\nb", "loss <= 3"],
)  # fmt: skip
def test_what_is_no_weighted_sum_is_told(expression: str) -> None:
    with pytest.raises(ConfigError, match="expected a metric or a weighted sum") as e:
        parse_objective(expression)
    assert str(e.value).endswith(f"found {expression!r}")


@pytest.mark.parametrize(
    ("expression", "message"),
    [
        ("a, b", "expected one objective, found several in 'a, b'"),
        ("a + b - a", "expected each metric once, found 'a' twice in 'a .* - a'"),
        ("0*a", r"expected finite weights other than 0, found '0\*a'"),
        ("a + 1e999*b", "expected finite weights other than 0"),
        (f"{10**400}*a", "expected finite weights other than 0"),
    ],
    ids=["several", "twice", "zero", "infinite", "too large"],
)
def test_what_cannot_be_optimised_is_told(expression: str, message: str) -> None:
    with pytest.raises(ConfigError, match=f"^objective: {message}"):
        parse_objective(expression)
