"""Everything about the trial that is selected, and the end of its log."""

from __future__ import annotations

from collections.abc import Iterator

from rich.cells import cell_len
from rich.text import Text
from typing_extensions import override

from hpcopt.cli.views import text
from hpcopt.cli.views.facts import job_id, objectives_text
from hpcopt.cli.watch.attempt_panes import node_of
from hpcopt.cli.watch.line_pane import LinePane
from hpcopt.cli.watch.log_tail import LogEnd
from hpcopt.cli.watch.printable import line
from hpcopt.core.goals.goals import Goals
from hpcopt.core.trials.cost import queue_s, run_s
from hpcopt.core.trials.trial import Attempt, Trial

#: The width of the names of facts, in cells.
_N_NAME = 12


class DetailPane(LinePane):
    """The parameters, the metrics and the attempts of one trial."""

    _lines: tuple[Text, ...] = ()
    _trial: Trial | None = None
    _goals: Goals | None = None

    def show(self, trial: Trial | None, goals: Goals | None) -> None:
        """Show a trial; ``None`` where none is selected."""
        if trial is self._trial and self._lines:
            return
        is_other = not (trial and self._trial and trial.index == self._trial.index)
        self._trial, self._goals = trial, goals
        self.renew()
        if is_other:
            self.go_to(y=0)

    @override
    def renew(self) -> None:
        if self._trial is None or self._goals is None:
            self._lines = (line(("no trial is selected", "dim")),)
        else:
            whole = _trial_lines(self._trial, self._goals)
            self._lines = tuple(part for one in whole for part in self._wrapped(one))
        super().renew()

    def _wrapped(self, whole: Text) -> Iterator[Text]:
        """Yield a line in as many as it needs, what is below indented like a value."""
        width = max(_N_NAME + 9, self.room)
        first, rest = whole.divide([_fitting(whole, width)])
        yield first
        while rest:
            part, rest = rest.divide([_fitting(rest, width - _N_NAME - 1)])
            yield Text(" " * (_N_NAME + 1), end="").append_text(part)

    @override
    def n_lines(self) -> int:
        return len(self._lines)

    @override
    def line(self, index: int) -> Text:
        return self._lines[index]


class LogPane(LinePane):
    """The end of the log of one attempt; follows it while its end is on the screen."""

    DEFAULT_CSS = """
    LogPane { overflow-x: auto; scrollbar-size: 0 1; }
    """

    _end = LogEnd()

    def show(self, end: LogEnd) -> None:
        """Show the end of a log."""
        if end is self._end:
            return
        is_other = end.path != self._end.path
        follows = is_other or self.is_at_end
        self._end = end
        self.renew()
        if follows:
            self.go_to(x=0 if is_other else None, y=self.max_scroll_y)

    @override
    def n_lines(self) -> int:
        return len(self._end.lines) or 1

    @override
    def n_cells(self) -> int:
        return max(self.room, *(cell_len(one) + 1 for one in self._end.lines), 0)

    @override
    def line(self, index: int) -> Text:
        if self._end.lines:
            return line(self._end.lines[index])
        if self._end.problem or self._end.path is None:
            return line((self._end.problem or "no attempt was submitted", "dim"))
        return line(("the log is empty" if self._end.is_read else "reading", "dim"))


def _fitting(text: Text, width: int) -> int:
    """Return how many characters of a text fit into so many cells, at least one."""
    n_cells = 0
    for k, character in enumerate(text.plain):
        n_cells += cell_len(character)
        if n_cells > width:
            return max(1, k)
    return len(text)


def _trial_lines(trial: Trial, goals: Goals) -> list[Text]:
    state = trial.status.name.lower()
    lines = [
        line(
            (f"trial {trial.index}  ", "bold"),
            (state, text.STATE_COLOURS.get(state, "")),
            f"  {objectives_text(trial, goals)}",
        )
    ]
    cause = text.CAUSES[trial.cause.value] if trial.cause else ""
    cause = "" if trial.reason.startswith(cause) else cause
    lines += _facts(
        ("why", ": ".join(filter(None, [cause, trial.reason]))),
        ("cancelled by", trial.cancelled_by),
        (
            "proposed by",
            trial.origin.names if trial.origin else trial.generation_method,
        ),
    )
    for what, rows in (
        ("parameters", {k: text.number(v) for k, v in trial.parameters.items()}),
        ("metrics", {k: _value(o.mean, o.sem) for k, o in trial.outcome.items()}),
    ):
        for k, (name, value) in enumerate(rows.items()):
            lines.append(_fact(what if k == 0 else "", f"{name} = {value}"))
    for attempt in reversed(trial.attempts):
        lines += _attempt_lines(attempt)
    return lines


def _value(mean: float, sem: float | None) -> str:
    more = "" if sem is None else f" ± {text.number(sem)}"
    return f"{text.number(mean)}{more}"


def _attempt_lines(attempt: Attempt) -> list[Text]:
    what = attempt.cause.value if attempt.cause else attempt.phase.value
    return [
        line((f"attempt {attempt.number}  ", "bold"), what),
        *_facts(
            ("reason", attempt.reason),
            ("job", job_id(attempt) or ""),
            ("node", node_of(attempt)),
            ("submitted", text.moment(attempt.submitted_at)),
            ("queue time", text.duration(queue_s(attempt))),
            ("run time", text.duration(run_s(attempt))),
        ),
    ]


def _facts(*rows: tuple[str, str]) -> list[Text]:
    return [_fact(name, value) for name, value in rows if value]


def _fact(name: str, value: str) -> Text:
    return line((f"{name:<{_N_NAME}} ", "dim"), value)
