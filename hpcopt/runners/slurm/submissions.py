"""Submits attempts as Slurm jobs or job arrays, and finds them again."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from pathlib import Path

from typing_extensions import override

from hpcopt.core.errors import (
    ConfigError,
    PollError,
    SubmissionDeferredError,
    SubmissionUnknownError,
)
from hpcopt.core.types import JSONValue
from hpcopt.runners.protocol import (
    AttemptRequest,
    Submission,
    SubmissionMetadata,
    submission_name,
)
from hpcopt.runners.script.job_script import JobScripts
from hpcopt.runners.script.job_spec import JobSpec
from hpcopt.runners.script.rendered_job import RenderedJob, digest
from hpcopt.runners.script.sbatch_lines import given
from hpcopt.runners.single_trials import SingleTrials
from hpcopt.slurm.commands import SlurmCommands
from hpcopt.slurm.options import chooses_folder
from hpcopt.slurm.queue import SlurmQueue
from hpcopt.slurm.recovery import FoundJob
from hpcopt.slurm.site import SiteLimits
from hpcopt.slurm.submission import BatchJob, JobSubmitter
from hpcopt.slurm.submit_limit import SubmitLimit
from hpcopt.slurm.watch import LOST_AFTER_S, JobWatch

logger = logging.getLogger(__name__)

_Key = tuple[int, int]

#: How many attempts' folders are written at a time.
_N_WRITERS = 16

#: How many nodes an attempt avoids, as far as its partition has twice as many.
_MOST_AVOIDED = 8


class SlurmSubmissions(SingleTrials):
    """The half of a ``SlurmRunner`` that submits attempts and finds them again."""

    def __init__(
        self,
        scripts: JobScripts,
        commands: SlurmCommands | None = None,
        clock: Callable[[], float] = time.time,
        *,
        lost_after_s: float = LOST_AFTER_S,
    ) -> None:
        """Run what ``scripts`` renders.

        Args:
            scripts: Renders and writes the trials' scripts.
            commands: Runs Slurm's commands.
            clock: Returns the seconds since the epoch.
            lost_after_s: How long a job may be neither in the queue nor ended in the
                accounting before it is given up.

        Raises:
            ConfigError: Slurm cannot write logs below the experiment's folder.
        """
        folder = str(scripts.experiment_folder)
        if "\\" in folder or not folder.isprintable():
            raise ConfigError(
                "folder: Slurm can have no backslash and no control character in the "
                f"path of a log, found {folder!r}"
            )
        self._scripts = scripts
        self._commands = commands or SlurmCommands()
        self._queue = SlurmQueue(self._commands)
        self._watch = JobWatch(self._queue, clock, lost_after_s=lost_after_s)
        self._site = SiteLimits(self._commands)
        self._limit = SubmitLimit(
            self._commands, self._queue, self._site, _asked_for(scripts.spec), clock
        )
        self._submitter = JobSubmitter(
            self._commands, self._watch, clock, limit=self._limit
        )
        self._planned: dict[str, list[RenderedJob]] = {}
        """What was rendered for submissions that are not submitted yet."""

    # Submit

    @override
    def plan(self, requests: Sequence[AttemptRequest]) -> list[Submission]:
        groups: list[list[AttemptRequest]] = []
        largest = self._largest_group() if len(requests) > 1 else 1
        previous: object = None
        for each in sorted(requests, key=lambda r: (r.number, r.trial_index)):
            request = self._with_nodes_left(each)
            rendered = self._scripts.render(request, "")
            # What the tasks of an array share: their attempt and all sbatch is told.
            shared = (request.number, rendered.directives, dict(rendered.options))
            group = groups[-1] if groups else []
            is_next = bool(group) and self._may_follow(group, request)
            if is_next and shared == previous and len(group) < largest:
                group.append(request)
            else:
                groups.append([request])
            previous = shared
        return [self._submission(group) for group in groups]

    def _largest_group(self) -> int:
        """Return how many attempts may be submitted together."""
        return self._submitter.max_array_size()

    def _may_follow(
        self, group: Sequence[AttemptRequest], request: AttemptRequest
    ) -> bool:
        """Whether a group of attempts may go on with another one."""
        return request.trial_index == group[-1].trial_index + 1

    def _with_nodes_left(self, request: AttemptRequest) -> AttemptRequest:
        """Return the request, avoiding no more nodes than its partition can spare."""
        avoid = request.adjustment.avoid
        if not avoid:
            return request
        rendered = self._scripts.render(request, "")
        partition = given("partition", rendered.options, rendered.directives)
        try:
            n_spare = self._site.n_nodes(partition or "") // 2
        except PollError:
            n_spare = 0  # a node that is down is given no jobs anyway
        avoid = avoid[: min(n_spare, _MOST_AVOIDED)]
        return replace(request, adjustment=replace(request.adjustment, avoid=avoid))

    def _submission(self, group: Sequence[AttemptRequest]) -> Submission:
        name = submission_name(self._scripts.experiment_name, group)
        rendered = [self._scripts.render(request, name) for request in group]
        self._planned[name] = rendered
        return Submission(name, tuple(group), len(group) > 1, digest(rendered))

    @override
    def submit(self, submission: Submission) -> SubmissionMetadata:
        """Submit what of the submission is not submitted yet."""
        rendered = self._planned.pop(submission.name, None) or [
            self._scripts.render(request, submission.name)
            for request in submission.requests
        ]
        # Nearly all of it is waiting for the disk, which can be done together.
        with ThreadPoolExecutor(_N_WRITERS) as pool:
            write = partial(self._scripts.write, is_packed=self._is_pack(submission))
            list(pool.map(write, submission.requests, rendered))
        job = self._batch_job(submission, rendered)
        try:
            missing = self._missing(submission)
        except OSError as exc:
            raise SubmissionDeferredError(f"cannot read sbatch.log: {exc}") from exc
        self._submitter.submit(job, missing)
        try:
            return self._metadata(submission)
        except OSError as exc:
            raise SubmissionUnknownError(f"cannot read sbatch.log: {exc}") from exc

    def _is_pack(self, submission: Submission) -> bool:
        """Whether a submission of several attempts is a pack, and no array."""
        return False

    def _batch_job(
        self, submission: Submission, rendered: Sequence[RenderedJob]
    ) -> BatchJob:
        """Write what is submitted, unless the attempts' folders have it."""
        if submission.is_array:
            self._scripts.write_array(submission, rendered)
        return self._described(submission, rendered[0])

    def _described(self, submission: Submission, shared: RenderedJob) -> BatchJob:
        return BatchJob(
            submission.name,
            self._folder(submission),
            shared.options,
            submission.is_array,
            is_placed=not chooses_folder(shared.directives, shared.options),
        )

    @override
    def find(self, submission: Submission) -> SubmissionMetadata | None:
        """Return the metadata once all of the submission is submitted.

        ``None`` is said of one that is submitted in part, too: ``submit`` goes on with
        the rest of it.
        """
        try:
            return self._find(submission)
        except OSError as exc:
            raise PollError(f"{submission.name}: cannot look for it: {exc}") from exc

    def _find(self, submission: Submission) -> SubmissionMetadata | None:
        folder = self._folder(submission)
        clusters = str(self._scripts.spec.options.get("clusters", "")).split(",")
        if not self._submitter.was_tried(folder):
            if submission.staged_at is None or (folder / "job.sh").exists():
                return None  # that is written before sbatch is called, so it never was
            # It was killed before it wrote the folder, or the folder was deleted.
            first = self._scripts.render(submission.requests[0], submission.name)
            job = self._described(submission, first)
            tasks = range(len(submission.requests))
            self._submitter.settle_unlogged(job, tasks, submission.staged_at, clusters)
        elif self._missing(submission):
            self._submitter.settle(submission.name, folder, clusters)
        return None if self._missing(submission) else self._metadata(submission)

    def _folder(self, submission: Submission) -> Path:
        if submission.is_array:
            return self._scripts.experiment_folder / "arrays" / submission.name
        return self._scripts.folder(submission.requests[0]).path

    def _accepted(self, submission: Submission) -> dict[int, FoundJob]:
        """Return the job of each request, where it is known."""
        folder = self._folder(submission)
        if not self._submitter.was_tried(folder):
            return {}
        accepted = self._submitter.accepted(folder)
        for position, request in enumerate(submission.requests):
            if position not in accepted:
                started = self._scripts.folder(request).read_started()
                base = started.job_id.partition("_")[0] if started else ""
                if base.isdecimal():
                    accepted[position] = FoundJob(base, "")
        return accepted

    def _missing(self, submission: Submission) -> list[int]:
        accepted = self._accepted(submission)
        return [k for k in range(len(submission.requests)) if k not in accepted]

    def _metadata(self, submission: Submission) -> SubmissionMetadata:
        accepted = self._accepted(submission)
        return [
            {
                "folder": str(self._scripts.folder(request).path),
                "attempt": request.number,
                "job_id": accepted[position].job_id
                + (f"_{position}" if submission.is_array else ""),
                "name": submission.name,
                "cluster": accepted[position].cluster,
                **self._changed(request),
            }
            for position, request in enumerate(submission.requests)
        ]

    def _changed(self, request: AttemptRequest) -> dict[str, JSONValue]:
        changed = self._scripts.changed_options(request)
        return {"options": changed} if changed else {}

    @override
    def gives_more(self, before: AttemptRequest, after: AttemptRequest) -> bool:
        return self._scripts.gives_more(before, after)


def _asked_for(spec: JobSpec) -> dict[str, str | None]:
    """Return the account, partition and QOS of trials, as far as they are fixed."""
    options = {name: str(value) for name, value in spec.options.items()}
    lines = spec.template.read_text(encoding="utf-8", errors="replace").split("\n")
    asked: dict[str, str | None] = {}
    for name in ("account", "partition", "qos"):
        value = given(name, options, lines)
        asked[name] = None if value is None or "{{" in value else value
    return asked
