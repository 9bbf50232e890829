"""What the attempts do: the queue of those that are live, and when each of all ran."""

from __future__ import annotations

import dataclasses
from functools import cached_property

from rich.text import Text
from typing_extensions import override

from hpcopt.cli.views import text
from hpcopt.cli.views.facts import job_id, live_attempts, why
from hpcopt.cli.watch.line_pane import LinePane
from hpcopt.cli.watch.observer import Seen
from hpcopt.cli.watch.printable import fitted, line, printable
from hpcopt.core.trials.trial import Attempt, Cause, Phase, Trial, TrialStatus

#: The columns of the queue and their widths in cells; the last one has what is left.
_QUEUE = (("attempt", 8), ("phase", 8), ("for", 12), ("node", 12), ("job", 11))

#: How the end of an attempt is shown, by its cause.
_ENDS = {
    Cause.SUCCESS: ("green", "succeeded"),
    Cause.USER: ("yellow", text.CAUSES["user"]),
}


def node_of(attempt: Attempt) -> str:
    """Return the node that an attempt runs or ran on, as it is told; or nothing."""
    node = attempt.facts.get("node") or attempt.facts.get("host")
    return printable(str(node)) if node else ""


def _name(attempt: Attempt) -> str:
    return f"{attempt.trial_index}.{attempt.number}"


class QueuePane(LinePane):
    """The live attempts: which wait and which run, since when, why, and where."""

    N_HEAD = 1

    _seen = Seen(0.0)
    _attempts: tuple[Attempt, ...] = ()

    def show(self, seen: Seen) -> None:
        """Show the live attempts of what was seen."""
        self._seen = seen
        if seen.experiment is not None:
            live = live_attempts(seen.experiment)
            # Those that run come first, and of each kind the one that came first.
            live.sort(key=lambda a: (a.phase is not Phase.RUNNING, a.staged_at))
            self._attempts = tuple(live)
        self.renew()

    @override
    def head(self) -> list[Text]:
        titles = "  ".join(fitted(title, width) for title, width in _QUEUE)
        return [line((f"{titles}  reason", "bold"))]

    @override
    def n_lines(self) -> int:
        return max(1, len(self._attempts))

    @override
    def line(self, index: int) -> Text:
        if not self._attempts:
            return line(("no attempt is live", "dim"))
        attempt = self._attempts[index]
        since = attempt.started_at or attempt.submitted_at or attempt.staged_at
        phase = attempt.phase.value if attempt.metadata is not None else "staged"
        cells = (
            _name(attempt),
            phase,
            text.duration(max(0.0, self._seen.until - since)),
            node_of(attempt),
            printable(job_id(attempt) or ""),
        )
        shown = [
            fitted(cell, width) for cell, (_, width) in zip(cells, _QUEUE, strict=True)
        ]
        colour = text.STATE_COLOURS.get("running" if phase == "running" else "staged")
        reason = ""
        if self._seen.experiment is not None:
            reason = why(self._seen.experiment.trial(attempt.trial_index))
        return line(
            f"{shown[0]}  ",
            (shown[1], colour or ""),
            f"  {'  '.join(shown[2:])}  {reason}",
        )


class TimelinePane(LinePane):
    """Bars of when each attempt waited and ran, the latest one on top."""

    N_HEAD = 1

    _seen = Seen(0.0)
    _version = -1
    _attempts: tuple[Attempt, ...] = ()
    _selected: int | None = None

    def show(self, seen: Seen, selected: int | None) -> None:
        """Show the attempts of what was seen; those of one trial stand out."""
        self._seen, self._selected = seen, selected
        if seen.experiment is not None and seen.version != self._version:
            self._version = seen.version
            attempts = [
                _judged(t, a) for t in seen.experiment.trials for a in t.attempts
            ]
            attempts.sort(key=lambda a: (a.staged_at, a.key), reverse=True)
            self._attempts = tuple(attempts)
        self.renew()

    @override
    def renew(self) -> None:
        self.__dict__.pop("_span", None)
        super().renew()

    @override
    def watch_scroll_y(self, old_value: float, new_value: float) -> None:
        """Fit the time to what is visible now."""
        self.__dict__.pop("_span", None)
        super().watch_scroll_y(old_value, new_value)

    @cached_property
    def _span(self) -> tuple[float, float]:
        """When the bars that are visible begin and end, in seconds since the epoch."""
        top = round(self.scroll_y)
        shown = self._attempts[top : top + max(1, self.n_visible)]
        ends = [self._seen.until if a.is_live else a.ended_at or 0.0 for a in shown]
        begin = min((a.staged_at for a in shown), default=self._seen.until)
        end = max(ends, default=begin)
        return begin, max(end, begin + 1.0)

    @property
    def _n_bar(self) -> int:
        """The width of a bar, in cells: what the name and the end leave."""
        return max(8, self.room - 9 - (17 if self.room >= 56 else 0))

    @override
    def head(self) -> list[Text]:
        if not self._attempts:
            return [line()]
        begin, end = self._span
        left, right = text.moment(begin), text.moment(end)
        if self._n_bar < len(left) + len(right) + 2:
            right = text.duration(end - begin) + " later"
        if self._n_bar < len(left) + len(right) + 2:
            left, right = "", text.duration(end - begin)
        gap = max(1, self._n_bar - len(left) - len(right))
        return [line((f"{fitted('attempt', 8)} {left}{' ' * gap}{right}", "bold"))]

    @override
    def n_lines(self) -> int:
        return max(1, len(self._attempts))

    @override
    def line(self, index: int) -> Text:
        if not self._attempts:
            return line(("nothing was submitted so far", "dim"))
        attempt = self._attempts[index]
        started = self._column(attempt.started_at)
        staged = self._column(attempt.staged_at) or 0
        until = self._seen.until if attempt.is_live else attempt.ended_at
        ended = self._column(until)
        last = self._n_bar - 1 if ended is None else ended
        colour, what = _fate(attempt)
        run_from = staged if started is None and not attempt.is_live else started
        if run_from is None:
            run_from = last + 1
        waits = max(0, min(run_from, last + 1) - staged)
        runs = max(0, last + 1 - staged - waits)
        mark = "*" if attempt.trial_index == self._selected else " "
        return line(
            f"{mark}{fitted(_name(attempt), 7)} {' ' * staged}",
            ("░" * waits, "blue"),
            ("█" * runs, colour),
            f"{' ' * max(0, self._n_bar - staged - waits - runs)} ",
            (what, colour) if self.room >= 56 else "",
        )

    def _column(self, time: float | None) -> int | None:
        if time is None:
            return None
        begin, end = self._span
        share = min(1.0, max(0.0, (time - begin) / (end - begin)))
        return round(share * (self._n_bar - 1))


def _judged(trial: Trial, attempt: Attempt) -> Attempt:
    """Return an attempt that succeeded and left no result as one that failed."""
    is_last = attempt is trial.attempts[-1] and trial.status is TrialStatus.FAILED
    if is_last and attempt.cause is Cause.SUCCESS and trial.cause is not None:
        return dataclasses.replace(attempt, cause=trial.cause)
    return attempt


def _fate(attempt: Attempt) -> tuple[str, str]:
    """Return the colour of an attempt and what became of it, in at most 16 cells."""
    if attempt.cause is None:
        phase = "waits" if attempt.phase is Phase.WAITING else "runs"
        return "cyan", phase
    known = _ENDS.get(attempt.cause)
    return known or ("red", text.CAUSES[attempt.cause.value])
