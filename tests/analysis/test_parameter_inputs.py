from __future__ import annotations

import numpy as np

from hpcopt.analysis.parameter_inputs import ParameterInputs
from hpcopt.core.expressions import Expression
from hpcopt.core.space.search_space import (
    ChoiceParameter,
    Condition,
    DerivedParameter,
    RangeParameter,
    SearchSpace,
)
from tests.support.generation_world import MIXED
from tests.support.last_digits import Numbers

MANY = ChoiceParameter("many", tuple(f"v{k}" for k in range(40)))
KIND = ChoiceParameter("kind", ("a", "b", "c"))


def values_at(space: SearchSpace, u: float) -> dict[str, object]:
    inputs = ParameterInputs.of(space)
    [point] = space.decode(inputs.points(np.full((1, len(inputs.names)), u)))
    return dict(point)


def test_there_is_one_input_for_each_parameter_that_can_be_changed() -> None:
    space = SearchSpace(
        (
            *MIXED.parameters,
            MANY,
            DerivedParameter("twice", Expression("2 * dropout", "twice")),
        )
    )
    inputs = ParameterInputs.of(space)
    assert inputs.names == ("rate", "layers", "dropout", "kind", "many")
    assert inputs.is_ordered.tolist() == [True, True, True, False, False]
    assert inputs.points(np.zeros((3, 5))).shape == (3, space.d)


def test_what_follows_from_others_is_no_input() -> None:
    space = SearchSpace(
        tuple(RangeParameter(name, 0.0, 1.0) for name in "abc"), ("a + b + c == 1",)
    )
    assert len(ParameterInputs.of(space).names) == 2


def test_numbers_go_from_bound_to_bound_on_their_scale() -> None:
    assert values_at(MIXED, 0.0)["rate"] == 1e-4
    assert values_at(MIXED, 1.0)["rate"] == 1.0
    middle = values_at(MIXED, 0.5)["rate"]
    assert isinstance(middle, float)
    np.testing.assert_allclose(middle, 1e-2)


def test_each_value_has_an_equal_share() -> None:
    levels = ChoiceParameter("level", ("low", "mid", "high", "top"), is_ordered=True)
    step = RangeParameter("step", 0.0, 0.4, step=0.1)
    space = SearchSpace((KIND, MANY, levels, step))
    U = Numbers(0).random(20_000, 4)
    for parameter, values in zip(
        space.searched,
        zip(
            *(
                point.values()
                for point in space.decode(ParameterInputs.of(space).points(U))
            ),
            strict=True,
        ),
        strict=True,
    ):
        _, counts = np.unique(
            np.array(values, dtype=object).astype(str), return_counts=True
        )
        n_values = parameter.n_values
        assert n_values == len(counts)
        np.testing.assert_allclose(counts * n_values / len(U), 1.0, atol=0.3)


def test_what_is_inactive_is_where_the_model_sees_it() -> None:
    space = SearchSpace(
        (KIND, RangeParameter("depth", 0.0, 1.0)),
        conditions=(Condition("depth", "kind", ("b",)),),
    )
    X = ParameterInputs.of(space).points(np.array([[0.1, 0.9], [0.5, 0.9]]))
    np.testing.assert_allclose(X[:, -1], [0.5, 0.9])
