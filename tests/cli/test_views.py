"""How a run is shown while it lasts."""

from __future__ import annotations

import dataclasses
import io
import logging
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
from rich.cells import cell_len
from rich.console import Console
from rich.text import Text

from hpcopt.cli.log import logging_to
from hpcopt.cli.views.live import LiveView
from hpcopt.cli.views.progress import LineReporter
from hpcopt.config.sections import RunSection
from hpcopt.core import events as ev
from hpcopt.core.experiment import Experiment
from hpcopt.core.types import JSONValue
from hpcopt.driver.progress import DriverProgress
from tests.support.cli_world import DEFINITION, EVENTS, SETTINGS, T0

N_GENERATED = 3


def experiment(n_events: int) -> Experiment:
    return Experiment.from_events(EVENTS[:n_events])


def test_each_trial_is_reported_once_with_the_best_one_of_its_time() -> None:
    lines: list[str] = []
    reporter = LineReporter(6, lines.append)
    reporter.begin(experiment(N_GENERATED))
    for n_events in range(N_GENERATED, len(EVENTS) + 1):
        reporter.observe(experiment(n_events), DriverProgress())
    assert lines == [
        "demo: minimise loss, 5 of 6 trials so far",
        "trial 0 completed: loss = 0.5 (the best so far)",
        "trial 1 completed: loss = 0.123457 (the best so far)",
        "trial 2 failed: exit code 1 (best 0.123457, trial 1)",
    ]


def test_a_value_that_is_better_than_the_best_and_infeasible_is_told_as_such() -> None:
    bounds: Mapping[str, JSONValue] = {"outcome_constraints": ["size <= 1"]}
    definition = {**DEFINITION, **bounds}
    events: list[ev.Event] = [ev.ExperimentBegun(T0, "0.1.0", definition, SETTINGS)]
    for event in EVENTS[1:]:
        if isinstance(event, ev.TrialCompleted):
            size = ev.ObservedMetric(float(event.trial_index + 1))
            outcome = {**event.outcome, "size": size}
            events.append(dataclasses.replace(event, outcome=outcome))
        else:
            events.append(event)
    lines: list[str] = []
    reporter = LineReporter(6, lines.append)
    reporter.begin(Experiment.from_events(events[:N_GENERATED]))
    reporter.observe(Experiment.from_events(events), DriverProgress())
    assert lines[1:3] == [
        "trial 0 completed: loss = 0.5 (the best so far)",
        "trial 1 completed: loss = 0.123457, not size <= 1 (best 0.5, trial 0)",
    ]


def test_trials_that_end_in_one_step_are_reported_in_turn() -> None:
    lines: list[str] = []
    reporter = LineReporter(6, lines.append)
    reporter.begin(experiment(N_GENERATED))
    reporter.observe(experiment(len(EVENTS)), DriverProgress())
    assert lines[1] == "trial 0 completed: loss = 0.5 (the best so far)"


def test_what_ended_before_the_run_is_not_told_again() -> None:
    lines: list[str] = []
    reporter = LineReporter(6, lines.append)
    reporter.begin(experiment(len(EVENTS)))
    reporter.observe(experiment(len(EVENTS)), DriverProgress())
    assert len(lines) == 1


def test_a_note_is_reported_when_it_changes() -> None:
    lines: list[str] = []
    reporter = LineReporter(6, lines.append)
    reporter.begin(experiment(3))
    for note in ("", "full", "full", ""):
        reporter.observe(experiment(3), DriverProgress(note=note))
    assert lines[1:] == ["full", "all is well again"]


@pytest.fixture(params=[(80, 24), (140, 40)], ids=["80x24", "140x40"])
def console(request: pytest.FixtureRequest) -> Console:
    width, height = request.param
    return Console(
        file=io.StringIO(), width=width, height=height, force_terminal=True, record=True
    )


@pytest.fixture
def view(console: Console) -> Iterator[LiveView]:
    limits = RunSection(max_trials=6, parallelism=2, max_queued_jobs=1)
    view = LiveView(limits, "/data/demo", console=console, clock=lambda: T0)
    yield view
    view.end()


def screen(view: LiveView, console: Console) -> str:
    with console.capture() as capture:
        console.print(view.draw())
    return capture.get()


def test_the_live_screen_says_how_the_run_stands(
    view: LiveView, console: Console
) -> None:
    assert "starting" in screen(view, console)
    view.begin(experiment(N_GENERATED))
    view.observe(
        experiment(len(EVENTS)),
        DriverProgress("the queue is full", True, next_poll_at=T0 + 7),
    )
    text = screen(view, console)
    for part in (
        "minimise loss",
        "3 of 6 trials ended",
        "2 completed",
        "at most 2, 1 of them waiting",
        "loss = 0.123457",
        "x = 0.285714",
        "exit code 1",
        "choosing parameters",
        "the queue is full",
    ):
        assert part in text
    assert len(text.splitlines()) <= console.height
    view.observe(experiment(len(EVENTS)), DriverProgress(next_poll_at=T0 + 7))
    assert "next look at the jobs in 7 s" in screen(view, console)


def test_a_narrow_live_screen_has_the_states_in_full() -> None:
    console = Console(file=io.StringIO(), width=40, height=24, force_terminal=True)
    view = LiveView(
        RunSection(max_trials=6, parallelism=2),
        "/data/demo",
        console=console,
        clock=lambda: T0,
    )
    view.begin(experiment(N_GENERATED))
    long = [
        dataclasses.replace(event, reason="the trial's script ended with exit code 3")
        if isinstance(event, ev.TrialFailed)
        else event
        for event in EVENTS
    ]
    view.observe(Experiment.from_events(long), DriverProgress(next_poll_at=T0))
    text = screen(view, console)
    view.end()
    ended = [line for line in text.splitlines() if " trial's script" in line]
    assert "failed" in ended[0]
    assert all(cell_len(line) <= 40 for line in Text.from_ansi(text).plain.splitlines())


def test_warnings_are_shown_and_all_else_is_kept(tmp_path: Path) -> None:
    shown: list[str] = []
    logger = logging.getLogger("hpcopt.example")
    with logging_to(shown.append) as log:
        logger.info("before the folder")
        log.open(tmp_path)
        logger.warning("the %s is full", "queue")
        logging.getLogger("elsewhere").info("not ours")
    logger.warning("afterwards")
    assert shown == ["warning: the queue is full"]
    lines = (tmp_path / "driver.log").read_text().splitlines()
    assert [line.split(" ", 2)[2] for line in lines] == [
        "INFO hpcopt.example: before the folder",
        "WARNING hpcopt.example: the queue is full",
    ]


def test_a_run_that_was_refused_leaves_no_log(tmp_path: Path) -> None:
    with logging_to(lambda _: None):
        logging.getLogger("hpcopt.example").info("in vain")
    assert list(tmp_path.iterdir()) == []
