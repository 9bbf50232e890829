"""Runs trials as Slurm jobs, many short ones in each: ``job.pack``."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from typing_extensions import override

from hpcopt.core.trials.trial import Attempt, AttemptState, Cause, Phase
from hpcopt.runners.local.session_processes import forbid_start
from hpcopt.runners.protocol import AttemptRequest, Submission, SubmissionMetadata
from hpcopt.runners.script.attempt_folder import AttemptFolder, Look, Stopped
from hpcopt.runners.script.job_script import JobScripts
from hpcopt.runners.script.rendered_job import RenderedJob
from hpcopt.runners.slurm import packs
from hpcopt.runners.slurm.attempt_watch import folder_of, look_at
from hpcopt.runners.slurm.runner import SlurmRunner
from hpcopt.slurm.commands import SlurmCommands
from hpcopt.slurm.recovery import FoundJob
from hpcopt.slurm.submission import BatchJob
from hpcopt.slurm.watch import LOST_AFTER_S

_Key = tuple[int, int]

#: How long after the end of a pack the files of its node may still appear.
_LAST_WORD_S = 5.0


class PackingRunner(SlurmRunner):
    """Runs the attempts of a submission in one job, unless there is only one.

    A pack is submitted and found again as any job is; what a job array would run as
    tasks is worked off by ``hpcopt.node.pack`` within the job. Each attempt has its own
    folder with ``started``, ``ended`` and its result.
    """

    def __init__(
        self,
        scripts: JobScripts,
        commands: SlurmCommands | None = None,
        clock: Callable[[], float] = time.time,
        *,
        lost_after_s: float = LOST_AFTER_S,
    ) -> None:
        super().__init__(scripts, commands, clock, lost_after_s=lost_after_s)
        self._clock = clock
        self._begun: set[str] = set()
        """The packs that were seen running."""
        self._over_since: dict[str, float] = {}
        """When packs were first seen to have ended."""

    @property
    @override
    def trials_per_job(self) -> int:
        pack = self._scripts.spec.pack
        return 1 if pack is None else pack.trials_per_job

    @override
    def _largest_group(self) -> int:
        is_packing = self._scripts.spec.pack is not None
        return self.trials_per_job if is_packing else super()._largest_group()

    @override
    def _may_follow(
        self, group: Sequence[AttemptRequest], request: AttemptRequest
    ) -> bool:
        is_packing = self._scripts.spec.pack is not None
        return is_packing or super()._may_follow(group, request)

    # Submit

    @override
    def _is_pack(self, submission: Submission) -> bool:
        # One that was begun stays what it is when the config changes.
        if not submission.is_array:
            return False
        if self._scripts.pack_folder(submission.name).exists():
            return True
        is_packing = self._scripts.spec.pack is not None
        return is_packing and not super()._folder(submission).exists()

    @override
    def _folder(self, submission: Submission) -> Path:
        if self._is_pack(submission):
            return self._scripts.pack_folder(submission.name)
        return super()._folder(submission)

    @override
    def _batch_job(
        self, submission: Submission, rendered: Sequence[RenderedJob]
    ) -> BatchJob:
        if not self._is_pack(submission):
            return super()._batch_job(submission, rendered)
        pack = self._scripts.spec.pack
        at_once = 1 if pack is None else pack.at_once
        self._scripts.write_pack(submission, rendered, at_once)
        return replace(self._described(submission, rendered[0]), is_array=False)

    @override
    def _accepted(self, submission: Submission) -> dict[int, FoundJob]:
        accepted = super()._accepted(submission)
        if accepted and self._is_pack(submission):
            job = next(iter(accepted.values()))  # one that has begun speaks for all
            return dict.fromkeys(range(len(submission.requests)), job)
        return accepted

    @override
    def _metadata(self, submission: Submission) -> SubmissionMetadata:
        metadata = super()._metadata(submission)
        if not self._is_pack(submission):
            return metadata
        return [
            {**facts, "job_id": str(facts["job_id"]).partition("_")[0], "pack": True}
            for facts in metadata
        ]

    # Watch

    @override
    def poll_files(self, attempts: Sequence[Attempt]) -> Mapping[_Key, AttemptState]:
        single = [attempt for attempt in attempts if not _is_packed(attempt)]
        found = dict(super().poll_files(single))
        for attempt in attempts:
            if _is_packed(attempt) and (end := packs.own_end(look_at(attempt))):
                found[attempt.key] = end
        return found

    @override
    def poll(self, attempts: Sequence[Attempt]) -> Mapping[_Key, AttemptState]:
        packed = [attempt for attempt in attempts if _is_packed(attempt)]
        single = [attempt for attempt in attempts if not _is_packed(attempt)]
        looks = {attempt.key: look_at(attempt) for attempt in packed}
        found: dict[_Key, AttemptState] = {}
        unsure: list[Attempt] = []
        for attempt in packed:
            end = packs.own_end(looks[attempt.key])
            if end is None:
                unsure.append(attempt)
            else:
                found[attempt.key] = end
        is_all = not found
        if single:
            found |= self._attempts.poll(single, is_all=is_all)
        jobs = [self._attempts.watched(attempt) for attempt in unsure]
        states = self._attempts.look(dict.fromkeys(jobs), is_all=is_all and not single)
        for attempt, job in zip(unsure, jobs, strict=True):
            look = looks[attempt.key]
            found[attempt.key] = self._state(attempt, look, states[job.job_id])
        return found

    def _state(self, attempt: Attempt, look: Look, job: AttemptState) -> AttemptState:
        """Return the state of an attempt, given that of its pack."""
        job_id = self._attempts.job_id(attempt)
        if job.phase is Phase.RUNNING:
            self._begun.add(job_id)
        if job.phase is not Phase.ENDED:
            return packs.state(look, job)
        job = self._attempts.checked(attempt, job)
        if job.phase is not Phase.ENDED:
            return job
        since = self._over_since.setdefault(job_id, self._clock())
        look = look_at(attempt)
        state = packs.own_end(look) or packs.state(look, job)
        is_late = not 0 <= self._clock() - since < _LAST_WORD_S
        if state.cause is Cause.INFRASTRUCTURE and not is_late:
            why = f"job {job_id} has ended; waiting for the last words of its trials"
            return AttemptState(Phase.UNKNOWN, None, why)
        return state

    @override
    def n_queued_jobs(self, waiting: Sequence[Attempt]) -> int:
        jobs = {attempt.name for attempt in waiting if attempt.metadata is None}
        n_single = 0
        for attempt in waiting:
            if attempt.metadata is None:
                continue
            if not _is_packed(attempt):
                n_single += 1
            elif self._attempts.job_id(attempt) not in self._begun:
                jobs.add(attempt.name)
        return n_single + len(jobs)

    @override
    def stop(self, attempts: Sequence[Attempt]) -> None:
        """Ask for the attempts to be ended: a job, once none of its others is left."""
        asked = {folder_of(attempt).path for attempt in attempts}
        whole: dict[str, Attempt] = {}
        for attempt in attempts:
            if not _is_packed(attempt) or self._is_all_of_pack(attempt, asked):
                whole[self._attempts.job_id(attempt)] = attempt
            elif not forbid_start(folder := folder_of(attempt)):
                folder.write_stopped(Stopped(Cause.USER, self._clock()))
        if whole:
            super().stop(list(whole.values()))

    def _is_all_of_pack(self, attempt: Attempt, asked: set[Path]) -> bool:
        """Whether no attempt of a pack is left but those that are to be stopped."""
        links = self._scripts.pack_folder(attempt.name).iterdir()
        folders = [link.resolve() for link in links if link.is_symlink()]
        asked = {path.resolve() for path in asked}
        return all(
            folder in asked or packs.own_end(AttemptFolder(folder).look()) is not None
            for folder in folders
        )


def _is_packed(attempt: Attempt) -> bool:
    return bool((attempt.metadata or {}).get("pack"))
