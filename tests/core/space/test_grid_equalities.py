"""Whole or stepped amounts that must add up."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from hpcopt.core.errors import ConfigError
from hpcopt.core.space.grid_equalities import GridEquality
from hpcopt.core.space.search_space import RangeParameter, SearchSpace
from hpcopt.generation.design.feasible import FeasibleRegion, check_feasible
from hpcopt.generation.design.initial import InitialDesign, UsedPoints


def percentages(n: int, step: int | None = None, *more: str) -> SearchSpace:
    names = [f"w{k}" for k in range(n)]
    parameters = tuple(RangeParameter(name, 0, 100, "int", step=step) for name in names)
    return SearchSpace(parameters, (" + ".join(names) + " == 100", *more))


def total(point: Any) -> float:
    return sum(float(value) for value in point.values())


@st.composite
def equalities(draw: st.DrawFn) -> GridEquality:
    m = draw(st.integers(1, 4))
    weights = draw(st.tuples(*[st.sampled_from([-3, -2, -1, 1, 2, 3])] * m))
    tops = draw(st.tuples(*[st.integers(1, 6)] * m))
    names = tuple("abcd"[:m])
    return GridEquality(names, weights, tops, draw(st.integers(-9, 15)), (True,) * m)


@given(equality=equalities(), data=st.data())
def test_any_row_is_moved_onto_it_if_it_has_a_solution(
    equality: GridEquality, data: st.DataObject
) -> None:
    m = len(equality.names)
    steps = data.draw(st.lists(st.floats(-1, 7), min_size=m, max_size=m))
    w = np.array(equality.weights)
    grid = itertools.product(*(range(top + 1) for top in equality.tops))
    solutions = [k for k in grid if w @ np.array(k) == equality.total]
    [k] = equality.balanced(np.array([steps]))
    assert ((k >= 0) & (k <= np.array(equality.tops)) & (k == np.rint(k))).all()
    assert equality.has_solution == bool(solutions)
    assert (k @ w == equality.total) == bool(solutions)
    if solutions:  # what satisfies it already stays
        stays = np.array([data.draw(st.sampled_from(solutions))], dtype=float)
        assert equality.balanced(stays + 1e-11).tolist() == stays.tolist()


@given(shares=st.lists(st.floats(0.01, 1.0), min_size=2, max_size=8))
def test_shares_are_rounded_as_by_largest_remainders(shares: list[float]) -> None:
    m = len(shares)
    exact = np.array(shares) / sum(shares) * 100
    equality = GridEquality(
        tuple(map(str, range(m))), (1,) * m, (100,) * m, 100, (True,) * m
    )
    [k] = equality.balanced(exact[None])
    floors = np.floor(exact)
    remainders = exact - floors
    n_more = round(100 - floors.sum())
    assume(len(set(np.round(remainders, 6))) == m)
    expected = floors.copy()
    expected[np.argsort(-remainders)[:n_more]] += 1
    assert k.tolist() == expected.tolist()


@given(X=st.lists(st.tuples(*[st.floats(0, 1)] * 4), min_size=1, max_size=5))
@pytest.mark.parametrize("step", [None, 5])
def test_every_point_of_the_cube_is_decoded_onto_the_sum(
    step: int | None, X: list[tuple[float, ...]]
) -> None:
    space = percentages(4, step)
    for point in space.decode(np.array(X)):
        assert total(point) == 100
        space.check(point)
    snapped = space.snap(np.array(X))
    assert space.decode(snapped) == space.decode(np.array(X))
    assert space.is_inside(snapped).all()
    assert space.is_rounded(snapped).all()


def test_tenths_add_up_as_a_person_adds_them() -> None:
    parameters = tuple(RangeParameter(name, 0, 1, step=0.1) for name in "abc")
    space = SearchSpace(parameters, ("a + b + c == 1",))
    points = space.decode(np.random.default_rng(0).random((50, 3)))
    assert all(total(point) == pytest.approx(1, rel=1e-12) for point in points)
    for point in points:
        space.check(point)


def test_equalities_that_share_parameters_hold_together() -> None:
    space = percentages(5, None, "w0 + w1 == 2*w2")
    check_feasible(space)
    design, used = InitialDesign(space, seed=1), UsedPoints(space, [])
    for index in range(6):
        suggestion = design.suggestion(index, used)
        assert suggestion is not None
        space.check(suggestion.parameters)
        used.add(suggestion.parameters)


def test_different_steps_and_a_fixed_amount_add_up() -> None:
    space = SearchSpace.from_json(
        [
            {"name": "a", "type": "range", "bounds": [0, 50], "step_size": 5},
            {"name": "b", "type": "range", "bounds": [0, 7], "parameter_type": "int"},
            {"name": "c", "type": "fixed", "value": 12},
        ],
        ["a + b + c == 49"],
    )
    points = space.decode(np.random.default_rng(0).random((30, 2)))
    assert {(p["a"], p["b"]) for p in points} <= {(30, 7), (35, 2)}


def test_the_initial_design_is_spread_over_the_sums() -> None:
    space = percentages(4)
    points = FeasibleRegion(space).sample(300, np.random.default_rng(1))
    values = np.array([list(p.values()) for p in space.decode(points)], dtype=float)
    assert (values.sum(axis=1) == 100).all()
    # Shares of a whole are Dirichlet(1, …, 1) where they are spread evenly.
    assert values.mean(axis=0) == pytest.approx(25, rel=0.2)
    assert values.std(axis=0) == pytest.approx(100 * (3 / (16 * 5)) ** 0.5, rel=0.2)


def test_exchanges_keep_the_sum() -> None:
    space = percentages(3, 5)
    assert len(space.exchange_moves) == 6
    x = space.encode([{"w0": 30, "w1": 20, "w2": 50}])
    points = space.decode(x + space.exchange_moves)
    moves = np.array([list(point.values()) for point in points]) - [30, 20, 50]
    assert np.sort(moves, axis=1).tolist() == [[-5, 0, 5]] * 6
    assert len(SearchSpace((RangeParameter("x", 0, 9, "int"),)).exchange_moves) == 0


@pytest.mark.parametrize(
    ("step", "constraints", "message"),
    [
        (5, ["w0 + w1 == 53"], "w0, w1 on their steps and within their bounds"),
        (None, ["w0 + w1 == 201"], "w0, w1 on their steps and within their bounds"),
        (None, ["2*w0 + 4*w1 == 9"], "w0, w1 on their steps and within"),
        (None, ["w0 + w1 == 5", "w0 + w1 == 6"], "equalities contradict each other"),
        (None, ["w0 + w1 == 5", "w0 >= 6"], "contradict each other"),
    ],
)
def test_what_has_no_solution_is_told_in_a_sentence(
    step: int | None, constraints: list[str], message: str
) -> None:
    parameters = tuple(
        RangeParameter(name, 0, 100, "int", step=step) for name in ("w0", "w1")
    )
    with pytest.raises(ConfigError, match=message):
        check_feasible(SearchSpace(parameters, tuple(constraints)))


def test_an_equality_with_a_choice_is_refused() -> None:
    specs: list[dict[str, Any]] = [
        {"name": "a", "type": "range", "bounds": [0, 9], "parameter_type": "int"},
        {"name": "b", "type": "choice", "values": [1, 2, 4]},
    ]
    with pytest.raises(ConfigError, match="only ranges of whole numbers or with step"):
        SearchSpace.from_json(specs, ["a + b == 9"])
