"""Every suggestion can be made again from the journal alone."""

from __future__ import annotations

import dataclasses
import json
import random
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hpcopt import __version__
from hpcopt.core import events as ev
from hpcopt.core.errors import GenerationError
from hpcopt.core.event_codec import event_from_json, event_to_json
from hpcopt.core.experiment import Experiment
from hpcopt.core.trials.trial import Cause
from hpcopt.core.types import JSONValue
from hpcopt.driver.limits import Limits
from hpcopt.generation.protocol import FallbackLevel, Generation
from hpcopt.generation.replay import asked_of_processes, replay
from hpcopt.generation.service.environment import environment
from hpcopt.generation.snapshot import Snapshot
from hpcopt.generation.spec import GeneratorSpec
from hpcopt.generation.steps import checked_steps
from hpcopt.generation.strategy import BayesianGenerator
from tests.support.cli_world import EVENTS, hpcopt, make_experiment
from tests.support.driver_world import World
from tests.support.fake_clock import FakeClock
from tests.support.named_world import named_snapshot


class RealService:
    """The real generator, which answers some time after a request."""

    is_concurrent = True

    def __init__(
        self, clock: FakeClock, rng: random.Random, generator: BayesianGenerator
    ) -> None:
        self._clock = clock
        self._rng = rng
        self._generator = generator
        self._request: tuple[int, Snapshot, float] | None = None

    @property
    def is_busy(self) -> bool:
        return self._request is not None

    def request(self, n: int, snapshot: Snapshot) -> None:
        self._request = n, snapshot, self._clock.now() + self._rng.uniform(0, 4)

    def collect(self, timeout_s: float) -> Generation | None:
        assert self._request is not None
        n, snapshot, ready_at = self._request
        if ready_at > self._clock.now() + timeout_s:
            self._clock.wait(timeout_s)
            return None
        self._clock.time = max(self._clock.time, ready_at)
        self._request = None
        answer = self._generator.generate(n, snapshot)
        return dataclasses.replace(answer, seconds=2.0)

    def close(self) -> None:
        pass


def ask(
    spec: GeneratorSpec, n: int, snapshot: Snapshot, level: FallbackLevel
) -> Generation:
    return BayesianGenerator(n_initial=2).generate(n, snapshot, level)


def from_disk(events: Sequence[ev.Event]) -> list[ev.Event]:
    lines = [json.dumps(event_to_json(event)) for event in events]
    return [event_from_json(json.loads(line)) for line in lines]


STEPS = checked_steps(
    [
        {"method": "sobol", "until": {"trials": 3}},
        {"until": {"completed": 4, "no_better_for": 1}},
        {"acquisition": "log_ei", "until": {"trials": 7}},
        {"method": "sobol"},
    ]
)


@pytest.mark.slow
@pytest.mark.parametrize(
    "generator",
    [BayesianGenerator(n_initial=2), BayesianGenerator(steps=STEPS)],
    ids=["one method", "steps"],
)
@settings(max_examples=5, deadline=None)
@given(seed=st.integers(0, 10_000), parallelism=st.integers(1, 4))
def test_what_a_driver_had_proposed_comes_out_again(
    generator: BayesianGenerator, seed: int, parallelism: int
) -> None:
    rng = random.Random(seed)
    fates = {k: rng.choice([Cause.SUCCESS] * 4 + [Cause.TRIAL]) for k in range(10)}
    lengths = {k: rng.uniform(0.2, 3.0) for k in range(10)}
    world = World(Limits(8, parallelism, tolerated_trial_failure_rate=1.0))
    world.cluster.stretch = lambda key: lengths[key[0]]
    world.cluster.cause = lambda key: fates[key[0]]
    world.service = RealService(world.clock, rng, generator)  # type: ignore[assignment]
    driver = world.driver()
    while driver.reason_to_stop() is None:
        driver.step()
        driver.wait()
        if rng.random() < 0.1:  # it dies, and another takes over
            world.service = RealService(world.clock, rng, generator)  # type: ignore[assignment]
            driver = world.driver()
    result = replay(
        from_disk(list(world.store.read())),
        lambda spec, n, now, level: generator.generate(n, now, level),
    )
    assert (result.n_identical, result.mismatches) == (8, [])


def journal(*generated: ev.Event, **generation: JSONValue) -> list[ev.Event]:
    begun = EVENTS[0]
    assert isinstance(begun, ev.ExperimentBegun)
    begun = dataclasses.replace(begun, settings={"generation": generation})
    return [begun, *generated]


def sobol_event(n: int = 2, **changes: object) -> ev.TrialsGenerated:
    snapshot = Snapshot.of(Experiment.from_events(journal()))
    generation = BayesianGenerator(method="sobol").generate(n, snapshot)
    event = generation.event(1.0, 0, n, slice(0, n))
    return dataclasses.replace(event, **changes)  # type: ignore[arg-type]


@pytest.mark.slow
def test_a_changed_suggestion_is_told_by_its_trial(tmp_path: Path) -> None:
    event = sobol_event(environment=dict(environment(1)))
    changed = dataclasses.replace(
        event.trials[1], parameters={**event.trials[1].parameters, "x": 0.125}
    )
    events = journal(
        dataclasses.replace(event, trials=(event.trials[0], changed)), method="sobol"
    )
    folder = make_experiment(tmp_path / "demo", events)
    output = hpcopt("replay", folder, code=1).output
    assert "trial 1: recorded x = 0.125" in output
    assert output.splitlines()[-1] == "1 identical, 1 different"
    facts = json.loads(hpcopt("replay", folder, "--json", code=1).output)
    [different] = facts["different"]
    assert (different["trial"], different["is_mismatch"]) == (1, True)
    assert facts["identical"] == 1


OWN = """
from botorch.acquisition.analytic import PosteriorMean

def acquisition(model, context):
    return PosteriorMean(model)
"""


@pytest.mark.slow
def test_functions_of_a_users_own_are_looked_for_where_one_is_told(
    tmp_path: Path,
) -> None:
    (tmp_path / "mine.py").write_text(OWN)
    spec = GeneratorSpec(acquisition="mine:acquisition")
    with asked_of_processes(tmp_path / "log", tmp_path) as ask:
        answer = ask(spec, 1, named_snapshot("plain"), FallbackLevel.FULL)
    assert "mine:acquisition" in json.dumps(answer.details)
    assert [one.method for one in answer.suggestions] == ["bo"]


def test_functions_of_a_users_own_are_not_looked_for_where_nobody_says(
    tmp_path: Path,
) -> None:
    events = journal(sobol_event(), acquisition="mine:acquisition")
    folder = make_experiment(tmp_path / "demo", events)
    output = hpcopt("replay", folder, code=2).output
    assert "mine:acquisition proposed trials" in output
    assert "name its config instead" in output


def test_what_was_added_by_hand_is_passed_over() -> None:
    event = sobol_event()
    by_hand = ev.TrialAttached(2.0, 2, {"x": 0.5, "kind": "a"})
    result = replay(journal(event, by_hand), ask)
    assert (result.n_identical, result.passed_over) == (2, {"manual": 1})


def test_other_versions_are_told(tmp_path: Path) -> None:
    event = sobol_event(environment={"hpcopt": __version__, "numpy": "1.0"})
    folder = make_experiment(tmp_path / "demo", journal(event, method="sobol"))
    output = hpcopt("replay", folder).output
    assert "not the same as then: numpy was 1.0 and is " in output
    assert "threads" not in output
    lines = output.splitlines()
    assert lines[-2:] == [
        f"made by hpcopt {__version__} (numpy 1.0), trials 0-1: 2 identical, "
        "0 different",
        "2 identical, 0 different",
    ]


@pytest.mark.slow
def test_what_another_version_proposed_otherwise_is_no_mismatch(
    tmp_path: Path,
) -> None:
    old, here = {"hpcopt": "0.0.9", "numpy": "1.0"}, dict(environment(1))
    events = journal(method="sobol")
    # Nothing of the environment in an event: it is as it was.
    for recorded in (old, {}, here):
        experiment = Experiment.from_events(events)
        made = BayesianGenerator(method="sobol").generate(2, Snapshot.of(experiment))
        event = made.event(1.0, experiment.n_trials, 2, slice(0, 2))
        events.append(dataclasses.replace(event, environment=recorded))
    second = events[2]
    assert isinstance(second, ev.TrialsGenerated)
    parameters = {**second.trials[1].parameters, "x": 0.125}
    otherwise = dataclasses.replace(second.trials[1], parameters=parameters)
    events[2] = dataclasses.replace(second, trials=(second.trials[0], otherwise))
    folder = make_experiment(tmp_path / "demo", events)
    assert hpcopt("replay", folder).output.splitlines()[-2:] == [
        "made by hpcopt 0.0.9 (numpy 1.0), trials 0-3: 3 identical, 1 different, "
        "which is no mismatch",
        "5 identical, 1 different (none of them a mismatch)",
    ]
    facts = json.loads(hpcopt("replay", folder, "--json").output)
    assert facts["identical"] == 5
    assert [one["is_mismatch"] for one in facts["different"]] == [False]
    [other, ours] = facts["made_by"]
    assert other["environment"] == old
    assert (other["identical"], other["different"]) == ([0, 1, 2], [3])
    assert (ours["is_here"], ours["identical"]) == (True, [4, 5])
    assert "threads" not in ours["environment"]


def test_a_generator_that_cannot_do_what_another_version_did_is_told() -> None:
    def refuse(
        spec: GeneratorSpec, n: int, snapshot: Snapshot, level: FallbackLevel
    ) -> Generation:
        raise GenerationError("no such thing any more")

    result = replay(journal(sobol_event(environment={"hpcopt": "0.0.9"})), refuse)
    assert [one.regenerated for one in result.different] == [None, None]
    assert result.mismatches == []
    ours = sobol_event(environment=dict(environment(1)))
    with pytest.raises(GenerationError, match="no such thing any more"):
        replay(journal(ours), refuse)


def test_a_slice_of_an_answer_is_compared_with_its_place_there() -> None:
    whole = sobol_event(4)
    first = dataclasses.replace(whole, trials=whole.trials[:1])
    rest = dataclasses.replace(whole, trials=whole.trials[1:3], offset=1)
    result = replay(journal(first, rest, method="sobol"), ask)
    assert (result.n_identical, result.mismatches) == (3, [])


def test_a_suggestion_that_no_longer_comes_out_is_a_mismatch() -> None:
    def ask_less(
        spec: GeneratorSpec, n: int, snapshot: Snapshot, level: FallbackLevel
    ) -> Generation:
        return ask(spec, n - 1, snapshot, level)

    event = sobol_event(environment=dict(environment(1)))
    [mismatch] = replay(journal(event), ask_less).mismatches
    assert (mismatch.trial_index, mismatch.regenerated) == (1, None)


def test_trials_of_a_lower_rung_are_made_on_that_rung() -> None:
    levels: list[FallbackLevel] = []

    def ask_and_note(
        spec: GeneratorSpec, n: int, snapshot: Snapshot, level: FallbackLevel
    ) -> Generation:
        levels.append(level)
        return ask(spec, n, snapshot, level)

    replay(journal(sobol_event(rung="design")), ask_and_note)
    assert levels == [FallbackLevel.DESIGN]
