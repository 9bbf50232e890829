"""Trials of an earlier campaign, from outside the present search space."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hpcopt.api.client import Client
from hpcopt.api.configs import ChoiceParameterConfig, RangeParameterConfig
from hpcopt.core.errors import UsageError
from hpcopt.core.space.outside import admitted, knowing
from hpcopt.core.space.search_space import ChoiceParameter, RangeParameter, SearchSpace
from hpcopt.experiment.folder import read_experiment
from tests.support.cli_world import hpcopt

KINDS = [
    RangeParameterConfig("t", (50.0, 90.0), "float"),
    RangeParameterConfig("n", (1, 8), "int"),
    ChoiceParameterConfig("s", ["a", "b"], "str", is_ordered=False),
    RangeParameterConfig("g", (0.0, 1.0), "float", step_size=0.25),
]
INSIDE: dict[str, Any] = {"t": 60.0, "n": 2, "s": "a", "g": 0.25}
WEIGHTS = [RangeParameterConfig(name, (0.0, 1.0), "float") for name in "abc"]

OUTSIDE: list[tuple[list[Any], list[str], dict[str, Any], str]] = [
    (KINDS, [], {**INSIDE, "t": 95.0}, "parameter 't': expected a value in"),
    (KINDS, [], {**INSIDE, "n": 9}, "parameter 'n': expected a value in"),
    (KINDS, [], {**INSIDE, "s": "c"}, "parameter 's': expected one of"),
    (KINDS, [], {**INSIDE, "g": 0.3}, "parameter 'g': expected 0.0 plus"),
    (WEIGHTS, ["a + b + c == 1"], dict.fromkeys("abc", 0.3333), "expected a + b + c"),
    (WEIGHTS, ["a + b + c == 1"], dict.fromkeys("abc", 0.334), "expected a + b + c =="),
    (WEIGHTS, ["a + b <= 1"], {"a": 0.8, "b": 0.4, "c": 0.1}, "expected a + b <= 1"),
]


def asking(folder: Path, parameters: list[Any], constraints: list[str]) -> Client:
    client = Client(folder=folder, random_seed=1)
    client.configure_experiment(parameters, constraints)
    client.configure_optimization("y")
    return client


@pytest.mark.parametrize(("parameters", "constraints", "at", "reason"), OUTSIDE)
def test_it_is_taken_marked_told_and_learnt_from_and_is_not_the_best(
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    parameters: list[Any],
    constraints: list[str],
    at: dict[str, Any],
    reason: str,
) -> None:
    client = asking(tmp_path, parameters, constraints)
    with caplog.at_level(logging.WARNING):
        index = client.attach_trial(at)
    assert f"trial {index} lies outside the search space" in caplog.text
    assert reason in caplog.text
    client.complete_trial(index, {"y": 100.0})  # better than all that follow
    for _ in range(7):
        for asked, point in client.get_next_trials(1).items():
            assert point != at
            client.complete_trial(asked, {"y": sum(map(_number, point.values()))})
    best, _, best_index, _ = client.get_best_parameterization(False)
    assert best_index != index
    assert best != at

    experiment = read_experiment(tmp_path)
    space, trials = experiment.space, experiment.trials
    assert reason in " ".join(trials[index].outside)
    assert not any(trial.outside for trial in trials[1:])
    X = space.encode([trial.parameters for trial in trials])
    assert space.is_inside(X).tolist() == [False, *[True] * 7]
    inside = space.contains([trial.parameters for trial in trials])
    assert inside.tolist() == [False, *[True] * 7]
    assert "bo" in {trial.generation_method for trial in trials}
    table = client.summarize()
    assert table["outside"].notna().tolist() == [True, *[False] * 7]
    client.close()
    assert reason in hpcopt("show", index, tmp_path).stdout


def _number(value: object) -> float:
    return float(value) if isinstance(value, int | float) else len(str(value))


def test_all_kinds_at_once_are_continued_by_the_same_script(tmp_path: Path) -> None:
    with asking(tmp_path, KINDS, ["t + n <= 80"]) as first:
        odd = first.attach_trial({"t": 95.0, "n": 9, "s": "c", "g": 0.3})
        first.complete_trial(odd, {"y": 1.0})
        own = first.attach_trial(INSIDE)
        first.complete_trial(own, {"y": 0.5})
    assert len(read_experiment(tmp_path).trial(odd).outside) == 5
    with asking(tmp_path, KINDS, ["t + n <= 80"]) as second:
        assert second.get_best_parameterization(False)[2] == own
        [point] = second.get_next_trials(1).values()
        assert point["s"] in ("a", "b")
    kinds = [event.outside for event in read_experiment(tmp_path).trials]
    assert kinds[1:] == [(), ()]


@pytest.mark.parametrize(
    ("at", "message"),
    [
        ({**INSIDE, "u": 1.0}, "expected values for"),
        ({**INSIDE, "t": "hot"}, "parameter 't': expected a number, found 'hot'"),
        ({**INSIDE, "t": float("inf")}, "parameter 't': expected a finite number"),
        ({**INSIDE, "n": 9.5}, "parameter 'n': expected a whole number, found 9.5"),
        ({**INSIDE, "s": 3}, "parameter 's': expected one of"),
        ({"t": 95.0, "n": 2, "s": "a"}, "expected a value for 'g'"),
    ],
)
def test_what_is_no_trial_of_this_experiment_is_refused(
    tmp_path: Path, at: dict[str, Any], message: str
) -> None:
    with (
        asking(tmp_path, KINDS, []) as client,
        pytest.raises(UsageError, match=message),
    ):
        client.attach_trial(at)


def test_an_order_of_words_has_no_place_for_another() -> None:
    sizes = SearchSpace((ChoiceParameter("size", ("s", "m", "l"), is_ordered=True),))
    with pytest.raises(UsageError, match="'xl', which has no place in their order"):
        admitted(sizes, {"size": "xl"})


@given(value=st.integers(-20, 20), falling=st.booleans())
def test_ordered_numbers_keep_their_order(value: int, falling: bool) -> None:
    values = (8, 4, 2, -1) if falling else (-1, 2, 4, 8)
    space = SearchSpace((ChoiceParameter("k", values, is_ordered=True),))
    wider = knowing(space, [{"k": value}])
    [parameter] = wider.searched
    assert isinstance(parameter, ChoiceParameter)
    assert list(parameter.known) == sorted({*values, value}, reverse=falling)
    assert parameter.values == values
    assert wider.is_inside(wider.encode([{"k": v} for v in values])).all()


@given(
    t=st.floats(-1e3, 1e3),
    n=st.integers(-50, 50),
    s=st.sampled_from("abcd"),
)
def test_what_is_taken_can_be_encoded_and_is_never_decoded(
    t: float, n: int, s: str
) -> None:
    space = SearchSpace(
        (
            RangeParameter("t", 50.0, 90.0),
            RangeParameter("n", 1, 8, "int"),
            ChoiceParameter("s", ("a", "b")),
        )
    )
    at: dict[str, Any] = {"t": t, "n": n, "s": s}
    completed, outside = admitted(space, at)
    assert completed == at
    assert bool(outside) == (not (50 <= t <= 90 and 1 <= n <= 8 and s in "ab"))
    wider = knowing(space, [at])
    X = wider.encode([at])
    assert np.isfinite(X).all()
    [point] = wider.decode(np.clip(X, 0, 1))
    assert not admitted(space, point)[1]
