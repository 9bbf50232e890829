"""``hpcopt watch``: what is on the screen, and what keys do."""

from __future__ import annotations

import asyncio
import gc
import json
import os
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest
from rich.text import Text
from textual.geometry import Size
from textual.widget import Widget

from hpcopt.cli.watch.observer import Observer, Seen
from hpcopt.cli.watch.trial_pane import TrialPane
from hpcopt.core import events as ev
from hpcopt.core.trials.trial import Cause, Phase
from hpcopt.core.types import JSONValue
from hpcopt.experiment.folder import JOURNAL, LEASE
from hpcopt.storage.lease import Lease
from tests.support.cli_world import DEFINITION, EVENTS, T0, make_experiment, write_log
from tests.support.watch_world import LARGE, SMALL, Watch, append, watch

NOW = T0 + 100


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return make_experiment(tmp_path / "demo")


def requests(folder: Path) -> list[dict[str, object]]:
    files = sorted((folder / "requests").glob("*.json"))
    return [json.loads(file.read_text()) for file in files]


def rows(screen: str) -> list[str]:
    """Return the numbers of the trials in the table, in its order."""
    lines = screen.splitlines()
    top = next(
        k for k, line in enumerate(lines) if line.startswith(("▼", "▲", " trial"))
    )
    found = []
    for line in lines[top + 1 :]:
        words = line.replace("▸", " ").split()
        if len(words) < 2 or not words[0].isdigit() or "progress" in words:
            break
        found.append(words[0])
    return found


# What is shown


def test_a_small_screen_shows_the_driver_the_best_and_the_trials(folder: Path) -> None:
    async def visit(seen: Watch) -> None:
        screen = await seen.screen()
        assert "demo  minimise loss" in screen
        assert "driver was killed: pid 4711 on login1" in screen
        assert "trials 5 of 6: 1 staged, 1 failed, 2 completed, 1 running" in screen
        assert "elapsed 1 min 31 s" in screen
        assert "best   loss = 0.123457, trial 1: x=0.285714  kind=a" in screen
        assert rows(screen) == ["4", "3", "2", "1", "0"]
        for key in ("Help", "Filter", "Cancel", "Retry", "Stop", "Quit"):
            assert key in screen.splitlines()[-1]

    watch(folder, visit, time=NOW)


def test_a_large_screen_shows_all_panes_at_once(folder: Path) -> None:
    async def visit(seen: Watch) -> None:
        screen = await seen.screen()
        for pane in ("1 progress", "2 queue", "3 timeline", "4 log", "5 trial 4"):
            assert f"── {pane}" in screen
        assert "2 completed trials" in screen
        assert "node n3 failed" in screen or "program failed" in screen

    watch(folder, visit, size=LARGE, time=NOW)


def test_each_pane_is_a_key_away(folder: Path) -> None:
    async def visit(seen: Watch) -> None:
        queue = await seen.press("2")
        assert "3.0       running   1 min 18 s" in queue
        assert "Resources" in queue
        timeline = await seen.press("3")
        assert "program failed" in timeline
        assert "succeeded" in timeline
        trial = await seen.press("5")
        assert "trial 4  staged" in trial
        assert "x = 0.714286" in trial
        progress = await seen.press("1")
        assert "best: trial 1" in progress

    watch(folder, visit, time=NOW)


def test_the_log_of_the_selected_trial_is_followed(folder: Path) -> None:
    log = write_log(folder, 1, 0, "".join(f"line {k}\n" for k in range(100)))

    async def visit(seen: Watch) -> None:
        assert "there is no log yet" in await seen.press("4")
        assert "line 99" in await seen.press("b")
        with log.open("a") as file:
            file.write("the last one\n")
        assert "the last one" in await seen.look()
        await seen.press("4")  # goes to the pane
        top = await seen.press("home")
        assert "line 0" in top
        with log.open("a") as file:
            file.write("one more\n")
        screen = await seen.look()
        assert "line 0" in screen
        assert "one more" not in screen  # whoever reads higher up is not disturbed

    watch(folder, visit, time=NOW)


def test_the_log_of_an_earlier_attempt_is_a_key_away(folder: Path) -> None:
    write_log(folder, 2, 0, "the node failed\n")
    write_log(folder, 2, 1, "exit 1\n")

    async def visit(seen: Watch) -> None:
        screen = await seen.press("4", "down", "down")
        assert "log of 2.1" in screen
        assert "exit 1" in screen
        screen = await seen.press("a")
        assert "log of 2.0" in screen
        assert "the node failed" in screen

    watch(folder, visit, time=NOW)


def test_what_is_new_in_the_journal_appears(folder: Path) -> None:
    async def visit(seen: Watch) -> None:
        await seen.press("down")
        append(
            folder,
            ev.AttemptEnded(NOW, 3, 0, Cause.SUCCESS),
            ev.TrialCompleted(NOW, 3, {"loss": ev.ObservedMetric(0.01)}),
        )
        screen = await seen.look()
        assert "best   loss = 0.01, trial 3" in screen
        assert "3 completed" in screen
        assert "▸    3  completed" in screen  # what was selected stays selected

    watch(folder, visit, time=NOW)


def test_the_top_row_is_followed_until_one_goes_elsewhere(folder: Path) -> None:
    def generated(index: int) -> ev.TrialsGenerated:
        trial = ev.GeneratedTrial(index, {"x": 0.9, "kind": "b"}, "sobol")
        return ev.TrialsGenerated(NOW, (trial,), seconds=0.1)

    async def visit(seen: Watch) -> None:
        assert "▸    4" in await seen.screen()
        append(folder, generated(5))
        assert "▸    5" in await seen.look()
        await seen.press("down")
        append(folder, generated(6))
        assert "▸    4" in await seen.look()
        assert "▸    6" in await seen.press("home")
        append(folder, generated(7))
        assert "▸    7" in await seen.look()
        assert "▸    1" in await seen.press("b")
        append(folder, generated(8))
        assert "▸    1" in await seen.look()

    watch(folder, visit, time=NOW)


def test_what_is_infeasible_is_marked_beside_its_value(tmp_path: Path) -> None:
    bounds: Mapping[str, JSONValue] = {"outcome_constraints": ["loss2 <= 1"]}
    bounded = {**DEFINITION, **bounds}
    begun = ev.ExperimentBegun(T0, "0.1.0", bounded, {})
    outcomes = [{"loss": 0.5, "loss2": 0.5}, {"loss": 0.1, "loss2": 2.0}]
    folder = make_experiment(tmp_path / "bounded", [begun, *trials_with(outcomes)])

    async def visit(seen: Watch) -> None:
        screen = await seen.screen()
        [feasible] = [line for line in screen.splitlines() if "   0  compl" in line]
        [infeasible] = [line for line in screen.splitlines() if "   1  compl" in line]
        assert "feasible" in screen
        assert "0.1  no  " in infeasible
        assert " no " not in feasible

    watch(folder, visit, time=NOW)


def test_the_head_of_the_timeline_fits_into_a_narrow_screen(folder: Path) -> None:
    async def visit(seen: Watch) -> None:
        screen = await seen.press("3")
        [head] = [line for line in screen.splitlines() if "attempt" in line]
        assert head.split() == ["attempt", "1", "min", "29", "s"]

    watch(folder, visit, size=(40, 24), time=NOW)


def test_the_driver_is_told_in_the_words_of_status(folder: Path) -> None:
    async def visit(seen: Watch) -> None:
        append(folder, ev.DriverNoted(NOW, "the queue is full", {}))
        assert "note   the queue is full" in await seen.look()
        append(folder, ev.DriverEnded(NOW, "stopped by a person", {}))
        assert "stopped by a person" in await seen.look()
        with Lease.acquire(folder / LEASE, heartbeat_s=None):
            seen.clock.time = (folder / LEASE).stat().st_mtime + 1
            assert f"driver running: pid {os.getpid()}" in await seen.look()

    watch(folder, visit, time=NOW)


def test_a_program_that_left_no_result_did_not_succeed(folder: Path) -> None:
    async def visit(seen: Watch) -> None:
        append(
            folder,
            ev.AttemptEnded(NOW, 3, 0, Cause.SUCCESS),
            ev.TrialFailed(NOW, 3, Cause.RESULT, "no dataset '/loss'"),
        )
        await seen.press("3")
        timeline = await seen.look()
        assert timeline.count("succeeded") == 2
        assert "no valid result" in timeline

    watch(folder, visit, time=NOW)


def test_several_objectives_show_their_front(tmp_path: Path) -> None:
    begun = ev.ExperimentBegun(
        T0,
        "0.1.0",
        {
            **dict(EVENTS[0].definition),  # type: ignore[union-attr]
            "objective": "-loss, speed",
            "metrics": [{"name": name, "dataset": "/d"} for name in ("loss", "speed")],
        },
        {},
    )
    values = [(0.1, 1.0), (0.2, 2.0), (0.3, 1.5)]
    events = [begun, *trials_with([{"loss": a, "speed": b} for a, b in values])]
    folder = make_experiment(tmp_path / "two", events)

    async def visit(seen: Watch) -> None:
        screen = await seen.screen()
        assert "best   2 trials on the Pareto front" in screen
        assert "0, 1" in screen
        assert "loss from 0.1 to 0.3" in screen

    watch(folder, visit, time=NOW)


def trials_with(outcomes: Sequence[dict[str, float]]) -> list[ev.Event]:
    """Return the events of trials that completed with these outcomes."""
    n = len(outcomes)
    made = tuple(
        ev.GeneratedTrial(k, {"x": 0.5, "kind": "a"}, "sobol") for k in range(n)
    )
    staged = tuple(ev.StagedAttempt(k, 0, f"name-{k}") for k in range(n))
    submitted = tuple(ev.SubmittedAttempt(k, 0, {}) for k in range(n))
    events: list[ev.Event] = [
        ev.TrialsGenerated(T0, made, seconds=0.1),
        ev.AttemptsStaged(T0, staged),
        ev.AttemptsSubmitted(T0, submitted),
    ]
    for k, outcome in enumerate(outcomes):
        read = {name: ev.ObservedMetric(value) for name, value in outcome.items()}
        events.append(ev.AttemptEnded(T0 + k, k, 0, Cause.SUCCESS))
        events.append(ev.TrialCompleted(T0 + k, k, read))
    return events


# Sorting and filtering


def test_the_trials_are_sorted_by_any_column(folder: Path) -> None:
    async def visit(seen: Watch) -> None:
        assert rows(await seen.press("O")) == ["0", "1", "2", "3", "4"]
        assert rows(await seen.press("o", "o"))[:2] == ["1", "0"]  # by the loss
        assert rows(await seen.press("O"))[:2] == ["0", "1"]
        assert await seen.pilot.click(TrialPane, offset=(3, 0))  # a title
        assert rows(await seen.screen()) == ["0", "1", "2", "3", "4"]

    watch(folder, visit, time=NOW)


def test_the_numbers_of_trials_stay_when_columns_are_scrolled(folder: Path) -> None:
    async def visit(seen: Watch) -> None:
        await seen.pilot.resize_terminal(40, 24)
        assert "attempts" not in await seen.screen()
        screen = await seen.press(*["right"] * 4)
        assert "attempts" in screen
        assert rows(screen) == ["4", "3", "2", "1", "0"]
        await seen.press(*["left"] * 4)
        assert "state" in await seen.screen()

    watch(folder, visit, time=NOW)


def test_the_filter_takes_conditions_and_texts(folder: Path) -> None:
    async def visit(seen: Watch) -> None:
        assert rows(await seen.press("slash", *"x>0.5")) == ["4", "3"]
        await seen.press("enter", "escape")
        assert rows(await seen.press("slash", *"FAIL")) == ["2"]
        screen = await seen.press("escape", "slash", *"nought=1")
        assert "no column 'nought'" in screen
        assert rows(await seen.press("escape")) == ["4", "3", "2", "1", "0"]

    watch(folder, visit, time=NOW)


# Asking for something


def test_cancelling_asks_first_and_leaves_a_request(folder: Path) -> None:
    async def visit(seen: Watch) -> None:
        screen = await seen.press("c")
        assert "Cancel trial 4?" in screen
        assert "No driver runs" in screen
        await seen.press("n")
        assert not (folder / "requests").exists()
        assert "asked to cancel trial 4" in await seen.press("c", "y")
        [request] = requests(folder)
        assert (request["verb"], request["trials"]) == ("cancel", [4])
        [name] = [file.stem for file in (folder / "requests").iterdir()]
        append(folder, ev.TrialsCancelled(NOW, (4,), "me", name))
        assert "trial 4 is cancelled" in await seen.look()

    watch(folder, visit, time=NOW)


def test_only_what_failed_is_retried(folder: Path) -> None:
    async def visit(seen: Watch) -> None:
        assert "only what failed can be run again" in await seen.press("r")
        await seen.press("down", "down", "r", "y")
        [request] = requests(folder)
        assert (request["verb"], request["trials"]) == ("retry", [2])

    watch(folder, visit, time=NOW)


def test_stopping_asks_first_and_leaves_the_request_of_stop(folder: Path) -> None:
    async def visit(seen: Watch) -> None:
        assert "no driver runs: was killed" in await seen.press("S")
        with Lease.acquire(folder / LEASE, heartbeat_s=None):
            seen.clock.time = (folder / LEASE).stat().st_mtime + 1
            await seen.look()
            assert "Stop the driver? Its jobs go on." in await seen.press("S")
            await seen.press("escape")
            assert not (folder / "stop").exists()
            await seen.press("S", "y")
            assert (folder / "stop").exists()
        append(folder, ev.DriverEnded(NOW, "asked to stop", {}))
        assert "the driver ended 2023" in await seen.look()

    watch(folder, visit, time=NOW)


def test_a_request_that_cannot_be_written_is_told(folder: Path) -> None:
    (folder / "requests").write_text("")  # in the way, also for root

    async def visit(seen: Watch) -> None:
        assert "the request cannot be written" in await seen.press("c", "y")

    watch(folder, visit, time=NOW)


def test_nothing_else_is_written(folder: Path) -> None:
    before = {path: path.stat().st_mtime_ns for path in folder.rglob("*")}

    async def visit(seen: Watch) -> None:
        await seen.press("2", "3", "4", "5", "down", "b", "question_mark", "escape")
        await seen.look()

    watch(folder, visit, time=NOW)
    assert {path: path.stat().st_mtime_ns for path in folder.rglob("*")} == before


# Screens


def test_resizing_shows_what_there_is_room_for(folder: Path) -> None:
    async def visit(seen: Watch) -> None:
        for width, height in (LARGE, SMALL, (40, 12), (200, 60), (80, 24)):
            await seen.pilot.resize_terminal(width, height)
            lines = (await seen.screen()).splitlines()
            assert seen.app.size == Size(width, height)
            assert len(lines) == height
            assert lines[0].startswith("demo")
            assert "best" in "\n".join(lines)
        await seen.pilot.resize_terminal(30, 8)
        screen = await seen.screen()
        assert "needs 40 columns" in " ".join(screen.split())
        assert "demo" not in screen
        await seen.pilot.resize_terminal(*SMALL)
        assert "best   loss" in await seen.screen()

    watch(folder, visit, time=NOW)


def test_nothing_that_a_user_wrote_is_obeyed(tmp_path: Path) -> None:
    begun = EVENTS[0]
    assert isinstance(begun, ev.ExperimentBegun)
    definition = {**begun.definition, "name": "[red]\x1b[31mrot[/red]"}
    events: list[ev.Event] = [
        ev.ExperimentBegun(T0, "0.1.0", definition, {}),
        *EVENTS[1:9],
        ev.AttemptEnded(T0 + 20, 0, 0, Cause.TRIAL, "[bold]\x07\u202eevil"),
        ev.TrialFailed(T0 + 21, 0, Cause.TRIAL, "[bold]\x07\u202eevil 🚀 שלום"),
    ]
    folder = make_experiment(tmp_path / "odd", events)
    log = write_log(folder, 0, 0, "")
    log.write_bytes(b"\x1b[2J\x1b]0;title\x07[green]ok\x00\xff\xfe\r\nnext\n")

    async def visit(seen: Watch) -> None:
        screen = await seen.press("5", "O", "home")
        assert r"[red]\x1b[31mrot[/red]" in screen
        assert r"[bold]\x07\u202eevil 🚀 שלום" in screen
        log = await seen.press("4")
        assert "\\x1b[2J\\x1b]0;title\\x07[green]ok\\x00\ufffd\ufffd" in log
        assert "next" in log
        assert not any(code in screen + log for code in "\x1b\x07\x00\u202e")

    watch(folder, visit, time=NOW)


def test_no_colour_is_needed(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")

    async def visit(seen: Watch) -> None:
        screen = await seen.screen()
        assert "▸    4  staged" in screen
        for strip in seen.app.screen._compositor.render_strips():
            for segment in strip:
                style = segment.style
                colours = style and (style.color, style.bgcolor)
                assert all(not c or c.is_default for c in colours or ())

    watch(folder, visit, time=NOW)


# Trouble


def test_trouble_with_the_journal_is_told_and_passes(folder: Path) -> None:
    journal = folder / JOURNAL
    content = journal.read_bytes()

    async def visit(seen: Watch) -> None:
        journal.rename(folder / "away")
        screen = await seen.look()
        assert "expected a journal that can be read: No such file" in screen
        assert "best   loss" in screen  # what was known is still there
        (folder / "away").rename(journal)
        assert "expected a journal" not in await seen.look()

        journal.write_bytes(content[: len(content) // 2])  # truncated
        assert "trials 5 of 6" in await seen.look()
        journal.write_bytes(content)
        assert "best   loss" in await seen.look()

        journal.write_bytes(content[:200] + b"x" + content[201:])  # damaged
        assert "expected a length, a checksum" in await seen.look()
        assert "expected a length, a checksum" in await seen.look()
        journal.write_bytes(content)
        screen = await seen.look()
        assert "expected a length" not in screen
        assert "best   loss" in screen

        journal.write_bytes(b'40 0 {"format":"hpcopt journal","version":2}\n')
        assert "of this version of hpcopt" in " ".join((await seen.look()).split())

    watch(folder, visit, time=NOW)


def test_another_experiment_in_its_place_is_shown(folder: Path, tmp_path: Path) -> None:
    other = make_experiment(tmp_path / "other", EVENTS[:3])

    async def visit(seen: Watch) -> None:
        await seen.press("down", "down")
        (other / JOURNAL).rename(folder / JOURNAL)
        screen = await seen.look()
        assert "trials 5 of 6: 5 candidate" in screen
        assert "best   none so far" in screen

    watch(folder, visit, time=NOW)


def test_an_experiment_that_is_not_begun_is_waited_for(tmp_path: Path) -> None:
    folder = tmp_path / "demo"
    folder.mkdir()

    async def visit(seen: Watch) -> None:
        assert "expected a journal" in await seen.screen()
        await seen.press("1", "2", "3", "4", "5", "c", "r", "S", "o", "down", "b")
        made = make_experiment(tmp_path / "made")
        (made / JOURNAL).rename(folder / JOURNAL)
        assert "best   loss" in await seen.look()

    watch(folder, visit, time=NOW)


def test_an_experiment_without_trials_is_shown(tmp_path: Path) -> None:
    folder = make_experiment(tmp_path / "demo", EVENTS[:2])

    async def visit(seen: Watch) -> None:
        screen = await seen.press("c", "r", "b", "o", "down")
        assert "best   none so far" in screen
        assert "no trial has a value so far" in screen

    watch(folder, visit, time=NOW)


def test_a_phase_without_a_value_is_shown(tmp_path: Path) -> None:
    events = [*EVENTS[:5], ev.AttemptObserved(T0 + 9, 4, 0, Phase.WAITING, "Priority")]
    folder = make_experiment(tmp_path / "demo", events)

    async def visit(seen: Watch) -> None:
        assert "Priority" in await seen.press("2")

    watch(folder, visit, time=NOW)


def test_keys_work_while_a_file_system_hangs(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hangs, look = threading.Event(), Observer.look

    def hang(observer: Observer, now: float) -> Seen:
        assert hangs.wait(timeout=60)
        return look(observer, now)

    async def visit(seen: Watch) -> None:
        monkeypatch.setattr(Observer, "look", hang)
        waiting = asyncio.create_task(seen.app.look())
        await seen.pilot.press("slash", *"x>0.5", "enter")
        assert seen.app.query_one(TrialPane).n_rows == 2
        assert not waiting.done()
        hangs.set()
        await waiting

    watch(folder, visit, time=NOW)


def test_only_the_lines_on_the_screen_are_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    outcomes = [{"loss": float(k)} for k in range(500)]
    folder = make_experiment(tmp_path / "many", [EVENTS[0], *trials_with(outcomes)])
    made: list[int] = []
    make = TrialPane.line

    def line(pane: TrialPane, index: int) -> Text:
        made.append(index)
        return make(pane, index)

    async def visit(seen: Watch) -> None:
        monkeypatch.setattr(TrialPane, "line", line)
        assert rows(await seen.press("end"))[-1] == "0"
        assert rows(await seen.press("pageup", "home"))[0] == "499"
        assert 0 < len(made) < 3 * 4 * SMALL[1]

    watch(folder, visit, time=NOW)


def test_the_selected_trial_stays_on_the_screen_when_it_shrinks(tmp_path: Path) -> None:
    outcomes = [{"loss": float(k)} for k in range(50)]
    folder = make_experiment(tmp_path / "many", [EVENTS[0], *trials_with(outcomes)])

    async def visit(seen: Watch) -> None:
        await seen.pilot.resize_terminal(*LARGE)
        await seen.press(*["down"] * 25)
        await seen.pilot.resize_terminal(*SMALL)
        assert "▸   24  completed" in await seen.screen()

    watch(folder, visit, time=NOW)


def test_a_look_under_a_question_is_shown_below_it(folder: Path) -> None:
    async def visit(seen: Watch) -> None:
        await seen.press("c")
        append(folder, ev.DriverNoted(NOW, "the queue is full", {}))
        screen = await seen.look()
        assert "Cancel trial 4?" in screen
        assert "the queue is full" in await seen.press("n")

    watch(folder, visit, time=NOW)


def test_screens_that_were_closed_leave_nothing_behind(folder: Path) -> None:
    def n_widgets() -> int:
        gc.collect()
        return sum(issubclass(type(one), Widget) for one in gc.get_objects())

    async def visit(seen: Watch) -> None:
        keys = ("question_mark", "escape", "c", "n", "slash", "x", "escape")
        await seen.press(*keys)
        before = n_widgets()
        for _ in range(3):
            await seen.press(*keys)
        assert n_widgets() == before

    watch(folder, visit, time=NOW)
