"""Runs trials as Slurm jobs: single ones, the tasks of job arrays, or packs."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial

from typing_extensions import override

from hpcopt.core.errors import (
    ConfigError,
    PollError,
    RunnerError,
    SubmissionDeferredError,
    SubmissionUnknownError,
)
from hpcopt.core.trials.trial import Attempt, AttemptState
from hpcopt.core.types import JSONValue
from hpcopt.runners.protocol import (
    AttemptRequest,
    Submission,
    SubmissionMetadata,
    submission_name,
)
from hpcopt.runners.script.attempt_folder import metadata_text
from hpcopt.runners.script.job_script import JobScripts
from hpcopt.runners.script.rendered_job import RenderedJob, digest
from hpcopt.runners.script.sbatch_lines import option_value
from hpcopt.runners.single_trials import SingleTrials
from hpcopt.runners.slurm.attempt_watch import AttemptWatch
from hpcopt.runners.slurm.layouts import Layout, Layouts, Planned
from hpcopt.runners.slurm.packs import PackedAttempts, is_packed
from hpcopt.slurm.batch_job import BatchJob, job_name
from hpcopt.slurm.commands import SlurmCommands
from hpcopt.slurm.queue import SlurmQueue
from hpcopt.slurm.recovery import FoundJob
from hpcopt.slurm.site import SiteLimits
from hpcopt.slurm.submission import JobSubmitter
from hpcopt.slurm.submit_limit import SubmitLimit
from hpcopt.slurm.watch import LOST_AFTER_S, JobWatch

_Key = tuple[int, int]

#: How many attempts' folders are written at a time.
_N_WRITERS = 16

#: How many nodes an attempt avoids, as far as its partition can spare them.
_MOST_AVOIDED = 8


class SlurmRunner(SingleTrials):
    """Runs each attempt as a Slurm job, or together with others in one.

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
        self._layouts = Layouts(scripts)
        self._commands = commands = commands or SlurmCommands()
        self._queue = SlurmQueue(commands)
        self._site = site = SiteLimits(commands)
        self._limit = SubmitLimit(
            commands, self._queue, site, scripts.spec.association(), clock
        )
        self._submitter = JobSubmitter(commands, site, clock, limit=self._limit)
        self._packs = PackedAttempts(self._layouts.pack.folder_of, clock)
        self._attempts = AttemptWatch(
            JobWatch(self._queue, clock, lost_after_s=lost_after_s),
            self._packs,
            self._limit.ended,
            site.requeues,
        )
        self._planned: dict[str, list[RenderedJob]] = {}
        """What was rendered for submissions that are not submitted yet."""

    # Submit

    @override
    def plan(self, requests: Sequence[AttemptRequest]) -> list[Submission]:
        ordered = sorted(requests, key=lambda r: (r.number, r.trial_index))
        groups = self._layouts.group(
            [self._render(request) for request in ordered],
            self._submitter.max_array_size,
        )
        return [self._submission(group) for group in groups]

    def _render(self, request: AttemptRequest) -> Planned:
        """Render an attempt, avoiding no more nodes than its partition can spare."""
        name = submission_name(self._scripts.experiment_name, [request])
        rendered = self._scripts.render(request, name)
        avoid = request.adjustment.avoid
        if not avoid:
            return request, rendered
        partition = option_value("partition", rendered.options, rendered.directives)
        n_spare = min(self._site.n_spare_nodes(partition or ""), _MOST_AVOIDED)
        adjustment = replace(request.adjustment, avoid=avoid[:n_spare])
        rendered = self._scripts.adjusted(rendered, adjustment)
        return replace(request, adjustment=adjustment), rendered

    def _submission(self, group: Sequence[Planned]) -> Submission:
        requests = tuple(request for request, _ in group)
        name = submission_name(self._scripts.experiment_name, requests)
        rendered = [self._scripts.renamed(r, request, name) for request, r in group]
        self._planned[name] = rendered
        return Submission(name, requests, len(group) > 1, digest(rendered))

    @override
    def submit(self, submission: Submission) -> SubmissionMetadata:
        """Submit what of the submission is not submitted yet."""
        rendered = self._planned.pop(submission.name, None) or [
            self._scripts.render(request, submission.name)
            for request in submission.requests
        ]
        layout = self._layouts.of(submission)
        # Nearly all of it is waiting for the disk, which can be done together.
        with ThreadPoolExecutor(_N_WRITERS) as pool:
            write = partial(self._scripts.write, is_packed=layout.is_packed)
            list(pool.map(write, submission.requests, rendered))
        layout.write(submission, rendered)
        try:
            missing = self._missing(submission, layout)
        except OSError as exc:
            raise SubmissionDeferredError(f"cannot read sbatch.log: {exc}") from exc
        self._submitter.submit(layout.batch_job(submission, rendered[0]), missing)
        told = [job.metadata for job in rendered]
        try:
            accepted = self._accepted(submission, layout)
        except OSError as exc:
            raise SubmissionUnknownError(f"cannot read sbatch.log: {exc}") from exc
        return layout.metadata(submission, accepted, told)

    @override
    def find(self, submission: Submission) -> SubmissionMetadata | None:
        """Return the metadata once all of the submission is submitted.

        ``None`` is said of one that is submitted in part, too: ``submit`` goes on with
        the rest of it.
        """
        try:
            return self._find(submission, self._layouts.of(submission))
        except OSError as exc:
            raise PollError(f"{submission.name}: cannot look for it: {exc}") from exc

    def _find(
        self, submission: Submission, layout: Layout
    ) -> SubmissionMetadata | None:
        folder = layout.folder(submission)
        clusters = str(self._scripts.spec.options.get("clusters", "")).split(",")
        if not self._submitter.was_tried(folder):
            if submission.staged_at is None or (folder / "job.sh").exists():
                return None  # that is written before sbatch is called, so it never was
            # It was killed before it wrote the folder, or the folder was deleted.
            first = self._scripts.render(submission.requests[0], submission.name)
            job = layout.batch_job(submission, first)
            tasks = range(len(submission.requests))
            self._submitter.settle_unlogged(job, tasks, submission.staged_at, clusters)
        elif self._missing(submission, layout):
            self._submitter.settle(submission.name, folder, clusters)
        if self._missing(submission, layout):
            return None
        told = [self._scripts.metadata(request) for request in submission.requests]
        accepted = self._accepted(submission, layout)
        return layout.metadata(submission, accepted, told)

    def _accepted(self, submission: Submission, layout: Layout) -> dict[int, FoundJob]:
        """Return the job of each request, where it is known."""
        folder = layout.folder(submission)
        if not self._submitter.was_tried(folder):
            return {}
        accepted = self._submitter.accepted(folder)
        for position, request in enumerate(submission.requests):
            if position not in accepted:
                started = self._scripts.folder(request).read_started()
                base = started.job_id.partition("_")[0] if started else ""
                if base.isdecimal():
                    accepted[position] = FoundJob(base, "")
        return layout.jobs(accepted, len(submission.requests))

    def _missing(self, submission: Submission, layout: Layout) -> list[int]:
        accepted = self._accepted(submission, layout)
        return [k for k in range(len(submission.requests)) if k not in accepted]

    @override
    def gives_more(self, before: AttemptRequest, after: AttemptRequest) -> bool:
        return self._scripts.gives_more(before, after)

    # Watch

    @override
    def poll_files(self, attempts: Sequence[Attempt]) -> Mapping[_Key, AttemptState]:
        return self._attempts.poll_files(attempts)

    @override
    def poll(self, attempts: Sequence[Attempt]) -> Mapping[_Key, AttemptState]:
        return self._attempts.poll(attempts)

    @override
    def accounted(self) -> Mapping[_Key, Mapping[str, JSONValue]]:
        return self._attempts.accounted()

    @override
    def stop(self, attempts: Sequence[Attempt]) -> None:
        """Ask for the attempts to be ended: a pack, once none of its others is left."""
        jobs = [attempt for attempt in attempts if not is_packed(attempt)]
        jobs += self._packs.stop_alone([a for a in attempts if is_packed(a)])
        by_cluster: defaultdict[str, dict[str, None]] = defaultdict(dict)
        for attempt in jobs:
            cluster = metadata_text(attempt, "cluster")
            by_cluster[cluster][self._attempts.job_id(attempt)] = None
        for cluster, job_ids in by_cluster.items():
            try:
                self._queue.cancel(job_ids, cluster)
            except PollError as exc:
                raise RunnerError(f"jobs could not be cancelled: {exc}") from exc

    @override
    def n_queued_jobs(self, waiting: Sequence[Attempt]) -> int:
        staged = [attempt.name for attempt in waiting if attempt.metadata is None]
        packed = [attempt for attempt in waiting if is_packed(attempt)]
        n_staged = len(staged if self._scripts.spec.pack is None else set(staged))
        n_single = len(waiting) - len(staged) - len(packed)
        return n_staged + n_single + self._packs.n_queued_jobs(packed)

    def validate(self, request: AttemptRequest) -> str:
        """Return what Slurm says about when the attempt would start; submit nothing.

        Raises:
            SubmissionRefusedError: Slurm would not accept it, and says why.
            SubmissionDeferredError: Slurm would not accept it now.
            SubmissionUnknownError: Slurm says something else.
            ConfigError: The attempt cannot be rendered.
        """
        request, rendered = self._render(request)
        name = submission_name(self._scripts.experiment_name, [request])
        folder = self._scripts.folder(request).path
        job = BatchJob(name, folder, rendered.options, is_array=False, is_placed=False)
        return self._submitter.test_only(job, rendered.job)

    @override
    def next_attempt(self, trial_index: int) -> int:
        return self._scripts.next_attempt(trial_index)

    @property
    @override
    def trials_per_job(self) -> int:
        pack = self._scripts.spec.pack
        return 1 if pack is None else pack.trials_per_job

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
