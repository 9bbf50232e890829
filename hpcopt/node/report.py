"""``hpcopt.report``: how a Python trial tells how far it is. Loads nothing heavy."""

from __future__ import annotations

import operator
import os
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from hpcopt.core.errors import UsageError

#: A file is rewritten at most this often: a shared file system takes its time to
#: promise that one is on disk, and a training step may take a millisecond.
_SECONDS_BETWEEN_SAVES = 1.0

Series = Mapping[str, Sequence[float]]


@dataclass
class ReportedSeries:
    """What a trial has reported so far."""

    save: Callable[[Series], None]
    """Writes everything reported so far."""
    clock: Callable[[], float] = time.monotonic
    series: dict[str, list[float]] = field(default_factory=dict)
    """The steps under ``step``, and as many values under each other name."""
    _saved_at: float | None = None

    def add(self, step: int, values: Mapping[str, float]) -> None:
        """Take in the values of one more step.

        Raises:
            UsageError: The names are not those of the steps before, or the step is
                not after them.
        """
        names = ["step", *values]
        if not self.series:
            self.series = {name: [] for name in names}
        if set(names) != set(self.series):
            raise UsageError(
                f"report: expected the names of the steps before, "
                f"{sorted(set(self.series) - {'step'})}, found {sorted(values)}"
            )
        steps = self.series["step"]
        if steps and step <= steps[-1]:
            raise UsageError(f"report: expected a step after {steps[-1]}, found {step}")
        numbers = {name: float(value) for name, value in values.items()}
        steps.append(operator.index(step))
        for name, number in numbers.items():
            self.series[name].append(number)
        self._save_now_and_then()

    def _save_now_and_then(self) -> None:
        now = self.clock()
        if self._saved_at is None or now - self._saved_at >= _SECONDS_BETWEEN_SAVES:
            self.save(self.series)
            self._saved_at = now


_current: ReportedSeries | None = None


def begin(save: Callable[[Series], None]) -> ReportedSeries:
    """Let ``report`` write through ``save`` from now on."""
    global _current  # noqa: PLW0603 - one process runs one trial
    _current = ReportedSeries(save)
    return _current


def report(*, step: int, **values: float) -> None:
    """Record values of a running trial, such as its loss after each epoch.

    In the result file each name becomes a dataset of as many values as there were
    reports, beside ``/step``. A function that is called by hand, outside any trial,
    may report too: nothing is recorded then.

    Args:
        step: The progression, greater than the one before.
        values: Numbers by metric name, with the same names each time.

    Raises:
        UsageError: The step or the names do not fit those before; or the trial's
            program is a command, which writes its result file itself.
    """
    if _current is not None:
        _current.add(step, values)
    elif "HPCOPT_TRIAL_FOLDER" in os.environ:
        raise UsageError(
            "report: expected to be called by the job.function of a config, found a "
            "job.command: such a program writes its result file itself"
        )
