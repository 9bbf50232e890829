"""The live view of a run on a terminal."""

from __future__ import annotations

import math
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.spinner import Spinner
from rich.table import Table
from rich.text import Text

from hpcopt.cli.views import text
from hpcopt.cli.views.facts import (
    goal_sentence,
    live_attempts,
    objectives_text,
    state,
    states,
    why,
)
from hpcopt.cli.views.progress import infeasibility
from hpcopt.config.sections import RunSection
from hpcopt.core.experiment import Experiment
from hpcopt.core.goals.displayed import objective_value
from hpcopt.core.trials.trial import Trial, TrialStatus
from hpcopt.driver.ended_trials import EndedTrials
from hpcopt.driver.progress import DriverProgress

#: How many of the trials that ended last are shown.
_N_RECENT = 5

#: How many parameters of the best trial are shown, one a line.
_N_PARAMETERS = 8

_ENDED = tuple(status for status in TrialStatus if status.is_terminal)


@dataclass(frozen=True)
class _Shown:
    """A snapshot of what is displayed.

    The screen is drawn by another thread than the driver's, which changes the
    experiment; so the snapshot holds no experiment.
    """

    name: str
    goal: str
    """As in ``minimise loss``."""
    states: dict[str, int]
    n_ended: int
    best: Trial | None
    best_text: str
    """As in ``loss = 0.5``."""
    recent: tuple[tuple[int, str, str], ...]
    """Index, state, and value or reason of the trials that ended last."""
    note: str
    is_generating: bool
    next_poll_at: float
    n_live: int


class LiveView:
    """Displays a run in place; messages stay above as lines."""

    def __init__(
        self,
        limits: RunSection,
        folder: str,
        *,
        console: Console | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """Display a run that has not begun.

        Args:
            limits: The limits of the run.
            folder: The experiment's folder, as it is displayed.
            console: Where to draw; the terminal by default.
            clock: Tells the time.
        """
        self._limits = limits
        self._folder = folder
        self._clock = clock
        self._console = console or Console(highlight=False)
        self._recent: deque[Trial] = deque(maxlen=_N_RECENT)
        self._ended: EndedTrials | None = None
        self._shown: _Shown | None = None
        self._spinner = Spinner("dots", style="cyan")
        self._live = Live(
            get_renderable=self.draw,
            console=self._console,
            refresh_per_second=4,
            transient=True,
        )
        self._live.start()

    def begin(self, experiment: Experiment) -> None:
        """Show the experiment as it is before the first step."""
        self._ended = EndedTrials(experiment)
        self._shown = self._snapshot(experiment, DriverProgress(), self._ended)

    def observe(self, experiment: Experiment, progress: DriverProgress) -> None:
        """Show what a step of the driver has changed."""
        if self._ended is None:
            return
        self._recent.extendleft(trial for trial, _ in self._ended.update(experiment))
        self._shown = self._snapshot(experiment, progress, self._ended)

    def say(self, line: str) -> None:
        """Print a message above what is drawn."""
        self._console.print(Text(line, style="yellow"))

    def end(self) -> None:
        """Remove the live view; what is printed next says how the run ended."""
        self._live.stop()

    def _snapshot(
        self, experiment: Experiment, progress: DriverProgress, ended: EndedTrials
    ) -> _Shown:
        best = ended.best
        return _Shown(
            name=experiment.name,
            goal=goal_sentence(experiment.goals),
            states=states(experiment),
            n_ended=experiment.count(*_ENDED),
            best=best,
            best_text=objectives_text(best, experiment.goals) if best else "",
            recent=tuple(_ending(trial, experiment) for trial in self._recent),
            note=progress.note,
            is_generating=progress.is_generating,
            next_poll_at=progress.next_poll_at,
            n_live=len(live_attempts(experiment)),
        )

    # Drawing

    def draw(self) -> RenderableType:
        """Return what is on the screen."""
        shown = self._shown
        if shown is None:
            return Group(self._spinner_line("starting"))
        head = Text.assemble(
            (shown.name, "bold"),
            ("  ", ""),
            (shown.goal, "dim"),
            ("  ", ""),
            (self._folder, "dim"),
            no_wrap=True,
            overflow="ellipsis",
        )
        return Group(head, Text(), self._bar(shown), Text(), self._facts(shown))

    def _bar(self, shown: _Shown) -> RenderableType:
        total = self._limits.max_trials
        line = Table.grid(padding=(0, 2))
        line.add_row(
            ProgressBar(
                total=total,
                completed=shown.n_ended,
                width=min(40, self._console.width // 2),
                complete_style="cyan",
                finished_style="green",
            ),
            Text(f"{shown.n_ended} of {total} trials ended"),
        )
        return line

    def _facts(self, shown: _Shown) -> RenderableType:
        grid = Table.grid(padding=(0, 2))
        grid.add_column(style="dim", no_wrap=True)
        grid.add_column(overflow="fold")
        grid.add_row("trials", _counts(shown))
        grid.add_row("live", self._live_count(shown))
        if shown.best is not None:
            grid.add_row("best", _best(shown, shown.best))
        if shown.recent:
            grid.add_row("ended", _recent(shown))
        grid.add_row("now", self._now(shown))
        if shown.note:
            grid.add_row("note", Text(shown.note, style="yellow"))
        return grid

    def _live_count(self, shown: _Shown) -> Text:
        limits = f"at most {self._limits.parallelism}"
        if self._limits.max_queued_jobs is not None:
            limits += f", {self._limits.max_queued_jobs} of them waiting"
        return Text.assemble(str(shown.n_live), (f"  ({limits})", "dim"))

    def _now(self, shown: _Shown) -> RenderableType:
        if shown.is_generating:
            return self._spinner_line("choosing parameters")
        seconds = max(0, math.ceil(shown.next_poll_at - self._clock()))
        return Text(f"next look at the jobs in {seconds} s", style="dim")

    def _spinner_line(self, line: str) -> RenderableType:
        grid = Table.grid(padding=(0, 1))
        grid.add_row(self._spinner, Text(line, style="dim"))
        return grid


def _ending(trial: Trial, experiment: Experiment) -> tuple[int, str, str]:
    values = [objective_value(trial, o) for o in experiment.goals.objectives]
    known = [text.number(value) for value in values if value is not None]
    what = "  ".join(known) or why(trial)
    return trial.index, state(trial), f"{what}{infeasibility(trial, experiment)}"


def _counts(shown: _Shown) -> Text:
    line = Text()
    for name, n in shown.states.items():
        line.append(f"{n} {name}  ", style=text.STATE_COLOURS.get(name, ""))
    return line if shown.states else Text("none so far", style="dim")


def _best(shown: _Shown, best: Trial) -> Text:
    lines = Text.assemble(
        (shown.best_text, "bold"),
        (f"  trial {best.index}", "dim"),
    )
    for name, value in list(best.parameters.items())[:_N_PARAMETERS]:
        lines.append(f"\n{name} = {text.number(value)}")
    more = len(best.parameters) - _N_PARAMETERS
    if more > 0:
        lines.append(f"\nand {more} more", style="dim")
    return lines


def _recent(shown: _Shown) -> RenderableType:
    grid = Table.grid(padding=(0, 2))
    indices = [str(index) for index, _, _ in shown.recent]
    names = [name for _, name, _ in shown.recent]
    # On a narrow screen it is what the last column says that is cut.
    grid.add_column(justify="right", no_wrap=True, min_width=_widest(indices))
    grid.add_column(no_wrap=True, min_width=_widest(names))
    grid.add_column(no_wrap=True, overflow="ellipsis")
    for index, name, what in shown.recent:
        grid.add_row(
            str(index), Text(name, style=text.STATE_COLOURS.get(name, "")), Text(what)
        )
    return grid


def _widest(texts: list[str]) -> int:
    return max(len(one) for one in texts)
