"""Search spaces that change while their experiment goes on."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hpcopt.api.client import Client
from hpcopt.api.configs import ChoiceParameterConfig, RangeParameterConfig
from hpcopt.core import events as ev
from hpcopt.core.errors import ConfigError
from hpcopt.core.space.change import continued
from hpcopt.core.space.search_space import ChoiceParameter, RangeParameter, SearchSpace
from hpcopt.core.trials.trial import TrialStatus
from hpcopt.core.types import TParameterization
from hpcopt.experiment.folder import JOURNAL, LEASE, read_experiment
from hpcopt.storage.journal_file import JournalFile
from hpcopt.storage.lease import Lease
from tests.support.api_world import BowlRunner, Height
from tests.support.cli_world import hpcopt
from tests.support.gated_world import change, make_config

BEFORE: list[dict[str, Any]] = [
    {"name": "x", "type": "range", "bounds": [0.0, 1.0]},
    {"name": "size", "type": "choice", "values": ["s", "m", "l"], "is_ordered": True},
    {"name": "kind", "type": "choice", "values": ["a", "b", "c"], "is_ordered": False},
    {"name": "y", "type": "derived", "expression": "2*x"},
    {"name": "z", "type": "range", "bounds": [0.0, 1.0], "when": {"kind": ["a"]}},
]


def space(*changes: dict[str, Any], without: str = "", **more: Any) -> SearchSpace:
    """Return the space of ``BEFORE`` with other keys for some of its parameters."""
    specs = {spec["name"]: spec for spec in BEFORE if spec["name"] != without}
    for one in changes:
        specs[one["name"]] = {**specs.get(one["name"], {}), **one}
    return SearchSpace.from_json(list(specs.values()), **more)


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"name": "x", "bounds": [0.2, 2.0]}, "x: bounds were [0.0, 1.0] and are now"),
        ({"name": "x", "step_size": 0.1}, "x: step_size was None and is now 0.1"),
        ({"name": "kind", "values": ["a", "b", "c", "d"]}, "kind: may now be 'd'"),
        ({"name": "kind", "values": ["c", "a"]}, "kind: may no longer be 'b'"),
        ({"name": "size", "values": ["m"]}, "size: may no longer be 's'"),
        ({"name": "f", "type": "fixed", "value": 3}, "f: added, fixed"),
        (
            {"name": "w", "type": "range", "bounds": [0, 1], "default": 0.5},
            "w: added; earlier trials had 0.5",
        ),
        (
            {"name": "w", "type": "derived", "expression": "x + 1"},
            "w: added, derived from others",
        ),
    ],
    ids=lambda value: str(value) if isinstance(value, dict) else "",
)
def test_what_may_change_is_reported(changes: dict[str, Any], sentence: str) -> None:
    found, sentences = continued(space(), space(changes))
    assert sentences[0].startswith(sentence)
    assert continued(found, space(changes)) == (found, ())
    again = SearchSpace.from_definition(json.loads(json.dumps(found.definition())))
    assert again == found
    point: TParameterization = {"x": 0.9, "size": "s", "kind": "b", "y": 1.8}
    assert found.encode([point]).shape == (1, found.d)  # it teaches still


def test_constraints_may_be_added_and_removed() -> None:
    before = space(constraints=["x <= 0.9"])
    found, sentences = continued(before, space(constraints=["x >= 0.1"]))
    assert sentences == (
        "parameter_constraints: 'x >= 0.1' was added",
        "parameter_constraints: 'x <= 0.9' was removed",
    )
    assert found.constraints == ("x >= 0.1",)


def test_the_order_in_which_a_config_is_written_is_no_change() -> None:
    reordered = SearchSpace.from_json(
        [{**spec, "values": ["c", "b", "a"]} if spec["name"] == "kind" else spec
         for spec in reversed(BEFORE)]
    )  # fmt: skip
    assert continued(space(), reordered) == (space(), ())


@pytest.mark.parametrize(
    ("after", "message"),
    [
        (space(without="size"), "'size': expected it to stay, found it removed"),
        (
            space({"name": "x", "scaling": "log", "bounds": [0.1, 1.0]}),
            "'x': expected parameter_type and scaling as before, float and linear",
        ),
        (
            space({"name": "x", "type": "fixed", "value": 0.5}),
            "'x': expected a range as before, found a choice; narrow its bounds",
        ),
        (space({"name": "kind", "is_ordered": True}), "'kind': expected is_ordered as"),
        (
            space({"name": "size", "values": ["l", "m", "s"]}),
            "'size': expected its ordered values in the order of before",
        ),
        (space({"name": "y", "expression": "3*x"}), "'y': expected the expression"),
        (
            space({"name": "w", "type": "range", "bounds": [0, 1]}),
            "'w': expected a default, the value with which earlier trials ran",
        ),
        (space({"name": "z", "when": {"kind": ["b"]}}), "'z': when: expected the cond"),
        (space({"name": "z", "when": {}}), "'z': when: expected the conditions"),
    ],
)
def test_what_would_take_the_meaning_from_trials_is_refused(
    after: SearchSpace, message: str
) -> None:
    with pytest.raises(ConfigError, match=f"^parameter {message}"):
        continued(space(), after)


def test_a_default_is_not_rewritten_and_may_be_left_out() -> None:
    added = {"name": "w", "type": "range", "bounds": [0, 1]}
    found, _ = continued(space(), space({**added, "default": 0.5}))
    assert continued(found, space(added)) == (found, ())
    with pytest.raises(ConfigError, match=r"'w': default: expected 0\.5 as before"):
        continued(found, space({**added, "default": 0.7}))


def test_trials_outside_new_bounds_lie_outside_the_cube() -> None:
    before = SearchSpace((RangeParameter("x", 0.0, 1.0),))
    after = SearchSpace((RangeParameter("x", 0.0, 0.5),))
    narrowed, _ = continued(before, after)
    points = [{"x": 0.25}, {"x": 1.0}]
    assert narrowed.encode(points).tolist() == [[0.5], [2.0]]
    assert narrowed.contains(points).tolist() == [True, False]


@given(
    old=st.lists(st.sampled_from("abcdefgh"), min_size=1, unique=True),
    new=st.lists(st.sampled_from("abcdefgh"), min_size=1, unique=True),
    is_ordered=st.booleans(),
)
def test_values_that_were_taken_away_still_teach_and_are_not_proposed(
    old: list[str], new: list[str], is_ordered: bool
) -> None:
    if is_ordered:
        old, new = sorted(old), sorted(new)
    before = SearchSpace((ChoiceParameter("c", tuple(old), is_ordered),))
    after = SearchSpace((ChoiceParameter("c", tuple(new), is_ordered),))
    found, _ = continued(before, after)
    points = [{"c": value} for value in dict.fromkeys([*old, *new])]
    X = found.encode(points)
    assert len({tuple(row) for row in X.tolist()}) == len(points)
    assert {p["c"] for p in found.decode(found.snap(X))} <= set(new)
    assert sorted(str(p["c"]) for p in found.decode(found.all_points)) == sorted(new)
    restored, _ = continued(found, before)
    assert sorted(p["c"] for p in restored.decode(restored.all_points)) == sorted(old)


# On the command line and in a script


@pytest.mark.slow
def test_run_says_what_changed_and_goes_on_within_the_new_bounds(
    tmp_path: Path,
) -> None:
    config = make_config(tmp_path)
    hpcopt("run", config)
    change(config, "bounds: [0, 1]", "bounds: [1.0, 2]")
    change(config, "max_trials: 3", "max_trials: 6")
    change(config, "objective:", 'parameter_constraints: ["x <= 1.5"]\nobjective:')
    assert (
        "x: bounds were [0, 1] and are now [1.0, 2]" in hpcopt("check", config).stdout
    )
    said = hpcopt("run", config).stderr
    assert "the search space changed: x: bounds were [0, 1] and are now" in said
    assert "parameter_constraints: 'x <= 1.5' was added" in said
    experiment = read_experiment(tmp_path / "out")
    values = [float(trial.parameters["x"]) for trial in experiment.trials]
    assert max(values[:3]) <= 1.0 <= min(values[3:]) <= max(values[3:]) <= 1.5
    best = experiment.best_trials()[0]
    assert best.index >= 3  # what was left behind is not the best, though it was
    assert "the search space changed" not in hpcopt("run", config).stderr


@pytest.mark.slow
def test_what_waits_outside_the_new_space_is_abandoned(tmp_path: Path) -> None:
    config = make_config(tmp_path)
    hpcopt("run", config)
    journal = tmp_path / "out" / JOURNAL
    events = list(JournalFile.open_for_reading(journal).read())
    n_trials = read_experiment(tmp_path / "out").n_trials
    waiting = [ev.GeneratedTrial(n_trials + k, {"x": x}, "bo") for k, x in
               enumerate([0.2, 0.9])]  # fmt: skip
    events.append(ev.TrialsGenerated(events[-1].time, tuple(waiting)))
    journal.unlink()
    with Lease.acquire(tmp_path / "out" / LEASE, heartbeat_s=None) as lease:
        store = JournalFile.create(journal, lease)
        store.append(events)
        store.close()
    change(config, "bounds: [0, 1]", "bounds: [0, 0.5]")
    change(config, "max_trials: 3", "max_trials: 5")
    hpcopt("run", config)
    last = read_experiment(tmp_path / "out").trials[-2:]
    assert [trial.status for trial in last] == [
        TrialStatus.COMPLETED,
        TrialStatus.ABANDONED,
    ]
    assert "it does not fit the changed search space: parameter 'x'" in last[1].reason


@pytest.mark.slow
def test_a_script_goes_on_in_another_space(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    for bounds, values, n in (((0, 1), ["a", "b"], 3), ((0, 2), ["b", "c"], 8)):
        client = Client(folder=tmp_path)
        client.configure_experiment(
            [
                RangeParameterConfig("x", bounds, "float"),
                ChoiceParameterConfig("k", values, "str", is_ordered=False),
            ],
            parameter_constraints=["x >= 0.1"] if n > 3 else None,
        )
        client.configure_optimization("-height")
        client.configure_runner(BowlRunner())
        client.configure_metrics([Height("height")])
        client.run_trials(max_trials=n, initial_seconds_between_polls=0)
    assert "the search space changed: k: may no longer be 'a'" in caplog.text
    trials = read_experiment(tmp_path).trials
    assert {trial.parameters["k"] for trial in trials[3:]} <= {"b", "c"}
    assert max(float(trial.parameters["x"]) for trial in trials) > 1.0


def asking(folder: Path, upper: float, constraints: list[str] | None = None) -> Client:
    client = Client(folder=folder)
    client.configure_experiment(
        [RangeParameterConfig("x", (0, upper), "float")], constraints
    )
    client.configure_optimization("-height")
    client.configure_generation_strategy("random_search")
    return client


def test_who_asks_for_trials_may_change_the_space_within_one_process(
    tmp_path: Path,
) -> None:
    first = asking(tmp_path, 1)
    for index in first.get_next_trials(3):
        first.complete_trial(index, {"height": 0.5})
    second = asking(tmp_path, 4, ["x >= 2"])
    found = second.get_next_trials(4)
    assert list(found) == [3, 4, 5, 6]
    assert all(2 <= float(point["x"]) <= 4 for point in found.values())
    assert second.attach_trial({"x": 1.0}) == 7  # taken, and marked
    assert second.attach_trial({"x": 3.0}) == 8
    outside = [trial.outside for trial in read_experiment(tmp_path).trials[7:]]
    assert outside == [
        ("parameterization: expected x >= 2, found {'x': 1.0}",),
        (),
    ]


def test_constraints_that_leave_nothing_are_reported_before_anything_is_written(
    tmp_path: Path,
) -> None:
    folder = tmp_path / "new"
    client = asking(folder, 1, ["x >= 0.5", "x <= 0.4"])
    with pytest.raises(ConfigError, match="they contradict each other"):
        client.get_next_trials(1)
    assert not folder.exists()
