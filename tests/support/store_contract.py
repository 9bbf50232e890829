"""What every store guarantees, as tests that each implementation inherits."""

from __future__ import annotations

import math
from collections.abc import Callable

import pytest

from hpcopt.core import events as ev
from hpcopt.core.errors import StorageError
from hpcopt.core.trials.trial import Cause, Phase
from hpcopt.storage.protocol import Store

BEGUN = ev.ExperimentBegun(
    time=0.5,
    version="0.1.0",
    definition={
        "name": "mug",
        "parameters": [{"name": "x", "type": "range", "bounds": [0, 1]}],
        "objective": "-loss",
        "seed": 0,
    },
    settings={"max_trials": 3},
)

#: One event of every kind, in an order in which they may happen.
EVENTS: tuple[ev.Event, ...] = (
    BEGUN,
    ev.DriverBegun(1.0, "login1", 4711, "0.1.0"),
    ev.SettingsChanged(1.5, {"max_trials": 4}, ("max_trials: 3, now 4",)),
    ev.TrialsGenerated(
        2.0,
        tuple(ev.GeneratedTrial(i, {"x": 0.25 * i}, "sobol") for i in range(3)),
        position=2,
        seconds=0.125,
        details={"lengthscales": [0.1, 1e-300], "note": 'ünï "quoted"\n\ud800'},
    ),
    ev.AttemptsStaged(
        3.0, tuple(ev.StagedAttempt(i, 0, "hpcopt:mug:0-2:0", i) for i in range(3))
    ),
    ev.AttemptsSubmitted(
        4.0, tuple(ev.SubmittedAttempt(i, 0, {"job_id": f"17_{i}"}) for i in range(3))
    ),
    ev.AttemptObserved(5.0, 0, 0, Phase.RUNNING, "", {"node": "n1"}),
    ev.AttemptEnded(6.0, 0, 0, Cause.SUCCESS, facts={"exit_code": 0}),
    ev.AttemptAccounted(6.5, 0, 0, {"cpus": 4, "elapsed_s": 7}),
    ev.TrialCompleted(7.0, 0, {"loss": ev.ObservedMetric(-0.0, 0.5, 12)}),
    ev.TrialFailed(8.0, 1, Cause.RESULT, "no /loss in result.h5"),
    ev.TrialsCancelled(8.5, (2,), "ada", "0001-ab"),
    ev.TrialAbandoned(9.0, 2, "asked for"),
    ev.TrialsReopened(9.5, (2,), "ada", "0002-cd"),
    ev.DriverNoted(9.5, "the queue is full", {"squeue": 5}),
    ev.DriverEnded(10.0, "3 trials are done", {"squeue": 7}),
    ev.TrialAttached(11.0, 3, {"x": 0.125}, "by hand", is_baseline=True),
    ev.DataAttached(12.0, 3, {"cost": ev.ObservedMetric(2.0, step=1)}),
    ev.TrialEarlyStopped(13.0, 3, "costs too much"),
    ev.TrialsGenerated(14.0, (ev.GeneratedTrial(4, {"x": 1.0}, "sobol"),)),
    ev.TrialsHandedOut(15.0, (4,)),
    ev.SpaceChanged(
        16.0,
        {
            "parameters": [{"name": "x", "type": "range", "bounds": [0, 2]}],
            "parameter_constraints": [],
        },
        ("parameters.x.bounds were [0, 1] and are now [0, 2]",),
    ),
    ev.GoalsChanged(
        17.0,
        {"objective": "-loss", "outcome_constraints": ["cost <= 3"]},
        ("outcome_constraints was [] and is now ['cost <= 3']",),
    ),
)


class StoreContract:
    """Inherit, and give a fixture ``make`` that returns a new, empty store."""

    def test_a_new_store_holds_nothing(self, make: Callable[[], Store]) -> None:
        assert list(make().read()) == []

    def test_what_was_appended_is_read_in_order(
        self, make: Callable[[], Store]
    ) -> None:
        store = make()
        store.append(EVENTS[:1])
        store.append(EVENTS[1:5])
        store.append([])
        store.append(EVENTS[5:])
        assert list(store.read()) == list(EVENTS)

    def test_reading_twice_gives_the_same(self, make: Callable[[], Store]) -> None:
        store = make()
        store.append(EVENTS)
        assert list(store.read()) == list(store.read())

    @pytest.mark.parametrize(
        "value", [math.nan, math.inf, {1, 2}, object()], ids=lambda v: type(v).__name__
    )
    def test_what_json_cannot_hold_is_refused_and_nothing_is_added(
        self, make: Callable[[], Store], value: object
    ) -> None:
        store = make()
        store.append([BEGUN])
        bad = ev.DriverEnded(1.0, "done", {"squeue": value})  # type: ignore[dict-item]
        with pytest.raises(StorageError, match="event DriverEnded: expected JSON"):
            store.append([EVENTS[1], bad])
        assert list(store.read()) == [BEGUN]

    def test_a_store_can_be_closed_twice(self, make: Callable[[], Store]) -> None:
        store = make()
        store.close()
        store.close()
