"""Suggestions of which some parameters have values that somebody wants."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from hpcopt.api.client import Client
from hpcopt.api.configs import ChoiceParameterConfig, RangeParameterConfig
from hpcopt.core.errors import ConfigError
from hpcopt.core.space.fixing import with_fixed
from hpcopt.core.space.search_space import SearchSpace
from hpcopt.core.types import TOutcome, TParameterization
from tests.support.cli_world import hpcopt

SPACE = SearchSpace.from_json(
    [
        {"name": "x", "type": "range", "bounds": [0, 1]},
        {"name": "rate", "type": "range", "bounds": [1e-6, 1], "scaling": "log"},
        {"name": "n", "type": "range", "bounds": [1, 9], "parameter_type": "int"},
        {"name": "tenths", "type": "range", "bounds": [0, 1], "step_size": 0.1},
        {"name": "kind", "type": "choice", "values": ["a", "b", "c"], "is_ordered": 0},
        {"name": "twice", "type": "derived", "expression": "2*x"},
        {"name": "z", "type": "range", "bounds": [0, 1], "when": {"kind": ["a"]}},
    ]
)


@pytest.fixture
def client(tmp_path: Path) -> Client:
    client = Client(random_seed=0, folder=tmp_path / "e")
    client.configure_experiment(
        name="fixed",
        parameters=[
            RangeParameterConfig(name="x", bounds=(0, 1), parameter_type="float"),
            RangeParameterConfig(name="n", bounds=(1, 9), parameter_type="int"),
            ChoiceParameterConfig(
                name="kind", values=["a", "b", "c"], parameter_type="str"
            ),
        ],
        parameter_constraints=["x + n <= 9.5"],
    )
    return client


def loss(parameters: TParameterization) -> TOutcome:
    x, n = float(parameters["x"]), float(parameters["n"])
    return {"loss": (x - 0.3) ** 2 + (n - 4) ** 2 + (parameters["kind"] == "a")}


def loss_and_size(parameters: TParameterization) -> TOutcome:
    return {**loss(parameters), "size": float(parameters["n"])}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("objective", "evaluate"),
    [("-loss", loss), ("-loss, size", loss_and_size)],
    ids=["one objective", "several"],
)
def test_suggestions_have_the_fixed_values_and_can_be_made_again(
    client: Client,
    tmp_path: Path,
    objective: str,
    evaluate: Callable[[TParameterization], TOutcome],
) -> None:
    client.configure_optimization(objective=objective)
    every: list[TParameterization] = [
        {"kind": "b"},
        {},
        {},
        {"x": 0.25},
        {"n": 5},
        {"n": 2, "kind": "c"},
    ]
    for fixed in every:
        trials = client.get_next_trials(2, fixed_parameters=fixed)
        assert len(trials) == 2
        for index, parameters in trials.items():
            assert {name: parameters[name] for name in fixed} == fixed
            client.complete_trial(index, evaluate(parameters))
    assert hpcopt("replay", tmp_path / "e").stdout.startswith("12 identical")


def test_where_all_is_fixed_there_is_one_suggestion(client: Client) -> None:
    client.configure_optimization(objective="-loss")
    fixed: TParameterization = {"x": 0.5, "n": 2, "kind": "a"}
    assert client.get_next_trials(3, fixed_parameters=fixed) == {0: fixed}


@pytest.mark.parametrize(
    ("fixed", "message"),
    [
        ({"y": 1}, "expected names of parameters, found 'y'"),
        ({"x": 2}, "x: expected a number from 0 to 1, found 2"),
        ({"x": True}, "x: expected a number"),
        ({"n": 2.5}, "n: expected 1.* plus a multiple of 1, found 2.5"),
        ({"tenths": 0.25}, "tenths: expected 0 plus a multiple of 0.1"),
        ({"kind": "d"}, "kind: expected one of .'a', 'b', 'c'., found 'd'"),
        ({"twice": 1.0}, "twice cannot be fixed, as it follows from others"),
        ({"z": 0.5}, "z cannot be fixed, as it is a range that exists under a condi"),
    ],
)
def test_what_cannot_be_fixed_is_an_error(
    fixed: TParameterization, message: str
) -> None:
    with pytest.raises(ConfigError, match=message):
        with_fixed(SPACE, fixed)


def test_coordinates_stay_as_they_are() -> None:
    fixed: TParameterization = {"x": 0.5, "rate": 1e-5, "tenths": 0.3, "kind": "b"}
    narrowed = with_fixed(SPACE, fixed)
    point = {**fixed, "n": 3, "twice": 1.0}
    assert narrowed.contains([point, {**point, "x": 0.4}]).tolist() == [True, False]
    other: TParameterization = {**point, "kind": "c"}
    assert (narrowed.encode([point, other]) == SPACE.encode([point, other])).all()
