"""When a person is told something, and that nothing is told twice."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from hpcopt.core import events as ev
from hpcopt.core.errors import ConfigError
from hpcopt.core.experiment import Experiment
from hpcopt.core.trials.trial import STUCK, Cause, Phase
from hpcopt.driver.notify.command import Notification
from hpcopt.driver.notify.notifier import Notifier
from hpcopt.driver.notify.spec import NotifySpec, Occasion, occasions
from hpcopt.driver.notify.told import Told
from tests.support.analysis_world import experiment, losses, observed
from tests.support.fake_clock import FakeClock

HOUR = 3600.0


class Outbox:
    """Keeps what would be sent."""

    def __init__(self) -> None:
        self.sent: list[Notification] = []
        self.is_closed = False

    def send(self, message: Notification) -> None:
        self.sent.append(message)

    def poll(self) -> None:
        pass

    def close(self) -> None:
        self.is_closed = True

    def subjects(self) -> list[str]:
        return [message.environment["HPCOPT_SUBJECT"] for message in self.sent]


class World:
    """A notifier, as a driver makes it, and what it sends."""

    def __init__(self, folder: Path, clock: FakeClock, **spec: Any) -> None:
        self.outbox = Outbox()
        spec.setdefault("on", tuple(Occasion))
        self.notifier = Notifier(
            NotifySpec(("mail",), **spec),
            self.outbox,
            Told(folder / "notified.json"),
            folder,
            20,
            clock,
        )


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


def with_live(outcomes: Sequence[Any]) -> Experiment:
    """Return an experiment in which one more trial is a candidate."""
    return experiment("-loss", [*outcomes, {}])


def test_the_end_is_told_once_and_after_more_trials_again(
    tmp_path: Path, clock: FakeClock
) -> None:
    done = experiment("-loss", losses(3.0, 1.0, 2.0))
    for _ in range(2):
        world = World(tmp_path, clock)
        world.notifier.observe(done)
        world.notifier.ended(done, "all 3 trials have ended", is_complete=True)
        assert world.outbox.is_closed
    assert world.outbox.sent == []  # the second driver had nothing to add

    more = experiment("-loss", losses(3.0, 1.0, 2.0, 0.5))
    world = World(tmp_path, clock)
    world.notifier.ended(more, "all 4 trials have ended", is_complete=True)
    assert world.outbox.subjects() == ["bowl: all 4 trials have ended"]


def test_the_summary_says_how_it_stands(tmp_path: Path, clock: FakeClock) -> None:
    world = World(tmp_path, clock)
    done = experiment("-loss", [*losses(3.0, 1.0), None], name="a <b>\x1b[1m")
    world.notifier.ended(done, "all 3 trials have ended", is_complete=True)
    [message] = world.outbox.sent
    assert message.text == (
        f"""\
a <b>\\x1b[1m: all 3 trials have ended

folder       {tmp_path}
objective    minimise loss
trials       3 of 20: 2 completed, 1 failed
best         loss = 1, trial 1
             x = 0.1
             kind = a
failures     1 program failed
next         hpcopt report {tmp_path}
"""
    )
    facts = dict(message.environment)
    assert facts["HPCOPT_EVENT"] == "end"
    assert facts["HPCOPT_N_COMPLETED"] == "2"
    assert (facts["HPCOPT_BEST_TRIAL"], facts["HPCOPT_BEST"]) == ("1", "1.0")
    assert facts["HPCOPT_FOLDER"] == str(tmp_path)


def test_a_stop_before_the_end_is_a_pause(tmp_path: Path, clock: FakeClock) -> None:
    world = World(tmp_path, clock)
    live = with_live(losses(1.0))
    world.notifier.ended(live, "stopped by SIGTERM", is_complete=False)
    [message] = world.outbox.sent
    assert message.environment["HPCOPT_EVENT"] == "pause"
    assert "hpcopt run CONFIG goes on" in message.text


def test_a_job_that_can_never_start_is_a_pause_told_once(
    tmp_path: Path, clock: FakeClock
) -> None:
    core = with_live([])
    core.apply(ev.AttemptsStaged(5.0, (ev.StagedAttempt(0, 0, "a"),)))
    core.apply(ev.AttemptsSubmitted(6.0, (ev.SubmittedAttempt(0, 0, {}),)))
    why = "its QOS does not exist any more: change qos"
    core.apply(ev.AttemptObserved(7.0, 0, 0, Phase.WAITING, why, {STUCK: True}))
    told = []
    for _ in range(2):  # drivers, of which the second one was restarted
        world = World(tmp_path, clock)
        world.notifier.observe(core)
        world.notifier.observe(core)
        told.append(world.outbox.subjects())
    assert told == [[f"bowl: paused: trial 0: {why}"], []]


def test_nothing_is_told_that_was_not_asked_for(
    tmp_path: Path, clock: FakeClock
) -> None:
    world = World(tmp_path, clock, on=(Occasion.STALL,))
    done = experiment("-loss", losses(1.0))
    world.notifier.observe(done)
    world.notifier.ended(done, "all 1 trials have ended", is_complete=True)
    assert world.outbox.sent == []


def test_a_better_trial_is_told_once_a_minute_at_most(
    tmp_path: Path, clock: FakeClock
) -> None:
    world = World(tmp_path, clock)
    observe = world.notifier.observe
    observe(with_live(losses(5.0)))
    assert world.outbox.sent == []  # it was there before
    observe(with_live(losses(5.0, 4.0)))
    clock.wait(30.0)
    observe(with_live(losses(5.0, 4.0, 3.0)))
    assert world.outbox.subjects() == ["bowl: trial 1 is the best so far"]
    clock.wait(30.0)
    observe(with_live(losses(5.0, 4.0, 3.0)))
    clock.wait(100.0)
    observe(with_live(losses(5.0, 4.0, 3.0, 9.0)))
    assert world.outbox.subjects()[1:] == ["bowl: trial 2 is the best so far"]


@pytest.mark.parametrize("is_handed_over", [True, False])
def test_a_better_trial_of_the_last_minute_is_told_at_the_end(
    tmp_path: Path, clock: FakeClock, is_handed_over: bool
) -> None:
    world = World(tmp_path, clock, on=(Occasion.BEST,))
    world.notifier.observe(with_live(losses(5.0)))
    world.notifier.observe(with_live(losses(5.0, 4.0)))
    last = experiment("-loss", losses(5.0, 4.0, 3.0))
    world.notifier.observe(last)
    if is_handed_over:
        world.notifier.close(last)
    else:
        world.notifier.ended(last, "all 3 trials have ended", is_complete=True)
    assert world.outbox.subjects() == [
        "bowl: trial 1 is the best so far",
        "bowl: trial 2 is the best so far",
    ]


def test_new_trials_on_a_front_are_told(tmp_path: Path, clock: FakeClock) -> None:
    first, second = observed(a=1.0, b=2.0), observed(a=2.0, b=1.0)
    world = World(tmp_path, clock)
    world.notifier.observe(experiment("a, b", [first, {}]))
    world.notifier.observe(experiment("a, b", [first, second, {}]))
    [message] = world.outbox.sent
    assert "trial 1 is new on the Pareto front" in message.text
    assert "2 trials on the Pareto front" in message.text
    assert message.environment["HPCOPT_BEST_TRIAL"] == "0 1"
    assert message.environment["HPCOPT_BEST"] == ""


def test_a_stall_is_told_once_until_something_ends(
    tmp_path: Path, clock: FakeClock
) -> None:
    world = World(tmp_path, clock, stall_s=600.0, on=(Occasion.STALL,))
    observe = world.notifier.observe
    for _ in range(3):
        observe(with_live(losses(1.0)))
        clock.wait(400.0)
    assert world.outbox.subjects() == ["bowl: no trial has ended for 10 min 00 s"]
    observe(with_live(losses(1.0, 2.0)))
    clock.wait(599.0)
    observe(with_live(losses(1.0, 2.0)))
    assert len(world.outbox.sent) == 1
    clock.wait(1.0)
    observe(with_live(losses(1.0, 2.0)))
    assert len(world.outbox.sent) == 2


def test_a_stall_is_by_default_three_times_the_longest_trial_took(
    tmp_path: Path, clock: FakeClock
) -> None:
    core = experiment("-loss", [{}, {}])
    core.apply(ev.AttemptsStaged(1000.0, (ev.StagedAttempt(0, 0, "a"),)))
    core.apply(ev.AttemptsSubmitted(1001.0, (ev.SubmittedAttempt(0, 0, {}),)))
    core.apply(ev.AttemptEnded(1000.0 + HOUR, 0, 0, Cause.SUCCESS))
    core.apply(ev.TrialCompleted(1000.0 + HOUR, 0, observed(loss=1.0)))
    world = World(tmp_path, clock, on=(Occasion.STALL,))
    world.notifier.observe(core)
    clock.wait(3 * HOUR - 1.0)
    world.notifier.observe(core)
    assert world.outbox.sent == []
    clock.wait(1.0)
    world.notifier.observe(core)
    assert world.outbox.subjects() == ["bowl: no trial has ended for 3 h 00 min"]

    world = World(tmp_path, clock, on=(Occasion.STALL,))
    world.notifier.observe(with_live([]))  # none has ended so far
    clock.wait(24 * HOUR)
    world.notifier.observe(with_live([]))
    assert world.outbox.subjects() == ["bowl: no trial has ended for 1 d 00 h"]


@pytest.mark.parametrize("content", ["", "[]", "{", "\0"])
def test_a_damaged_record_tells_rather_twice(
    tmp_path: Path, clock: FakeClock, content: str
) -> None:
    (tmp_path / "notified.json").write_text(content)
    world = World(tmp_path, clock)
    done = experiment("-loss", losses(1.0))
    world.notifier.ended(done, "all 1 trials have ended", is_complete=True)
    assert len(world.outbox.sent) == 1


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"command": ()}, "command: expected a program and its arguments"),
        ({"command": ("",)}, "command: expected a program and its arguments"),
        ({"command": ("m",), "on": ()}, "on: expected one or more of end, pause"),
        ({"command": ("m",), "stall_s": 0.0}, "stall_s: expected a number of seconds"),
    ],
)
def test_what_makes_no_sense_is_said_in_a_sentence(
    arguments: dict[str, Any], message: str
) -> None:
    with pytest.raises(ConfigError, match=message):
        NotifySpec(**arguments)


def test_an_unknown_occasion_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"on: expected one of .*found 'ends'"):
        occasions(("ends",))
