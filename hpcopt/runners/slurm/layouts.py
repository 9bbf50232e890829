"""How the attempts of a submission become one job of Slurm.

One attempt is a job of its own. Several are the tasks of a job array or, with
``job.pack``, a pack: one job in which ``hpcopt.node.pack`` works them off. The job of
several has a folder of its own, with its script and a link to each attempt's folder.
"""

from __future__ import annotations

import json
import shlex
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType

from typing_extensions import override

from hpcopt.core.trials.cost import REQUESTED
from hpcopt.core.types import JSONValue
from hpcopt.host.durable import make_folder_durably, write_text_durably
from hpcopt.runners.protocol import AttemptRequest, Submission, SubmissionMetadata
from hpcopt.runners.script.job_script import JobScripts, cannot_write_now
from hpcopt.runners.script.rendered_job import RenderedJob
from hpcopt.slurm.batch_job import BatchJob, chooses_folder
from hpcopt.slurm.recovery import FoundJob

#: An attempt that should be run, and what it runs.
Planned = tuple[AttemptRequest, RenderedJob]

_ARRAY_BODY = """\
# Written by hpcopt. Task k runs the attempt whose folder the link k names; there, as a
# single job does, unless it was told where to run.
task={folder}/$SLURM_ARRAY_TASK_ID
if [[ $PWD -ef {folder} ]]; then
    cd -P -- "$task" || exit
fi
exec /bin/bash "$task"/job.sh
"""

_PACK_BODY = """\
# Written by hpcopt. Runs the attempts whose folders the links 0, 1, … name.
exec {python} -P -m hpcopt.node.pack {folder} {at_once}
"""


class Layout(ABC):
    """One way in which attempts become a job."""

    is_array = False
    """Whether the job has tasks."""
    is_packed = False
    """Whether the attempts are run within the job, each by its ``script.sh``."""

    def __init__(self, scripts: JobScripts) -> None:
        """Lay out what ``scripts`` renders."""
        self._scripts = scripts

    @abstractmethod
    def folder(self, submission: Submission) -> Path:
        """Return the folder of the job's script and of ``sbatch.log``."""

    @abstractmethod
    def write(self, submission: Submission, rendered: Sequence[RenderedJob]) -> None:
        """Write what is submitted, beyond what the attempts' own folders hold.

        Raises:
            SubmissionDeferredError: A file could not be written just now.
            StorageError: A file cannot be written: the disk is full, or read-only.
        """

    def jobs(self, accepted: dict[int, FoundJob], n: int) -> dict[int, FoundJob]:
        """Return the job of each of ``n`` attempts, where the job of some is known."""
        return accepted

    def batch_job(self, submission: Submission, rendered: RenderedJob) -> BatchJob:
        """Return what is submitted, given what one of the attempts is."""
        is_placed = not chooses_folder(rendered.directives, rendered.options)
        return BatchJob(
            submission.name,
            self.folder(submission),
            rendered.options,
            self.is_array,
            is_placed=is_placed,
        )

    def metadata(
        self,
        submission: Submission,
        accepted: Mapping[int, FoundJob],
        told: Sequence[Mapping[str, JSONValue]],
    ) -> SubmissionMetadata:
        """Return the metadata of the attempts.

        Args:
            submission: The attempts.
            accepted: The job of each, by its position.
            told: ``RenderedJob.metadata`` of each.
        """
        return [
            {
                "folder": str(self._scripts.folder(request).path),
                "attempt": request.number,
                "job_id": self._job_id(accepted[k], k),
                "name": submission.name,
                "cluster": accepted[k].cluster,
                **told[k],
                **({"pack": True} if self.is_packed else {}),
            }
            for k, request in enumerate(submission.requests)
        ]

    def _job_id(self, job: FoundJob, position: int) -> str:
        return f"{job.job_id}_{position}" if self.is_array else job.job_id

    def _write_group(
        self,
        submission: Submission,
        rendered: Sequence[RenderedJob],
        body: str,
        others: Mapping[str, str] = MappingProxyType({}),
    ) -> None:
        """Write a ``job.sh``, and a link to the folder of each attempt."""
        directives = rendered[0].directives
        if any(job.directives != directives for job in rendered):
            raise ValueError(f"{submission.name}: its tasks differ in #SBATCH lines")
        folder = self.folder(submission)
        try:
            make_folder_durably(folder)
            for task, request in enumerate(submission.requests):
                target = self._scripts.folder(request).path
                link = folder / str(task)
                if not link.is_symlink():
                    below = target.relative_to(self._scripts.experiment_folder)
                    link.symlink_to(Path("../..") / below)
            for name, text in others.items():
                write_text_durably(folder / name, text, sync_parent=False)
            script = "\n".join(["#!/bin/bash", *directives, body])
            write_text_durably(folder / "job.sh", script, mode=0o755)
        except OSError as exc:
            raise cannot_write_now(folder, exc) from exc


class SingleJob(Layout):
    """One attempt, which is a job of its own."""

    @override
    def folder(self, submission: Submission) -> Path:
        return self._scripts.folder(submission.requests[0]).path

    @override
    def write(self, submission: Submission, rendered: Sequence[RenderedJob]) -> None:
        """Do nothing: the attempt's own ``job.sh`` is submitted."""


class JobArray(Layout):
    """A job array, whose task ``k`` runs ``requests[k]``."""

    is_array = True

    @override
    def folder(self, submission: Submission) -> Path:
        return self._scripts.experiment_folder / "arrays" / submission.name

    @override
    def write(self, submission: Submission, rendered: Sequence[RenderedJob]) -> None:
        folder = shlex.quote(str(self.folder(submission)))
        self._write_group(submission, rendered, _ARRAY_BODY.format(folder=folder))


class PackedJob(Layout):
    """One job that runs all attempts, some of them at a time."""

    is_packed = True

    @override
    def folder(self, submission: Submission) -> Path:
        return self.folder_of(submission.name)

    def folder_of(self, name: str) -> Path:
        """Return the folder of the pack of that name."""
        return self._scripts.experiment_folder / "packs" / name

    @override
    def write(self, submission: Submission, rendered: Sequence[RenderedJob]) -> None:
        pack = self._scripts.spec.pack
        body = _PACK_BODY.format(
            python=shlex.quote(self._scripts.python),
            folder=shlex.quote(str(self.folder(submission))),
            at_once=1 if pack is None else pack.at_once,
        )
        members = [
            {"variables": dict(job.variables), "python_path": job.python_path}
            for job in rendered
        ]
        others = {"pack.json": json.dumps(members)}
        self._write_group(submission, rendered, body, others)

    @override
    def metadata(
        self,
        submission: Submission,
        accepted: Mapping[int, FoundJob],
        told: Sequence[Mapping[str, JSONValue]],
    ) -> SubmissionMetadata:
        pack = self._scripts.spec.pack
        at_once = 1 if pack is None else pack.at_once
        shared_by = min(at_once, len(submission.requests))
        return super().metadata(
            submission, accepted, [_shared(t, shared_by) for t in told]
        )

    @override
    def jobs(self, accepted: dict[int, FoundJob], n: int) -> dict[int, FoundJob]:
        # One that has begun speaks for all.
        return (
            dict.fromkeys(range(n), next(iter(accepted.values()))) if accepted else {}
        )


def _shared(told: Mapping[str, JSONValue], by: int) -> dict[str, JSONValue]:
    """Return what is told of an attempt that has a share of what its job asks for."""
    asked = told.get(REQUESTED)
    if not isinstance(asked, Mapping) or by == 1:
        return dict(told)
    return {**told, REQUESTED: {**asked, "shared_by": by}}


class Layouts:
    """Which attempts become one job, and how."""

    def __init__(self, scripts: JobScripts) -> None:
        """Lay out what ``scripts`` renders."""
        self._scripts = scripts
        self._single = SingleJob(scripts)
        self._array = JobArray(scripts)
        self.pack = PackedJob(scripts)

    def group(
        self, planned: Sequence[Planned], max_array_size: Callable[[], int]
    ) -> list[list[Planned]]:
        """Return attempts, in the order of number and trial, in groups of one job each.

        Args:
            planned: The attempts.
            max_array_size: Tells how many tasks an array may have; may ask Slurm.
        """
        pack = self._scripts.spec.pack
        largest = 1
        if len(planned) > 1:
            largest = max_array_size() if pack is None else pack.trials_per_job
        groups: list[list[Planned]] = []
        previous: object = None
        for request, rendered in planned:
            # What those in one job share: their attempt, and all that sbatch is told.
            shared = (request.number, rendered.directives, dict(rendered.options))
            group = groups[-1] if groups else []
            may_follow = bool(group) and (
                pack is not None or request.trial_index == group[-1][0].trial_index + 1
            )
            if may_follow and shared == previous and len(group) < largest:
                group.append((request, rendered))
            else:
                groups.append([(request, rendered)])
            previous = shared
        return groups

    def of(self, submission: Submission) -> Layout:
        """Return how a submission is, or shall be, laid out.

        One that was begun stays what it is when the config changes.
        """
        if not submission.is_array:
            return self._single
        if self.pack.folder(submission).exists():
            return self.pack
        is_packing = self._scripts.spec.pack is not None
        if is_packing and not self._array.folder(submission).exists():
            return self.pack
        return self._array
