"""All that is on the screen: the header, the table of trials, the panes."""

from __future__ import annotations

from pathlib import Path

from rich.text import Text
from textual.app import ComposeResult
from textual.containers import Container
from textual.events import Resize
from textual.widgets import Input, Static
from typing_extensions import override

from hpcopt.cli.watch.attempt_panes import QueuePane, TimelinePane
from hpcopt.cli.watch.header import header
from hpcopt.cli.watch.layout import KEYS, LEAST, PANES, WIDE
from hpcopt.cli.watch.line_pane import LinePane
from hpcopt.cli.watch.log_tail import LogEnd
from hpcopt.cli.watch.observer import Seen
from hpcopt.cli.watch.printable import line, printable
from hpcopt.cli.watch.progress_pane import ProgressPane
from hpcopt.cli.watch.trial_details import DetailPane, LogPane
from hpcopt.cli.watch.trial_pane import TrialPane
from hpcopt.core.trials.trial import Attempt, Trial


class _Words(Static):
    """Words in which markup means nothing."""

    def __init__(self, words: str = "", *, id: str, classes: str = "") -> None:
        super().__init__(words, id=id, classes=classes, markup=False)


class Dashboard(Container):
    """Shows what an observer has seen.

    It keeps its parts: an application that is about to end finds them no more by name,
    while a look may still be under way.
    """

    def __init__(self, folder: Path) -> None:
        """Show nothing yet of the experiment in ``folder``."""
        super().__init__(id="dashboard")
        self._folder = printable(str(folder))
        self.trials = TrialPane(id="trials")
        self.filter_box = Input(placeholder="status = failed and x1 > 0.5", id="filter")
        self.progress = ProgressPane(id="progress")
        self.queue = QueuePane(id="queue")
        self.timeline = TimelinePane(id="timeline")
        self.log_pane = LogPane(id="log")
        self.detail = DetailPane(id="trial")
        self.panes: dict[str, LinePane] = dict(
            zip(
                PANES,
                (self.progress, self.queue, self.timeline, self.log_pane, self.detail),
                strict=True,
            )
        )
        self._of = dict.fromkeys(PANES, "")
        """Of what each pane is, such as of which trial."""
        self.chosen = ""
        """The name of the pane that a small screen shows."""
        self._header = _Words("reading the journal", id="header")
        self._problem = _Words(id="problem", classes="told")
        self._tabs = _Words(id="tabs")
        self._titles = {name: _Words(name, id=f"{name}_title") for name in PANES}
        self._boxes: dict[str, Container] = {}
        self._keys = _Words(id="keys")
        self._said = _Words(id="said", classes="told")
        self._too_small = _Words(id="too_small")

    @override
    def compose(self) -> ComposeResult:
        yield self._header
        yield self._problem
        with Container(id="body"):
            with Container(id="left"):
                yield self.trials
                yield self.filter_box
            yield self._tabs
            for name, pane in self.panes.items():
                box = Container(self._titles[name], pane, classes="box")
                self._boxes[name] = box
                yield box
        yield self._said
        yield self._keys
        yield self._too_small

    def on_mount(self) -> None:
        """Begin in the table."""
        self.trials.focus()
        self.choose(PANES[0])
        keys = line()
        for key, what in KEYS:
            keys.append(f" {key} ", "bold reverse").append(f" {what} ")
        self._keys.update(keys)

    def on_resize(self, event: Resize) -> None:
        """Show one pane or all of them, as there is room."""
        width, height = self.app.size
        is_small = width < LEAST[0] or height < LEAST[1]
        self.set_class(is_small, "small")
        self.set_class(width >= WIDE[0] and height >= WIDE[1], "wide")
        self._too_small.update(
            f"hpcopt watch needs {LEAST[0]} columns and {LEAST[1]} lines; here are "
            f"{width} and {height}. Make the window larger, or see hpcopt status. q "
            "leaves."
        )

    # What is shown

    def show(self, seen: Seen) -> None:
        """Show the experiment as it was seen."""
        self.trials.show(seen)
        self.progress.show(seen)
        self.queue.show(seen)
        self.show_header(seen)

    def show_header(self, seen: Seen) -> None:
        """Show the lines on top."""
        self._header.update(Text("\n").join(header(seen, self._folder)))
        self._problem.update(line((seen.problem, "bold red")))
        self._problem.set_class(bool(seen.problem), "open")

    def show_trial(
        self, seen: Seen, trial: Trial | None, attempt: Attempt | None, log: LogEnd
    ) -> None:
        """Show what belongs to the trial that is selected."""
        goals = None if seen.experiment is None else seen.experiment.absolute_goals
        self.detail.show(trial, goals)
        self.timeline.show(seen, None if trial is None else trial.index)
        self.log_pane.show(log)
        self._of = dict.fromkeys(PANES, "")
        if trial is not None:
            self._of["trial"] = f" {trial.index}"
        if attempt is not None:
            self._of["log"] = f" of {attempt.trial_index}.{attempt.number}"
        self._show_titles()

    def on_descendant_focus(self) -> None:
        """Show which pane the keys go to."""
        self._show_titles()

    def _show_titles(self) -> None:
        tabs = line()
        for k, name in enumerate(PANES, start=1):
            title = f"{k} {name}{self._of[name]}"
            tabs.append(f" {title} ", "reverse" if name == self.chosen else "")
            tabs.append(" ")
            style = "bold reverse" if self.panes[name].has_focus else "bold"
            self._titles[name].update(line((f"── {title} ", style), ("─" * 200, "dim")))
        self._tabs.update(tabs)

    def say(self, words: str) -> None:
        """Show a sentence, or no longer, where it is empty."""
        self._said.update(line((words, "yellow")))
        self._said.set_class(bool(words), "open")

    def choose(self, name: str) -> None:
        """Show a pane on a small screen; go to it where it is shown already."""
        if name == self.chosen or self.has_class("wide"):
            self.panes[name].focus()
        self.chosen = name
        for one, box in self._boxes.items():
            box.set_class(one == name, "chosen")

    # The filter

    def open_filter(self) -> None:
        """Ask which trials to show."""
        self.filter_box.add_class("open")
        self.filter_box.focus()

    def close_filter(self) -> None:
        """Take the filter away."""
        self.filter_box.value = ""
        self.filter_box.remove_class("open")
        self.say("")
        self.trials.focus()
