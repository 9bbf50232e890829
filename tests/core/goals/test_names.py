"""The names of metrics in goals, by the rule that was seen in Ax 1.3.1."""

from __future__ import annotations

import ast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hpcopt.core.errors import ConfigError
from hpcopt.core.events import ExperimentBegun
from hpcopt.core.experiment import Experiment
from hpcopt.core.goals.goals import Goals, parse_goals
from hpcopt.core.goals.names import parse_metrics, spelled_out
from hpcopt.core.goals.outcome_constraint import parse_constraint
from hpcopt.core.types import JSONValue


@pytest.mark.parametrize(
    ("text", "weights"),
    [
        ("val-loss", {"val-loss": 1}),
        ("-val-loss", {"val-loss": -1}),
        ("m/1", {"m/1": 1}),
        ("a/2 + b", {"a/2": 1, "b": 1}),
        ("a / 2 + b", {"a": 0.5, "b": 1}),
        ("a-b", {"a": 1, "b": -1}),
        ("a - b", {"a": 1, "b": -1}),
        ("val - loss", {"val": 1, "loss": -1}),
        ("-val.loss", {"val.loss": -1}),
        ("last 5 mean test loss", {"last 5 mean test loss": 1}),
        ("-2*last loss + 3*val loss", {"last loss": -2, "val loss": 3}),
        ("val loss - b", {"val loss - b": 1}),
        ("val loss - 2*b", {"val loss": 1, "b": -2}),
        ("ns:loss - b", {"ns:loss - b": 1}),
        ("-acc@1", {"acc@1": -1}),
        ("opt/lr|x", {"opt/lr|x": 1}),
        ("lambda", {"lambda": 1}),
        ("beta + E", {"beta": 1, "E": 1}),
        ("-latency(p50) + 2*x", {"latency(p50)": -1, "x": 2}),
        ("~loss", {"~loss": 1}),
        ("gpt-4", {"gpt-4": 1}),
        ("1e-3*loss", {"loss": 1e-3}),
        ("0.5*val-loss + 0.5*acc@10", {"val-loss": 0.5, "acc@10": 0.5}),
        ("größe-2", {"größe-2": 1}),
    ],
)
def test_a_name_is_what_it_is_in_ax(text: str, weights: dict[str, float]) -> None:
    assert parse_goals(text).objective.weights == weights


@pytest.mark.parametrize("text", ["a;b", "a[0]", "'a'", "a\\b", "a*b", "a**2", "2", ""])
def test_what_is_no_sum_of_names_is_refused(text: str) -> None:
    with pytest.raises(ConfigError, match="objective: expected"):
        parse_goals(text)


def test_several_objectives_may_have_odd_names() -> None:
    goals = parse_goals("-val-loss, acc@1", ["acc@1 >= 0.5", "last loss <= 2e-1"])
    assert goals.metric_names == ("val-loss", "acc@1", "last loss")
    assert goals.threshold_values == (None, 0.5)


def test_in_a_distance_a_number_behind_a_minus_is_taken_away() -> None:
    (distance,) = parse_goals("-abs(temperature-350)").objective.distances
    assert (distance.of.weights, distance.target) == ({"temperature": 1}, 350)
    (distance,) = parse_goals("-2*(val-loss - 1e-3)**2").objective.distances
    assert (distance.of.weights, distance.target) == ({"val-loss": 1}, 1e-3)
    assert distance.expression == "(val-loss - 0.001)**2"


def test_a_constraint_may_be_relative_and_have_an_odd_name() -> None:
    constraint = parse_constraint("last loss >= 0.95 * baseline")
    assert constraint.is_relative
    assert constraint.weights == {"last loss": 1}


@given(
    st.from_regex(
        r"[A-Za-z_][A-Za-z0-9_]{0,5}([./|@][A-Za-z0-9_]{1,4}){0,3}", fullmatch=True
    )
)
def test_a_name_stands_for_itself(name: str) -> None:
    tree = parse_metrics(f"-2*{name} + 1", "objective")
    assert [n.id for n in ast.walk(tree) if isinstance(n, ast.Name)] == [name]


def test_what_the_first_version_began_keeps_its_meaning() -> None:
    def begun(version: str, objective: str) -> Goals:
        definition: dict[str, JSONValue] = {
            "objective": objective,
            "outcome_constraints": ["val-heat <= 3", "b <= 2"],
        }
        return Experiment(ExperimentBegun(0.0, version, definition, {})).goals

    old = begun("0.1.0", "acc-0.1*cost, -loss/2")
    assert [one.weights for one in old.objectives] == [
        {"acc": 1, "cost": -0.1},
        {"loss": -0.5},
    ]
    assert old.bounds[0].weights == {"val": -1, "heat": 1}
    assert begun("0.2.0", "a-c").metric_names == ("a", "c", "val-heat", "b")
    plain: dict[str, JSONValue] = {
        "objective": "-loss",
        "outcome_constraints": ["a - b<=2"],
    }
    assert spelled_out(plain) == plain
