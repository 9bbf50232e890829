"""Views of a run while it lasts: none, or plain lines."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Protocol

import click

from hpcopt.cli.views import text
from hpcopt.cli.views.facts import (
    goal_sentence,
    objectives_text,
    state,
    why,
)
from hpcopt.core.experiment import Experiment
from hpcopt.core.goals.displayed import objective_value
from hpcopt.core.trial_columns import violations
from hpcopt.core.trials.trial import Trial
from hpcopt.driver.ended_trials import EndedTrials
from hpcopt.driver.progress import DriverProgress


class View(Protocol):
    """Displays a run."""

    def begin(self, experiment: Experiment) -> None:
        """Show the experiment as it is before the first step."""

    def observe(self, experiment: Experiment, progress: DriverProgress) -> None:
        """Show what a step of the driver has changed."""

    def say(self, line: str) -> None:
        """Show a message, such as a warning."""

    def end(self) -> None:
        """End the display."""


class QuietView:
    """Shows messages only."""

    def begin(self, experiment: Experiment) -> None:
        """Show nothing."""

    def observe(self, experiment: Experiment, progress: DriverProgress) -> None:
        """Show nothing."""

    def say(self, line: str) -> None:
        """Show a message."""
        click.echo(line, err=True)

    def end(self) -> None:
        """Show nothing."""


class LineReporter:
    """Writes one line for each trial that ended, and for each new reason to wait."""

    def __init__(self, max_trials: int, write: Callable[[str], None]) -> None:
        self._max_trials = max_trials
        self._write = write
        self._ended: EndedTrials | None = None
        self._note = ""

    def begin(self, experiment: Experiment) -> None:
        """Say where the run begins or continues."""
        self._ended = EndedTrials(experiment)
        self._write(
            f"{experiment.name}: {goal_sentence(experiment.goals)}, "
            f"{experiment.n_trials} of {self._max_trials} trials so far"
        )

    def observe(self, experiment: Experiment, progress: DriverProgress) -> None:
        """Say what is new."""
        if self._ended is None:
            return
        for trial, best in self._ended.update(experiment):
            self._write(ended_line(trial, experiment, best))
        if progress.note != self._note:
            self._note = progress.note
            self._write(self._note or "all is well again")


class PlainView:
    """Shows a run as lines with the time, for output that is kept."""

    def __init__(self, max_trials: int) -> None:
        self._reporter = LineReporter(max_trials, self._print)

    def begin(self, experiment: Experiment) -> None:
        """Say where the run begins or continues."""
        self._reporter.begin(experiment)

    def observe(self, experiment: Experiment, progress: DriverProgress) -> None:
        """Say what is new."""
        self._reporter.observe(experiment, progress)

    def say(self, line: str) -> None:
        """Show a message."""
        click.echo(f"{text.moment(time.time())}  {line}", err=True)

    def end(self) -> None:
        """Show nothing more."""

    @staticmethod
    def _print(line: str) -> None:
        click.echo(f"{text.moment(time.time())}  {line}")


def infeasibility(trial: Trial, experiment: Experiment) -> str:
    """Return which constraints a trial violates, to follow its value; often none."""
    bounds = violations(trial, experiment.absolute_goals)
    return f", not {', '.join(bounds)}" if bounds else ""


def ended_line(trial: Trial, experiment: Experiment, best: Trial | None) -> str:
    """Return how a trial ended, and what the best one is, in one line."""
    what = objectives_text(trial, experiment.goals) or why(trial)
    line = (
        f"trial {trial.index} {state(trial)}: {what}{infeasibility(trial, experiment)}"
    )
    if best is None:
        return line
    if best.index == trial.index:
        return f"{line} (the best so far)"
    best_value = objective_value(best, experiment.objective)
    return f"{line} (best {text.number(best_value)}, trial {best.index})"
