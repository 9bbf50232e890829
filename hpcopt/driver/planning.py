"""Planning of the next trials: suggestions are prepared before they are needed.

While trials run, the generator prepares the next suggestions as if slots were free
already. Nothing is recorded before a suggestion becomes a trial: the event then says
from which position of the journal it was made, so that a replay can reproduce it, and a
driver that was killed simply prepares anew.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import islice
from statistics import median

from hpcopt.core.experiment import Experiment
from hpcopt.generation.protocol import Generation, GeneratorService
from hpcopt.generation.snapshot import Snapshot
from hpcopt.host.clock import Clock
from hpcopt.storage.journal import Journal

#: How long a free slot may stay empty for a suggestion that takes the latest result
#: into account, as a share of a trial's duration, where one trial runs at a time. With
#: ``k`` at a time that result is one of ``k`` that are missing anyway, and worth a
#: ``k``-th.
_WORTH_OF_A_RESULT = 0.02

#: However long trials last, a slot does not stay empty longer than this.
_LONGEST_IDLE_S = 60.0

#: The decay, from one refill to the next, of how many slots became free at once.
_DECAY = 0.8

#: The duration of a trial is the median over so many of the latest ones.
_N_RECENT = 20


@dataclass
class _Prepared:
    """Suggestions of the generator, some of which may have become trials."""

    generation: Generation
    n_requested: int
    n_trials: int
    """How many trials there were when they were requested."""
    n_results: int
    """``Experiment.n_results`` when they were requested."""
    n_used: int = 0

    @property
    def n_left(self) -> int:
        """How many suggestions have not become trials."""
        return len(self.generation.suggestions) - self.n_used


class Planner:
    """Requests suggestions from the generator, and makes trials of them."""

    def __init__(
        self,
        journal: Journal,
        generator: GeneratorService,
        clock: Clock,
        *,
        max_trials: int,
        parallelism: int,
    ) -> None:
        self.n_missing = 0
        """How many trials could run now and are not generated yet."""
        self._journal = journal
        self._generator = generator
        self._clock = clock
        self._max_trials = max_trials
        self._parallelism = parallelism
        self._request: tuple[int, int, int] | None = None
        self._prepared: _Prepared | None = None
        self._none_at: tuple[int, str] | None = None
        """``Experiment.n_results`` when the generator had no suggestion, and why."""
        self._missing_since = 0.0
        self._n_at_once = 0.0
        """How many slots became free at once lately."""

    @property
    def why_no_more(self) -> str:
        """Why the generator has no suggestion; empty if it may have one.

        A new result may let it have one: it is asked again then.
        """
        if self._none_at is None or self._none_at[0] != self._experiment.n_results:
            return ""
        return self._none_at[1]

    @property
    def is_awaited(self) -> bool:
        """Whether the generator works on suggestions that are needed now."""
        return self.n_missing > 0 and self._generator.is_busy

    def plan(self, n_free: int) -> None:
        """Generate up to ``n_free`` trials, and have the next suggestions prepared.

        Raises:
            GenerationError: The generator failed.
            StorageError: The journal could not be written.
        """
        self._receive(0.0)
        self._use(n_free)
        if self._generator.is_busy or self.why_no_more:
            return
        if self.n_missing:
            self._request_suggestions(self.n_missing)
            self._receive(0.0)
            self._use(n_free)
        if self._generator.is_concurrent and not self._generator.is_busy:
            self._prepare()

    def wait(self, seconds: float) -> None:
        """Wait for the generator, or until a prepared suggestion is to be used.

        Args:
            seconds: How long to wait at most.
        """
        if not self._generator.is_busy:
            self._clock.wait(seconds)
            return
        prepared = self._prepared
        if self.n_missing and prepared is not None and prepared.n_left:
            seconds = min(seconds, self._tolerance_left_s())
        self._receive(seconds)

    # Suggestions that become trials

    def _use(self, n_free: int) -> None:
        """Make trials of prepared suggestions, as far as slots are free."""
        n = max(0, min(n_free, self._max_trials - self._experiment.n_trials))
        if n and not self.n_missing:
            self._missing_since = self._clock.now()
        if n > self.n_missing and self._experiment.open_trials():
            self._n_at_once = max(float(n), _DECAY * self._n_at_once)
        self.n_missing = n
        prepared = self._prepared
        if prepared is None or not n or not prepared.n_left:
            return
        if self._experiment.n_trials != prepared.n_trials + prepared.n_used:
            self._prepared = None  # trials were added otherwise
            return
        if self._is_outdated(prepared) and self._is_newer_worth_waiting_for():
            return
        self._record(prepared, min(n, prepared.n_left))

    def _record(self, prepared: _Prepared, n: int) -> None:
        """Make trials of the next ``n`` suggestions, in the journal."""
        experiment, first = self._experiment, prepared.n_used
        self._journal.append(
            prepared.generation.event(
                self._clock.now(),
                experiment.n_trials,
                prepared.n_requested,
                slice(first, first + n),
            )
        )
        prepared.n_used += n
        self.n_missing -= n

    def _is_outdated(self, prepared: _Prepared) -> bool:
        """Whether results became known since the suggestions were requested."""
        return prepared.n_results != self._experiment.n_results

    def _is_newer_worth_waiting_for(self) -> bool:
        seconds = self._experiment.generation_seconds
        if seconds and seconds[-1] > self._tolerance_s():
            return False
        return self._tolerance_left_s() > 0

    def _tolerance_left_s(self) -> float:
        """Return how much longer a slot may stay empty, in seconds."""
        tolerance_s = self._tolerance_s()
        left_s = self._missing_since + tolerance_s - self._clock.now()
        # A clock that was set back must not keep a slot empty.
        return max(0.0, left_s) if left_s <= tolerance_s else 0.0

    def _tolerance_s(self) -> float:
        """Return how long a slot may stay empty for a newer suggestion, in seconds."""
        n_running = max(1, len(self._experiment.open_trials()) + self.n_missing)
        tolerance_s = _WORTH_OF_A_RESULT * typical_duration_s(self._experiment)
        return min(_LONGEST_IDLE_S, tolerance_s / n_running)

    # Requests to the generator

    def _prepare(self) -> None:
        """Request what will be needed when trials end, unless it is prepared."""
        prepared = self._prepared
        n_left = self._max_trials - self._experiment.n_trials
        if n_left <= 0 or not self._experiment.open_trials():
            return
        if prepared is not None and prepared.n_left and not self._is_outdated(prepared):
            return
        self._request_suggestions(min(n_left, self._n_ahead()))

    def _n_ahead(self) -> int:
        """Return how many suggestions may be needed before there can be newer ones.

        As many as slots became free at once lately, or as trials may end during two
        calls of the generator, whichever is more.
        """
        duration_s = typical_duration_s(self._experiment)
        seconds = self._experiment.generation_seconds
        n_ahead = self._n_at_once
        if seconds and duration_s > 0:
            n_running = len(self._experiment.open_trials())
            n_ending = min(1.0, 2 * seconds[-1] / duration_s) * n_running
            n_ahead = max(n_ahead, n_ending)
        return max(1, min(self._parallelism, math.ceil(n_ahead)))

    def _request_suggestions(self, n: int) -> None:
        experiment = self._experiment
        self._request = n, experiment.n_trials, experiment.n_results
        self._generator.request(n, Snapshot.of(experiment))

    def _receive(self, timeout_s: float) -> None:
        """Take the generator's answer, if it comes in time; it replaces an older one.

        Raises:
            GenerationError: The request failed.
        """
        if not self._generator.is_busy or self._request is None:
            return
        generation = self._generator.collect(timeout_s)
        if generation is None:
            return
        n_requested, n_trials, n_results = self._request
        self._prepared = _Prepared(generation, n_requested, n_trials, n_results)
        if not generation.suggestions:
            self._none_at = n_results, generation.why_none

    @property
    def _experiment(self) -> Experiment:
        return self._journal.experiment


def typical_duration_s(experiment: Experiment) -> float:
    """Return how long the latest trials ran, in seconds; 0 if none has ended yet."""
    durations = (
        attempt.run_s
        for trial in reversed(experiment.trials)
        if (attempt := trial.attempt) is not None and attempt.run_s is not None
    )
    recent = list(islice(durations, _N_RECENT))
    return median(recent) if recent else 0.0
