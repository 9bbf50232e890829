"""Which trials come next: suggestions, made before they are needed where that pays.

While trials run, the generator prepares the next suggestions as if places were free
already. Nothing is written down before a suggestion becomes a trial: the event then
says which position of the journal it was made from, so that a replay can make it again,
and a driver that was killed simply prepares anew.
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

#: What one more result is worth, as a share of a trial's duration, where one trial runs
#: at a time: a free place may stay empty so long for a suggestion that knows the latest
#: result. With ``k`` at a time that result is one of ``k`` that are missing anyway, and
#: worth a ``k``-th of it.
_WORTH_OF_A_RESULT = 0.02

#: However long trials last, a place does not stay empty longer than this.
_LONGEST_PATIENCE_S = 60.0

#: How fast it fades that many places became free at once.
_FADING = 0.8

#: So many of the latest trials tell how long one lasts.
_N_RECENT = 20


@dataclass
class _Prepared:
    """An answer of the generator, not all of which is used."""

    generation: Generation
    n_requested: int
    n_trials: int
    """How many trials there were when it was requested."""
    n_results: int
    """How many results were known."""
    n_used: int = 0

    @property
    def n_left(self) -> int:
        """How many of its suggestions are not used."""
        return len(self.generation.suggestions) - self.n_used


class Planner:
    """Asks the generator for suggestions, and makes trials of them."""

    def __init__(
        self,
        journal: Journal,
        generator: GeneratorService,
        clock: Clock,
        *,
        max_trials: int,
        parallelism: int,
    ) -> None:
        self.why_no_more = ""
        """Why the generator has no point left, once it has said so."""
        self.n_missing = 0
        """How many trials could run now and are not generated."""
        self._journal = journal
        self._generator = generator
        self._clock = clock
        self._max_trials = max_trials
        self._parallelism = parallelism
        self._request: tuple[int, int, int] | None = None
        self._prepared: _Prepared | None = None
        self._missing_since = 0.0
        self._n_at_once = 0.0
        """How many places became free at once lately."""

    @property
    def is_awaited(self) -> bool:
        """Whether the generator is at work on something that is needed now."""
        return self.n_missing > 0 and self._generator.is_busy

    def plan(self, n_free: int) -> None:
        """Generate up to ``n_free`` trials, and see to it that more can follow."""
        self._receive(0.0)
        self._use(n_free)
        if self._generator.is_busy or self.why_no_more:
            return
        if self.n_missing:
            self._ask(self.n_missing)
            self._receive(0.0)
            self._use(n_free)
        if self._generator.is_concurrent and not self._generator.is_busy:
            self._prepare()

    def wait(self, seconds: float) -> None:
        """Wait for the generator, or until a prepared suggestion shall be used."""
        if not self._generator.is_busy:
            self._clock.wait(seconds)
            return
        prepared = self._prepared
        if self.n_missing and prepared is not None and prepared.n_left:
            seconds = min(seconds, self._patience_left_s())
        self._receive(seconds)

    # Using

    def _use(self, n_free: int) -> None:
        """Make trials of what is prepared, as far as places are free."""
        n = max(0, min(n_free, self._max_trials - self._experiment.n_trials))
        if n and not self.n_missing:
            self._missing_since = self._clock.now()
        if n > self.n_missing and self._experiment.open_trials():
            self._n_at_once = max(float(n), _FADING * self._n_at_once)
        self.n_missing = n
        prepared = self._prepared
        if prepared is None or not n or not prepared.n_left:
            return
        if self._experiment.n_trials != prepared.n_trials + prepared.n_used:
            self._prepared = None  # somebody else has added trials
            return
        if self._is_outdated(prepared) and self._is_newer_worth_waiting_for():
            return
        self._write_down(prepared, min(n, prepared.n_left))

    def _write_down(self, prepared: _Prepared, n: int) -> None:
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
        return prepared.n_results != self._experiment.n_results

    def _is_newer_worth_waiting_for(self) -> bool:
        seconds = self._experiment.generation_seconds
        if seconds and seconds[-1] > self._patience_s():
            return False
        return self._patience_left_s() > 0

    def _patience_left_s(self) -> float:
        """Return how much longer a place may stay empty."""
        patience_s = self._patience_s()
        left_s = self._missing_since + patience_s - self._clock.now()
        # A clock that was set back must not keep a place empty.
        return max(0.0, left_s) if left_s <= patience_s else 0.0

    def _patience_s(self) -> float:
        """Return how long a place may stay empty for a suggestion that knows more."""
        n_running = max(1, len(self._experiment.open_trials()) + self.n_missing)
        patience_s = _WORTH_OF_A_RESULT * typical_duration_s(self._experiment)
        return min(_LONGEST_PATIENCE_S, patience_s / n_running)

    # Asking

    def _prepare(self) -> None:
        """Ask for what will be needed when trials end, unless it is there."""
        prepared = self._prepared
        n_left = self._max_trials - self._experiment.n_trials
        if n_left <= 0 or not self._experiment.open_trials():
            return
        if prepared is not None and prepared.n_left and not self._is_outdated(prepared):
            return
        self._ask(min(n_left, self._n_ahead()))

    def _n_ahead(self) -> int:
        """Return how many suggestions may be needed before there can be others.

        As many as became free at once lately, or as many trials as may end while the
        generator is at work twice.
        """
        duration_s = typical_duration_s(self._experiment)
        seconds = self._experiment.generation_seconds
        n_ahead = self._n_at_once
        if seconds and duration_s > 0:
            n_running = len(self._experiment.open_trials())
            n_ending = min(1.0, 2 * seconds[-1] / duration_s) * n_running
            n_ahead = max(n_ahead, n_ending)
        return max(1, min(self._parallelism, math.ceil(n_ahead)))

    def _ask(self, n: int) -> None:
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
            self.why_no_more = generation.why_none

    @property
    def _experiment(self) -> Experiment:
        return self._journal.experiment


def typical_duration_s(experiment: Experiment) -> float:
    """Return how long the latest trials ran, 0 if none has ended so far."""
    durations = (
        attempt.run_s
        for trial in reversed(experiment.trials)
        if (attempt := trial.attempt) is not None and attempt.run_s is not None
    )
    recent = list(islice(durations, _N_RECENT))
    return median(recent) if recent else 0.0
