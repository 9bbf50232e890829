"""Decides when a person is told something, and tells it."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Protocol

from hpcopt.core.experiment import Experiment
from hpcopt.core.trials.trial import Trial, TrialStatus
from hpcopt.core.words import duration
from hpcopt.driver.notify.command import Notification
from hpcopt.driver.notify.spec import NotifySpec, Occasion
from hpcopt.driver.notify.summary import message
from hpcopt.driver.notify.told import Told
from hpcopt.host.clock import Clock

#: The least time between two messages about a better trial, in seconds.
_BETWEEN_BESTS_S = 60.0

#: By default a stall is so many times the longest time of the latest trials, and at
#: least an hour; before the first has ended, a day.
_STALL_FACTOR, _N_LATEST = 3.0, 100
_LEAST_STALL_S, _FIRST_STALL_S = 3600.0, 86_400.0


class Sender(Protocol):
    """Delivers messages, without waiting for it."""

    def send(self, message: Notification) -> None:
        """Take a message."""

    def poll(self) -> None:
        """Go on with the delivery."""

    def close(self) -> None:
        """Deliver what is left, within bounded time."""


class Notifier:
    """Watches an experiment while a driver runs it."""

    def __init__(
        self,
        spec: NotifySpec,
        sender: Sender,
        told: Told,
        folder: Path,
        max_trials: int,
        clock: Clock,
    ) -> None:
        """Watch nothing yet.

        Args:
            spec: What is to be told.
            sender: Delivers it.
            told: What was told by earlier drivers.
            folder: The experiment's.
            max_trials: How many trials there shall be.
            clock: Tells the time.
        """
        self._spec = spec
        self._sender = sender
        self._told = told
        self._folder = folder
        self._max_trials = max_trials
        self._clock = clock
        self._best: frozenset[int] | None = None
        self._n_results = -1
        self._looked_at = 0.0
        self._ended_at = 0.0
        self._n_ended = -1

    def observe(self, experiment: Experiment) -> None:
        """Look at what a step of the driver has changed."""
        self._sender.poll()
        now = self._clock.now()
        if self._best is None:  # what was there before is no news
            self._best = _best(experiment)
            self._n_results = experiment.n_results
            self._looked_at = now - _BETWEEN_BESTS_S
        self._look_for_stall(experiment, now)
        self._look_for_pause(experiment)
        self._look_for_best(experiment, now)

    def ended(self, experiment: Experiment, reason: str, *, is_complete: bool) -> None:
        """Tell that the driver has stopped, and deliver what is left.

        Args:
            experiment: As it stands.
            reason: Why, in one sentence.
            is_complete: Whether the experiment has all its trials.
        """
        occasion = Occasion.END if is_complete else Occasion.PAUSE
        # With another result, or another reason, it is news.
        self._tell(occasion, reason, experiment, f"{_n_ended(experiment)}: {reason}")
        self.close(experiment)

    def close(self, experiment: Experiment) -> None:
        """Deliver what is left, and what is too new to have been told.

        Args:
            experiment: As it stands.
        """
        if self._best is not None:  # the next driver takes the best for known
            self._look_for_best(experiment, math.inf)
        self._sender.close()

    def _look_for_pause(self, experiment: Experiment) -> None:
        stuck = [attempt for attempt in experiment.live_attempts() if attempt.is_stuck]
        if stuck:
            reason = f"paused: trial {stuck[0].trial_index}: {stuck[0].reason}"
            self._tell(Occasion.PAUSE, reason, experiment, reason)

    def _look_for_stall(self, experiment: Experiment, now: float) -> None:
        n_ended = _n_ended(experiment)
        if n_ended != self._n_ended or not experiment.open_trials():
            self._n_ended, self._ended_at = n_ended, now
        after_s = self._stall_s(experiment, now - self._ended_at)
        if after_s is not None:
            reason = f"no trial has ended for {duration(after_s)}"
            self._tell(Occasion.STALL, reason, experiment, str(n_ended))

    def _stall_s(self, experiment: Experiment, for_s: float) -> float | None:
        """Return after how long this is a stall; ``None`` if it is none."""
        after_s = self._spec.stall_s
        if after_s is None:
            if for_s < _LEAST_STALL_S:
                return None
            after_s = _usual_stall_s(experiment)
        return after_s if for_s >= after_s else None

    def _look_for_best(self, experiment: Experiment, now: float) -> None:
        # A clock that was set back must not silence it.
        is_too_soon = 0 <= now - self._looked_at < _BETWEEN_BESTS_S
        if experiment.n_results == self._n_results or is_too_soon:
            return
        self._n_results, self._looked_at = experiment.n_results, now
        best, before = _best(experiment), self._best or frozenset()
        self._best = best
        if new := sorted(best - before):
            on_front = "" if experiment.goals.is_single else " on the Pareto front"
            what = f"trial {new[-1]} is the best so far"
            if on_front:
                what = f"trial {', '.join(map(str, new))} is new{on_front}"
            self._tell(Occasion.BEST, what, experiment, str(sorted(best)))

    def _tell(
        self, occasion: Occasion, reason: str, experiment: Experiment, key: str
    ) -> None:
        """Tell it, if it is asked for and was not told already."""
        if occasion not in self._spec.on or self._told.is_known(occasion, key):
            return
        self._sender.send(
            message(occasion, reason, experiment, self._folder, self._max_trials)
        )
        self._told.note(occasion, key)


def _n_ended(experiment: Experiment) -> int:
    return experiment.count(*(one for one in TrialStatus if one.is_terminal))


def _best(experiment: Experiment) -> frozenset[int]:
    """Return the best trial, or those on the Pareto front."""
    if experiment.goals.is_single:
        return frozenset(trial.index for trial in experiment.best_trials()[:1])
    return frozenset(trial.index for trial in experiment.pareto_trials())


def _usual_stall_s(experiment: Experiment) -> float:
    """Return what is a stall, by how long trials have taken from submission to end."""
    ended = [trial for trial in experiment.trials if trial.status.is_terminal]
    took = [took_s for trial in ended[-_N_LATEST:] if (took_s := _took_s(trial))]
    if not took:
        return _FIRST_STALL_S
    return max(_LEAST_STALL_S, _STALL_FACTOR * max(took))


def _took_s(trial: Trial) -> float | None:
    if not trial.attempts or trial.ended_at is None:
        return None
    return trial.ended_at - trial.attempts[0].staged_at
