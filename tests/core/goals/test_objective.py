from __future__ import annotations

import math
import re
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hpcopt.core.errors import ConfigError
from hpcopt.core.goals.objective import parse_objective
from hpcopt.core.trials.trial import Observation

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
    ["", "loss +", "loss + 1", "3", "a*b", "a / 0", "2/a", "f(a + b)", "a[0]",
     "'a'", "True*a", "2*3*a", "a\0b", "a\nb", "loss <= 3"],
)  # fmt: skip
def test_what_is_no_weighted_sum_is_reported(expression: str) -> None:
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
def test_what_cannot_be_optimised_is_reported(expression: str, message: str) -> None:
    with pytest.raises(ConfigError, match=f"^objective: {message}"):
        parse_objective(expression)


@settings(deadline=None)
@given(
    names=st.lists(st.sampled_from("abcdefgh"), min_size=1, unique=True), data=st.data()
)
def test_distances_that_are_written_out_are_read_as_they_were_meant(
    names: list[str], data: st.DataObject
) -> None:
    """Random terms: a metric, or one or two metrics with a target."""
    left = list(names)
    texts: list[str] = []
    distances: list[Any] = []
    linear: dict[str, float] = {}
    while left:
        weight = data.draw(st.floats(1e-6, 1e6))
        inside = [left.pop() for _ in range(data.draw(st.integers(1, 2))) if left]
        power = data.draw(st.sampled_from([0, 1, 2]))
        if power == 0 and distances:
            linear |= dict.fromkeys(inside, -weight)
            texts.append(f"- {weight!r}*({' + '.join(inside)})")
            continue
        target = data.draw(st.floats(-1e6, 1e6))
        deviation = f"{' - '.join(inside)} - {target!r}"
        form = f"({deviation})**2" if power == 2 else f"abs({deviation})"
        texts.append(f"- {weight!r}*{form}")
        distances.append((inside, target, power or 1, weight))
    objective = parse_objective(" ".join(texts))
    found = [
        (list(d.of.weights), d.target, d.power, d.weight) for d in objective.distances
    ]
    assert found == distances
    assert objective.weights == linear
    assert sorted(objective.metric_names) == sorted(names)
    assert objective.is_minimised
    assert parse_objective(f"-({objective.negated})").metric_names == (
        objective.metric_names
    )
    outcome = {name: Observation(data.draw(st.floats(-1e6, 1e6))) for name in names}
    expected = math.fsum(w * outcome[name].mean for name, w in linear.items())
    for inside, target, power, weight in distances:
        first, *others = (outcome[name].mean for name in inside)
        deviation_is = first - sum(others) - target
        expected -= weight * abs(deviation_is) ** power
    assert objective.value(outcome) == pytest.approx(expected, rel=1e-9, abs=1e-6)


@pytest.mark.parametrize(
    ("expression", "negated", "targets"),
    [
        ("-abs(temperature - 350)", "abs(temperature - 350)", {"temperature": 350}),
        ("-(a - 1)**2", "(a - 1)**2", {"a": 1}),
        ("-a**2 - 0.1*cost", "a**2 + 0.1*cost", {"a": 0}),
        ("-(abs(a) + 2*abs(3 - b))/2", "0.5*abs(a) + abs(3 - b)", {"a": 0, "b": 3}),
        ("-abs(2*(b - c) - 3)", "abs(2 * (b - c) - 3)", {"2*b - 2*c": 3}),
    ],
)  # fmt: skip
def test_a_distance_is_read_as_what_should_be_small(
    expression: str, negated: str, targets: dict[str, float]
) -> None:
    objective = parse_objective(expression)
    assert objective.is_minimised
    assert objective.negated == negated
    assert {d.of.expression: d.target for d in objective.distances} == targets


def test_a_sum_that_is_maximised_beside_a_distance_is_maximised() -> None:
    objective = parse_objective("speed - abs(a - 1)")
    assert not objective.is_minimised
    assert objective.metric is None
    with pytest.raises(ValueError, match="is maximised"):
        _ = objective.negated


def test_the_standard_error_of_a_distance_is_the_metrics_and_that_of_a_square() -> None:
    outcome = {"a": Observation(4.0, 0.1), "b": Observation(1.0, 0.0)}
    assert parse_objective("-3*abs(2*a - b)").sem(outcome) == pytest.approx(0.6)
    # Of (3 + 0.1 z)**2, z normal: 2 * 3 * 0.1, and the variance of 0.01 z**2.
    expected = math.sqrt(0.6**2 + 2 * 0.01**2)
    assert parse_objective("-(a - 1)**2 - b").sem(outcome) == pytest.approx(expected)
    assert parse_objective("-(a - 1)**2").sem({"a": Observation(1.0)}) is None


@pytest.mark.parametrize("mean", [1e200, 1.7e308, -1.7e308])
@pytest.mark.parametrize(
    "expression", ["-(a - 1)**2", "-1e12*abs(a + b)", "-a - b - (c + d)**2"]
)
def test_what_a_diverged_simulation_tells_amounts_to_a_finite_number(
    expression: str, mean: float
) -> None:
    objective = parse_objective(expression)
    assert math.isfinite(objective.value(dict.fromkeys("abcd", Observation(mean))))


@pytest.mark.parametrize(
    ("expression", "reason"),
    [
        ("abs(a - 1)", "with a minus, as everything is maximised: -abs(a - 1)"),
        ("b + 2*(a - 1)**2", "with a minus, as everything is maximised: -(a - 1)**2"),
        ("-abs(3)", "expected a metric in abs(3), found none"),
        ("-(a - 1)**3", "found the power 3"),
        ("-(a - 1)**b", "expected a metric or a weighted sum of metrics"),
        ("-abs(a*b)", "expected a metric or a weighted sum of metrics"),
        ("-abs(abs(a) - 1)", "expected a metric or a weighted sum of metrics"),
        ("-abs(a - 1)*abs(b)", "expected a metric or a weighted sum of metrics"),
        ("-abs(x=a)", "expected a metric or a weighted sum of metrics"),
        ("-abs(a, b)", "expected a metric or a weighted sum of metrics"),
        ("-abs(a - 1) - 2", "expected a metric or a weighted sum of metrics"),
        ("-abs(a - 1) - a", "found 'a' twice"),
        ("-abs(a - a)", "found 'a' twice"),
        ("-0*abs(a)", "expected finite weights other than 0"),
        ("-abs(0*a - 1)", "expected finite weights other than 0"),
        ("-abs(a - 1e999)", "expected a finite target"),
        ("-abs(a - 1e999 + 1e999)", "expected a finite target"),
        ("-abs(a - 1e308 - 1e308)", "expected a finite target"),
    ],
)
def test_what_is_no_distance_from_a_target_is_reported(
    expression: str, reason: str
) -> None:
    with pytest.raises(ConfigError, match=re.escape(reason)) as e:
        parse_objective(expression)
    assert repr(expression) in str(e.value)


def test_a_single_metric_weighs_as_a_sum_of_one_does() -> None:
    zero = parse_objective("-loss").value({"loss": Observation(0.0)})
    assert math.copysign(1.0, zero) == 1.0  # a person reads 0 and not -0
    assert parse_objective("-2*loss").value({"loss": Observation(1)}) == -2.0
