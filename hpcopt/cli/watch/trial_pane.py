"""The table of trials: sorted, filtered, with one of them selected."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar

from rich.cells import cell_len
from rich.text import Text
from textual.binding import Binding, BindingType
from textual.events import Click
from textual.message import Message
from typing_extensions import override

from hpcopt.cli.views import text
from hpcopt.cli.views.facts import why
from hpcopt.cli.watch.line_pane import LinePane
from hpcopt.cli.watch.observer import Seen
from hpcopt.cli.watch.printable import fitted, printable
from hpcopt.core.errors import UsageError
from hpcopt.core.experiment import Experiment
from hpcopt.core.trial_columns import TrialColumn, TrialColumns, violations
from hpcopt.core.trials.cost import run_s
from hpcopt.core.trials.query import parse_condition
from hpcopt.core.trials.trial import Trial

#: Columns are as wide as what so many cells of the last trials need, and at most this
#: wide.
_N_MEASURED = 4000
_MOST_CELLS = 24

_GAP = "  "

#: What a condition has and a text that is looked for has not.
_OPERATOR = re.compile(r"[=<>~]|\bcontains\b")


@dataclass(frozen=True)
class _Shown:
    """A column as it is shown."""

    title: str
    sort_by: str
    """The name of the column of facts by which it sorts."""
    cell: Callable[[Trial], str]
    width: int
    is_right: bool = True


class TrialPane(LinePane):
    """The table of trials."""

    DEFAULT_CSS = """
    TrialPane { overflow-x: auto; scrollbar-size: 0 1; }
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up,k", "move(-1)", "Up"),
        Binding("down,j", "move(1)", "Down"),
        Binding("pageup", "page(-1)", "Page up"),
        Binding("pagedown", "page(1)", "Page down"),
        Binding("home,g", "move(-1000000000)", "Top"),
        Binding("end,G", "move(1000000000)", "Bottom"),
        Binding("left", "sideways(-12)", "Left"),
        Binding("right", "sideways(12)", "Right"),
    ]

    N_HEAD = 1

    class Selected(Message):
        """Another trial is selected."""

    def __init__(self, *, id: str) -> None:
        super().__init__(id=id)
        self.selected: int | None = None
        """The index of the trial that is selected."""
        self.problem = ""
        """Why the filter cannot be used, in a sentence."""
        self.filter = ""
        self.order = "index"
        """The name of the column that the trials are sorted by."""
        self.is_falling = True
        """Whether the largest come first."""
        self._is_following = True
        """Whether the top row is selected, whichever trial comes to be there."""
        self._experiment: Experiment | None = None
        self._facts: TrialColumns | None = None
        self._columns: list[_Shown] = []
        self._texts: dict[int, tuple[Trial, str]] = {}
        """What is in the cells of each trial, while a text is looked for."""
        self._chosen: list[Trial] = []
        self._rows: list[Trial] = []
        self._version = -1

    # What it shows

    def show(self, seen: Seen) -> None:
        """Show the trials of what was seen, if they are others than before."""
        if seen.experiment is None or seen.version == self._version:
            return
        self._version = seen.version
        self._experiment = seen.experiment
        self._facts = TrialColumns(seen.experiment)
        self._columns = _columns(seen.experiment, self._facts)
        self.reorder()

    def set_filter(self, words: str) -> None:
        """Show only the trials that satisfy a condition, or that contain some text."""
        self.filter = words.strip()
        self.reorder()

    def sort_by(self, order: str) -> None:
        """Sort by a column; the other way round if that is how it is sorted."""
        self.is_falling = not self.is_falling if order == self.order else False
        self.order = order
        self.reorder()

    def sort_by_next(self) -> None:
        """Sort by the next one of the columns that are shown."""
        names = [column.sort_by for column in self._columns]
        at = names.index(self.order) if self.order in names else -1
        self.is_falling = False
        self.order = names[(at + 1) % len(names)] if names else "index"
        self.reorder()

    def reverse(self) -> None:
        """Sort the other way round."""
        self.is_falling = not self.is_falling
        self.reorder()

    def reorder(self) -> None:
        """Choose the trials and their order anew.

        The selected one stays selected, or else the top row, as long as nobody has
        gone elsewhere.
        """
        if self._experiment is None or self._facts is None:
            return
        self.problem = ""
        try:
            self._chosen = self._choose(self._experiment, self._facts)
        except UsageError as exc:  # it may be half written: the rows stay as they are
            self.problem = str(exc)
        if self.order not in (column.sort_by for column in self._columns):
            self.order = "index"  # the column was another experiment's
        sign = "-" if self.is_falling else ""
        self._rows = self._facts.sort(self._chosen, f"{sign}{self.order}")
        self.renew()
        self._keep_selected()

    def _choose(self, experiment: Experiment, facts: TrialColumns) -> list[Trial]:
        trials = list(experiment.trials)
        if not self.filter:
            self._texts.clear()
            return trials
        if _OPERATOR.search(self.filter):
            return facts.choose(parse_condition(self.filter), trials)
        words = self.filter.lower()
        return [trial for trial in trials if self._contains(trial, words)]

    def _contains(self, trial: Trial, words: str) -> bool:
        known, text = self._texts.get(trial.index, (None, ""))
        if known is not trial:
            text = "\n".join(column.cell(trial) for column in self._columns).lower()
            self._texts[trial.index] = trial, text
        return words in text

    @property
    def n_rows(self) -> int:
        """How many trials are in the table."""
        return len(self._rows)

    # The selection

    def select(self, index: int) -> None:
        """Select a trial, and show it."""
        position = self._position_of(index)
        if position is not None:
            self._is_following = False
            self._select_row(position)

    def action_move(self, n: int) -> None:
        """Select the trial so many rows below; at the top, follow what comes."""
        row = (self._position_of(self.selected) or 0) + n
        self._is_following = row <= 0
        self._select_row(row)

    def action_page(self, n: int) -> None:
        """Select a trial one page below, or above."""
        self.action_move(n * max(1, self.n_visible - 1))

    def action_sideways(self, n: int) -> None:
        """Show columns further right, or left."""
        self.go_to(x=self.scroll_x + n)

    @override
    def on_resize(self) -> None:
        self.renew()
        self._keep_selected()

    def _position_of(self, index: int | None) -> int | None:
        rows = enumerate(self._rows)
        return next((k for k, trial in rows if trial.index == index), None)

    def _keep_selected(self) -> None:
        position = None if self._is_following else self._position_of(self.selected)
        if position is None:
            self._select_row(0)
        else:
            self.show_line(position)

    def _select_row(self, row: int) -> None:
        if not self._rows:
            return
        row = min(max(row, 0), len(self._rows) - 1)
        self.show_line(row)
        if self._rows[row].index != self.selected:
            self.selected = self._rows[row].index
            self.refresh()
            self.post_message(self.Selected())

    def on_click(self, event: Click) -> None:
        """Select a row; sort by a column whose title is clicked on."""
        row = event.y - self.N_HEAD
        if row >= 0:
            self._is_following = False
            self._select_row(row + round(self.scroll_y))
            return
        is_fixed = event.x < self.n_fixed()
        x = event.x - 1 + (0 if is_fixed else round(self.scroll_x))
        for column in self._columns:
            if x < column.width + len(_GAP):
                self.sort_by(column.sort_by)
                return
            x -= column.width + len(_GAP)

    # Its lines

    @override
    def n_lines(self) -> int:
        return len(self._rows)

    @override
    def n_cells(self) -> int:
        widths = (column.width + len(_GAP) for column in self._columns)
        return max(self.room, 1 + sum(widths))

    @override
    def n_fixed(self) -> int:
        return 1 + self._columns[0].width + len(_GAP) if self._columns else 0

    @override
    def head(self) -> list[Text]:
        line = Text(style="bold", end="")
        gap = " "
        for column in self._columns:
            is_order = column.sort_by == self.order
            arrow = ("▼" if self.is_falling else "▲") if is_order else " "
            line.append(gap[1:] + arrow)
            cell = fitted(column.title, column.width, is_right=column.is_right)
            line.append(cell, "underline" if is_order else None)
            gap = _GAP
        return [line]

    @override
    def line(self, index: int) -> Text:
        trial = self._rows[index]
        is_selected = trial.index == self.selected
        name = trial.status.name.lower()
        line = Text("▸" if is_selected else " ", end="")
        for column in self._columns:
            cell = fitted(column.cell(trial), column.width, is_right=column.is_right)
            is_state = column.sort_by == "status"
            line.append(cell, text.STATE_COLOURS.get(name) if is_state else None)
            line.append(_GAP)
        if is_selected:
            line.pad_right(max(0, self.n_cells() - line.cell_len))
            line.stylize("reverse")
        return line


def _columns(experiment: Experiment, facts: TrialColumns) -> list[_Shown]:
    """Return the columns that are shown, the most wanted ones first."""
    objectives = [
        _plain(column, column.meaning.partition(" ")[2]) for column in facts.objectives
    ]
    labels = {column.title for column in objectives}
    metrics = [
        _plain(column, name)
        for column in facts.metrics
        if (name := column.name.removeprefix("metrics.")) not in labels
        and not column.name.endswith(".sem")
    ]
    parameters = [
        _plain(column, column.name.removeprefix("parameters."))
        for column in facts.parameters
    ]
    goals = experiment.absolute_goals
    feasible = _Shown(
        "feasible",
        "feasible",
        lambda t: "no" if violations(t, goals) else "",
        0,
        is_right=False,
    )
    wanted = [
        _plain(facts.find("index"), "trial"),
        _Shown("state", "status", lambda t: t.status.name.lower(), 0, is_right=False),
        *objectives,
        *([feasible] if goals.constraints else []),
        _Shown("run time", "run_s", _run_time, 0),
        *parameters,
        *metrics,
        _plain(facts.find("attempts"), "attempts"),
        _plain(facts.find("node"), "node"),
        _plain(facts.find("job"), "job"),
        _Shown("why", "reason", lambda t: printable(why(t)), 0, is_right=False),
    ]
    trials = experiment.trials[-max(20, _N_MEASURED // len(wanted)) :]
    return [_measured(column, trials) for column in wanted]


def _plain(column: TrialColumn, title: str) -> _Shown:
    def cell(trial: Trial) -> str:
        return printable(text.number(column.value(trial)))

    return _Shown(printable(title), column.name, cell, 0)


def _measured(column: _Shown, trials: tuple[Trial, ...]) -> _Shown:
    widths = [cell_len(column.title), *(cell_len(column.cell(t)) for t in trials)]
    most = 60 if column.title == "why" else _MOST_CELLS
    width = min(most, max(widths))
    return _Shown(column.title, column.sort_by, column.cell, width, column.is_right)


def _run_time(trial: Trial) -> str:
    return text.duration(run_s(trial.attempt)) if trial.attempt else ""
