"""The application: panes over what an observer sees, and keys."""

from __future__ import annotations

import asyncio
import dataclasses
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import ClassVar

from rich.text import Text
from textual import on
from textual.app import App, ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Container
from textual.events import Key, Resize
from textual.widgets import Footer, Input, Static
from typing_extensions import override

from hpcopt.cli.views.attempt_log import attempt_path
from hpcopt.cli.watch.asks import Asks, question, why_not, why_not_stop
from hpcopt.cli.watch.attempt_panes import QueuePane, TimelinePane
from hpcopt.cli.watch.dialogs import Help, Question
from hpcopt.cli.watch.header import header
from hpcopt.cli.watch.layout import CSS, LEAST, PANES, WIDE
from hpcopt.cli.watch.line_pane import LinePane
from hpcopt.cli.watch.log_tail import LogEnd, LogTail
from hpcopt.cli.watch.observer import Observer, Seen
from hpcopt.cli.watch.pace import Pace
from hpcopt.cli.watch.printable import line, printable
from hpcopt.cli.watch.progress_pane import ProgressPane
from hpcopt.cli.watch.trial_details import DetailPane, LogPane
from hpcopt.cli.watch.trial_pane import TrialPane
from hpcopt.core.errors import StorageError
from hpcopt.core.trials.trial import Attempt, Trial
from hpcopt.driver.requests import Verb


class WatchApp(App[None]):
    """The live view of one experiment."""

    CSS = CSS

    ENABLE_COMMAND_PALETTE = False

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("question_mark", "help", "Help", key_display="?"),
        Binding("slash", "filter", "Filter", key_display="/"),
        Binding("o", "order", "Order"),
        Binding("O", "reverse", "Reverse", show=False),
        Binding("b", "best", "Best"),
        Binding("1", "pane('progress')", "Progress", show=False),
        Binding("2", "pane('queue')", "Queue", show=False),
        Binding("3", "pane('timeline')", "Timeline", show=False),
        Binding("4", "pane('log')", "Log", show=False),
        Binding("5", "pane('trial')", "Trial", show=False),
        Binding("a", "attempt", "Attempt", show=False),
        Binding("c", "ask('cancel')", "Cancel"),
        Binding("r", "ask('retry')", "Retry"),
        Binding("S", "stop", "Stop"),
        Binding("escape", "clear", "Clear", show=False),
        Binding("q,ctrl+c,ctrl+q", "quit", "Quit", key_display="q", priority=False),
    ]

    def __init__(
        self,
        folder: Path,
        *,
        clock: Callable[[], float] = time.time,
        refreshes: bool = True,
    ) -> None:
        """Watch the experiment in ``folder``.

        Args:
            folder: Absolute.
            clock: Tells the seconds since the epoch.
            refreshes: Whether it looks again by itself; else only ``look`` does.
        """
        super().__init__(ansi_color=True)
        self._folder = folder
        self._clock = clock
        self._refreshes = refreshes
        self._observer = Observer(folder)
        self._log_tail = LogTail()
        self._asks = Asks(folder)
        self._pace = Pace()
        self._seen = Seen(clock())
        self._log_end = LogEnd()
        self._pane = PANES[0]
        self._attempts_back = 0
        """Which attempt's log is shown, counted from the latest one."""
        self._looks = asyncio.Lock()
        self._log_is_awaited = False
        """Whether a look at the log is to come, of what is selected then."""

    @override
    def compose(self) -> ComposeResult:
        yield Static("", id="header", markup=False)
        yield Static("", id="problem", classes="told", markup=False)
        with Container(id="body"):
            with Container(id="left"):
                yield TrialPane(id="trials")
                yield Input(placeholder="status = failed and x1 > 0.5", id="filter")
            yield Static("", id="tabs", markup=False)
            for name, pane in self._panes():
                with Container(id=f"{name}_box", classes="box"):
                    yield Static(name, id=f"{name}_title", markup=False)
                    yield pane
        yield Static("", id="said", classes="told", markup=False)
        yield Static("", id="too_small", markup=False)
        yield Footer(show_command_palette=False)

    def _panes(self) -> Iterator[tuple[str, LinePane]]:
        yield "progress", ProgressPane(id="progress")
        yield "queue", QueuePane(id="queue")
        yield "timeline", TimelinePane(id="timeline")
        yield "log", LogPane(id="log")
        yield "trial", DetailPane(id="trial")

    def on_mount(self) -> None:
        """Take a first look, and then look again and again."""
        self.query_one(TrialPane).focus()
        self._choose_pane(PANES[0])
        self.query_one("#header", Static).update("reading the journal")
        self._begin_look()
        if self._refreshes:
            self.set_interval(1.0, self._tick)

    def _begin_look(self) -> None:
        self.run_worker(self._look_once())  # beside the messages of keys

    async def _look_once(self) -> None:
        await self.look()
        if self._refreshes:
            self.set_timer(self._pace.seconds, self._begin_look)

    def _tick(self) -> None:
        """Let the durations in the header go on between two looks."""
        if self._seen.experiment is not None:
            self._show_header()

    # Looking

    async def look(self) -> None:
        """Look at the experiment's folder, and show what there is.

        The file system is asked on another thread: where it hangs, as network file
        systems do, the keys go on to work.
        """
        begun_at = time.monotonic()
        async with self._looks:
            version, log = self._seen.version, self._log_end
            self._seen = await asyncio.to_thread(self._observer.look, self._clock())
            self._log_end = await asyncio.to_thread(
                self._log_tail.read, self._log_path()
            )
        is_new = self._seen.version != version or self._log_end is not log
        self._show()
        self._pace.looked(is_new=is_new, took_s=time.monotonic() - begun_at)

    async def _look_at_log(self) -> None:
        async with self._looks:
            self._log_is_awaited = False
            self._log_end = await asyncio.to_thread(
                self._log_tail.read, self._log_path()
            )
        self._show_trial()

    def on_key(self, event: Key) -> None:
        """Look often while somebody is there."""
        self._pace.quicken()

    @property
    def _trial(self) -> Trial | None:
        """The trial that is selected."""
        index, experiment = self.query_one(TrialPane).selected, self._seen.experiment
        if index is None or experiment is None or index >= experiment.n_trials:
            return None
        return experiment.trial(index)

    @property
    def _attempt(self) -> Attempt | None:
        """The attempt whose log is shown."""
        trial = self._trial
        if trial is None or not trial.attempts:
            return None
        return trial.attempts[-1 - self._attempts_back % len(trial.attempts)]

    def _log_path(self) -> Path | None:
        attempt = self._attempt
        return None if attempt is None else attempt_path(self._folder, attempt).log

    # Showing

    def _show(self) -> None:
        self.query_one(TrialPane).show(self._seen)
        self.query_one(ProgressPane).show(self._seen)
        self.query_one(QueuePane).show(self._seen)
        self._show_trial()
        self._show_header()
        if self._seen.experiment is not None:
            for said in self._asks.answers(self._seen.experiment):
                self._say(said)

    def _show_trial(self) -> None:
        experiment, trial, attempt = self._seen.experiment, self._trial, self._attempt
        goals = None if experiment is None else experiment.absolute_goals
        self.query_one(DetailPane).show(trial, goals)
        self.query_one(TimelinePane).show(
            self._seen, None if trial is None else trial.index
        )
        end, path = self._log_end, self._log_path()
        self.query_one(LogPane).show(end if end.path == path else LogEnd(path))
        self._show_titles(trial, attempt)

    def _show_header(self) -> None:
        lines = header(self._seen_now(), printable(str(self._folder)))
        self.query_one("#header", Static).update(Text("\n").join(lines))
        problem = self.query_one("#problem", Static)
        problem.update(line((self._seen.problem, "bold red")))
        problem.set_class(bool(self._seen.problem), "open")

    def _seen_now(self) -> Seen:
        """Return what was seen, as it is after the time since."""
        return dataclasses.replace(self._seen, now=self._clock())

    def _show_titles(self, trial: Trial | None, attempt: Attempt | None) -> None:
        titles = dict.fromkeys(PANES, "")
        if trial is not None:
            titles["trial"] = f" {trial.index}"
        if attempt is not None:
            titles["log"] = f" of {attempt.trial_index}.{attempt.number}"
        tabs = line()
        for k, name in enumerate(PANES, start=1):
            title = f"{k} {name}{titles[name]}"
            is_chosen = name == self._pane
            tabs.append(f" {title} ", "reverse" if is_chosen else "")
            tabs.append(" ")
            self.query_one(f"#{name}_title", Static).update(
                line((f"── {title} ", "bold"), ("─" * 200, "dim"))
            )
        self.query_one("#tabs", Static).update(tabs)

    def _say(self, words: str) -> None:
        said = self.query_one("#said", Static)
        said.update(line((words, "yellow")))
        said.set_class(bool(words), "open")

    @on(Resize)
    def fit(self, event: Resize) -> None:
        """Show one pane or all of them, as there is room."""
        width, height = event.size
        is_small = width < LEAST[0] or height < LEAST[1]
        self.screen.set_class(is_small, "small")
        self.screen.set_class(width >= WIDE[0] and height >= WIDE[1], "wide")
        self.query_one("#too_small", Static).update(
            f"hpcopt watch needs {LEAST[0]} columns and {LEAST[1]} lines; "
            f"here are {width} and {height}. Make the window larger, or see hpcopt "
            "status. q leaves."
        )

    @on(TrialPane.Selected)
    def show_selected(self) -> None:
        """Show what belongs to the trial that is selected now."""
        self._attempts_back = 0
        self._show_trial()
        self._begin_look_at_log()

    def _begin_look_at_log(self) -> None:
        if not self._log_is_awaited:
            self._log_is_awaited = True
            self.run_worker(self._look_at_log())

    # Keys

    def action_help(self) -> None:
        """Say what the keys do."""
        self.push_screen(Help())

    def action_pane(self, name: str) -> None:
        """Show a pane; where all are shown, go to it."""
        if self._pane == name or self.screen.has_class("wide"):
            self.query_one(f"#{name}").focus()
        self._choose_pane(name)

    def _choose_pane(self, name: str) -> None:
        self._pane = name
        for one in PANES:
            self.query_one(f"#{one}_box").set_class(one == name, "chosen")
        self._show_titles(self._trial, self._attempt)

    def action_order(self) -> None:
        """Sort the trials by the next column."""
        self.query_one(TrialPane).sort_by_next()

    def action_reverse(self) -> None:
        """Sort the trials the other way round."""
        self.query_one(TrialPane).reverse()

    def action_best(self) -> None:
        """Select the best trial."""
        if self._seen.progress.front:
            self.query_one(TrialPane).select(self._seen.progress.front[0])

    def action_attempt(self) -> None:
        """Show the log of an earlier attempt."""
        self._attempts_back += 1
        self._begin_look_at_log()

    def action_filter(self) -> None:
        """Ask which trials to show."""
        box = self.query_one("#filter", Input)
        box.add_class("open")
        box.focus()

    def action_clear(self) -> None:
        """Take the filter away."""
        box = self.query_one("#filter", Input)
        box.value = ""
        box.remove_class("open")
        self._say("")
        self.query_one(TrialPane).focus()

    @on(Input.Changed, "#filter")
    def filter(self, event: Input.Changed) -> None:
        """Show only the trials that are asked for."""
        trials = self.query_one(TrialPane)
        trials.set_filter(event.value)
        self._say(trials.problem)

    @on(Input.Submitted, "#filter")
    def keep_filter(self) -> None:
        """Go back to the table."""
        self.query_one(TrialPane).focus()

    def action_ask(self, verb: Verb) -> None:
        """Ask to cancel, or to retry, the trial that is selected."""
        if (trial := self._trial) is None:
            return
        if why := why_not(verb, trial):
            self._say(why)
            return

        def answered(is_meant: bool | None) -> None:
            if is_meant:
                self._request(
                    lambda: self._asks.ask(verb, trial.index),
                    f"asked to {verb} trial {trial.index}",
                )

        self.push_screen(Question(question(verb, trial, self._seen)), answered)

    def action_stop(self) -> None:
        """Ask the driver to stop."""
        if why := why_not_stop(self._seen):
            self._say(why)
            return

        def answered(is_meant: bool | None) -> None:
            if is_meant:
                self._request(self._asks.stop, "asked the driver to stop")

        self.push_screen(Question("Stop the driver? Its jobs go on."), answered)

    def _request(self, ask: Callable[[], None], said: str) -> None:
        try:
            ask()
        except StorageError as exc:
            self._say(str(exc))
        else:
            self._say(f"{said}; waiting for the driver")
