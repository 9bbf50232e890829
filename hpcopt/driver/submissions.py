"""Exactly-once submission: record, submit, record; find before submitting again.

::

    journal: AttemptsStaged  ->  runner.submit  ->  journal: AttemptsSubmitted

Between the two events it is not known whether the runner has accepted the attempts. A
driver that finds a staged attempt asks the runner to ``find`` it, and submits it again
only if the runner guarantees that it was never accepted.
"""

from __future__ import annotations

import itertools
import logging
from collections.abc import Sequence

from hpcopt.core import events as ev
from hpcopt.core.errors import (
    PollError,
    SubmissionDeferredError,
    SubmissionUnknownError,
)
from hpcopt.core.trials.trial import Attempt, Cause
from hpcopt.host.clock import Clock
from hpcopt.runners.protocol import (
    AttemptRequest,
    AttemptRunner,
    Submission,
    SubmissionMetadata,
)
from hpcopt.storage.journal import Journal

logger = logging.getLogger(__name__)

#: The back-off after submissions that were deferred, or of which nothing is known yet.
_FIRST_WAIT_S = 1.0
_LONGEST_WAIT_S = 60.0


class Submitter:
    """Submits every attempt exactly once, also over crashes and lost answers."""

    def __init__(self, journal: Journal, runner: AttemptRunner, clock: Clock) -> None:
        self.note = ""
        """Why something could not be submitted, in one line."""
        self._journal = journal
        self._runner = runner
        self._clock = clock
        self._absent: set[str] = set()
        """The names of staged submissions that are known not to have been made."""
        self._wait_s = 0.0
        self._failed_at = 0.0

    def submit(self, requests: Sequence[AttemptRequest]) -> int:
        """Stage and submit attempts, and return how many were accepted.

        The others stay staged, for ``reconcile``.

        Raises:
            SubmissionRefusedError: The runner will never accept one of them.
            ConfigError: One cannot be rendered.
        """
        if not requests or self._is_backing_off():
            return 0
        submissions = self._runner.plan(requests)
        self._journal.append(
            ev.AttemptsStaged(
                self._clock.now(),
                tuple(
                    ev.StagedAttempt(
                        *request.key,
                        s.name,
                        s.task(k),
                        s.digest,
                        request.adjustment.to_json(),
                    )
                    for s in submissions
                    for k, request in enumerate(s.requests)
                ),
            )
        )
        self._absent.update(submission.name for submission in submissions)
        return self._submit_absent(submissions)

    def reconcile(self) -> int:
        """Find out which staged attempts were submitted, and submit the others.

        Returns:
            How many attempts are known to be submitted now that were not before.

        Raises:
            SubmissionRefusedError: The runner will never accept one of them.
        """
        staged = self._journal.experiment.staged_attempts()
        if not staged or self._is_backing_off():
            return 0
        n_reconciled = 0
        absent: list[Submission] = []
        for submission in self._regroup(staged):
            try:
                n_reconciled += self._adopt(submission)
            except PollError as exc:
                self._back_off(str(exc))
                return n_reconciled
            if submission.name in self._absent and not self._cancel(submission):
                absent.append(submission)
        return n_reconciled + self._submit_absent(absent)

    def adopt(self) -> list[str]:
        """Find out which staged attempts were submitted, and submit none.

        Returns:
            A sentence for each submission that may have been made and is not found.
        """
        unknown = []
        for submission in self._regroup(self._journal.experiment.staged_attempts()):
            try:
                self._adopt(submission)
            except PollError as exc:
                unknown.append(f"{submission.name} may have been submitted too: {exc}")
        return unknown

    def _cancel(self, submission: Submission) -> bool:
        """End the attempts of an absent submission if all its trials are cancelled.

        An array that is cancelled in part is submitted, and the part stopped then.

        Returns:
            Whether they were ended.
        """
        experiment = self._journal.experiment
        if not all(
            experiment.trial(r.trial_index).cancelled_by for r in submission.requests
        ):
            return False
        now = self._clock.now()
        why = "it was cancelled before it was submitted"
        self._journal.append(
            *(
                ev.AttemptEnded(now, *r.key, Cause.USER, why)
                for r in submission.requests
            )
        )
        self._absent.discard(submission.name)
        return True

    def _adopt(self, submission: Submission) -> int:
        """Record a submission if the runner finds it; otherwise it is ``_absent``.

        Returns:
            How many attempts are known to be submitted now that were not before.

        Raises:
            PollError: Whether it was made cannot be told yet.
        """
        if submission.name in self._absent:
            return 0
        metadata = self._runner.find(submission)
        if metadata is None:
            self._absent.add(submission.name)
            return 0
        logger.info("found %s already submitted", submission.name)
        self._record(submission, metadata, is_adopted=True)
        return len(submission.requests)

    def _submit_absent(self, submissions: Sequence[Submission]) -> int:
        """Submit what is known not to have been submitted, until one is deferred.

        Returns:
            How many attempts were accepted.
        """
        n_submitted = 0
        for submission in submissions:
            # From here on it may exist, whatever happens to this process or the call.
            self._absent.discard(submission.name)
            try:
                metadata = self._runner.submit(submission)
            except SubmissionDeferredError as exc:
                self._absent.add(submission.name)
                self._back_off(str(exc))
                return n_submitted
            except SubmissionUnknownError as exc:
                self._back_off(str(exc))
                return n_submitted
            self._record(submission, metadata, is_adopted=False)
            n_submitted += len(submission.requests)
            self._wait_s, self.note = 0.0, ""
        return n_submitted

    def _record(
        self, submission: Submission, metadata: SubmissionMetadata, *, is_adopted: bool
    ) -> None:
        self._journal.append(
            ev.AttemptsSubmitted(
                self._clock.now(),
                tuple(
                    ev.SubmittedAttempt(*request.key, dict(facts))
                    for request, facts in zip(
                        submission.requests, metadata, strict=True
                    )
                ),
                adopted=is_adopted,
            )
        )
        self.note = ""

    def _regroup(self, staged: Sequence[Attempt]) -> list[Submission]:
        """Return the submissions in which the attempts were staged."""
        experiment = self._journal.experiment
        ordered = sorted(staged, key=lambda a: (a.staged_at, a.name, a.task or 0))
        return [
            Submission(
                name=name,
                requests=tuple(
                    AttemptRequest(
                        *a.key,
                        experiment.trial(a.trial_index).parameters,
                        a.adjustment,
                    )
                    for a in members
                ),
                is_array=members[0].task is not None,
                staged_at=members[0].staged_at,
            )
            for name, group in itertools.groupby(ordered, key=lambda a: a.name)
            for members in [list(group)]
        ]

    def _is_backing_off(self) -> bool:
        # A clock that was set back must not delay submissions.
        return 0 <= self._clock.now() - self._failed_at < self._wait_s

    def retry_soon(self) -> None:
        """End the back-off: an attempt has ended, so that there may be capacity."""
        self._wait_s = 0.0

    def _back_off(self, why: str) -> None:
        """Submit nothing for a while, twice as long each time in a row."""
        if self.note != why:
            logger.warning("submission on hold: %s", why)
        self.note = why
        self._wait_s = min(_LONGEST_WAIT_S, max(_FIRST_WAIT_S, 2 * self._wait_s))
        self._failed_at = self._clock.now()
