"""What a runner is: Ax's ``IRunner`` for users, ``AttemptRunner`` for the driver."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from hpcopt.core.errors import RunnerError
from hpcopt.core.trials.adjustment import NO_ADJUSTMENT, Adjustment
from hpcopt.core.trials.trial import Attempt, AttemptState, TrialStatus
from hpcopt.core.types import JSONValue, TParameterization


class IRunner(ABC):
    """Starts a trial somewhere and tells how it fares, as in ``ax.api``.

    All methods are called by keyword. ``run_trial`` and ``poll_trial`` must be
    implemented, ``stop_trial`` may be.
    """

    min_seconds_between_launches: float = 1.0
    """How long after one ``run_trial`` the next is called; as in Ax, a second.

    Runners are written that name files by the second. Set it to 0 where nothing is
    shared between trials, and they start as fast as they can.
    """

    @abstractmethod
    def run_trial(
        self, trial_index: int, parameterization: TParameterization
    ) -> dict[str, Any]:
        """Start the trial and return at once.

        Returns:
            What is needed later to poll, stop and read the trial. JSON values only.
        """

    @abstractmethod
    def poll_trial(
        self, trial_index: int, trial_metadata: Mapping[str, Any]
    ) -> TrialStatus:
        """Return where the trial is: staged, running, completed, failed, abandoned."""

    def stop_trial(
        self, trial_index: int, trial_metadata: Mapping[str, Any]
    ) -> dict[str, Any]:
        """Stop the trial and return metadata about that.

        Raises:
            RunnerError: This runner cannot stop trials.
        """
        raise RunnerError(
            f"trial {trial_index}: {type(self).__name__} has no stop_trial"
        )


@dataclass(frozen=True)
class AttemptRequest:
    """One attempt that should be run."""

    trial_index: int
    number: int
    parameters: TParameterization
    adjustment: Adjustment = NO_ADJUSTMENT
    """What it is given otherwise than the trial's first attempt."""

    @property
    def key(self) -> tuple[int, int]:
        """The trial's index and the attempt's number."""
        return self.trial_index, self.number


@dataclass(frozen=True)
class Submission:
    """Attempts that are submitted together, under one name."""

    name: str
    """Unique for all time: the key by which a lost submission is found again."""
    requests: tuple[AttemptRequest, ...]
    is_array: bool = False
    """Whether ``requests[k]`` is task ``k`` of a job array."""
    digest: str = ""
    """SHA-256 of what will run, in hexadecimal."""
    staged_at: float | None = None
    """When it was written down, if it may have been submitted since, in seconds since
    the epoch."""

    def task(self, position: int) -> int | None:
        """Return the array task of ``requests[position]``."""
        return position if self.is_array else None


#: The metadata of a submission's attempts, in their order.
SubmissionMetadata = Sequence[Mapping[str, JSONValue]]


class AttemptRunner(ABC):
    """What the driver needs of a runner: many attempts in one call, exactly once.

    The order of calls is ``plan``, (the driver writes the plan down), ``submit``,
    (the driver writes the metadata down), ``poll`` until ended. After a crash or a
    ``SubmissionUnknownError``, ``find`` comes before any other ``submit`` of the same
    submission.
    """

    @abstractmethod
    def plan(self, requests: Sequence[AttemptRequest]) -> list[Submission]:
        """Group ``requests`` into submissions and name them.

        Nothing outside the process changes. The requests may be of any trials, each
        attempt at most once. Those of the submissions may avoid fewer nodes.

        Raises:
            ConfigError: What should run cannot be rendered for a parameterization.
        """

    @abstractmethod
    def submit(self, submission: Submission) -> SubmissionMetadata:
        """Start all attempts of the submission, and return without waiting for them.

        Raises:
            SubmissionRefusedError: Nothing was started, nor would it ever be.
            SubmissionDeferredError: Nothing was started; it may be possible later.
            SubmissionUnknownError: Something may have been started.
        """

    @abstractmethod
    def find(self, submission: Submission) -> SubmissionMetadata | None:
        """Return the metadata of a submission that may have been made, if it was.

        ``None`` is a promise that it was not made, and that submitting it now starts
        each attempt once.

        Raises:
            PollError: That cannot be told yet; ask again.
        """

    @abstractmethod
    def poll(
        self, attempts: Sequence[Attempt]
    ) -> Mapping[tuple[int, int], AttemptState]:
        """Return the state of each attempt, by its key, in few calls for all.

        A state that is not known now is ``Phase.UNKNOWN``. An attempt is ``ENDED``
        only when it is certain that it will not run again by itself.

        Raises:
            PollError: Nothing could be learned this time.
        """

    def poll_files(
        self, attempts: Sequence[Attempt]
    ) -> Mapping[tuple[int, int], AttemptState] | None:
        """Return what files tell of the attempts, without a call of a scheduler.

        Attempts of which they tell nothing new are left out. ``UNKNOWN`` is one that
        only ``poll`` can tell more of, and is said once. ``None`` is a runner to which
        files tell nothing, ever.

        Raises:
            PollError: Nothing could be learned this time.
        """
        return None

    def accounted(self) -> Mapping[tuple[int, int], Mapping[str, JSONValue]]:
        """Return what was told of attempts' costs after their ends, each once.

        It is what calls told that were made anyway, and may be of none ever: see
        ``hpcopt.core.trials.cost.ACCOUNTING`` for what it holds.
        """
        return {}

    @property
    def is_shared(self) -> bool:
        """Whether a submission is a call of something that others use, too."""
        return False

    @abstractmethod
    def stop(self, attempts: Sequence[Attempt]) -> None:
        """Ask for the attempts to be ended; ``poll`` will tell when they are.

        Raises:
            RunnerError: Some could not be asked.
        """

    def gives_more(self, before: AttemptRequest, after: AttemptRequest) -> bool:
        """Whether ``after``'s adjustment would get it more than ``before`` had.

        Not where a cap is reached, or where a runner cannot give more.
        """
        return False

    @property
    def n_acceptable(self) -> int | None:
        """How many attempts may be submitted just now; ``None`` for any number."""
        return None

    def site_capacity(self) -> int | None:
        """Return how many more attempts the site would accept; ``None`` for any number.

        It holds for a while, and nothing is generated beyond it.
        """
        return None

    def why_no_capacity(self) -> str:
        """Return which of the site's limits ``site_capacity`` goes by, in one line."""
        return ""

    def n_queued_elsewhere(self) -> int:
        """Return how many jobs that are none of its attempts wait for this user."""
        return 0

    @property
    def trials_per_job(self) -> int:
        """How many attempts it likes to run in one job."""
        return 1

    def n_queued_jobs(self, waiting: Sequence[Attempt]) -> int:
        """Return how many jobs the attempts that wait to run are."""
        return len(waiting)

    @property
    def calls(self) -> Mapping[str, int]:
        """How often each outside command was run by this runner so far."""
        return {}

    def close(self) -> None:  # noqa: B027 - most runners hold nothing
        """Let go of what this process holds; attempts go on."""


def submission_name(experiment: str, requests: Sequence[AttemptRequest]) -> str:
    """Return ``hpcopt:<experiment>:<trial>:<attempt>``, or a range of trials."""
    first, last = requests[0], requests[-1]
    trials = str(first.trial_index)
    if last is not first:
        trials += f"-{last.trial_index}"
    return f"hpcopt:{experiment}:{trials}:{first.number}"
