"""submitit's futures of attempts whose jobs have left their outcome in a folder.

A future of submitit is done once a file with the result lies in the job's folder, and
asks sacct as long as there is none. Here it is done by such a file as well, and asks
nobody else: what only Slurm can tell, ``JobWatch`` asks for all jobs in one call.
submitit's own files are pickles, that is, code of whoever may write to the folder, and
reading runs it. What is read here instead, the maker of the future says: text.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from submitit import SlurmJob
from submitit.core.utils import FailedJobError, UncompletedJobError
from typing_extensions import override


@dataclass(frozen=True)
class Outcome:
    """What a job has left behind."""

    error: str = ""
    """What went wrong, in one line; empty if nothing did."""
    traceback: str = ""


class TrialJob(SlurmJob[None]):
    """The future of one attempt's job; its result is that it succeeded."""

    def __init__(
        self, folder: Path, job_id: str, read: Callable[[], Outcome | None]
    ) -> None:
        """Make a future of a job that was submitted, by this process or another one.

        Args:
            folder: The attempt's.
            job_id: Slurm's.
            read: Returns what the job has left; ``None`` as long as there is nothing.
        """
        self._read = read
        self._left: Outcome | None = None
        super().__init__(folder, job_id)

    @override
    def _register_in_watcher(self) -> None:
        """Keep out of submitit's watcher, which calls sacct by itself."""

    @override
    def done(self, force_check: bool = False) -> bool:
        """Whether the job has left its outcome. Slurm is not asked."""
        if self._left is None:
            self._left = self._read()
        return self._left is not None

    @override
    def wait(self) -> None:
        """Return if the job is done.

        Raises:
            UncompletedJobError: It is not, or only Slurm can tell.
        """
        self._outcome()

    @override
    def exception(self) -> FailedJobError | None:
        """Return what went wrong, with the traceback as a note; ``None`` if nothing.

        Raises:
            UncompletedJobError: The job is not done, or only Slurm can tell.
        """
        left = self._outcome()
        if not left.error:
            return None
        failed = FailedJobError(left.error)
        failed.add_note(left.traceback)
        return failed

    @property
    @override
    def state(self) -> str:
        """``DONE``, or ``UNKNOWN``."""
        return "DONE" if self.done() else "UNKNOWN"

    @override
    def _get_outcome_and_result(self) -> tuple[str, str | None]:
        left = self._outcome()
        return ("error", left.traceback) if left.error else ("success", None)

    def _outcome(self) -> Outcome:
        if not self.done() or self._left is None:
            raise UncompletedJobError(
                f"job {self.job_id} has not told how it ended; only Slurm may know"
            )
        return self._left
