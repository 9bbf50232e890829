"""Spaces with conditions, derived parameters and constraints."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from typing_extensions import override

from hpcopt.core.errors import ConfigError, UsageError
from hpcopt.core.space.search_space import ChoiceParameter, RangeParameter, SearchSpace
from hpcopt.core.types import TParameterization

OPTIMIZERS: list[dict[str, Any]] = [
    {"name": "optimizer", "type": "choice", "values": ["sgd", "adam"],
     "is_ordered": False},
    {"name": "momentum", "type": "range", "bounds": [0.0, 1.0],
     "when": {"optimizer": ["sgd"]}},
    {"name": "nesterov", "type": "choice", "values": [False, True],
     "is_ordered": False, "when": {"optimizer": ["sgd"]}},
    {"name": "layers", "type": "range", "bounds": [1, 3], "parameter_type": "int"},
    {"name": "width", "type": "choice", "values": [8, 16, 32], "is_ordered": False,
     "when": {"layers": [2, 3]}},
    {"name": "depth", "type": "derived", "expression": "2*layers - 1",
     "parameter_type": "int"},
    {"name": "decay", "type": "derived", "expression": "momentum**2"},
    {"name": "kind", "type": "derived", "expression": "optimizer",
     "parameter_type": "str"},
    {"name": "batch", "type": "fixed", "value": 64},
]  # fmt: skip


def unit(*names: str, **changes: Any) -> list[dict[str, Any]]:
    spec = {"type": "range", "bounds": [0.0, 1.0], "parameter_type": "float"}
    return [{"name": name, **spec, **changes} for name in names]


@st.composite
def structured_spaces(draw: st.DrawFn) -> SearchSpace:
    """Draw spaces of all kinds of parameters with all kinds of connections."""
    log = draw(st.booleans())
    step = draw(st.sampled_from([None, 0.5]))
    size = draw(st.sampled_from([1, 2, 3, 40]))
    ordered = draw(st.booleans())
    values: list[Any] = draw(st.permutations(range(size)))
    if draw(st.booleans()):
        values = [f"v{k}" for k in values]
    specs = [
        *unit("x", bounds=[0.5, 4.0], step_size=step, scaling="log" if log else None),
        *unit("n", bounds=[-2, 5], parameter_type="int"),
        {"name": "c", "type": "choice", "values": values, "is_ordered": ordered},
        *unit("y", bounds=[0.0, 10.0], when={"c": values[:1], "n": [-2, 0, 3]}),
        *unit("z", when={"n": [0]}),
        {"name": "s", "type": "derived", "expression": "2*x + n"},
        {"name": "t", "type": "derived", "expression": "s*y"},
        {"name": "f", "type": "fixed", "value": 3},
    ]
    constraints = draw(st.lists(st.sampled_from(CONSTRAINTS), unique=True))
    return SearchSpace.from_json(specs, constraints)


CONSTRAINTS = ["x + n <= 5", "s >= -1", "x**2 + n**2 <= f*10", "y <= 2*x + n + 4"]


@settings(deadline=None)
@given(space=structured_spaces(), seed=st.integers(0, 1000))
def test_decoding_and_encoding_are_the_same_as_snapping(
    space: SearchSpace, seed: int
) -> None:
    X = np.random.default_rng(seed).random((50, space.d))
    decoded = space.decode(X)
    snapped = space.snap(X)
    assert space.encode(decoded) == pytest.approx(snapped, abs=1e-12)
    assert space.snap(snapped) == pytest.approx(snapped, abs=1e-12)
    for first, second in zip(decoded, space.decode(snapped), strict=True):
        assert list(first) == list(second)
        for one, other in zip(first.values(), second.values(), strict=True):
            is_text = isinstance(one, str)
            assert one == (other if is_text else pytest.approx(other, rel=1e-9))


@pytest.mark.slow
@settings(deadline=None)
@given(space=structured_spaces(), seed=st.integers(0, 1000))
def test_a_point_is_feasible_where_its_values_satisfy_the_constraints(
    space: SearchSpace, seed: int
) -> None:
    X = np.random.default_rng(seed).random((20, space.d))
    feasible = space.is_feasible(X)
    points = space.decode(X)
    assert space.contains(points).tolist() == feasible.tolist()
    for point, is_feasible in zip(points, feasible, strict=True):
        holds = all(
            eval(text, {}, dict(point))
            for text in space.constraints
            if not (text.startswith("y") and "y" not in point)
        )
        assert is_feasible == holds
        if is_feasible:
            space.check(point)
        else:
            with pytest.raises(UsageError, match="parameterization: expected"):
                space.check(point)


@settings(deadline=None)
@given(space=structured_spaces())
def test_a_space_with_its_connections_comes_back_from_json(space: SearchSpace) -> None:
    text = json.dumps(space.to_json(), allow_nan=False)
    assert SearchSpace.from_json(json.loads(text), space.constraints) == space


def test_inactive_parameters_have_no_value() -> None:
    space = SearchSpace.from_json(OPTIMIZERS)
    adam: TParameterization = {
        "optimizer": "adam",
        "layers": 1,
        "depth": 1,
        "kind": "adam",
        "batch": 64,
    }
    [found] = space.decode(space.encode([{**adam, "momentum": 0.9}]))
    assert found == adam
    sgd: TParameterization = {
        "optimizer": "sgd",
        "momentum": 0.5,
        "nesterov": True,
        "layers": 2,
    }
    assert space.completed({**sgd, "width": 16}) == {
        **sgd, "width": 16, "depth": 3, "decay": 0.25, "kind": "sgd", "batch": 64,
    }  # fmt: skip


def test_points_that_differ_in_inactive_parameters_alone_are_the_same() -> None:
    space = SearchSpace.from_json(OPTIMIZERS[:3])
    X = space.snap(np.array([[0.9, 0.1, 0.1], [0.8, 0.7, 0.9]]))
    assert X.tolist() == [[0.75, 0.5, 0.5]] * 2
    assert len(SearchSpace.from_json(OPTIMIZERS[:1] + OPTIMIZERS[2:3]).all_points) == 3


def test_conditions_pass_on() -> None:
    inner = unit("deep", when={"nesterov": [True]})
    space = SearchSpace.from_json([*OPTIMIZERS[:3], *inner])
    points = space.decode(space.all_points if space.n_points else np.eye(4))
    assert [sorted(p) for p in points] == [
        ["deep", "momentum", "nesterov", "optimizer"]
        if p.get("nesterov")
        else (["momentum", "nesterov", "optimizer"] if p["optimizer"] == "sgd"
              else ["optimizer"])
        for p in points
    ]  # fmt: skip
    assert space.completed({"optimizer": "adam", "deep": 0.5}) == {"optimizer": "adam"}


# Constraints


@pytest.mark.slow
@settings(deadline=None)
@given(
    weights=st.lists(st.integers(1, 9), min_size=3, max_size=3),
    side=st.floats(0.5, 10.0),
    seed=st.integers(0, 100),
)
def test_an_equality_holds_to_rounding_at_every_feasible_point(
    weights: list[int], side: float, seed: int
) -> None:
    a, b, c = weights
    space = SearchSpace.from_json(
        [*unit("x", "y"), *unit("z", bounds=[1e-3, 3.0], scaling="log")],
        [f"{a}*x + {b}*y == {side!r} - {c}*z"],
    )
    X = np.random.default_rng(seed).random((200, 3))
    for point in space.decode(X[space.is_feasible(X)]):
        values = {name: float(value) for name, value in point.items()}
        left = a * values["x"] + b * values["y"] + c * values["z"]
        assert left == pytest.approx(side, rel=1e-8)
        space.check(point)


def test_equalities_are_solved_together_with_what_is_discrete() -> None:
    space = SearchSpace.from_json(
        [*unit("a", "b", "c"), *unit("n", bounds=[0, 4], parameter_type="int")],
        ["a + b + c == 1", "a - b == n/10", "2*a + 2*b + 2*c == 2"],
    )
    X = np.random.default_rng(0).random((100, space.d))
    feasible = space.decode(X[space.is_feasible(X)])
    assert len(feasible) > 20
    for p in feasible:
        assert float(p["a"]) + float(p["b"]) + float(p["c"]) == pytest.approx(1)
        assert float(p["a"]) - float(p["b"]) == pytest.approx(float(p["n"]) / 10)


def test_a_step_satisfies_a_bound_that_it_meets_up_to_rounding() -> None:
    space = SearchSpace.from_json(unit("x", "y", step_size=0.1), ["x + y <= 0.3"])
    points = {(p["x"], p["y"]) for p in space.decode(space.all_points)}
    assert len(points) == 10  # 0.1 + 0.2 among them


def test_linear_constraints_are_those_of_the_coordinates() -> None:
    space = SearchSpace.from_json(
        [
            *unit("x", bounds=[0, 10]),
            *unit("n", bounds=[1, 4], parameter_type="int"),
            *unit("r", bounds=[1, 10], scaling="log"),
            {"name": "f", "type": "fixed", "value": 2},
            {"name": "s", "type": "derived", "expression": "x - n"},
        ],
        ["x + n <= 6*f", "s >= 0", "x + n == 3", "r + x <= 5", "x**2 <= 4"],
    )
    linear = space.linear_constraints
    x, n = np.random.default_rng(0).random((2, 50))
    values = 10 * x, 0.5 + 4 * n
    X = np.column_stack([x, n, np.zeros(50)])
    inside = linear.b >= X @ linear.A.T
    assert inside[:, 0].tolist() == (values[0] + values[1] <= 12).tolist()
    assert inside[:, 1].tolist() == (values[0] >= values[1]).tolist()
    assert np.sign(X @ linear.A_equal[0] - linear.b_equal[0]).tolist() == (
        np.sign(values[0] + values[1] - 3).tolist()
    )


def test_where_an_expression_has_no_value_a_point_is_not_feasible() -> None:
    derived = {"name": "y", "type": "derived", "expression": "1/n"}
    specs = [*unit("n", bounds=[-1, 1], parameter_type="int"), derived]
    space = SearchSpace.from_json(specs)
    assert [p["n"] for p in space.decode(space.all_points)] == [-1, 1]
    with pytest.raises(UsageError, match=r"'y': '1/n' has no value at \{'n': 0\}"):
        space.decode(np.array([[0.5]]))
    space = SearchSpace.from_json(specs[:1], ["1/n <= 0"])
    assert [p["n"] for p in space.decode(space.all_points)] == [-1]


def test_a_constraint_on_an_inactive_parameter_holds() -> None:
    space = SearchSpace.from_json(OPTIMIZERS[:2], ["momentum >= 0.5"])
    assert space.contains([{"optimizer": "adam"}, {"optimizer": "sgd", "momentum": 0.4}
                           ]).tolist() == [True, False]  # fmt: skip


@pytest.mark.parametrize(
    ("constraint", "message"),
    [
        ("x + q <= 1", "'x \\+ q <= 1': expected names of parameters, found 'q'"),
        ("x + kind <= 1", "expected numbers, found the text 'kind'"),
        ("x < 1", "expected a comparison by <=, >= or ==, found '<'"),
        ("x", "expected a comparison by <=, >= or ==, found none"),
        ("1 <= 2", "expected a parameter on one side, found none"),
        ("x**2 == 1", "expected an equality of weighted sums"),
        ("n == 2.5", "expected values of n on their steps and within their bounds"),
        ("t == 1", "expected an equality of weighted sums, found a derived"),
        ("x + sin(x) <= 1", "expected one of the functions .*, found 'sin'"),
        ("x + <= 1", "expected arithmetic such as .*, found 'x \\+'"),
    ],
)
def test_a_constraint_that_is_none_is_reported(constraint: str, message: str) -> None:
    specs = [
        *unit("x"),
        *unit("n", bounds=[0, 3], parameter_type="int"),
        {"name": "kind", "type": "choice", "values": ["a", "b"], "is_ordered": False},
        {"name": "t", "type": "derived", "expression": "x**2"},
    ]
    with pytest.raises(ConfigError, match=f"^parameter_constraints: .*{message}"):
        SearchSpace.from_json(specs, [constraint])


def test_equalities_that_contradict_each_other_are_reported() -> None:
    with pytest.raises(ConfigError, match="the equalities contradict each other"):
        SearchSpace.from_json(unit("x", "y"), ["x + y == 1", "2*x + 2*y == 3"])


@pytest.mark.parametrize(
    ("specs", "message"),
    [
        ([*unit("x"), *unit("y", when={"q": [1]})], "separate values, found 'q'"),
        ([*unit("x"), *unit("y", when={"x": [0.5]})], "separate values, found 'x'"),
        (
            [OPTIMIZERS[0], *unit("y", when={"optimizer": ["lbfgs"]})],
            r"expected one of \['sgd', 'adam'\], found 'lbfgs'",
        ),
        ([OPTIMIZERS[0], *unit("y", when={"optimizer": []})], "at least one value"),
        (
            [{**OPTIMIZERS[0], "when": {"b": [True]}},
             {"name": "b", "type": "choice", "values": [True, False],
              "is_ordered": False, "when": {"optimizer": ["sgd"]}}],
            "in a circle, found optimizer -> b -> optimizer",
        ),
        (
            [{"name": "a", "type": "derived", "expression": "b + 1"},
             {"name": "b", "type": "derived", "expression": "a - 1"}, *unit("x")],
            "in a circle, found a -> b -> a",
        ),
        (
            [*unit("x"), {"name": "a", "type": "derived", "expression": "x + w"}],
            "expected names of parameters, found 'w'",
        ),
        (
            [OPTIMIZERS[0],
             {"name": "a", "type": "derived", "expression": "optimizer + 1"}],
            "expected numbers, found the text 'optimizer'",
        ),
        (
            [*unit("x"), {"name": "a", "type": "derived", "expression": "2*x",
                          "parameter_type": "str"}],
            "expected the name of another parameter for a derived str",
        ),
    ],
)  # fmt: skip
def test_connections_that_make_no_sense_are_reported(
    specs: list[dict[str, Any]], message: str
) -> None:
    with pytest.raises(ConfigError, match=f"^parameter '.*{message}"):
        SearchSpace.from_json(specs)


@pytest.mark.parametrize(
    ("given_", "message"),
    [
        ({"x": 0.9, "y": 0.5}, r"expected x \+ y <= 1, found"),
        ({"x": 0.1, "y": 0.2, "s": 0.4}, "'s': expected 0.30.*, which follows .* 0.4"),
        ({"x": 0.1}, "expected a value for 'y', found none"),
        ({"x": 0.1, "y": 0.2, "q": 1}, r"expected values for \['s', 'x', 'y'\]"),
    ],
)
def test_what_does_not_fit_a_structured_space_is_reported(
    given_: dict[str, float], message: str
) -> None:
    derived = {"name": "s", "type": "derived", "expression": "x + y"}
    space = SearchSpace.from_json([*unit("x", "y"), derived], ["x + y <= 1"])
    with pytest.raises(UsageError, match=message):
        space.completed(given_)


# Size


class Name(str):
    """A text that counts how often it is compared."""

    n_comparisons = 0
    __hash__ = str.__hash__

    @override
    def __eq__(self, other: object) -> bool:
        Name.n_comparisons += 1
        return str.__eq__(self, other)


def test_ten_thousand_choices_take_few_coordinates_and_no_search_for_each() -> None:
    names = tuple(f"file-{k}" for k in range(10_000))
    space = SearchSpace((ChoiceParameter("file", names), RangeParameter("x", 0, 1)))
    assert space.d == 15
    points: list[TParameterization] = [{"file": Name(n), "x": 0.5} for n in names]
    Name.n_comparisons = 0
    X = space.encode(points)
    assert Name.n_comparisons <= 2 * len(names)
    assert len(np.unique(X, axis=0)) == 10_000
    assert space.decode(X) == points
    with pytest.raises(UsageError, match=r"found 'file'$") as caught:
        space.encode([{"file": "file", "x": 0.5}])
    assert len(str(caught.value)) < 200


def test_every_point_of_a_binary_code_is_a_value() -> None:
    choice = ChoiceParameter("c", tuple(range(100)))
    codes = (np.arange(128)[:, None] >> np.arange(7)) & 1
    found = choice.codes_at(codes.astype(float))
    assert set(found.tolist()) == set(range(100))
