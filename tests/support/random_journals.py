"""Journals of everything that may happen, in any order in which it may."""

from __future__ import annotations

import random
from collections.abc import Callable

from hpcopt.core import events as ev
from hpcopt.core.errors import StorageError
from hpcopt.core.experiment import Experiment
from hpcopt.core.trials.trial import Cause, Phase
from hpcopt.core.types import JSONValue
from tests.support.store_contract import BEGUN

#: The index of a trial that exists, or almost.
_Pick = Callable[[], int]


def random_journal(seed: int, n_tries: int = 120) -> list[ev.Event]:
    """Return the events of an experiment to which anything may have happened.

    Events are made up, and kept where they do not contradict those before.

    Args:
        seed: Of the random numbers.
        n_tries: How many events are made up.
    """
    rng = random.Random(seed)
    kept: list[ev.Event] = [BEGUN]
    experiment = Experiment(BEGUN)
    for k in range(n_tries):
        event = _made_up(rng, float(k) if rng.random() < 0.9 else k, experiment)
        trial = experiment.copy()
        try:
            trial.apply(event)
        except StorageError:
            continue
        experiment = trial
        kept.append(event)
    return kept


def _made_up(rng: random.Random, time: float, experiment: Experiment) -> ev.Event:
    n = experiment.n_trials

    def pick() -> int:
        return rng.randrange(n + 1)

    kinds = [*_TRIAL_EVENTS, *([_generated] * 3), *([_staged] * 6), *([_ended] * 3)]
    if rng.random() < 0.2:
        return rng.choice(_OTHER_EVENTS)(rng, time)
    make = rng.choice(kinds)
    if make in (_generated, _attached):
        return make(rng, time, lambda: n)
    if make is _staged and n:
        index = rng.randrange(n)
        number = len(experiment.trial(index).attempts)
        return _staged(rng, time, lambda: index, number)
    return make(rng, time, pick)


def _number(rng: random.Random) -> float:
    return rng.choice([rng.random(), rng.randrange(-3, 3), -0.0, 1e-300, 0.1 + 0.2])


def _text(rng: random.Random) -> str:
    return rng.choice(["", "", "a node failed", 'ünï "quoted"\n', "\ud800", "\r\x85"])


def _facts(rng: random.Random) -> dict[str, JSONValue]:
    known: dict[str, JSONValue] = {
        "job_id": "17_1",
        "node": _text(rng),
        "elapsed_s": _number(rng),
        "deep": [{"a": None}, [True]],
    }
    return {name: known[name] for name in known if rng.random() < 0.5}


def _outcome(rng: random.Random) -> dict[str, ev.ObservedMetric]:
    return {
        name: ev.ObservedMetric(
            _number(rng), rng.choice([None, 0.5, 0]), rng.choice([0, 0, 3])
        )
        for name in ("loss", "cost", "")
        if rng.random() < 0.6
    }


def _generated(rng: random.Random, time: float, pick: _Pick) -> ev.Event:
    first = pick()
    values = (0.5, 3, True, "naïve", -0.0)
    trials = tuple(
        ev.GeneratedTrial(first + k, {"x": rng.choice(values)}, rng.choice(["bo", ""]))
        for k in range(rng.randrange(1, 4))
    )
    used: dict[str, JSONValue] = {
        "offset": 0,
        "method": rng.choice(["bo", "sobol"]),
        "why": _text(rng),
        "said": [_text(rng)],
    }
    details: dict[str, JSONValue] = {"used": [used]} if rng.random() < 0.7 else {}
    if rng.random() < 0.2:
        details["fallbacks"] = ["the model failed"]
    environment = {"torch": "2"} if rng.random() < 0.3 else {}
    return ev.TrialsGenerated(
        time, trials, seconds=_number(rng), details=details, environment=environment
    )


def _attached(rng: random.Random, time: float, pick: _Pick) -> ev.Event:
    outside = ("too large",) if rng.random() < 0.3 else ()
    return ev.TrialAttached(
        time, pick(), {"x": _number(rng)}, _text(rng), rng.random() < 0.3, outside
    )


def _staged(rng: random.Random, time: float, pick: _Pick, number: int = 0) -> ev.Event:
    adjustment: dict[str, JSONValue] = rng.choice(
        [{}, {}, {"memory": 2.0}, {"time": 1.5, "avoid": ["n1"]}]
    )
    task = rng.choice([None, 0, 3])
    part = ev.StagedAttempt(pick(), number, "hpcopt:mug:0:0", task, "ab", adjustment)
    return ev.AttemptsStaged(time, (part,))


def _submitted(rng: random.Random, time: float, pick: _Pick) -> ev.Event:
    part = ev.SubmittedAttempt(pick(), rng.randrange(2), _facts(rng))
    return ev.AttemptsSubmitted(time, (part,), rng.random() < 0.1)


def _observed(rng: random.Random, time: float, pick: _Pick) -> ev.Event:
    phase = rng.choice([Phase.WAITING, Phase.RUNNING, Phase.UNKNOWN])
    number = rng.randrange(2)
    return ev.AttemptObserved(time, pick(), number, phase, _text(rng), _facts(rng))


def _ended(rng: random.Random, time: float, pick: _Pick) -> ev.Event:
    cause, number = rng.choice(list(Cause)), rng.randrange(2)
    return ev.AttemptEnded(time, pick(), number, cause, _text(rng), _facts(rng))


def _accounted(rng: random.Random, time: float, pick: _Pick) -> ev.Event:
    return ev.AttemptAccounted(time, pick(), rng.randrange(2), _facts(rng))


def _completed(rng: random.Random, time: float, pick: _Pick) -> ev.Event:
    return ev.TrialCompleted(time, pick(), _outcome(rng))


def _failed(rng: random.Random, time: float, pick: _Pick) -> ev.Event:
    return ev.TrialFailed(time, pick(), rng.choice(list(Cause)), _text(rng))


def _abandoned(rng: random.Random, time: float, pick: _Pick) -> ev.Event:
    return ev.TrialAbandoned(time, pick(), _text(rng))


def _early_stopped(rng: random.Random, time: float, pick: _Pick) -> ev.Event:
    return ev.TrialEarlyStopped(time, pick(), _text(rng))


def _handed_out(rng: random.Random, time: float, pick: _Pick) -> ev.Event:
    return ev.TrialsHandedOut(time, (pick(),))


def _data(rng: random.Random, time: float, pick: _Pick) -> ev.Event:
    return ev.DataAttached(time, pick(), _outcome(rng))


def _cancelled(rng: random.Random, time: float, pick: _Pick) -> ev.Event:
    request = rng.choice(["", f"{time}-ab"])
    return ev.TrialsCancelled(time, (pick(),), "ada", request, rng.random() < 0.2)


def _reopened(rng: random.Random, time: float, pick: _Pick) -> ev.Event:
    return ev.TrialsReopened(time, (pick(),), "ada", f"{time}-cd")


_TRIAL_EVENTS: list[Callable[[random.Random, float, _Pick], ev.Event]] = [
    _attached,
    _submitted,
    _observed,
    _accounted,
    _completed,
    _failed,
    _abandoned,
    _early_stopped,
    _handed_out,
    _data,
    _cancelled,
    _reopened,
]

_OTHER_EVENTS: list[Callable[[random.Random, float], ev.Event]] = [
    lambda rng, time: ev.DriverBegun(time, "login1", 4711, "0.1.0"),
    lambda rng, time: ev.DriverNoted(time, _text(rng), {"squeue": rng.randrange(9)}),
    lambda rng, time: ev.DriverEnded(time, "done", {"squeue": rng.randrange(9)}),
    lambda rng, time: ev.SettingsChanged(time, {"max_trials": 4}, ("so many",)),
    lambda rng, time: ev.SpaceChanged(
        time, {"parameters": [], "parameter_constraints": []}, ("less",)
    ),
    lambda rng, time: ev.GoalsChanged(time, {"objective": "-cost"}, ("cheaper",)),
]
