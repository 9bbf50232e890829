"""The best so far, and the plot of how it was reached."""

from __future__ import annotations

import math

from rich.text import Text
from typing_extensions import override

from hpcopt.cli.views import text
from hpcopt.cli.watch.braille import BrailleCanvas, Scale, robust_range
from hpcopt.cli.watch.line_pane import LinePane
from hpcopt.cli.watch.observer import Seen
from hpcopt.cli.watch.printable import line
from hpcopt.cli.watch.progress import Progress
from hpcopt.core.trials.trial import Trial

#: The width of the numbers beside the plot, and of the best parameters, in cells.
_N_NUMBER = 10
_N_BEST = 30

#: No plot is drawn in fewer cells.
_LEAST_WIDTH = 16
_LEAST_HEIGHT = 3


class ProgressPane(LinePane):
    """Each trial's value in the order of their ends, the best so far, and its trial.

    Of two objectives or more: the first and the second one, and the Pareto front.
    """

    _seen = Seen(0.0)
    _lines: tuple[Text, ...] = ()

    def show(self, seen: Seen) -> None:
        """Show how far the experiment has come."""
        is_same = seen.version == self._seen.version
        self._seen = seen
        if not is_same:
            self.renew()

    @override
    def renew(self) -> None:
        self._lines = tuple(self._made())
        super().renew()

    @override
    def n_lines(self) -> int:
        return len(self._lines)

    @override
    def line(self, index: int) -> Text:
        return self._lines[index]

    def _made(self) -> list[Text]:
        progress, height = self._seen.progress, self.height
        if not progress.reached:
            return [line(("no trial has a value so far", "dim"))]
        has_room = self.room >= _N_BEST + _N_NUMBER + _LEAST_WIDTH + 16
        width = self.room - _N_NUMBER - 2 - (_N_BEST + 2 if has_room else 0)
        plot: list[Text] = []
        if width >= _LEAST_WIDTH and height > _LEAST_HEIGHT:
            plot = _plot(progress, width, height - 1)
        best = self._best_lines() if has_room or not plot else []
        for k in range(max(0, len(best) - len(plot)) if plot else 0):
            plot.append(
                Text(" " * (width + _N_NUMBER + 2), end="") if k >= 0 else Text()
            )
        if not plot:
            return best
        for row, words in zip(plot, best, strict=False):
            row.append("  ")
            row.append_text(words)
        return plot

    def _best_lines(self) -> list[Text]:
        experiment, progress = self._seen.experiment, self._seen.progress
        if experiment is None:
            return []
        if not progress.front:
            return [line(("no trial is known to be feasible", "dim"))]
        if len(progress.is_minimised) > 1:
            n = text.count(len(progress.front), "trial")
            return [
                line((f"{n} on the Pareto front:", "bold")),
                line(", ".join(map(str, progress.front))),
            ]
        best = experiment.trial(progress.front[0])
        return [line((f"best: trial {best.index}", "bold")), *_parameters(best)]


def _parameters(trial: Trial) -> list[Text]:
    return [
        line((f"{name} ", "dim"), text.number(value))
        for name, value in trial.parameters.items()
    ]


def _plot(progress: Progress, width: int, height: int) -> list[Text]:
    """Return a plot with its axes, ``height`` and one lines."""
    if len(progress.is_minimised) > 1:
        return _front_plot(progress, width, height)
    values = [one.value for one in progress.reached]
    best = progress.best_so_far
    least, most = robust_range(values, [one for one in best if one is not None])
    points, steps = BrailleCanvas(width, height), BrailleCanvas(width, height)
    x = Scale(1, len(values), points.n_columns)
    y = Scale(least, most, points.n_rows)
    for k, value in enumerate(values, start=1):
        if math.isfinite(value):
            points.dot(x.dot(k), points.n_rows - 1 - y.dot(value))
    course = [
        (x.dot(k), steps.n_rows - 1 - y.dot(value))
        for k, value in enumerate(best, start=1)
        if value is not None and math.isfinite(value)
    ]
    steps.steps(course)
    foot = f"{len(values)} completed trials"
    return _framed(points, steps, y, foot, progress.label)


def _front_plot(progress: Progress, width: int, height: int) -> list[Text]:
    front = set(progress.front)
    known = [
        (one.value, one.second, one.trial in front)
        for one in progress.reached
        if one.second is not None
        and math.isfinite(one.value)
        and math.isfinite(one.second)
    ]
    points, best = BrailleCanvas(width, height), BrailleCanvas(width, height)
    on_front = [one for one in known if one[2]]
    xs = robust_range([one[0] for one in known], [one[0] for one in on_front])
    ys = robust_range([one[1] for one in known], [one[1] for one in on_front])
    x, y = Scale(*xs, points.n_columns), Scale(*ys, points.n_rows)
    for first, second, is_best in known:
        canvas = best if is_best else points
        canvas.dot(x.dot(first), points.n_rows - 1 - y.dot(second))
    left, right = text.number(x.least), text.number(x.most)
    foot = f"{progress.label} from {left} to {right}"
    return _framed(points, best, y, foot, progress.second_label)


def _framed(
    points: BrailleCanvas, best: BrailleCanvas, y: Scale, foot: str, label: str
) -> list[Text]:
    """Return the plot with numbers at its left, and what it shows below."""
    lines = []
    over = list(zip(points.lines(), best.lines(), strict=True))
    for k, (below, above) in enumerate(over):
        number = {0: _fitting(y.most), len(over) - 1: _fitting(y.least)}.get(k, "")
        if k == 1 and len(over) > _LEAST_HEIGHT:
            number = label
        row = line((f"{number[:_N_NUMBER]:>{_N_NUMBER}} │", "dim"))
        for one, other in zip(below, above, strict=True):
            dots = (ord(one) | ord(other)) if " " not in (one, other) else 0
            cell = chr(dots) if dots else (other if other != " " else one)
            row.append(cell, "bold green" if other != " " else "cyan")
        lines.append(row)
    width = best.n_columns // 2
    lines.append(line((f"{'':>{_N_NUMBER}} └{foot[: width - 1]:<{width}}", "dim")))
    return lines


def _fitting(value: float) -> str:
    """Return a number with as many of six digits as fit beside the plot."""
    shown = (f"{value:.{n_digits}g}" for n_digits in range(6, 0, -1))
    return next(one for one in shown if len(one) <= _N_NUMBER)
