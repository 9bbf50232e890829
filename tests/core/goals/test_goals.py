from __future__ import annotations

import json
import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hpcopt.core.errors import ConfigError
from hpcopt.core.goals.goals import Goals, parse_goals
from hpcopt.core.goals.outcome_constraint import OutcomeConstraint
from hpcopt.core.trials.trial import Observation

numbers = st.floats(-1e6, 1e6).filter(lambda number: number != 0)


def outcome(**means: float) -> dict[str, Observation]:
    return {name: Observation(mean) for name, mean in means.items()}


def constraint(expression: str) -> OutcomeConstraint:
    [parsed] = parse_goals("-loss", [expression]).constraints
    return parsed


@pytest.mark.parametrize(
    ("expression", "weights", "bound"),
    [
        ("qps >= 100", {"qps": 1}, 100),
        ("qps <= 100", {"qps": -1}, -100),
        (" 100 <= qps\n", {"qps": 1}, 100),
        ("-qps >= -1e-05", {"qps": -1}, -1e-05),
        ("0.5*a + 0.5*b >= 0.95", {"a": 0.5, "b": 0.5}, 0.95),
        ("a >= b + 1", {"a": 1, "b": -1}, 1),
        ("a + 1 >= 3 + b - a", {"a": 2, "b": -1}, 2),
        ("a >= b", {"a": 1, "b": -1}, 0),
    ],
)
def test_a_constraint_is_a_linear_inequality(
    expression: str, weights: dict[str, float], bound: float
) -> None:
    parsed = constraint(expression)
    assert (parsed.weights, parsed.bound) == (weights, bound)
    assert parsed.expression == expression.strip()
    assert not parsed.is_relative


@pytest.mark.parametrize(
    ("qps", "expected", "is_feasible"),
    [(101.0, 1.0, True), (100.0, 0.0, True), (99.0, -1.0, False)],
    ids=["inside", "on the bound", "outside"],
)
def test_a_slack_below_0_is_infeasible(
    qps: float, expected: float, is_feasible: bool
) -> None:
    goals = parse_goals("-loss", ["qps >= 100"])
    assert goals.slack(outcome(qps=qps)) == (expected,)
    assert goals.is_feasible(outcome(qps=qps)) == is_feasible


def test_standard_errors_of_slacks_are_those_of_their_sums() -> None:
    goals = parse_goals("-loss", ["3*a - b <= 7", "c >= 0"])
    known = {"a": Observation(1, 1.0), "b": Observation(1, 4.0), "c": Observation(1)}
    assert [one.sem(known) for one in goals.constraints] == [5.0, None]


def test_an_outcome_without_a_constraints_metric_is_not_known_to_be_feasible() -> None:
    goals = parse_goals("-loss", ["qps >= 100", "heat <= 5"])
    assert not goals.is_feasible(outcome(qps=200))
    assert not goals.is_known(outcome(loss=1, qps=200))
    assert goals.is_known(outcome(loss=1, qps=200, heat=9))
    assert goals.metric_names == ("loss", "qps", "heat")
    with pytest.raises(KeyError, match="heat"):
        goals.slack(outcome(qps=200))


@pytest.mark.parametrize(
    ("expression", "baseline", "holds", "fails"),
    [
        ("qps >= 0.95 * baseline", 100, 95, 94.999),
        ("baseline * 0.95 <= qps", 100, 95, 94.999),
        ("qps <= 1.05 * baseline", 100, 105, 105.001),
        ("2*qps >= baseline", 100, 50, 49.999),
        ("qps >= baseline", -4, -4, -4.001),
        ("qps >= 0.95 * baseline", -100, -105, -105.001),
        ("qps <= 1.05 * baseline", -100, -95, -94.999),
        ("qps >= 0.95 * baseline", 0, 0, -0.001),
    ],
)
def test_a_relative_constraint_is_about_the_baseline(
    expression: str, baseline: float, holds: float, fails: float
) -> None:
    relative = parse_goals("-loss", [expression])
    assert not relative.is_absolute
    assert not relative.is_feasible(outcome(qps=1e9))
    with pytest.raises(ValueError, match="needs the baseline's outcome"):
        relative.slack(outcome(qps=1))
    goals = relative.relative_to(outcome(qps=baseline))
    assert goals.is_absolute
    assert goals.is_feasible(outcome(qps=holds))
    assert not goals.is_feasible(outcome(qps=fails))
    assert Goals.from_json(goals.to_json()) == goals


def test_a_baseline_without_the_metric_leaves_the_constraint_relative() -> None:
    goals = parse_goals("-loss", ["qps >= baseline", "heat <= 5"])
    assert goals.relative_to(outcome(heat=3)) == goals


def test_several_objectives_are_separated_by_commas() -> None:
    goals = parse_goals("-loss,accuracy + 0.1*speed", ["heat <= 5"])
    assert [o.weights for o in goals.objectives] == [
        {"loss": -1},
        {"accuracy": 1, "speed": 0.1},
    ]
    assert goals.expression == "-loss, accuracy + 0.1*speed"
    assert goals.values(outcome(loss=2, accuracy=3, speed=10)) == (-2, 4)
    assert not goals.is_single
    with pytest.raises(ValueError, match="expected one objective, found '-loss, acc"):
        _ = goals.objective


def test_what_has_a_target_may_be_bounded_too_and_comes_back_from_json() -> None:
    goals = parse_goals("-abs(heat - 350) - 0.1*cost", ["heat <= 355"])
    assert goals.is_feasible(outcome(heat=354, cost=1))
    assert not goals.is_feasible(outcome(heat=356, cost=1))
    assert goals.values(outcome(heat=354, cost=10)) == (-5,)
    assert Goals.from_json(json.loads(json.dumps(goals.to_json()))) == goals
    with pytest.raises(ConfigError, match="constraints on other metrics"):
        parse_goals("-abs(heat - 350) - 0.1*cost", ["cost <= 3"])


def test_a_bound_on_one_of_several_objectives_is_its_threshold() -> None:
    goals = parse_goals("-loss, qps", ["heat <= 5", "qps >= 0.5 * baseline"])
    [heat] = goals.constraints
    _, qps = goals.thresholds
    assert heat.metric_names == ("heat",)
    assert goals.thresholds[0] is None
    assert qps is not None
    assert qps.is_relative
    assert Goals.from_json(json.loads(json.dumps(goals.to_json()))) == goals
    resolved = goals.relative_to(outcome(qps=10))
    assert (
        resolved.thresholds[1]
        == parse_goals("-loss, qps", ["qps >= 5.0"]).thresholds[1]
    )


@settings(deadline=None)
@given(
    weights=st.dictionaries(st.sampled_from(["a", "b", "c"]), numbers, min_size=1),
    bound=st.floats(-1e6, 1e6),
    sign=st.sampled_from(["<=", ">="]),
    mean=st.floats(-1e3, 1e3),
)
def test_a_constraint_that_is_written_out_is_read_as_it_was_meant(
    weights: dict[str, float], bound: float, sign: str, mean: float
) -> None:
    text = " + ".join(f"{weight!r}*{name}" for name, weight in weights.items())
    goals = parse_goals("-loss", [f"{text} {sign} {bound!r}"])
    orientation = 1 if sign == ">=" else -1
    known = outcome(**dict.fromkeys(weights, mean))
    total = math.fsum(orientation * w * mean for w in weights.values())
    assert goals.slack(known) == (total - orientation * bound,)
    assert Goals.from_json(json.loads(json.dumps(goals.to_json()))) == goals


@pytest.mark.parametrize(
    "expression",
    ["", "qps", "qps >= ", "qps < 100", "1 <= qps <= 2", "qps != 1", "a*b >= 1",
     "3 >= 2", "qps >= qps", "0*qps >= 1", "qps >= 1e999", "baseline >= 1",
     "f(a + b) >= 1", "qps >= '1'"],
)  # fmt: skip
def test_what_is_no_linear_inequality_is_reported(expression: str) -> None:
    message = "^outcome_constraints: expected a linear inequality of metrics such as"
    with pytest.raises(ConfigError, match=message) as e:
        parse_goals("-loss", [expression])
    assert str(e.value).endswith(f"found {expression!r}")


@pytest.mark.parametrize(
    ("objective", "constraints", "message"),
    [
        ("-loss", ["qps == 3"], "expected <= or >=, found 'qps == 3'; what is"),
        ("-loss", ["loss <= 3"], "expected constraints on other metrics than the obj"),
        ("a - b", ["b <= 3"], "expected constraints on other metrics than the obj"),
        ("-loss", ["a + b >= baseline"], "expected one metric and a multiple of the"),
        ("-loss", ["a >= baseline + 1"], "expected one metric and a multiple of the"),
        ("-a, b", ["a >= 3"], "expected the largest value of interest of 'a', with <="),
        ("-a, b", ["b <= 3"], "expected the least value of interest of 'b', with >="),
        ("-a, b", ["a + b <= 3"], "expected a threshold of one objective that is a s"),
        ("a + b, c", ["a >= 3"], "expected a threshold of one objective that is a s"),
        ("a, b", ["a >= 3", "a >= 4"], "expected one threshold for the objective 'a'"),
    ],
)  # fmt: skip
def test_a_constraint_that_makes_no_sense_is_reported(
    objective: str, constraints: list[str], message: str
) -> None:
    with pytest.raises(ConfigError, match=f"^outcome_constraints: {message}"):
        parse_goals(objective, constraints)


@pytest.mark.parametrize(
    ("objective", "message"),
    [
        ("a, ", "expected a metric or a weighted sum .* found ''"),
        ("a, b + a", "expected each metric in one objective, found 'a' in several"),
    ],
)
def test_objectives_that_make_no_sense_are_reported(
    objective: str, message: str
) -> None:
    with pytest.raises(ConfigError, match=f"^objective: {message}"):
        parse_goals(objective)


def test_a_comma_in_parentheses_is_not_one_between_objectives() -> None:
    with pytest.raises(ConfigError, match=r"found '-abs\(a, b\)'$"):
        parse_goals("-abs(a, b), c")
    assert len(parse_goals("-abs(a - 1), -(b - c)").objectives) == 2
