"""The driver: one closed loop over the journal, a runner, metrics and a generator.

Every step derives what to do from the experiment, the fold of the journal, so that a
driver that is restarted after a crash continues as if it had never died::

    while driver.reason_to_stop() is None:
        driver.step()
        driver.wait()

Requests that people left meanwhile are handled before each step.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass

from hpcopt import __version__
from hpcopt.core import events as ev
from hpcopt.core.errors import RunnerError, StorageError
from hpcopt.core.experiment import Experiment
from hpcopt.core.trials.trial import Cause
from hpcopt.driver.cancellation import Canceller
from hpcopt.driver.capacity import Capacity, CapacityMonitor, held_reason
from hpcopt.driver.collecting import Collector
from hpcopt.driver.failures import FailureMonitor
from hpcopt.driver.limits import Limits
from hpcopt.driver.notes import DriverNotes
from hpcopt.driver.planning import Planner, typical_duration_s
from hpcopt.driver.polling import PollSchedule
from hpcopt.driver.progress import DriverProgress
from hpcopt.driver.requests import RequestFolder, RequestInbox
from hpcopt.driver.submissions import Submitter
from hpcopt.driver.verdicts import Judge
from hpcopt.generation.protocol import GeneratorService
from hpcopt.host.clock import Clock
from hpcopt.metrics.protocol import OutcomeReader
from hpcopt.runners.protocol import AttemptRequest, AttemptRunner
from hpcopt.storage.journal import Journal

#: The longest uninterrupted wait: stop requests are noticed so late.
_LONGEST_WAIT_S = 1.0

#: The longest wait while the runner accepts no submission.
_THROTTLED_WAIT_S = 0.1


@dataclass(frozen=True)
class Stop:
    """Why a run ended, other than by an error."""

    reason: str
    """One sentence."""
    is_complete: bool
    """Whether the experiment has all its trials."""


class Driver:
    """Runs an experiment until there is a reason to stop."""

    def __init__(
        self,
        journal: Journal,
        runner: AttemptRunner,
        reader: OutcomeReader,
        generator: GeneratorService,
        limits: Limits,
        clock: Clock,
        *,
        is_stop_requested: Callable[[], str | None] = lambda: None,
        observe: Callable[[Experiment, DriverProgress], None] = lambda *_: None,
        requests: RequestFolder | None = None,
        drain: bool = False,
        job_id: str = "",
    ) -> None:
        """Assemble a driver.

        Args:
            journal: The experiment; this driver must be its only writer.
            runner: Submits and watches attempts.
            reader: Reads the outcome of attempts that succeeded.
            generator: Proposes parameterizations.
            limits: The limits of the run.
            clock: Tells the time and waits.
            is_stop_requested: Returns why to stop, if somebody asked for it.
            observe: Called after each step.
            requests: The folder of people's requests; ``None`` to handle none.
            drain: Whether to generate and submit nothing, and only to handle requests
                and the trials that they concern.
            job_id: The id of the Slurm job that this driver runs in; empty if in none.
        """
        self.progress = DriverProgress()
        self.ended: Stop | None = None
        """How the run ended, also if by an error; ``None`` while it lasts."""
        self._journal = journal
        self._runner = runner
        self._limits = limits
        self._clock = clock
        self._is_stop_requested = is_stop_requested
        self._observe = observe
        self._schedule = PollSchedule(
            limits.initial_seconds_between_polls,
            limits.min_seconds_between_polls,
            has_file_polls=runner.poll_files([]) is not None,
        )
        self._capacity = CapacityMonitor(limits, runner, clock)
        self._submitter = Submitter(journal, runner, clock)
        self._canceller = Canceller(runner, clock)
        self._inbox = RequestInbox(journal, requests, clock)
        self._drain = drain
        self._failures = FailureMonitor(limits)
        self._job_id = job_id
        self._judge = Judge(reader, clock, limits, runner.gives_more)
        self._planner = Planner(
            journal,
            generator,
            clock,
            max_trials=limits.max_trials,
            parallelism=limits.parallelism,
        )
        self._notes = DriverNotes(journal, clock)
        self._collector = Collector(journal, runner, clock, self._schedule)

    @property
    def experiment(self) -> Experiment:
        """The experiment as it stands."""
        return self._journal.experiment

    def run(self) -> Stop:
        """Run until there is a reason to stop; live trials are left running.

        Raises:
            FailureRateExceededError: Too many trials failed.
            RepeatedFailureError: All trials fail immediately and in the same way.
            GenerationError: The generator could not propose anything.
            SubmissionRefusedError: The runner will never accept a trial.
            StorageError: The journal could not be written, or belongs to another
                driver now.
        """
        self._journal.append(
            ev.DriverBegun(
                self._clock.now(),
                socket.gethostname(),
                os.getpid(),
                __version__,
                self._job_id,
            )
        )
        try:
            self._inbox.process()
            while (stop := self.reason_to_stop()) is None:
                self.step()
                if self.reason_to_stop() is None:  # else there is nothing to wait for
                    self.wait()
                self._inbox.process()
        except StorageError as exc:
            with suppress(StorageError):  # the first error is raised
                self._end(str(exc))
            raise
        except Exception as exc:
            self._end(str(exc) or type(exc).__name__)
            raise
        self._end(stop.reason, is_complete=stop.is_complete)
        return stop

    def _end(self, reason: str, *, is_complete: bool = False) -> None:
        self.ended = Stop(reason, is_complete)
        self._journal.append(
            ev.DriverEnded(self._clock.now(), reason, dict(self._runner.calls))
        )

    def stop_live_attempts(self) -> None:
        """Ask the runner to stop all live attempts; the next run records their ends.

        Raises:
            RunnerError: Some could not be stopped, or it is not known whether more were
                submitted.
            StorageError: The journal could not be written.
        """
        unknown = self._submitter.adopt()
        self._runner.stop(self.experiment.live_attempts())
        if unknown:
            raise RunnerError("; ".join(unknown))

    def reason_to_stop(self) -> Stop | None:
        """Return why the run should end now; ``None`` if it should go on.

        Raises:
            StorageError: The journal is another driver's now, for which a request to
                stop would be meant.
        """
        experiment, limits = self.experiment, self._limits
        self._journal.check()
        if (request := self._is_stop_requested()) is not None:
            return Stop(request, is_complete=False)
        if self._is_draining:
            return self._reason_to_stop_draining()
        if experiment.open_trials():
            return None
        if experiment.n_trials >= limits.max_trials:
            return Stop(f"all {experiment.n_trials} trials have ended", True)
        if self._planner.why_no_more:
            return Stop(self._planner.why_no_more, True)
        return None

    @property
    def _is_draining(self) -> bool:
        """Whether nothing is to be generated or submitted."""
        return self._drain or bool(self.experiment.cancelled_by)

    def _reason_to_stop_draining(self) -> Stop | None:
        """Return why to stop a driver that drains; ``None`` if it should go on."""
        if any(trial.cancelled_by for trial in self.experiment.open_trials()):
            return None
        by = self.experiment.cancelled_by
        reason = f"all trials cancelled by {by}" if by else "done what was asked for"
        return Stop(reason, is_complete=False)

    def step(self) -> None:
        """Collect, decide, plan, submit; never wait."""
        if self._collector.collect():
            self._submitter.retry_soon()
        self._decide()
        self._cancel()
        capacity = self._capacity.capacity(self.experiment)
        if not self._is_draining:
            n_ready = len(self._ready())
            self._planner.plan(
                self._capacity.n_to_generate(self.experiment, capacity, n_ready)
            )
        self._submit(capacity)
        self._record_note(capacity)
        self.progress.is_generating = self._planner.is_awaited
        self.progress.next_poll_at = self._schedule.next_poll_at
        self._observe(self.experiment, self.progress)

    def _record_note(self, capacity: Capacity) -> None:
        """Record why nothing is submitted or known, if so."""
        note = self._submitter.note or self._canceller.note
        note = note or capacity.reason or self._collector.note
        note = note or held_reason(self.experiment)
        self.progress.note = note
        self._notes.record(note, self._runner.calls)

    def wait(self) -> None:
        """Wait until the next poll is due or the generator answers, for 1 s at most."""
        is_throttled = self._runner.n_acceptable == 0
        longest_s = _THROTTLED_WAIT_S if is_throttled else _LONGEST_WAIT_S
        seconds = min(longest_s, self._schedule.next_due_at() - self._clock.now())
        if seconds <= 0:
            return
        self._planner.wait(seconds)

    def _decide(self) -> None:
        """Record the end of each trial whose latest attempt was its last.

        Raises:
            FailureRateExceededError: Too many trials failed.
            RepeatedFailureError: All trials fail immediately and in the same way.
        """
        verdicts = self._judge.verdicts(self.experiment.open_trials())
        if verdicts:
            self._journal.append(*verdicts)
            self._failures.note(
                self.experiment.trial(verdict.trial_index) for verdict in verdicts
            )
        if not self._is_draining:
            self._failures.check(self.experiment)

    def _cancel(self) -> None:
        """Have the runner stop the attempts of cancelled trials."""
        if self._canceller.step(self.experiment):
            self._schedule.poll_soon(self._clock.now())  # they end soon

    def _ready(self) -> list[AttemptRequest]:
        """Return the attempts that are to be submitted next, by trial."""
        return [
            self._judge.next_attempt(trial)
            for trial in self.experiment.open_trials()
            # An open trial whose attempt failed is retried: see `_decide`.
            if trial.attempt is None
            or (not trial.attempt.is_live and trial.attempt.cause is not Cause.SUCCESS)
        ]

    def _submit(self, capacity: Capacity) -> None:
        """Reconcile what may have been submitted, then submit what is ready."""
        n_reconciled = self._submitter.reconcile()
        n_free, n_acceptable = capacity.n_slots, self._runner.n_acceptable
        if n_acceptable is not None:
            n_free = min(n_free, n_acceptable)
        if self._is_draining:
            n_free = 0
        n_submitted = self._submitter.submit(self._ready()[:n_free])
        if n_reconciled or n_submitted:
            now, typical_s = self._clock.now(), typical_duration_s(self.experiment)
            self._capacity.note_submission(now)
            self._schedule.submitted(now, typical_s=typical_s)
