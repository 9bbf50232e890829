"""What is laid over the panes: questions before something is asked for, and help."""

from __future__ import annotations

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.screen import ModalScreen
from textual.widgets import Static
from typing_extensions import override

from hpcopt.cli.watch.printable import printable

HELP = """\
up down PgUp PgDn Home End   select a trial; at the top: the newest
left right                   more columns, or more of a log
/           filter: a text, or a condition such as
            status = failed and x1 > 0.5
            (Enter keeps it, Esc takes it away)
o  O        order by the next column; the other way round
b           go to the best trial
1 2 3 4 5   progress, queue, timeline, log, trial
Tab  Esc    go to the next pane, to scroll it; back to the table
a           an earlier attempt of the trial, for its log
c           ask to cancel the trial
r           ask to run the trial again
S           ask the driver to stop; its jobs go on
q           leave; the experiment goes on

Nothing here runs anything: what is asked for is left in the
experiment's folder for its driver, as hpcopt stop, cancel
and retry do."""


class Question(ModalScreen[bool]):
    """Asks whether something is meant; only ``y`` says yes.

    One of them asks all questions, one after the other.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("y", "answer(True)", "Yes"),
        Binding("n,escape,q,enter", "answer(False)", "No"),
    ]

    def __init__(self) -> None:
        super().__init__()
        self._words = Static(markup=False, classes="dialog")

    @override
    def compose(self) -> ComposeResult:
        yield self._words

    def put(self, question: str) -> Question:
        """Put the question, and return itself, to be shown."""
        self._words.update(f"{printable(question)}\n\n  y  yes     n  no")
        return self

    def action_answer(self, is_yes: bool) -> None:
        """Close the question."""
        self.dismiss(is_yes)


class Help(ModalScreen[None]):
    """Says what the keys do."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q,enter,question_mark,space", "close", "Close")
    ]

    @override
    def compose(self) -> ComposeResult:
        with VerticalScroll(classes="dialog", id="help"):
            yield Static(HELP, markup=False)

    def action_close(self) -> None:
        """Close the help."""
        self.dismiss()
