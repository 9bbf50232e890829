from __future__ import annotations

import dataclasses
import json
from typing import Any, get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hpcopt.core import events as ev
from hpcopt.core.errors import StorageError
from hpcopt.core.event_codec import event_from_json, event_to_json
from hpcopt.core.trials.trial import Cause, Phase
from tests.support.store_contract import EVENTS

finite = st.floats(allow_nan=False, allow_infinity=False)
texts = st.text(max_size=8)
indices = st.integers(0, 10**6)
scalars = st.one_of(st.booleans(), st.integers(), finite, texts)
json_values = st.recursive(
    st.one_of(st.none(), scalars),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3)
    ),
    max_leaves=6,
)
json_objects = st.dictionaries(texts, json_values, max_size=3)


def tuples(item: st.SearchStrategy[Any]) -> st.SearchStrategy[tuple[Any, ...]]:
    return st.lists(item, max_size=3).map(tuple)


attempt_facts = (finite, indices, indices)
generated = st.builds(
    ev.GeneratedTrial, indices, st.dictionaries(texts, scalars, max_size=3), texts
)
staged = st.builds(
    ev.StagedAttempt, indices, indices, texts, st.none() | indices, texts
)
submitted = st.builds(ev.SubmittedAttempt, indices, indices, json_objects)
metric = st.builds(ev.ObservedMetric, finite, st.none() | finite, indices)
causes = st.sampled_from(Cause)

#: Every kind of event with every field given.
BY_KIND: dict[type[Any], st.SearchStrategy[Any]] = {
    ev.ExperimentBegun: st.builds(
        ev.ExperimentBegun, finite, texts, json_objects, json_objects
    ),
    ev.SpaceChanged: st.builds(ev.SpaceChanged, finite, json_objects, tuples(texts)),
    ev.GoalsChanged: st.builds(ev.GoalsChanged, finite, json_objects, tuples(texts)),
    ev.SettingsChanged: st.builds(
        ev.SettingsChanged, finite, json_objects, tuples(texts)
    ),
    ev.DriverBegun: st.builds(ev.DriverBegun, finite, texts, indices, texts, texts),
    ev.DriverEnded: st.builds(
        ev.DriverEnded, finite, texts, st.dictionaries(texts, indices, max_size=3)
    ),
    ev.DriverNoted: st.builds(
        ev.DriverNoted, finite, texts, st.dictionaries(texts, indices, max_size=3)
    ),
    ev.TrialsGenerated: st.builds(
        ev.TrialsGenerated, finite, tuples(generated), indices, finite, json_objects
    ),
    ev.AttemptsStaged: st.builds(ev.AttemptsStaged, finite, tuples(staged)),
    ev.AttemptsSubmitted: st.builds(
        ev.AttemptsSubmitted, finite, tuples(submitted), st.booleans()
    ),
    ev.AttemptObserved: st.builds(
        ev.AttemptObserved, *attempt_facts, st.sampled_from(Phase), texts, json_objects
    ),
    ev.AttemptEnded: st.builds(
        ev.AttemptEnded, *attempt_facts, causes, texts, json_objects
    ),
    ev.TrialCompleted: st.builds(
        ev.TrialCompleted, finite, indices, st.dictionaries(texts, metric, max_size=3)
    ),
    ev.TrialFailed: st.builds(ev.TrialFailed, finite, indices, causes, texts),
    ev.TrialAbandoned: st.builds(ev.TrialAbandoned, finite, indices, texts),
    ev.TrialsHandedOut: st.builds(ev.TrialsHandedOut, finite, tuples(indices)),
    ev.TrialAttached: st.builds(
        ev.TrialAttached,
        finite,
        indices,
        st.dictionaries(texts, scalars, max_size=3),
        texts,
        st.booleans(),
    ),
    ev.DataAttached: st.builds(
        ev.DataAttached, finite, indices, st.dictionaries(texts, metric, max_size=3)
    ),
    ev.TrialEarlyStopped: st.builds(ev.TrialEarlyStopped, finite, indices, texts),
    ev.AttemptAccounted: st.builds(ev.AttemptAccounted, *attempt_facts, json_objects),
    ev.TrialsCancelled: st.builds(
        ev.TrialsCancelled, finite, tuples(indices), texts, texts, st.booleans()
    ),
    ev.TrialsReopened: st.builds(
        ev.TrialsReopened, finite, tuples(indices), texts, texts
    ),
}


def through_json(event: ev.Event) -> ev.Event:
    text = json.dumps(event_to_json(event), allow_nan=False)
    return event_from_json(json.loads(text))


@pytest.mark.parametrize("kind", get_args(ev.Event), ids=lambda kind: kind.__name__)
def test_every_event_comes_back_from_json_as_it_was(kind: type[Any]) -> None:
    @settings(deadline=None)
    @given(event=BY_KIND[kind])
    def comes_back(event: ev.Event) -> None:
        again = through_json(event)
        assert again == event
        assert repr(again) == repr(event)  # tells 1 from 1.0 and from True

    comes_back()


@pytest.mark.parametrize("event", EVENTS, ids=lambda event: type(event).__name__)
def test_what_is_not_given_comes_back_as_its_default(event: ev.Event) -> None:
    record = event_to_json(event)
    optional = [
        f
        for f in dataclasses.fields(event)
        if f.default is not dataclasses.MISSING
        or f.default_factory is not dataclasses.MISSING
    ]
    for f in optional:
        del record[f.name]
    again = event_from_json(record)
    for f in optional:
        factory = f.default_factory
        default = f.default if factory is dataclasses.MISSING else factory()
        assert getattr(again, f.name) == default


@pytest.mark.parametrize(
    ("record", "message"),
    [
        ({"event": "Moon"}, "expected a known kind of event, found 'Moon'; was the"),
        ({}, "expected a known kind of event, found None"),
        ({"event": "DriverEnded", "time": 1}, "event DriverEnded: .*missing.*'reason'"),
        (
            {"event": "TrialAbandoned", "time": 1, "trial_index": 0, "why": ""},
            "event TrialAbandoned: .*unexpected keyword argument 'why'",
        ),
        (
            {"event": "TrialsGenerated", "time": 1, "trials": [{"index": 0}]},
            "event TrialsGenerated: .*missing.*'parameters' and 'method'",
        ),
        ({"event": "AttemptsStaged", "time": 1}, "event AttemptsStaged: .*'attempts'"),
        (
            {"event": "AttemptsStaged", "time": 1, "attempts": 7},
            "event AttemptsStaged: 'int' object is not iterable",
        ),
        (
            {
                "event": "TrialCompleted",
                "time": 1,
                "trial_index": 0,
                "outcome": {"a": 1},
            },
            "event TrialCompleted: ",
        ),
        (
            {"event": "TrialFailed", "time": 1, "trial_index": 0, "cause": "fate"},
            "event TrialFailed: 'fate' is not a valid Cause",
        ),
    ],
    ids=lambda value: value.get("event", "nothing") if isinstance(value, dict) else "",
)
def test_what_is_no_event_is_reported(record: dict[str, Any], message: str) -> None:
    with pytest.raises(StorageError, match=message):
        event_from_json(record)
