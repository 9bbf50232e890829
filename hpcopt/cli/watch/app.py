"""The application: panes over what an observer sees, and keys."""

from __future__ import annotations

import asyncio
import dataclasses
import time
from collections.abc import Callable
from pathlib import Path
from typing import ClassVar

from textual import on
from textual.app import App, ComposeResult
from textual.binding import Binding, BindingType
from textual.events import Key
from textual.widgets import Input
from typing_extensions import override

from hpcopt.cli.views.attempt_log import attempt_path
from hpcopt.cli.watch.asks import Asks, question, why_not, why_not_stop
from hpcopt.cli.watch.dashboard import Dashboard
from hpcopt.cli.watch.dialogs import Help, Question
from hpcopt.cli.watch.layout import CSS
from hpcopt.cli.watch.log_tail import LogEnd, LogTail
from hpcopt.cli.watch.observer import Observer, Seen
from hpcopt.cli.watch.pace import Pace
from hpcopt.cli.watch.trial_pane import TrialPane
from hpcopt.core.errors import StorageError
from hpcopt.core.trials.trial import Attempt, Trial
from hpcopt.driver.requests import Verb


class WatchApp(App[None]):
    """The live view of one experiment."""

    CSS = CSS

    ENABLE_COMMAND_PALETTE = False

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("question_mark", "help", "Help"),
        Binding("slash", "filter", "Filter"),
        Binding("o", "order", "Order"),
        Binding("O", "reverse", "Reverse"),
        Binding("b", "best", "Best"),
        Binding("1", "pane('progress')", "Progress"),
        Binding("2", "pane('queue')", "Queue"),
        Binding("3", "pane('timeline')", "Timeline"),
        Binding("4", "pane('log')", "Log"),
        Binding("5", "pane('trial')", "Trial"),
        Binding("a", "attempt", "Attempt"),
        Binding("c", "ask('cancel')", "Cancel"),
        Binding("r", "ask('retry')", "Retry"),
        Binding("S", "stop", "Stop"),
        Binding("escape", "clear", "Clear"),
        Binding("q,ctrl+c,ctrl+q", "quit", "Quit"),
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
        self._shown = Dashboard(folder)
        self._attempts_back = 0
        """Which attempt's log is shown, counted from the latest one."""
        self._question = Question()
        self._looks = asyncio.Lock()
        self._log_is_awaited = False
        """Whether a look at the log is to come, of what is selected then."""

    @override
    def compose(self) -> ComposeResult:
        yield self._shown

    def on_mount(self) -> None:
        """Take a first look, and then look again and again."""
        self.install_screen(Help(), "help")
        self.install_screen(self._question, "question")
        self._begin_look()
        if self._refreshes:
            self.set_interval(1.0, self._tick)

    def _begin_look(self) -> None:
        self.run_worker(self._look_once())  # beside the messages of keys

    async def _look_once(self) -> None:
        await self.look()
        if self._refreshes:
            self.set_timer(self._pace.seconds, self._begin_look)

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
        index, experiment = self._shown.trials.selected, self._seen.experiment
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
        self._shown.show(self._seen)
        self._show_trial()
        for said in self._asks.answers(self._seen):
            self._shown.say(said)

    def _show_trial(self) -> None:
        end, path = self._log_end, self._log_path()
        log = end if end.path == path else LogEnd(path)
        self._shown.show_trial(self._seen, self._trial, self._attempt, log)

    def _tick(self) -> None:
        """Let the durations in the header go on between two looks."""
        if self._seen.experiment is not None:
            now = dataclasses.replace(self._seen, now=self._clock())
            self._shown.show_header(now)

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
        self.push_screen("help")

    def action_pane(self, name: str) -> None:
        """Show a pane; where it is shown already, go to it."""
        self._shown.choose(name)
        self._show_trial()

    def action_order(self) -> None:
        """Sort the trials by the next column."""
        self._shown.trials.sort_by_next()

    def action_reverse(self) -> None:
        """Sort the trials the other way round."""
        self._shown.trials.reverse()

    def action_best(self) -> None:
        """Select the best trial."""
        if self._seen.progress.front:
            self._shown.trials.select(self._seen.progress.front[0])

    def action_attempt(self) -> None:
        """Show the log of an earlier attempt."""
        self._attempts_back += 1
        self._begin_look_at_log()

    def action_filter(self) -> None:
        """Ask which trials to show."""
        self._shown.open_filter()

    def action_clear(self) -> None:
        """Take the filter away."""
        self._shown.close_filter()

    @on(Input.Changed)
    def filter_trials(self, event: Input.Changed) -> None:
        """Show only the trials that are asked for."""
        self._shown.trials.set_filter(event.value)
        self._shown.say(self._shown.trials.problem)

    @on(Input.Submitted)
    def keep_filter(self) -> None:
        """Go back to the table."""
        self._shown.trials.focus()

    def action_ask(self, verb: Verb) -> None:
        """Ask to cancel, or to retry, the trial that is selected."""
        if (trial := self._trial) is None:
            return
        if why := why_not(verb, trial):
            self._shown.say(why)
            return

        def answered(is_meant: bool | None) -> None:
            if is_meant:
                self._request(
                    lambda: self._asks.ask(verb, trial.index),
                    f"asked to {verb} trial {trial.index}",
                )

        self.push_screen(
            self._question.put(question(verb, trial, self._seen)), answered
        )

    def action_stop(self) -> None:
        """Ask the driver to stop."""
        if why := why_not_stop(self._seen):
            self._shown.say(why)
            return

        def answered(is_meant: bool | None) -> None:
            if is_meant:
                self._request(self._asks.stop, "asked the driver to stop")

        self.push_screen(
            self._question.put("Stop the driver? Its jobs go on."), answered
        )

    def _request(self, ask: Callable[[], None], said: str) -> None:
        try:
            ask()
        except StorageError as exc:
            self._shown.say(str(exc))
        else:
            self._shown.say(f"{said}; waiting for the driver")
