"""Runs trials as Slurm jobs."""

from __future__ import annotations

import logging
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence

from typing_extensions import override

from hpcopt.core.errors import (
    PollError,
    RunnerError,
)
from hpcopt.core.trials.trial import Attempt, AttemptState
from hpcopt.runners.protocol import (
    AttemptRequest,
)
from hpcopt.runners.script.job_script import JobScripts
from hpcopt.runners.slurm.attempt_watch import AttemptWatch, attempt_text
from hpcopt.runners.slurm.submissions import SlurmSubmissions
from hpcopt.slurm.commands import SlurmCommands
from hpcopt.slurm.messages import advice, submission_error
from hpcopt.slurm.options import job_name, sbatch_options
from hpcopt.slurm.watch import LOST_AFTER_S

logger = logging.getLogger(__name__)

_Key = tuple[int, int]


class SlurmRunner(SlurmSubmissions):
    """Runs each attempt as a Slurm job, or as a task of a job array.

    What it needs to go on in another process is in Slurm, in the attempts' folders and
    in their metadata.
    """

    def __init__(
        self,
        scripts: JobScripts,
        commands: SlurmCommands | None = None,
        clock: Callable[[], float] = time.time,
        *,
        lost_after_s: float = LOST_AFTER_S,
    ) -> None:
        """See ``SlurmSubmissions``."""
        super().__init__(scripts, commands, clock, lost_after_s=lost_after_s)
        self._attempts = AttemptWatch(self._watch, self._limit.ended)

    # Watch

    @override
    def poll_files(self, attempts: Sequence[Attempt]) -> Mapping[_Key, AttemptState]:
        return self._attempts.poll_files(attempts)

    @override
    def poll(self, attempts: Sequence[Attempt]) -> Mapping[_Key, AttemptState]:
        return self._attempts.poll(attempts)

    @override
    def stop(self, attempts: Sequence[Attempt]) -> None:
        by_cluster: defaultdict[str, list[str]] = defaultdict(list)
        for attempt in attempts:
            cluster = attempt_text(attempt, "cluster")
            by_cluster[cluster].append(self._attempts.job_id(attempt))
        for cluster, job_ids in by_cluster.items():
            try:
                self._queue.cancel(job_ids, cluster)
            except PollError as exc:
                raise RunnerError(f"jobs could not be cancelled: {exc}") from exc

    # Look around

    def validate(self, request: AttemptRequest) -> str:
        """Return what Slurm says about when the attempt would start; submit nothing.

        Raises:
            SubmissionRefusedError: Slurm would not accept it, and says why.
            SubmissionDeferredError: Slurm would not accept it now.
            SubmissionUnknownError: Slurm says something else.
            ConfigError: The attempt cannot be rendered.
        """
        (submission,) = self.plan([request])
        rendered = self._scripts.render(request, submission.name)
        folder = self._folder(submission)
        options = sbatch_options(
            submission.name, rendered.options, folder, None, is_placed=False
        )
        with tempfile.NamedTemporaryFile("w", suffix=".sh", encoding="utf-8") as file:
            file.write(rendered.job)
            file.flush()
            answer = self._commands.dry_run([*options, file.name])
        text = f"{answer.out}{answer.err}"
        if answer.code != 0:
            words = "; ".join(filter(None, map(str.strip, text.splitlines())))
            found = f"sbatch --test-only exited {answer.code}: {words or 'no message'}"
            what_to_do = advice(text)
            kind = type(submission_error(text, answer.code))
            raise kind(f"{found}; {what_to_do}" if what_to_do else found)
        return text.strip().removeprefix("sbatch: ")

    @override
    def next_attempt(self, trial_index: int) -> int:
        number = 0
        while self._scripts.folder(
            AttemptRequest(trial_index, number, {})
        ).path.exists():
            number += 1
        return number

    @override
    def site_capacity(self) -> int | None:
        n_jobs = self._limit.n_left()
        return None if n_jobs is None else n_jobs * self.trials_per_job

    @override
    def why_no_capacity(self) -> str:
        return self._limit.why()

    @override
    def n_queued_elsewhere(self) -> int:
        census = self._limit.census()
        if census is None:
            return 0
        own = job_name(f"hpcopt:{self._scripts.experiment_name}:")
        return sum(n for name, n in census.waiting.items() if not name.startswith(own))

    @property
    @override
    def is_shared(self) -> bool:
        return True

    @property
    @override
    def calls(self) -> Mapping[str, int]:
        return self._commands.calls
